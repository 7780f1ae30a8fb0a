package sketch

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The cells that a comparison takes when the number of the first ones follows
// from an estimate. The sets are the difference alone, since what is common
// cancels.
func TestCellsForEstimate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, tt := range []struct {
		difference, trials int
		bytes              float64 // per element
	}{{10, 300, 29}, {100, 150, 16.7}, {1000, 40, 13.9}} {
		cells, messages := 0, 0
		for range tt.trials {
			c, m := compare(t, rng, tt.difference)
			cells += c
			messages += m
		}
		bytes := float64(CellLen*cells) / float64(tt.trials*tt.difference)
		trips := float64(messages) / float64(tt.trials)
		t.Logf("difference %d: %.1f bytes each, %.2f messages", tt.difference, bytes, trips)
		if math.Abs(bytes/tt.bytes-1) > .07 || trips > 1.12 {
			t.Errorf("difference %d: %.1f bytes each, %.2f messages, want %.1f and at most 1.12", tt.difference, bytes, trips, tt.bytes)
		}
	}
}

// compare finds a random difference, and tells how many cells that took, in how
// many messages.
func compare(t *testing.T, rng *rand.Rand, difference int) (cells, messages int) {
	var theirs, mine CountSketch
	ids := make([]uint64, difference)
	for i := range ids {
		hash := rng.Uint64()
		ids[i] = ID40(hash)
		theirs.Add(hash)
	}
	e, d := NewCellEncoder(testKey, ids), NewCellDecoder(testKey, nil)
	estimate := mine.Difference(&theirs, 1e5, 1e5)
	for n, complete := CellsFor(estimate), false; !complete; n = MoreCells(d.Cells()) {
		var err error
		if complete, err = d.Add(e.Next(n)); err != nil {
			t.Fatal(err)
		}
		messages++
	}
	return d.Cells(), messages
}

// A large difference never takes many more cells than it must, however wrong the
// estimate; it may take some messages.
func TestLargeDifferenceIsSparing(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	most, total := 0, 0
	const difference, trials = 20_000, 30
	for range trials {
		cells, messages := compare(t, rng, difference)
		most = max(most, cells)
		total += messages
	}
	t.Logf("at most %.1f bytes each, %.1f messages", float64(CellLen*most)/difference, float64(total)/trials)
	if most*CellLen > 13*difference || total > 4*trials {
		t.Errorf("%d cells, %d messages in %d trials", most, total, trials)
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct{ difference, want int }{
		{-1, 8}, {0, 8}, {1, 13}, {100, 209}, {1000, 1652}, {4000, 5228}, {20_000, 23941}, {1 << 30, MaxCells},
	} {
		if got := CellsFor(tt.difference); got != tt.want {
			t.Errorf("CellsFor(%d) = %d, want %d", tt.difference, got, tt.want)
		}
	}
	for _, tt := range []struct{ n, m, want int }{
		{0, 0, 0}, {0, 5, 3}, {1000, 1000, 492}, {300_000, 300_000, 109_244}, {MaxSet, MaxSet, 143_064}, {0, 300_000, 109_244},
	} {
		if got := CellLimit(tt.n, tt.m); got != tt.want {
			t.Errorf("CellLimit(%d, %d) = %d, want %d", tt.n, tt.m, got, tt.want)
		}
	}
	if got := MoreCells(10); got != 16 {
		t.Errorf("MoreCells(10) = %d", got)
	}
	if got := MoreCells(1000); got != 250 {
		t.Errorf("MoreCells(1000) = %d", got)
	}
}

// ListLen foretells the length of a list.
func TestListLen(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	for _, n := range []int{100, 300, 5000, 100_000} {
		list, _ := NewListEncoder(distinctIDs(rng, n)).AppendChunk(nil, 1<<24)
		got := float64(ListLen(n))
		t.Logf("%d ids: %d bytes, %.2f each", n, len(list), float64(len(list))/float64(n))
		if math.Abs(got/float64(len(list))-1) > .02 {
			t.Errorf("%d ids: %d bytes, foretold %.0f", n, len(list), got)
		}
	}
}
