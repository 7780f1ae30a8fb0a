package sketch

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var capacities = []int{8, 16, 32, 64, 96, 128}

func randomID32s(rng *rand.Rand, n int) []uint32 {
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = ID32(rng.Uint64())
	}
	return ids
}

// Decoding a full sketch, another one each time.
func BenchmarkPinSketchDecode(b *testing.B) {
	benchmarkDecode(b, 0, nil)
}

// Decoding a sketch of one id too many.
func BenchmarkPinSketchDecodeOverFull(b *testing.B) {
	benchmarkDecode(b, 1, ErrCapacity)
}

func benchmarkDecode(b *testing.B, excess int, want error) {
	for _, capacity := range capacities {
		b.Run(fmt.Sprint(capacity), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(7, 1))
			sketches := make([]*PinSketch, 16)
			for i := range sketches {
				sketches[i] = sketchOf(capacity, randomID32s(rng, capacity+excess)...)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := sketches[i%len(sketches)].Decode(capacity); err != want {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPinSketchAdd(b *testing.B) {
	for _, tt := range []struct{ ids, capacity int }{{1, 64}, {50, 64}, {300, 64}, {4096, 128}} {
		b.Run(fmt.Sprintf("%d in %d", tt.ids, tt.capacity), func(b *testing.B) {
			ids := randomID32s(rand.New(rand.NewPCG(7, 2)), tt.ids)
			s := NewPinSketch(testKey, tt.capacity)
			for b.Loop() {
				s.Add(ids...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tt.ids*tt.capacity), "ns/id·capacity")
		})
	}
}

func BenchmarkCells(b *testing.B) {
	for _, tt := range []struct{ n, difference int }{{5000, 100}, {300_000, 0}, {300_000, 1000}, {300_000, 20_000}} {
		rng := rand.New(rand.NewPCG(7, 3))
		mine := randomIDs(rng, tt.n)
		theirs := append(randomIDs(rng, tt.difference), mine[tt.difference:]...)
		count := CellsFor(2 * tt.difference)
		var cells []Cell
		b.Run(fmt.Sprintf("encode %d of %d", count, tt.n), func(b *testing.B) {
			for b.Loop() {
				cells = NewCellEncoder(testKey, theirs).Next(count)
			}
		})
		b.Run(fmt.Sprintf("decode %d of %d", 2*tt.difference, tt.n), func(b *testing.B) {
			for b.Loop() {
				if complete, err := NewCellDecoder(testKey, mine).Add(cells); !complete || err != nil {
					b.Fatal(complete, err)
				}
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	ids := distinctIDs(rand.New(rand.NewPCG(7, 4)), 300_000)
	chunk, _ := NewListEncoder(ids).AppendChunk(nil, 1<<24)
	b.Run("encode 300000", func(b *testing.B) {
		for b.Loop() {
			NewListEncoder(ids).AppendChunk(chunk[:0], 1<<24)
		}
	})
	b.Run("decode 300000", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := decodeList(len(ids), chunk); err != nil {
				b.Fatal(err)
			}
		}
	})
}
