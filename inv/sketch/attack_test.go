package sketch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// T26: whoever knows the key finds, by Gaussian elimination, ids whose cells
// cancel each other, so that none of them shows. Under a key that was not known
// when the ids were made, all of them do: that is why each round has its own.
func TestCancellingIDsNeedTheKey(t *testing.T) {
	const cells = 12
	known := Key{1}
	candidates := randomIDs(rand.New(rand.NewPCG(1, 2)), 64*cells+1)
	hidden := cancelling(known, candidates, cells)
	if len(hidden) == 0 {
		t.Fatal("no set found")
	}
	for _, cell := range NewCellEncoder(known, hidden).Next(cells) {
		if cell != 0 {
			t.Fatal("the cells do not cancel: the attack is not the one described")
		}
	}
	fresh := Key{2}
	decoder := NewCellDecoder(fresh, nil)
	if complete, err := decoder.Add(NewCellEncoder(fresh, hidden).Next(CellsFor(len(hidden)))); !complete || err != nil {
		t.Fatalf("complete %v, %v", complete, err)
	}
	found := decoder.Difference()
	slices.Sort(found)
	slices.Sort(hidden)
	if !slices.Equal(found, hidden) {
		t.Errorf("found %d of %d", len(found), len(hidden))
	}
}

// cancelling is a set of the ids whose first cells under the key are all zero.
func cancelling(key Key, ids []uint64, cells int) (set []uint64) {
	rows := make([][]Cell, 64*cells) // by their leading bit: cells, and of which ids they are the sum
	for n, id := range ids {
		row := append(NewCellEncoder(key, []uint64{id}).Next(cells), make([]Cell, len(ids)/64+1)...)
		row[cells+n/64] |= 1 << (n % 64)
		bit := 0
		for ; bit < len(rows); bit++ {
			if row[bit/64]>>(bit%64)&1 == 0 {
				continue
			}
			if rows[bit] == nil {
				rows[bit] = row
				break
			}
			for i := range row {
				row[i] ^= rows[bit][i]
			}
		}
		if bit < len(rows) {
			continue
		}
		for n, id := range ids {
			if row[cells+n/64]>>(n%64)&1 == 1 {
				set = append(set, id)
			}
		}
		break
	}
	return set
}
