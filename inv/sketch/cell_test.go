package sketch

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func randomIDs(rng *rand.Rand, n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = ID40(rng.Uint64())
	}
	return ids
}

func TestCellsAreGolden(t *testing.T) {
	var golden struct {
		Key       string
		Sequences []struct {
			ID      uint64
			Indices []uint32
			Next    uint32
		}
		Set   []uint64
		Cells []string
	}
	readJSON(t, "golden.json", &golden)
	key := Key(unhex(t, golden.Key))
	for _, want := range golden.Sequences {
		id := newCoder(key).code(want.ID)
		for _, index := range want.Indices {
			if id.index != index {
				t.Fatalf("id %#x is in cell %d, want %d", want.ID, id.index, index)
			}
			id.next()
		}
		if id.index != want.Next {
			t.Errorf("id %#x is in cell %d, want %d", want.ID, id.index, want.Next)
		}
	}
	for i, c := range NewCellEncoder(key, golden.Set).Next(len(golden.Cells)) {
		want, err := strconv.ParseUint(golden.Cells[i], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		if uint64(c) != want {
			t.Errorf("cell %d is %016x, want %016x", i, c, want)
		}
	}
	if got := hex.EncodeToString(AppendCells(nil, []Cell{0x0102030405060708})); got != "0807060504030201" {
		t.Errorf("a cell is written %s", got)
	}
}

// The longest step is capped, so that no index leaves 32 bits.
func TestCellStepIsCapped(t *testing.T) {
	const golden = 0x9e3779b97f4a7c15
	id := codedID{state: -golden & math.MaxUint64, index: MaxCells - 1} // the smallest u there is
	id.next()
	if want := uint32(MaxCells - 1 + 1<<31 - 1); id.index != want {
		t.Errorf("stepped to %d, want %d", id.index, want)
	}
}

func TestCellsDecodeDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		distinct := rapid.SliceOfNDistinct(rapid.Uint64Range(1, maxID40), 0, 200, rapid.ID)
		ids := distinct.Draw(t, "ids")
		a := rapid.IntRange(0, len(ids)).Draw(t, "first not in theirs")
		b := rapid.IntRange(a, len(ids)).Draw(t, "first common")
		mine := slices.Concat(ids[:a], ids[b:])
		theirs := slices.Concat(ids[a:b], ids[b:])
		step := rapid.IntRange(1, 50).Draw(t, "cells at a time")

		e, d := NewCellEncoder(testKey, theirs), NewCellDecoder(testKey, mine)
		for complete := false; !complete; {
			if d.Cells() > 4*b+100 {
				t.Fatalf("%d cells do not suffice for a difference of %d", d.Cells(), b)
			}
			cells, err := ParseCells(AppendCells(nil, e.Next(step)))
			if err != nil {
				t.Fatal(err)
			}
			if complete, err = d.Add(cells); err != nil {
				t.Fatal(err)
			}
		}
		if want := symmetricDifference(mine, theirs); !slices.Equal(d.Difference(), want) {
			t.Fatalf("difference %d, want %d", d.Difference(), want)
		}
	})
}

// A part of the ids at a time gives the same cells.
func TestCellsOfParts(t *testing.T) {
	ids := randomIDs(rand.New(rand.NewPCG(3, 1)), 100)
	whole := NewCellEncoder(testKey, ids).Next(150)
	first, second := NewCellEncoder(testKey, ids[:30]), NewCellEncoder(testKey, ids[30:])
	parts := slices.Concat(first.Next(100), first.Next(50))
	for i, c := range second.Next(150) {
		parts[i] ^= c
	}
	if !slices.Equal(parts, whole) {
		t.Error("the sum of the parts' cells differs from the cells of the whole")
	}
}

// cellsNeeded is how many cells decode a random difference of this size.
func cellsNeeded(t *testing.T, rng *rand.Rand, difference int) int {
	e := NewCellEncoder(testKey, randomIDs(rng, difference))
	d := NewCellDecoder(testKey, nil)
	for _, c := range e.Next(10*difference + 100) {
		complete, err := d.Add([]Cell{c})
		if err != nil {
			t.Fatal(err)
		}
		if complete {
			return d.Cells()
		}
	}
	t.Fatalf("a difference of %d needs more than %d cells", difference, d.Cells())
	return 0
}

