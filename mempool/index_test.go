package mempool

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// An index holds what a map would, however many keys begin alike.
func TestIndexIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, beginnings := range []uint64{1, 3, 1 << 32} {
		x := newIndex(func(k int) uint64 { return uint64(k) % beginnings }, func(v, k int) bool { return v == k })
		want := make(map[int]bool)
		for range 5000 {
			k := random.IntN(40) + 1
			switch {
			case want[k]:
				x.remove(k)
				delete(want, k)
			case random.IntN(2) == 0:
				x.put(k, k)
				want[k] = true
			default:
				x.remove(k) // is not there
			}
			for k := range 42 {
				if got := x.get(k); (got == k) != (want[k] || k == 0) {
					t.Fatalf("%d of %d beginnings: %d, want it there: %t", k, beginnings, got, want[k])
				}
			}
			all := slices.Collect(x.all)
			if slices.Sort(all); len(slices.Compact(all)) != len(want) || x.len() != len(want) {
				t.Fatalf("%d of %d", x.len(), len(want))
			}
		}
	}
}

// A pool works as ever when all its hashes begin alike.
func TestPoolOfCollidingHashes(t *testing.T) {
	b := newBench(t)
	same := func(chainhash.Hash) uint64 { return 7 }
	b.pool.byWTxID.short, b.pool.byTxID.short = same, same
	b.pool.spenders.short = func(wire.OutPoint) uint64 { return 7 }
	check := func() {
		t.Helper()
		if err := checkInvariants(b.pool, b.chain.coins); err != nil {
			t.Fatal(err)
		}
	}
	grand, left, _, child := family(b)
	check()
	b.add(b.simple())
	b.pool.Remove(left.WTxID, ReasonConflict)
	check()
	if b.pool.Get(child.WTxID) != nil || b.pool.Get(grand.WTxID) != grand {
		t.Error("the wrong ones were removed")
	}
	b.pool.Remove(grand.WTxID, ReasonConflict)
	check()
	if i := b.pool.Info(); i.Count != 1 {
		t.Errorf("%d left", i.Count)
	}
}

// An outpoint is read where its input begins.
func TestSpenderKnowsItsOutPoint(t *testing.T) {
	b := newBench(t)
	e := b.add(b.signed([]coin{b.coin(multiSigP2SH()), b.coin(p2pkh(1)), b.coin(p2wpkh(1))}, pay(1000, p2wpkh(1))))
	i := 0
	for at, in := range e.inputs() {
		if got := (spender{&node{entry: e}, at}).outPoint(); got != in.PreviousOutPoint || got != e.Tx().TxIn[i].PreviousOutPoint {
			t.Errorf("input %d: %v", i, got)
		}
		i++
	}
}
