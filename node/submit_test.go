package node

import (
	"errors"
	"testing"

	"github.com/txnode/txnode/mempool"
)

// TestSubmitIf: what the submitter declines is not in the mempool, and nobody
// hears of it; what is there already is not asked about.
func TestSubmitIf(t *testing.T) {
	cfg := testConfig(t)
	var events []EventKind
	cfg.Observer = func(e Event) { events = append(events, e.Kind) }
	n, stop := run(t, cfg)
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	decline := func(*mempool.Entry) error { return no }
	if e, err := n.SubmitIf(t.Context(), tx.Raw, decline); err != no || e.TxID != tx.TxID || n.Mempool().Info().Count != 0 {
		t.Errorf("declined: %v, %v", e, err)
	}
	if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
		t.Error(err)
	}
	if e, err := n.SubmitIf(t.Context(), tx.Raw, decline); err != nil || e != n.Mempool().Get(tx.WTxID) {
		t.Errorf("submitted again: %v, %v", e, err)
	}
	stop()
	if len(events) != 1 || events[0] != EventAdded {
		t.Errorf("events %v", events)
	}
}