// Cells per element of the difference, as measured on another implementation
// and given by the analysis of rateless IBLTs (1.35 in the limit).
func TestCellsOverhead(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	for _, tt := range []struct {
		difference, trials int
		mean, tolerance    float64
	}{
		{0, 1, math.NaN(), 0}, {1, 100, 1, 0},
		{2, 3000, 1.60, .06}, {5, 1500, 1.77, .06}, {10, 1000, 1.71, .05}, {20, 600, 1.63, .04},
		{50, 200, 1.52, .04}, {100, 100, 1.46, .03}, {200, 50, 1.43, .03}, {500, 20, 1.39, .03}, {1000, 8, 1.37, .03},
	} {
		sum := 0
		for range tt.trials {
			sum += cellsNeeded(t, rng, tt.difference)
		}
		if tt.difference == 0 {
			if sum != 1 {
				t.Errorf("equal sets need %d cells", sum)
			}
			continue
		}
		got := float64(sum) / float64(tt.trials*tt.difference)
		t.Logf("difference %4d: %.3f cells each", tt.difference, got)
		if math.Abs(got/tt.mean-1) > tt.tolerance {
			t.Errorf("difference %d: %.3f cells each, want %.2f ± %.0f %%", tt.difference, got, tt.mean, 100*tt.tolerance)
		}
	}
}

func TestParseCellsSize(t *testing.T) {
	for _, n := range []int{1, 7, 9, CellLen*MaxCells + CellLen} {
		if _, err := ParseCells(make([]byte, n)); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestCellDecoderRefusesTooManyCells(t *testing.T) {
	d := NewCellDecoder(testKey, []uint64{1, 2, 3})
	cells := make([]Cell, MaxCells) // a set of which cell 0 is zero is empty, but it goes on
	if _, err := d.Add(cells); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add(cells[:1]); !errors.Is(err, ErrCapacity) {
		t.Errorf("cell %d: %v", MaxCells, err)
	}
}

// Cells that no set has. An id that is alone in only some of its cells, taken
// out of all, shows up alone in the others.
func TestCellDecoderStopsCycles(t *testing.T) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(3, 3))
	coder := newCoder(testKey)
	for name, fill := range map[string]func(cells []Cell){
		"one id in a single cell": func(cells []Cell) {
			id := coder.code(77)
			id.next()
			cells[id.index] = id.word
		},
		"an id that belongs there in every cell": func(cells []Cell) {
			for i := range cells {
				for cells[i] == 0 {
					id := coder.code(ID40(rng.Uint64()))
					if _, pure := coder.pure(id.word, uint32(i)); pure || i > 100 {
						cells[i] = id.word
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cells := make([]Cell, n)
			fill(cells)
			d := NewCellDecoder(testKey, nil)
			for range 2 {
				if complete, err := d.Add(cells); complete || !errors.Is(err, ErrCapacity) {
					t.Errorf("%v, %v", complete, err)
				}
			}
			if len(d.found) > 2*n+64 || d.Cells() != n {
				t.Errorf("%d ids found in %d cells", len(d.found), d.Cells())
			}
		})
	}
}

// Should cells ever be made that show ever new ids, there is a limit to it.
func TestCellDecoderLimitsFinds(t *testing.T) {
	id := newCoder(testKey).code(77)
	d := NewCellDecoder(testKey, nil)
	d.found = make([]codedID, 2*1+64)
	for i := range d.found {
		d.found[i].index = MaxCells
	}
	if complete, err := d.Add([]Cell{id.word}); complete || !errors.Is(err, ErrCapacity) {
		t.Errorf("%v, %v", complete, err)
	}
}

func TestCellDecoderMemory(t *testing.T) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(3, 4))
	noise, claims := make([]Cell, n), make([]Cell, n)
	for i := range n {
		noise[i] = Cell(rng.Uint64())
		claims[i] = newCoder(testKey).code(ID40(rng.Uint64())).word
	}
	for name, cells := range map[string][]Cell{
		"noise":                                 noise,
		"an id, valid elsewhere, in every cell": claims,
		"a set":                                 NewCellEncoder(testKey, randomIDs(rng, n*7/10)).Next(n),
	} {
		d := NewCellDecoder(testKey, nil)
		if got := allocated(func() { d.Add(cells) }); got > 256*n {
			t.Errorf("%s: %d bytes allocated for %d cells", name, got, n)
		}
	}
}
