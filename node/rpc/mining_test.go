package rpc

import (
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// The delta of what is in the mempool shows in its modified fee and those of its relatives.
func TestModifiedFees(t *testing.T) {
	s := newScenario(t)
	if err := s.node.Prioritise(t.Context(), s.child.TxHash(), 250); err != nil {
		t.Fatal(err)
	}
	svc := &service{backend: s.node}
	list, err := getPrioritisedTransactions(t.Context(), svc, nil)
	if p := list.(map[string]PrioritisedTx)[s.child.TxID()]; err != nil || !p.InMempool || p.FeeDelta != 250 || *p.ModifiedFee != s.fee()+250 {
		t.Errorf("%+v, %v", p, err)
	}
	parent := s.node.pool.GetByTxID(s.parent.TxHash())
	fees := describeEntry(svc, s.node.pool.GetByTxID(s.child.TxHash())).Fees
	if int64(fees.Base) != s.fee() || int64(fees.Modified) != s.fee()+250 || int64(fees.Ancestor) != s.fee()+250+parent.Fee {
		t.Errorf("%+v", fees)
	}
}

func (s scenario) fee() int64 { return s.node.pool.GetByTxID(s.child.TxHash()).Fee }

// wantNoDelta asserts how prioritisetransaction is refused.
func wantNoDelta(t *testing.T, n *fakeNode, txid string, want Error) {
	t.Helper()
	if _, failure := callRaw(t, n, "prioritisetransaction", `["`+txid+`",0,1]`); failure == nil || *failure != want {
		t.Errorf("%v, want %v", failure, want)
	}
}

func TestTooManyFeeDeltas(t *testing.T) {
	n := newFakeNode()
	var txid chainhash.Hash
	for i := range uint32(mempool.MaxFeeDeltas) {
		binary.LittleEndian.PutUint32(txid[:], i+1)
		if err := n.pool.Prioritise(txid, 1); err != nil {
			t.Fatal(err)
		}
	}
	wantNoDelta(t, n, zeroHash, Error{-37, "too many transactions have a fee delta; set some of them back to 0"})
	if _, failure := callRaw(t, n, "prioritisetransaction", `["`+txid.String()+`",0,-1]`); failure != nil {
		t.Error(failure)
	}
	if _, failure := callRaw(t, n, "prioritisetransaction", `["`+zeroHash+`",0,1]`); failure != nil {
		t.Error(failure)
	}
}

func TestDustHasNoFeeDelta(t *testing.T) {
	n := newFakeNode()
	parent := spend(coin(0), coinValue)
	parent.AddTxOut(wire.NewTxOut(0, []byte{txscript.OP_1, txscript.OP_DATA_2, 0x4e, 0x73}))
	child := spend(wire.OutPoint{Hash: parent.TxHash()}, coinValue-1000)
	child.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: parent.TxHash(), Index: 1}, nil, nil))
	if _, failure := callRaw(t, n, "submitpackage", `[["`+hexOf(parent)+`","`+hexOf(child)+`"]]`); failure != nil {
		t.Fatal(failure)
	}
	wantNoDelta(t, n, parent.TxID(), Error{-8, "Priority is not supported for transactions with dust outputs."})
}
