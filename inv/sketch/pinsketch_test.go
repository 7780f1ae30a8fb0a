package sketch

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var testKey = Key{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// readJSON reads a file of testdata.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sketchOf(capacity int, ids ...uint32) *PinSketch {
	s := NewPinSketch(testKey, capacity)
	s.Add(ids...)
	return s
}

func TestPinSketchIsMinisketch(t *testing.T) {
	var vectors []struct {
		Name     string
		Capacity int
		Elements []uint32
		Sketch   string
		Decodes  []uint32
	}
	readJSON(t, "minisketch.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			s := sketchOf(v.Capacity, v.Elements...)
			if got := hex.EncodeToString(s.AppendTo(nil)); got != v.Sketch {
				t.Fatalf("sketch %s\nwant   %s", got, v.Sketch)
			}
			parsed, err := ParsePinSketch(testKey, s.Checksum(), unhex(t, v.Sketch))
			if err != nil {
				t.Fatal(err)
			}
			decoded, ok := parsed.decode(v.Capacity)
			if ok != (v.Decodes != nil) || !slices.Equal(decoded, v.Decodes) {
				t.Fatalf("decodes to %d, %v, want %d", decoded, ok, v.Decodes)
			}

			set := symmetricDifference(v.Elements)
			ids, err := parsed.Decode(v.Capacity)
			switch {
			case len(set) > v.Capacity && !errors.Is(err, ErrCapacity):
				t.Errorf("over-full: %d, %v", ids, err)
			case len(set) <= v.Capacity && (err != nil || !slices.Equal(ids, set)):
				t.Errorf("%d, %v, want %d", ids, err, set)
			}
		})
	}
}

// symmetricDifference is the ids that occur an odd number of times in all the
// lists together, ascending.
func symmetricDifference[T uint32 | uint64](lists ...[]T) []T {
	odd := make(map[T]bool)
	for _, l := range lists {
		for _, id := range l {
			if odd[id] = !odd[id]; !odd[id] {
				delete(odd, id)
			}
		}
	}
	ids := make([]T, 0, len(odd))
	for id := range odd {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// drawSet draws up to n ids of some structure, 0 not among them.
func drawSet(t *rapid.T, n int, label string) []uint32 {
	size := rapid.IntRange(0, n).Draw(t, label+" size")
	seed := rapid.Uint64().Draw(t, label+" seed")
	rng := rand.New(rand.NewPCG(seed, 0))
	id := map[string]func(i int) uint32{
		"random":      func(int) uint32 { return rng.Uint32() },
		"consecutive": func(i int) uint32 { return uint32(seed) + uint32(i) },
		"few bits":    func(int) uint32 { return 1 << rng.IntN(32) },
		"subfield":    func(int) uint32 { return gf32().toBIP330.apply(rng.Uint32N(1 << 16)) },
		"multiples":   func(i int) uint32 { return uint32(i) << (seed % 20) },
		"subspace": func(i int) uint32 {
			var x uint32
			for bit := range 8 {
				x ^= uint32(i>>bit&1) * uint32(mix64(seed+uint64(bit)+1))
			}
			return x
		},
	}
	kinds := []string{"random", "consecutive", "few bits", "subfield", "multiples", "subspace"}
	next := id[rapid.SampledFrom(kinds).Draw(t, label+" kind")]
	ids := make([]uint32, 0, size)
	for i := range size {
		if x := next(i); x != 0 {
			ids = append(ids, x)
		}
	}
	return ids
}

func TestPinSketchDecodesDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 70).Draw(t, "capacity")
		a, b, common := drawSet(t, 40, "a"), drawSet(t, 40, "b"), drawSet(t, 40, "common")
		mine := sketchOf(capacity, append(slices.Clone(a), common...)...)
		theirs := sketchOf(rapid.IntRange(capacity, 80).Draw(t, "their capacity"), append(slices.Clone(b), common...)...)
		received, err := ParsePinSketch(testKey, theirs.Checksum(), theirs.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		mine.Merge(received)

		want := symmetricDifference(a, b)
		got, err := mine.Decode(capacity)
		if len(want) > capacity {
			if !errors.Is(err, ErrCapacity) {
				t.Fatalf("%d ids in a sketch of %d: %d, %v", len(want), capacity, got, err)
			}
			return
		}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d, %v, want %d", got, err, want)
		}
		if len(want) > 0 {
			if got, err := mine.Decode(len(want) - 1); !errors.Is(err, ErrCapacity) {
				t.Fatalf("decoded beyond the limit: %d, %v", got, err)
			}
		}
	})
}

