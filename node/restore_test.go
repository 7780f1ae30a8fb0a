package node

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

// More transactions than are judged together, alone and in chains of neighbours,
// are what they were after a restart, and events go on where they ended.
func TestManyTransactionsSurviveARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	const alone, chained, length = waveSize, 20, 10
	for i := range uint32(alone) {
		raw, _ := spendTrue(confirmed(i), 990_000)
		mustSubmit(t, n, raw)
	}
	for i := range uint32(chained) {
		op := confirmed(alone + i)
		for k := range int64(length) {
			raw, txid := spendTrue(op, 990_000-1000*k)
			mustSubmit(t, n, raw)
			op = wire.OutPoint{Hash: txid}
		}
	}
	before, count := n.Digest()
	sequence, entries := n.Sequence(), n.Mempool().Snapshot()
	stop()

	n, _ = run(t, cfg)
	if after, held := n.Digest(); after != before || held != count || count != alone+chained*length {
		t.Errorf("%d transactions after the restart, %d before", held, count)
	}
	if n.Sequence() != sequence {
		t.Errorf("the history is at %d, was at %d", n.Sequence(), sequence)
	}
	for _, old := range entries {
		if e := n.Mempool().Get(old.WTxID); e == nil || e.Sequence != old.Sequence || !n.Unbroadcast(e.WTxID) {
			t.Fatalf("%v was number %d: %+v", old.WTxID, old.Sequence, e)
		}
	}
}
