package sketch

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// distinctIDs is n random ids, ascending.
func distinctIDs(rng *rand.Rand, n int) []uint64 {
	ids := make([]uint64, 0, n)
	for len(ids) < n {
		ids = append(ids, randomIDs(rng, n-len(ids))...)
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	return ids
}

func decodeList(n int, chunks ...[]byte) ([]uint64, bool, error) {
	d, err := NewListDecoder(n)
	if err != nil {
		return nil, false, err
	}
	complete := false
	for _, c := range chunks {
		if complete, err = d.Add(c); err != nil {
			return nil, false, err
		}
	}
	return d.IDs(), complete, nil
}

func TestListIsGolden(t *testing.T) {
	var golden struct {
		Lists []struct {
			IDs  []uint64
			List string
		}
	}
	readJSON(t, "golden.json", &golden)
	for _, v := range golden.Lists {
		b, last := NewListEncoder(slices.Clone(v.IDs)).AppendChunk(nil, 1<<20)
		if got := hex.EncodeToString(b); got != v.List || !last {
			t.Errorf("list of %d is %s, %v, want %s", v.IDs, got, last, v.List)
		}
		ids, complete, err := decodeList(len(v.IDs), unhex(t, v.List))
		if err != nil || !complete || !slices.Equal(ids, v.IDs) {
			t.Errorf("list of %d reads as %d, %v, %v", v.IDs, ids, complete, err)
		}
	}
}

func TestListInChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(6, 40).Draw(t, "bits") // few: dense lists
		ids := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 1<<bits-1), 0, 60, rapid.ID).Draw(t, "ids")
		if rapid.Bool().Draw(t, "far") {
			ids = append(ids, maxID40)
		}
		want := symmetricDifference(ids)
		limit := rapid.IntRange(9, 100).Draw(t, "limit")
		e := NewListEncoder(want)
		var chunks [][]byte
		for last := false; !last; {
			var chunk []byte
			if chunk, last = e.AppendChunk(nil, limit); len(chunk) > limit {
				t.Fatalf("a chunk of %d bytes, limit %d", len(chunk), limit)
			}
			chunks = append(chunks, chunk)
		}
		got, complete, err := decodeList(len(want), chunks...)
		if err != nil || !complete || !slices.Equal(got, want) {
			t.Fatalf("%d, %v, %v, want %d", got, complete, err, want)
		}
	})
}

func TestListRefuses(t *testing.T) {
	ids := distinctIDs(rand.New(rand.NewPCG(6, 1)), 100)
	b, _ := NewListEncoder(ids).AppendChunk(nil, 1<<20)
	for _, tt := range []struct {
		name   string
		n      int
		chunks [][]byte
	}{
		{"more ids than said", 70, [][]byte{b}}, // the same Rice parameter
		{"an empty chunk", 100, [][]byte{{}}},
		{"a chunk of padding", 100, [][]byte{{0x7f}}},
		{"a cut id", 100, [][]byte{b[:len(b)-3]}},
		{"an id beyond 40 bits", 100, [][]byte{b, b}},
		{"an escape without need", 100, [][]byte{unhex(t, "ffffffff0000000001")}},
		{"an id after the last of none", 0, [][]byte{b}},
	} {
		if got, complete, err := decodeList(tt.n, tt.chunks...); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %d ids, %v, %v", tt.name, len(got), complete, err)
		}
	}
	for _, n := range []int{-1, MaxSet + 1} {
		if _, err := NewListDecoder(n); !errors.Is(err, ErrFormat) {
			t.Errorf("a list of %d ids: %v", n, err)
		}
	}
}

// A peer that announces many ids and sends few bytes makes us allocate little.
func TestListMemory(t *testing.T) {
	got := allocated(func() { NewListDecoder(MaxSet) })
	for range 4 { // the runtime allocates now and then
		got = min(got, allocated(func() { NewListDecoder(MaxSet) }))
	}
	if got > 1024 {
		t.Errorf("%d bytes allocated for the promise of ids", got)
	}
	d, err := NewListDecoder(MaxSet)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<16) // the shortest ids there are
	if got := allocated(func() { d.Add(chunk) }); got > 8*uint64(len(chunk)) {
		t.Errorf("%d bytes allocated for %d", got, len(chunk))
	}
}

func TestList32(t *testing.T) {
	b := AppendList32(nil, []uint32{7, 0xffffffff, 1})
	if got := hex.EncodeToString(b); got != "0100000007000000ffffffff" {
		t.Errorf("list is %s", got)
	}
	if ids, err := ParseList32(b); err != nil || !slices.Equal(ids, []uint32{1, 7, 0xffffffff}) {
		t.Errorf("%d, %v", ids, err)
	}
	for _, bad := range []string{"01", "00000000", "0100000001000000", "0200000001000000"} {
		if ids, err := ParseList32(unhex(t, bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s reads as %d, %v", bad, ids, err)
		}
	}
}
