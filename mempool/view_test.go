package mempool

import (
	"bytes"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

// What an entry shows of its bytes is what the decoder finds in them, and costs no allocation.
func TestEntryShowsItsBytes(t *testing.T) {
	b := newBench(t)
	l := multiSigP2SH()
	txs := []*wire.MsgTx{
		b.simple(),
		b.signed([]coin{b.coin(p2pkh(1))}, pay(1000, p2pkh(1))), // no witness
		b.signed([]coin{b.coin(l), b.coin(p2wpkh(1)), b.coin(p2tr(1))}, pay(1, p2tr(1)), pay(2, l), pay(3, anchor())),
	}
	for _, tx := range txs {
		e := &Entry{Raw: raw(tx)}
		if !bytes.Equal(raw(e.Tx()), e.Raw) {
			t.Errorf("decoded: %v", e.Tx())
		}
		compareView(t, e, tx)
		if n := testing.AllocsPerRun(10, func() {
			for range e.Inputs() {
			}
			for range e.Outputs() {
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func compareView(t *testing.T, e *Entry, tx *wire.MsgTx) {
	t.Helper()
	if n := e.inputCount(); n != uint64(len(tx.TxIn)) || int32(e.version()) != tx.Version {
		t.Errorf("%d inputs, version %d", n, e.version())
	}
	ins := slices.Collect(e.Inputs())
	if !slices.EqualFunc(ins, tx.TxIn, func(a wire.TxIn, b *wire.TxIn) bool {
		return a.PreviousOutPoint == b.PreviousOutPoint && a.Sequence == b.Sequence && bytes.Equal(a.SignatureScript, b.SignatureScript)
	}) {
		t.Errorf("inputs %v", ins)
	}
	n := 0
	for i, out := range e.Outputs() {
		if i != uint32(n) || n >= len(tx.TxOut) || out.Value != tx.TxOut[n].Value || !bytes.Equal(out.PkScript, tx.TxOut[n].PkScript) {
			t.Fatalf("output %d: %v", i, out)
		}
		n++
	}
	if n != len(tx.TxOut) {
		t.Errorf("%d outputs", n)
	}
}

// Anybody can make an Entry, of any bytes.
func TestEntryOfDamagedBytes(t *testing.T) {
	b := newBench(t)
	whole := raw(b.simple())
	for n := range whole {
		e := &Entry{Raw: whole[:n]}
		ins := 0
		for range e.Inputs() {
			ins++
		}
		for range e.Outputs() {
			ins++
		}
		if e.Tx() != nil || ins > 2 {
			t.Errorf("%d bytes: %v, %d", n, e.Tx(), ins)
		}
	}
}

// One parent may be spent from by many inputs, with outputs that it does not have among them.
func TestSpendManyOutputsOfAParent(t *testing.T) {
	b := newBench(t)
	l := open()
	parent := b.signed([]coin{b.coin(l)}, pay(300_000, l), pay(300_000, l), pay(300_000, l))
	b.add(parent)
	coins := []coin{coinOf(parent, 2, l), b.coin(l), coinOf(parent, 0, l)}
	missing := coin{op: wire.OutPoint{Hash: parent.TxHash(), Index: 3}, value: 1, lock: l}
	if _, err := b.try(b.signed(append(coins, missing), pay(1000, l))); err == nil || err.Error() != "bad-txns-inputs-missingorspent" {
		t.Errorf("an output that is not there: %v", err)
	}
	if e := b.add(b.signed(coins, pay(1_500_000, l))); e.Fee != 100_000 || len(b.pool.Parents(e)) != 1 {
		t.Errorf("fee %d", e.Fee)
	}
}
