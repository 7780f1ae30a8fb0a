package node

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// A fee delta lets in what stands for its fee, and survives a restart with it; one
// that fell back to 0 is forgotten.
func TestFeeDeltaSurvivesARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	free, freeID := spendTrue(confirmed(1), 1_000_000)
	stand(t, n, free, mempool.ErrFee)
	unknown := chainhash.Hash{9}
	for _, d := range []struct {
		txid  chainhash.Hash
		delta int64
	}{{freeID, 5000}, {unknown, -3}, {chainhash.Hash{8}, 4}, {chainhash.Hash{8}, -4}} {
		if err := n.Prioritise(t.Context(), d.txid, d.delta); err != nil {
			t.Fatal(err)
		}
	}
	awaitEvent(t, n, EventAdded, free)
	stop()
	if err := n.Prioritise(t.Context(), unknown, 1); err == nil {
		t.Error("a node that has stopped keeps a delta")
	}
	n, _ = run(t, cfg)
	if e := n.Mempool().GetByTxID(freeID); e == nil || n.Mempool().ChunkOf(e).Fee != 5000 {
		t.Errorf("came back as %+v", e)
	}
	if got := n.Mempool().FeeDeltas(); len(got) != 2 || got[unknown] != -3 {
		t.Errorf("%v", got)
	}
}

// A block ends the fee deltas of what it contains, in the mempool or not, and of
// what it is in conflict with, also on disk.
func TestBlockEndsFeeDeltas(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	pair, err := transactions(t).Conflict()
	if err != nil {
		t.Fatal(err)
	}
	mustSubmit(t, n, pair[0].Raw)
	mined, other := wire.NewMsgTx(2), chainhash.Hash{9}
	for _, txid := range []chainhash.Hash{mined.TxHash(), pair[0].TxID, other} {
		if err := n.Prioritise(t.Context(), txid, 1); err != nil {
			t.Fatal(err)
		}
	}
	n.observer(t.Context()).Connected(mempool.Block{Txs: []*wire.MsgTx{mined, pair[1].MsgTx}})
	check := func() {
		t.Helper()
		stored, err := n.db.FeeDeltas()
		if err != nil || len(stored) != 1 || stored[other] != 1 || len(n.pool.FeeDeltas()) != 1 {
			t.Errorf("%v, %v", stored, err)
		}
	}
	check()
	stop()
	n, _ = run(t, cfg)
	check()
}
