package node

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/testnet/txgen"
)

// fakeChain is the test allocation as a chain source that tests drive.
type fakeChain struct {
	*utxo.Static

	observer chan mempool.ChainObserver // what Follow was given

	mu     sync.Mutex
	away   error
	spent  map[wire.OutPoint]bool
	lookup func(wire.OutPoint) // called after the answer was found, before it is given
}

func newFakeChain(t *testing.T) *fakeChain {
	return &fakeChain{
		Static:   testConfig(t).PrevOuts.(*utxo.Static),
		observer: make(chan mempool.ChainObserver, 1),
		spent:    make(map[wire.OutPoint]bool),
	}
}

func (c *fakeChain) Follow(ctx context.Context, o mempool.ChainObserver) {
	c.observer <- o
	<-ctx.Done()
}

func (c *fakeChain) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	c.mu.Lock()
	away, spent, lookup := c.away, c.spent[op], c.lookup
	c.mu.Unlock()
	if lookup != nil {
		lookup(op)
	}
	if away != nil || spent {
		return mempool.PrevOut{}, false, away
	}
	return c.Static.Lookup(op)
}

// connect puts the transactions into a block.
func (c *fakeChain) connect(o mempool.ChainObserver, txs ...*wire.MsgTx) {
	c.mu.Lock()
	for _, tx := range txs {
		for _, in := range tx.TxIn {
			c.spent[in.PreviousOutPoint] = true
		}
	}
	c.mu.Unlock()
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{1, 1}, nil))
	o.Connected(mempool.Block{Txs: append([]*wire.MsgTx{coinbase}, txs...)})
}

// A block that comes while a transaction is judged decides against it although
// its inputs were looked up before.
func TestBlockDuringValidation(t *testing.T) {
	cfg := testConfig(t)
	chain := newFakeChain(t)
	cfg.PrevOuts = chain
	n, stop := run(t, cfg)
	o := <-chain.observer
	pair, err := transactions(t).Conflict()
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	chain.lookup = func(wire.OutPoint) { once.Do(func() { chain.connect(o, pair[1].MsgTx) }) }
	if _, err := n.Submit(t.Context(), pair[0].Raw); !errors.Is(err, mempool.ErrMissingInputs) {
		t.Errorf("accepted beside a block that spends the same: %v", err)
	}
	if n.Mempool().Info().Count != 0 {
		t.Error("the mempool holds what a block has decided against")
	}
	if digest, count := n.Digest(); count != 0 || digest != [32]byte{} {
		t.Errorf("the engine holds %d transactions", count)
	}
	stop()
}

// What was acknowledged is not given up because nobody can tell at the start
// whether it is still valid.
func TestLoadingWaitsForTheSource(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	chain := newFakeChain(t)
	cfg.PrevOuts = chain
	n, stop := run(t, cfg)
	txs := submitSome(t, n, 3)
	stop()

	chain.away = errors.New("away")
	<-chain.observer
	asked := make(chan struct{}, 100)
	chain.lookup = func(wire.OutPoint) { asked <- struct{}{} }
	go func() {
		<-asked
		chain.mu.Lock()
		chain.away, chain.lookup = nil, nil
		chain.mu.Unlock()
	}()
	n, stop = run(t, cfg) // returns when all is loaded
	for _, tx := range txs {
		if n.Mempool().Get(tx.WTxID) == nil {
			t.Errorf("%v is lost", tx.WTxID)
		}
	}
	stop()
}

func submitSome(t *testing.T, n *Node, count int) []*txgen.Tx {
	t.Helper()
	gen := transactions(t)
	txs := make([]*txgen.Tx, count)
	for i := range txs {
		var err error
		if txs[i], err = gen.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Submit(t.Context(), txs[i].Raw); err != nil {
			t.Fatal(err)
		}
	}
	return txs
}

// After a reorganization that nobody can describe, everything is looked at.
func TestReorganizationRechecksEverything(t *testing.T) {
	cfg := testConfig(t)
	chain := newFakeChain(t)
	cfg.PrevOuts = chain
	n, stop := run(t, cfg)
	o := <-chain.observer
	txs := submitSome(t, n, 3)
	removed := make(chan Event, 10)
	events := n.Events(t.Context())
	go func() {
		defer close(removed)
		for e := range events {
			if e.Kind == EventRemoved {
				removed <- e
			}
		}
	}()
	chain.mu.Lock()
	chain.spent[txs[1].TxIn[0].PreviousOutPoint] = true
	chain.mu.Unlock()
	o.Reorganized(nil)
	if e := <-removed; e.WTxID != txs[1].WTxID || e.Reason != mempool.ReasonReorg {
		t.Errorf("%v left for %s; want %v, reorg", e.WTxID, e.Reason, txs[1].WTxID)
	}
	if n.Mempool().Info().Count != 2 {
		t.Errorf("%d transactions stay; want 2", n.Mempool().Info().Count)
	}
	stop()
	for e := range removed {
		t.Errorf("%v left as well", e.WTxID)
	}
}

// Orphans are judged again when a block brings their parent.
func TestBlocksFreeOrphans(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	chain, err := transactions(t).Chain(2)
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := n.pool.Check(chain[1].Raw, n.diskAlarm)
	if !errors.Is(err, mempool.ErrMissingInputs) {
		t.Fatal(err)
	}
	n.peers[1] = "the announcer"
	n.orphaned(n.diskAlarm, result{candidate: candidate{origin: 1, wtxid: chain[1].WTxID}, entry: orphan})
	n.chainChanged(chainChange{txids: []chainhash.Hash{chain[0].TxID}})
	if line := n.admission.waiting(1); len(line) != 1 || line[0].wtxid != chain[1].WTxID {
		t.Error("the orphan is not judged again")
	}
}
