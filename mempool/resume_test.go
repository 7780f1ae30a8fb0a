package mempool

import (
	"testing"
	"time"
)

// A pool that continues another one's history has its entries with the sequences
// that they had, and numbers only what is new.
func TestResumedPoolContinuesTheHistory(t *testing.T) {
	b := newBench(t)
	p := b.pool
	p.Resume(41)
	old, fresh := raw(b.simple()), raw(b.simple())
	e, changes, err := p.Restore(old, time.Now(), 7)
	if err != nil || len(changes) != 0 || e.Sequence != 7 || p.Get(e.WTxID) != e || p.Info().Sequence != 41 {
		t.Errorf("restored: %+v, %+v, %v", e, changes, err)
	}
	_, changes, err = p.Add(fresh, time.Now())
	if err != nil || len(changes) != 1 || changes[0].Sequence != 42 {
		t.Errorf("added: %+v, %v", changes, err)
	}
	if c := p.Drop(e.TxID, e.TxID, ReasonReorg); c.Sequence != 43 || c.Added() || c.Entry.TxID != e.TxID {
		t.Errorf("dropped: %+v", c)
	}
	if changes = p.Remove(e.WTxID, ReasonExpiry); len(changes) != 1 || changes[0].Sequence != 44 {
		t.Errorf("removed: %+v", changes)
	}
}

// What is restored and evicted at once was there before, so it leaves.
func TestRestoredIntoAFullPoolLeaves(t *testing.T) {
	b := newBench(t)
	p := b.pool
	p.Resume(9)
	p.cfg.MaxBytes = 1
	e, changes, err := p.Restore(raw(b.simple()), time.Now(), 3)
	if err == nil || len(changes) != 1 || changes[0].Sequence != 10 || changes[0].Reason != ReasonSizeLimit || p.Get(e.WTxID) != nil {
		t.Errorf("%+v, %+v, %v", e, changes, err)
	}
}
