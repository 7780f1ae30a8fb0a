package rpc

import "testing"

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
