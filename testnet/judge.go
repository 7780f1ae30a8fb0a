package testnet

import (
	"context"
	"errors"

	"github.com/txnode/txnode/mempool"
)

// judge compares what the nodes hold and asks them about what they lack.
func (r *run) judge(context.Context) error {
	holders := make([]holder, len(r.members))
	for i, m := range r.members {
		holders[i] = holder{name: m.Name, refusal: m.refusal}
		for _, e := range m.Node.Mempool().Snapshot() {
			holders[i].mempool = append(holders[i].mempool, heldEntry(e))
		}
	}
	var submitted []held
	for _, s := range r.ledger.all() {
		submitted = append(submitted, heldEntry(s.entry))
	}
	r.report.Verdict = judge(holders, submitted)
	return nil
}

// refusal is why the node does not accept a transaction now: nil if it would,
// else a *mempool.RuleError. Text is for people.
func (m *Member) refusal(raw []byte) (text string, err error) {
	entry, err := m.Node.Check(raw)
	if err == nil {
		return "", nil
	}
	text = err.Error()
	if entry == nil || !errors.Is(err, mempool.ErrConflict) {
		return text, err
	}
	for in := range entry.Inputs() {
		if spender := m.Node.Mempool().Spender(in.PreviousOutPoint); spender != nil {
			return text + ": conflicts with " + spender.TxID.String(), err
		}
	}
	return text, err
}
