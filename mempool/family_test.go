package mempool

import (
	"errors"
	"testing"
)

func TestFamilyEntersInOrder(t *testing.T) {
	b := newBench(t)
	l := open()
	stranger := b.paying(1000)
	grandparent := b.paying(1000)
	parent := b.signed([]coin{coinOf(grandparent, 0, l)}, pay(coinValue-1000, l))
	child := b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-3000, l))
	results, changes := b.pool.AddFamily(raws(stranger, grandparent, parent, child), now)
	if len(results) != 3 || len(changes) != 3 || b.pool.GetByTxID(stranger.TxHash()) != nil {
		t.Fatalf("%+v", results)
	}
	for i, r := range results {
		if r.Err != nil || r.Entry != changes[i].Entry {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
	if results, changes = b.pool.AddFamily(raws(parent, child), now); len(changes) != 0 || !errors.Is(results[1].Err, ErrAlreadyInMempool) {
		t.Errorf("again: %+v", results)
	}
}

func TestFamilyThatIsNotPaidFor(t *testing.T) {
	b := newBench(t)
	l := open()
	grandparent := b.paying(0)
	parent := b.signed([]coin{coinOf(grandparent, 0, l)}, pay(coinValue, l))
	child := b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-3000, l))
	results, changes := b.pool.AddFamily(raws(grandparent, parent, child), now)
	if len(changes) != 0 || !errors.Is(results[0].Err, ErrFee) || !errors.Is(results[2].Err, ErrMissingInputs) {
		t.Errorf("deeper than a parent: %+v", results)
	}
	bad := b.signed([]coin{b.coin(p2wpkh(1))}, pay(coinValue-1000, l))
	bad.TxIn[0].Witness = nil
	child = b.signed([]coin{coinOf(bad, 0, l)}, pay(1000, l))
	if results, changes = b.pool.AddFamily(raws(bad, child), now); len(results) != 1 || len(changes) != 0 || results[0].Err == nil {
		t.Errorf("after a bad parent: %+v", results)
	}
	if results, changes = b.pool.AddFamily([][]byte{{1, 2, 3}, raw(child)}, now); len(results) != 1 || len(changes) != 0 {
		t.Errorf("with bytes that are no transaction: %+v", results)
	}
}
