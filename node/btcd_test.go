package node

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/mempool/utxo/utxotest"
	"github.com/txnode/txnode/storage"
)

// follower is a node whose previous outputs are a real btcd's, which mines to
// test key 0.
type follower struct {
	t      *testing.T
	node   *Node
	btcd   *utxotest.BTCD
	next   func() (Event, bool)
	source *utxo.RPC

	stop    func() // of the node
	dataDir string
}

func newFollower(t *testing.T) *follower {
	f := &follower{t: t, btcd: utxotest.StartBTCD(t, utxo.TestScript(0)[2:])}
	f.btcd.Mine(103) // three coinbases can be spent
	var err error
	f.source, err = utxo.Connect(t.Context(), utxo.RPCConfig{
		Network: "regtest", URL: f.btcd.URL, User: f.btcd.User, Password: f.btcd.Password, PollInterval: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.source.Close)
	cfg := testConfig(t)
	cfg.PrevOuts = f.source
	cfg.DataDir = t.TempDir()
	f.dataDir = cfg.DataDir
	f.node, f.stop = run(t, cfg)
	next, stop := iter.Pull(f.node.Events(t.Context()))
	t.Cleanup(stop)
	f.next = next
	return f
}

// coinbase is the output of the block at height.
func (f *follower) coinbase(height int64) (wire.OutPoint, *wire.TxOut) {
	f.t.Helper()
	tx := f.btcd.Block(height).Transactions[0]
	return wire.OutPoint{Hash: tx.TxHash()}, tx.TxOut[0]
}

// spend pays all but the fee back to test key 0.
func (f *follower) spend(op wire.OutPoint, out *wire.TxOut, fee int64) *wire.MsgTx {
	f.t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&op, nil, nil))
	tx.AddTxOut(wire.NewTxOut(out.Value-fee, utxo.TestScript(0)))
	hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(out.PkScript, out.Value))
	witness, err := txscript.WitnessSignature(tx, hashes, 0, out.Value, out.PkScript, txscript.SigHashAll, utxo.TestKey(0), true)
	if err != nil {
		f.t.Fatal(err)
	}
	tx.TxIn[0].Witness = witness
	return tx
}

func (f *follower) submit(tx *wire.MsgTx) error {
	_, err := f.node.Submit(f.t.Context(), serialize(f.t, tx))
	return err
}

func (f *follower) accept(tx *wire.MsgTx) {
	f.t.Helper()
	if err := f.submit(tx); err != nil {
		f.t.Fatal(err)
	}
	f.expect(EventAdded, "", tx)
}

// mine makes btcd put the transactions into a block.
func (f *follower) mine(txs ...*wire.MsgTx) *chainhash.Hash {
	f.t.Helper()
	for _, tx := range txs {
		if _, err := f.btcd.SendRawTransaction(tx, true); err != nil {
			f.t.Fatal(err)
		}
	}
	hashes, err := f.btcd.Generate(1)
	if err != nil {
		f.t.Fatal(err)
	}
	return hashes[0]
}

// expect waits for the next event about a transaction, which must be this one.
func (f *follower) expect(kind EventKind, reason mempool.RemovalReason, tx *wire.MsgTx) {
	f.t.Helper()
	e, ok := f.next()
	if !ok || e.Kind != kind || e.Reason != reason || e.WTxID != tx.WitnessHash() {
		f.t.Fatalf("event %s %s of %v (%v); want %s %s of %v", e.Kind, e.Reason, e.WTxID, e.Err, kind, reason, tx.WitnessHash())
	}
}

// holds says what the mempool must consist of.
func (f *follower) holds(txs ...*wire.MsgTx) {
	f.t.Helper()
	for _, tx := range txs {
		if f.node.Mempool().Get(tx.WitnessHash()) == nil {
			f.t.Errorf("%v is not in the mempool", tx.WitnessHash())
		}
	}
	if n := f.node.Mempool().Info().Count; n != len(txs) {
		f.t.Errorf("%d transactions in the mempool; want %d", n, len(txs))
	}
}

