package node

import (
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
	"github.com/txnode/txnode/testnet/txgen"
)

// sides are two transactions that spend the same, the second at ten times the
// fee rate.
func sides(t *testing.T) (poor, rich *txgen.Tx) {
	t.Helper()
	var txs [2]*txgen.Tx
	for i, rate := range []int64{2, 20} {
		gen, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 100, FeeRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		if txs[i], err = gen.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return txs[0], txs[1]
}

func TestReplacedTransactionsStayAway(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	poor, rich := sides(t)
	if _, err := n.Submit(t.Context(), poor.Raw); err != nil {
		t.Fatal(err)
	}
	events := n.Events(t.Context())
	if _, err := n.Submit(t.Context(), rich.Raw); err != nil {
		t.Fatal(err)
	}
	var kinds []EventKind
	for e := range events {
		if e.Kind == EventRemoved && (e.WTxID != poor.WTxID || e.Reason != mempool.ReasonReplaced || e.ReplacedBy != rich.WTxID) {
			t.Errorf("%+v", e)
		}
		if kinds = append(kinds, e.Kind); e.Kind == EventAdded {
			break
		}
	}
	if !slices.Equal(kinds, []EventKind{EventRemoved, EventAdded}) {
		t.Errorf("events %v", kinds)
	}
	if _, count := n.Digest(); count != 1 {
		t.Errorf("the digest covers %d transactions", count)
	}
	if _, err := n.Submit(t.Context(), poor.Raw); !errors.Is(err, mempool.ErrConflict) {
		t.Errorf("submitted again: %v", err)
	}
	if ids := stored(t, n); !slices.Equal(ids, []chainhash.Hash{rich.WTxID}) {
		t.Errorf("stored before the restart: %v", ids)
	}
	stop()

	// As after a crash between the two commits, in both orders of loading.
	for sequence := range uint64(2) {
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		left := storage.Record{WTxID: poor.WTxID, Raw: poor.Raw, Sequence: sequence * 100}
		if err := n.db.Put(t.Context(), left); err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n, stop = run(t, cfg)
		if n.Mempool().Get(rich.WTxID) == nil || n.Mempool().Info().Count != 1 {
			t.Error("the replaced transaction came back")
		}
		if ids := stored(t, n); !slices.Equal(ids, []chainhash.Hash{rich.WTxID}) {
			t.Errorf("stored: %v", ids)
		}
		if _, count := n.Digest(); count != 1 {
			t.Errorf("the digest covers %d transactions", count)
		}
		stop()
	}
}