// The whole of a subspace, the worst of structures, at the largest capacities.
func TestPinSketchDecodesLargeSubspaces(t *testing.T) {
	for dimension := range 9 {
		var ids []uint32
		for i := 1; i < 1<<dimension; i++ {
			var x uint32
			for bit := range dimension {
				x ^= uint32(i>>bit&1) * uint32(mix64(uint64(bit+1)))
			}
			ids = append(ids, x)
		}
		slices.Sort(ids)
		got, err := sketchOf(MaxCapacity, ids...).Decode(MaxCapacity)
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("dimension %d: %d ids of %d, %v", dimension, len(got), len(ids), err)
		}
	}
}

// An over-full sketch of capacity c decodes to something with probability 1/c!.
// The checksum refuses it all the same.
func TestPinSketchOverFullIsNeverBelieved(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const trials = 2000
	for capacity, want := range []float64{1: 1, 2: 1. / 2, 3: 1. / 6, 4: 1. / 24} {
		if capacity == 0 {
			continue
		}
		plausible := 0
		for range trials {
			s := NewPinSketch(testKey, capacity)
			for range capacity + 1 + rng.IntN(10) {
				s.Add(rng.Uint32())
			}
			if _, ok := s.decode(capacity); ok {
				plausible++
			}
			if ids, err := s.Decode(capacity); !errors.Is(err, ErrCapacity) {
				t.Fatalf("capacity %d: believed %d, %v", capacity, ids, err)
			}
		}
		if got := float64(plausible) / trials; got < 0.7*want || got > 1.3*want {
			t.Errorf("capacity %d: %.3f decode to something, want about %.3f", capacity, got, want)
		}
	}
}

func TestPinSketchIgnoresZero(t *testing.T) {
	s := sketchOf(4, 0, 7, 0, 0)
	if got, err := s.Decode(4); err != nil || !slices.Equal(got, []uint32{7}) {
		t.Errorf("%d, %v", got, err)
	}
}

func TestPinSketchSize(t *testing.T) {
	for _, n := range []int{0, 1, 3, 6, 4*MaxCapacity + 4, 1 << 20} {
		if _, err := ParsePinSketch(testKey, 0, make([]byte, n)); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, capacity := range []int{-1, 0, MaxCapacity + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("capacity %d was accepted", capacity)
				}
			}()
			NewPinSketch(testKey, capacity)
		}()
	}
}

func TestPinSketchDecodeMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	ids := make([]uint32, MaxCapacity)
	garbage := make([]byte, 4*MaxCapacity)
	for i := range ids {
		ids[i] = rng.Uint32()
		garbage[4*i] = byte(rng.Uint32())
	}
	over, err := ParsePinSketch(testKey, 0, garbage)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*PinSketch{"full": sketchOf(MaxCapacity, ids...), "garbage": over} {
		if got := allocated(func() { s.Decode(MaxCapacity) }); got > 512<<10 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

func TestChecksum(t *testing.T) {
	var golden struct {
		Checksums []struct {
			IDs      []uint32
			Checksum uint32
		}
	}
	readJSON(t, "golden.json", &golden)
	for _, v := range golden.Checksums {
		if got := testKey.Checksum(v.IDs...); got != v.Checksum {
			t.Errorf("checksum of %d is %#x, want %#x", v.IDs, got, v.Checksum)
		}
	}
}

func TestIDsAreNeverZero(t *testing.T) {
	for _, hash := range []uint64{0, 1, 1<<24 - 1, 1 << 24, 0xffffffff, 0xfffffffe, 1<<64 - 1} {
		if id := ID32(hash); id == 0 {
			t.Errorf("ID32(%#x) is 0", hash)
		}
		if id := ID40(hash); id == 0 || id > maxID40 {
			t.Errorf("ID40(%#x) is %#x", hash, id)
		}
	}
}