// reopen opens the database of the node that stopped.
func (f *follower) reopen() *storage.DB {
	f.t.Helper()
	db, err := storage.Open(filepath.Join(f.dataDir, "mempool"), storage.Options{Network: "regtest", PrevOuts: f.source.Digest()})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { db.Close() })
	return db
}

func serialize(t *testing.T, tx *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFollowsABitcoinNode(t *testing.T) {
	f := newFollower(t)
	height, median := f.source.Tip()
	if got, err := f.source.MedianTime(height); err != nil || !got.Equal(median) {
		t.Errorf("the median time is %v, %v; btcd says %v", got, err, median)
	}

	op, out := f.coinbase(50)
	if err := f.submit(f.spend(op, out, 1000)); !errors.Is(err, mempool.ErrPremature) {
		t.Errorf("an immature coinbase was spent: %v", err)
	}
	f.next()

	// A block confirms the parent; its child stays.
	op, out = f.coinbase(1)
	parent := f.spend(op, out, 1000)
	child := f.spend(wire.OutPoint{Hash: parent.TxHash()}, parent.TxOut[0], 1000)
	f.accept(parent)
	f.accept(child)
	first := f.mine(parent)
	f.expect(EventRemoved, mempool.ReasonBlock, parent)
	f.holds(child)
	if err := f.submit(parent); !errors.Is(err, mempool.ErrAlreadyKnown) && !errors.Is(err, mempool.ErrMissingInputs) {
		t.Errorf("a confirmed transaction was submitted again: %v", err)
	}
	f.next()

	// Another block decides against ours.
	op, out = f.coinbase(2)
	ours, theirs := f.spend(op, out, 1000), f.spend(op, out, 2000)
	f.accept(ours)
	f.mine(theirs)
	f.expect(EventRemoved, mempool.ReasonConflict, ours)
	f.holds(child)

	// While the node is away nothing is judged, and nothing forgotten.
	op, out = f.coinbase(3)
	late := f.spend(op, out, 1000)
	f.btcd.Restart(func() {
		err := f.submit(late)
		if err == nil || refused(err) || !strings.Contains(err.Error(), "the Bitcoin node does not answer") {
			t.Errorf("judged without the node: %v", err)
		}
		f.next()
		f.holds(child)
	})
	f.awaitJudgement(late)
	f.holds(child, late)

	// Both blocks leave the chain: what they confirmed is unconfirmed again.
	// The child, which stayed, has its parent back.
	if err := f.btcd.InvalidateBlock(first); err != nil {
		t.Fatal(err)
	}
	for range 2 { // btcd takes off one after the other, and may be asked in between
		if e, _ := f.next(); e.Kind != EventAdded {
			t.Errorf("event %s %s of %v (%v)", e.Kind, e.Reason, e.WTxID, e.Err)
		}
	}
	f.holds(parent, child, theirs, late)

	// Another chain confirms it all.
	f.mine(child, late)
	for range 4 { // in the block's order
		if e, _ := f.next(); e.Kind != EventRemoved || e.Reason != mempool.ReasonBlock {
			t.Errorf("event %s %s of %v", e.Kind, e.Reason, e.WTxID)
		}
	}
	f.holds()
	if height, _ = f.source.Tip(); height != 104 {
		t.Errorf("the tip is at %d; want 104", height)
	}

	// The engine's view and storage follow the mempool.
	if digest, count := f.node.Digest(); digest != [32]byte{} || count != 0 {
		t.Errorf("the digest is %x of %d", digest, count)
	}
	f.stop()
	if stored, _, err := f.reopen().Load(t.Context()); err != nil || len(stored) > 0 {
		t.Errorf("%d transactions are still stored, %v", len(stored), err)
	}
}

// awaitJudgement submits until the source has found its node.
func (f *follower) awaitJudgement(tx *wire.MsgTx) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := f.submit(tx)
		f.next()
		if err == nil {
			return
		}
		if refused(err) || ctx.Err() != nil {
			f.t.Fatal(err)
		}
		wait(ctx, 20*time.Millisecond)
	}
}
