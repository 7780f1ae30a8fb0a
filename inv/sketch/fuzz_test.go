package sketch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// Every fuzz target holds a decoder to what it promises of any bytes: its
// error, what it may have done by then, and that what it accepts encodes to the
// very same bytes.

func FuzzPinSketch(f *testing.F) {
	f.Add(uint32(0), uint8(8), make([]byte, 32))
	f.Add(testKey.Checksum(1, 2, 3), uint8(3), sketchOf(4, 1, 2, 3).AppendTo(nil))
	f.Add(uint32(1), uint8(255), sketchOf(2, 1, 2, 3, 4, 5).AppendTo(nil))
	f.Fuzz(func(t *testing.T, checksum uint32, limit uint8, b []byte) {
		s, err := ParsePinSketch(testKey, checksum, b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if got := s.AppendTo(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x is written %x", b, got)
		}
		unverified, ok := s.decode(int(limit))
		if ok {
			again := sketchOf(s.Capacity(), unverified...)
			if len(unverified) > int(limit) || !bytes.Equal(again.AppendTo(nil), b) {
				t.Fatalf("%x decodes to %d", b, unverified)
			}
		}
		ids, err := s.Decode(int(limit))
		if believed := ok && testKey.Checksum(unverified...) == checksum; believed != (err == nil) {
			t.Fatalf("%x decodes to %d, %v", b, ids, err)
		}
		if err != nil && !errors.Is(err, ErrCapacity) {
			t.Fatal(err)
		}
	})
}

func FuzzCells(f *testing.F) {
	e := NewCellEncoder(testKey, []uint64{1, 2, 5, 6, 7})
	f.Add(uint8(4), uint8(2), AppendCells(nil, e.Next(30)))
	id := newCoder(testKey).code(9)
	f.Add(uint8(0), uint8(40), AppendCells(nil, []Cell{0, 0, id.word, id.word, id.word, 0, 0, id.word}))
	f.Fuzz(func(t *testing.T, own, step uint8, b []byte) {
		cells, err := ParseCells(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if got := AppendCells(nil, cells); !bytes.Equal(got, b) {
			t.Fatalf("%x is written %x", b, got)
		}
		mine := make([]uint64, own)
		for i := range mine {
			mine[i] = uint64(i + 1)
		}
		d := NewCellDecoder(testKey, mine)
		for chunk := range slices.Chunk(cells, int(step)+1) {
			complete, err := d.Add(chunk)
			if len(d.found) > 2*d.Cells()+64 || len(d.pending) > d.Cells() {
				t.Fatalf("%d found, %d pending in %d cells", len(d.found), len(d.pending), d.Cells())
			}
			if err != nil {
				if !errors.Is(err, ErrCapacity) {
					t.Fatal(err)
				}
				return
			}
			if !complete {
				continue
			}
			theirs := symmetricDifference(mine, d.Difference())
			if !slices.Equal(NewCellEncoder(testKey, theirs).Next(d.Cells()), cells[:d.Cells()]) {
				t.Fatalf("%d are not the ids of %x", theirs, cells[:d.Cells()])
			}
		}
	})
}

func FuzzCountSketch(f *testing.F) {
	var s CountSketch
	s.Add(1)
	s.Add(1 << 7)
	f.Add(s.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseCountSketch(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if got := s.AppendTo(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x is written %x", b, got)
		}
	})
}

func FuzzList(f *testing.F) {
	for _, ids := range [][]uint64{{}, {1}, {1, 2, 3, maxID40}, {5, 600, 70_000, 1 << 30, 1 << 39}} {
		b, _ := NewListEncoder(slices.Clone(ids)).AppendChunk(nil, 1000)
		f.Add(uint32(len(ids)), b)
	}
	f.Fuzz(func(t *testing.T, n uint32, b []byte) {
		d, err := NewListDecoder(int(n))
		complete := false
		if err == nil {
			complete, err = d.Add(b)
		}
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		ids := d.IDs()
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) || complete != (len(ids) == int(n)) {
			t.Fatalf("%x reads as %d of %d, %v", b, ids, n, complete)
		}
		if complete {
			if got, _ := NewListEncoder(ids).AppendChunk(nil, len(b)); !bytes.Equal(got, b) {
				t.Fatalf("%x is written %x", b, got)
			}
		}
	})
}

func FuzzList32(f *testing.F) {
	f.Add(binary.LittleEndian.AppendUint32(nil, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		ids, err := ParseList32(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if got := AppendList32(nil, ids); !bytes.Equal(got, b) {
			t.Fatalf("%x is written %x", b, got)
		}
	})
}
