package node

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// anyoneCanSpend is an allocation whose outputs need no signature.
type anyoneCanSpend struct{ mempool.PrevOuts }

var (
	trueScript = []byte{txscript.OP_1}
	trueOutput = append([]byte{txscript.OP_0, 32}, chainhash.HashB(trueScript)...)
)

func (anyoneCanSpend) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	return mempool.PrevOut{Value: 1_000_000, PkScript: trueOutput}, op.Hash == chainhash.Hash{1}, nil
}

func spendTrue(op wire.OutPoint, value int64) (raw []byte, txid chainhash.Hash) {
	return spendTrueWith(op, value, 0)
}

// spendTrueWith adds an output with so many bytes of data.
func spendTrueWith(op wire.OutPoint, value int64, data int) (raw []byte, txid chainhash.Hash) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{trueScript}))
	tx.AddTxOut(wire.NewTxOut(value, trueOutput))
	if data > 0 {
		tx.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN}, make([]byte, data)...)))
	}
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		panic(err)
	}
	return b.Bytes(), tx.TxHash()
}

func TestPackagesSurviveARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 990_000)
	if _, err := n.Submit(t.Context(), parent); !errors.Is(err, mempool.ErrFee) {
		t.Fatal(err)
	}
	if _, err := n.SubmitPackage(t.Context(), [][]byte{child, parent}); !errors.Is(err, mempool.ErrPackage) {
		t.Error(err)
	}
	no := errors.New("no")
	results, err := n.SubmitPackageIf(t.Context(), [][]byte{parent, child}, func(e *mempool.Entry) error {
		if e.Fee > 0 {
			return no
		}
		return nil
	})
	if !errors.Is(err, mempool.ErrPackage) || len(results) != 2 || results[1].Err != no || n.Mempool().Info().Count != 0 {
		t.Errorf("with a condition that is not met: %+v, %v", results, err)
	}
	results, err = n.SubmitPackage(t.Context(), [][]byte{parent, child})
	if err != nil || len(results) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	before, count := n.Digest()
	if count != 2 {
		t.Errorf("the digest covers %d transactions", count)
	}
	stop()
	n, _ = run(t, cfg)
	if after, _ := n.Digest(); after != before {
		t.Errorf("after the restart the mempool has %d transactions", n.Mempool().Info().Count)
	}
}

// Neither transaction is accepted alone in this order by another node.
func TestPackagesSpread(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	sender, _ := run(t, cfg)
	cfg.P2P.Bootstrap = []string{sender.Addrs()[0].String()}
	receiver, _ := run(t, cfg)
	arrivals := receiver.Events(t.Context())
	peers := sender.Events(t.Context())
	if len(sender.Peers()) == 0 {
		for e := range peers {
			if e.Kind == EventPeerUp {
				break
			}
		}
	}
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, childID := spendTrue(wire.OutPoint{Hash: txid}, 990_000)
	if _, err := sender.SubmitPackage(t.Context(), [][]byte{parent, child}); err != nil {
		t.Fatal(err)
	}
	for e := range arrivals {
		if e.Kind == EventAdded && e.Entry.TxID == childID {
			break
		}
	}
	if receiver.Mempool().GetByTxID(txid) == nil {
		t.Error("the parent did not come")
	}
}

func TestLowFeeParentMeetsItsChild(t *testing.T) {
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 990_000)
	meet(t, nil, parent, child)
}

// Alone, the parent pays too little to replace what spends the same.
func TestParentReplacesTogetherWithItsChild(t *testing.T) {
	rival, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 995_000)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 999_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 970_000)
	meet(t, rival, parent, child)
}

