package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

// impatient reconciles often, so that peers soon show what they hold.
func impatient(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Relay.ReconInterval = 200 * time.Millisecond
	return cfg
}

func unbroadcastIn(t *testing.T, n *Node) (count int) {
	t.Helper()
	records, _, err := n.db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Unbroadcast {
			count++
		}
	}
	return count
}

// A transaction that nobody was told of stays unbroadcast over a restart, until
// a peer has shown that it holds it.
func TestUnbroadcastSurvivesARestart(t *testing.T) {
	cfg := impatient(t)
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	if !n.Unbroadcast(tx.WTxID) || unbroadcastIn(t, n) != 1 {
		t.Fatal("not unbroadcast though nobody was told")
	}
	stop()

	n, stop = run(t, cfg)
	if n.UnbroadcastCount() != 1 {
		t.Fatalf("%d unbroadcast after the restart", n.UnbroadcastCount())
	}
	other, _ := run(t, impatient(t))
	if err := n.Connect(t.Context(), other.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.waitPropagated(t.Context(), tx.WTxID, func(r *Receipt) bool { return !r.Unbroadcast }); err != nil {
		t.Fatal(err)
	}
	if n.UnbroadcastCount() != 0 {
		t.Error("unbroadcast though the only peer has shown that it holds it")
	}
	stop()
	n, _ = run(t, cfg)
	if n.UnbroadcastCount() != 0 || unbroadcastIn(t, n) != 0 {
		t.Error("unbroadcast again after another restart")
	}
}

func TestReceipt(t *testing.T) {
	n, _ := run(t, impatient(t))
	other, _ := run(t, impatient(t))
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Receipt(t.Context(), tx.WTxID); !errors.Is(err, ErrNoReceipt) {
		t.Errorf("of what was never there: %v", err)
	}
	if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	if r, err := n.Receipt(t.Context(), tx.TxID); err != nil || r.WTxID != tx.WTxID || !r.Local || !r.Unbroadcast || len(r.Peers) != 0 || r.Propagated() != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	ended, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r, err := n.WaitPropagated(ended, tx.WTxID, 1); !errors.Is(err, context.DeadlineExceeded) || r.WTxID != tx.WTxID {
		t.Errorf("without peers: %+v, %v", r, err)
	}
	if _, err := n.WaitPropagated(t.Context(), tx.WTxID, 1.5); err == nil {
		t.Error("waits for more peers than there are")
	}
	if err := n.Connect(t.Context(), other.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	r, err := n.WaitPropagated(t.Context(), tx.WTxID, 1)
	if err != nil || len(r.Peers) != 1 || r.Peers[0].PeerID != other.ID() || r.Peers[0].Announced.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	// Asking for it is not having it.
	r, err = n.waitPropagated(t.Context(), tx.WTxID, func(r *Receipt) bool { return r.Peers[0].Holds() })
	if err != nil || r.Unbroadcast {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = other.Receipt(t.Context(), tx.WTxID)
	if err != nil || r.Local || len(r.Peers) != 1 || r.Peers[0].Told.IsZero() {
		t.Errorf("at the receiver: %+v, %v", r, err)
	}
	// Submitted there as well, it is announced, though to nobody who lacks it.
	if _, err := other.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	if r, err = other.Receipt(t.Context(), tx.WTxID); err != nil || !r.Local || r.Unbroadcast {
		t.Errorf("submitted to the receiver: %+v, %v", r, err)
	}
}

// A transaction that leaves the mempool is not unbroadcast any more, in whatever
// order the news of that come.
func TestUnbroadcastEndsWithTheTransaction(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	c := candidate{origin: local, wtxid: tx.WTxID, raw: tx.Raw}
	added := n.admit(t.Context(), c)
	again := n.admit(t.Context(), c)
	gone := result{changes: n.pool.Remove(chainhash.Hash(tx.WTxID), mempool.ReasonConflict)}
	n.settle(added)
	if n.UnbroadcastCount() != 1 {
		t.Errorf("%d unbroadcast", n.UnbroadcastCount())
	}
	n.settle(gone)
	n.settle(again)
	if n.UnbroadcastCount() != 0 {
		t.Errorf("%d unbroadcast without a transaction", n.UnbroadcastCount())
	}
}