// A kill may leave what was replaced in storage, and the order of loading puts it first.
func TestPairReplacesAgainAtStart(t *testing.T) {
	rival, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 995_000)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 999_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 970_000)
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range [][]byte{rival, parent, child} {
		if err := n.db.Put(t.Context(), storage.Record{WTxID: chainhash.DoubleHashH(raw), Raw: raw, Time: time.Now(), Sequence: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n, _ = run(t, cfg)
	if n.Mempool().Get(chainhash.DoubleHashH(child)) == nil || n.Mempool().Info().Count != 2 {
		t.Errorf("%d transactions, without the child", n.Mempool().Info().Count)
	}
}

// meet asserts that the two come in as a package, in either order in which a peer sends them.
func meet(t *testing.T, held, parent, child []byte) {
	t.Helper()
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	for name, order := range map[string][2][]byte{"parent first": {parent, child}, "child first": {child, parent}} {
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if held != nil {
			n.settle(n.admit(t.Context(), candidate{wtxid: chainhash.DoubleHashH(held), raw: held}))
		}
		n.peers[1] = "the announcer"
		for _, raw := range order {
			n.settle(n.admit(t.Context(), candidate{origin: 1, wtxid: chainhash.DoubleHashH(raw), raw: raw}))
		}
		if len(n.admission.waiting(1)) != 1 {
			t.Fatalf("%s: nothing is judged together", name)
		}
		pack, _ := n.admission.pop()
		n.admission.charge(pack, 0)
		if len(pack.pack) != 2 || len(n.admission.lines) != 0 {
			t.Fatalf("%s: %+v", name, pack)
		}
		n.settle(n.admit(t.Context(), pack))
		if _, count := n.relay.Digest(); count != 2 || n.orphans.Len() != 0 || n.pool.Get(chainhash.DoubleHashH(child)) == nil {
			t.Errorf("%s: %d transactions, %d orphans", name, count, n.orphans.Len())
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLowFeeMemoryIsBounded(t *testing.T) {
	var l lowFee
	child := func(parents ...chainhash.Hash) *mempool.Entry {
		tx := wire.NewMsgTx(2)
		for _, id := range parents {
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: id}, nil, nil))
		}
		var raw bytes.Buffer
		if err := tx.SerializeNoWitness(&raw); err != nil {
			t.Fatal(err)
		}
		return &mempool.Entry{Raw: raw.Bytes()}
	}
	for range maxLowFee + 10 {
		l.add(chainhash.Hash{1}, make([]byte, 100))
	}
	many := child(chainhash.Hash{1}, chainhash.Hash{2}, chainhash.Hash{1}, chainhash.Hash{3})
	if len(l.txs) != maxLowFee || l.bytes != maxLowFee*100 || len(l.parentsOf(many)) != maxLowFeeTries {
		t.Errorf("%d transactions, %d bytes", len(l.txs), l.bytes)
	}
	for range 20 {
		l.add(chainhash.Hash{2}, make([]byte, 100_000))
	}
	if l.bytes > maxLowFeeBytes || l.parentsOf(child(chainhash.Hash{1})) != nil {
		t.Errorf("%d bytes", l.bytes)
	}
}

// freeChain is anyoneCanSpend as the source of a chain that tests drive.
type freeChain struct {
	anyoneCanSpend
	observer chan mempool.ChainObserver // what Follow was given
}

func (c freeChain) Follow(ctx context.Context, o mempool.ChainObserver) {
	c.observer <- o
	<-ctx.Done()
}

// A package that a block held is whole again when the block leaves the chain, although its members come one by one.
func TestPackagesSurviveReorganizations(t *testing.T) {
	cfg := testConfig(t)
	chain := freeChain{anyoneCanSpend{cfg.PrevOuts}, make(chan mempool.ChainObserver, 1)}
	cfg.PrevOuts = chain
	n, stop := run(t, cfg)
	o := <-chain.observer
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 990_000)
	last, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}, Index: 1}, 990_000)
	if _, err := n.SubmitPackage(t.Context(), [][]byte{parent, child}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	var txs []*wire.MsgTx
	for _, e := range n.Mempool().Snapshot() {
		txs = append(txs, e.Tx())
	}
	o.Connected(mempool.Block{Txs: txs})
	if held := n.Mempool().Info().Count; held != 0 {
		t.Fatalf("%d transactions stay", held)
	}
	next, done := iter.Pull(n.Events(t.Context()))
	defer done()
	o.Reorganized(txs)
	for e, ok := next(); ok && (e.Kind != EventAdded || e.WTxID != chainhash.DoubleHashH(last)); e, ok = next() {
	}
	if back := n.Mempool().Info().Count; back != len(txs) {
		t.Errorf("%d of %d are back", back, len(txs))
	}
	stop()
}
