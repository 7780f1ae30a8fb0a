package node

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/testnet/txgen"
)

// ledger is the test allocation under a chain of blocks that tests build and take down.
type ledger struct {
	*utxo.Static
	observer chan mempool.ChainObserver // what Follow was given

	mu      sync.Mutex
	told    *sync.Cond // not changing any more, and the observer knows
	moving  bool
	blocks  [][]*wire.MsgTx
	spent   map[wire.OutPoint]bool
	created map[wire.OutPoint]mempool.PrevOut
}

func newLedger(outputs mempool.PrevOuts) *ledger {
	l := &ledger{
		Static:   outputs.(*utxo.Static),
		observer: make(chan mempool.ChainObserver, 1),
		spent:    make(map[wire.OutPoint]bool),
		created:  make(map[wire.OutPoint]mempool.PrevOut),
	}
	l.told = sync.NewCond(&l.mu)
	return l
}

func (l *ledger) Follow(ctx context.Context, o mempool.ChainObserver) {
	l.observer <- o
	<-ctx.Done()
}

// Lookup gives no negative answer by a chain that the observer has not been told of, as utxo.RPC does not.
func (l *ledger) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		out, ok, err := l.lookup(op)
		if ok || !l.moving {
			return out, ok, err
		}
		l.told.Wait()
	}
}

// move changes the chain and tells the observer.
func (l *ledger) move(change func()) {
	l.setMoving(true)
	change()
	l.setMoving(false)
}

func (l *ledger) setMoving(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moving = is
	l.told.Broadcast()
}

func (l *ledger) lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	if l.spent[op] {
		return mempool.PrevOut{}, false, nil
	}
	if out, ok := l.created[op]; ok {
		return out, true, nil
	}
	return l.Static.Lookup(op)
}

// confirmed reports whether a block has the transaction.
func (l *ledger) confirmed(txid chainhash.Hash) bool {
	_, ok := l.created[wire.OutPoint{Hash: txid}]
	return ok
}

// mine connects a block of those of the transactions that are valid in this order.
func (l *ledger) mine(o mempool.ChainObserver, txs []*wire.MsgTx) {
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{1, 1}, nil))
	l.mu.Lock()
	block := []*wire.MsgTx{coinbase}
	for _, tx := range txs {
		if !slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { _, ok, _ := l.lookup(in.PreviousOutPoint); return !ok }) {
			block = append(block, tx)
			for _, in := range tx.TxIn {
				l.spent[in.PreviousOutPoint] = true
			}
			for i, out := range tx.TxOut {
				l.created[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}] = mempool.PrevOut{Value: out.Value, PkScript: out.PkScript}
			}
		}
	}
	l.blocks = append(l.blocks, block)
	l.mu.Unlock()
	o.Connected(mempool.Block{Txs: block})
}

// undo takes the latest block off and returns what it had but for the coinbase.
func (l *ledger) undo() []*wire.MsgTx {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.blocks) - 1
	txs := l.blocks[last][1:]
	l.blocks = l.blocks[:last]
	for _, tx := range txs {
		for _, in := range tx.TxIn {
			delete(l.spent, in.PreviousOutPoint)
		}
		for i := range tx.TxOut {
			delete(l.created, wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)})
		}
	}
	return txs
}

// A reorgTest is a node under load whose chain is reorganized.
type reorgTest struct {
	*testing.T
	node   *Node
	chain  *ledger
	o      mempool.ChainObserver
	random *rand.Rand
	rivals []*wire.MsgTx // of submitted ones, for blocks alone
	next   func() (Event, bool)
	held   map[chainhash.Hash]bool // by the events
}

// turn moves the chain: by a block of some of the mempool and of some rivals, or by other such blocks in place of the
// latest ones.
func (r *reorgTest) turn() {
	depth := min(r.random.IntN(4), len(r.chain.blocks))
	var returned []*wire.MsgTx
	for range depth {
		returned = append(r.chain.undo(), returned...)
	}
	for range max(1, depth) {
		var txs []*wire.MsgTx
		for _, e := range r.node.Mempool().Snapshot() {
			if r.random.IntN(3) == 0 {
				txs = append(txs, e.Tx())
			}
		}
		for _, tx := range slices.Concat(r.rivals, returned) {
			if r.random.IntN(8) == 0 {
				txs = append(txs, tx)
			}
		}
		r.chain.mine(r.o, txs)
	}
	if depth > 0 {
		r.o.Reorganized(returned)
	}
}

// await takes events until one satisfies.
func (r *reorgTest) await(last func(Event) bool) {
	for e, ok := r.next(); ok; e, ok = r.next() {
		switch e.Kind {
		case EventAdded:
			r.held[e.WTxID] = true
		case EventRemoved:
			if !r.held[e.WTxID] {
				r.Errorf("%v left twice", e.WTxID)
			}
			delete(r.held, e.WTxID)
		}
		if last(e) {
			return
		}
	}
}

// settle waits until all that was returned is judged and all that is held was looked at again.
func (r *reorgTest) settle(gen *txgen.Generator) {
	returned, canary := mustNext(r.T, gen), mustNext(r.T, gen)
	r.o.Reorganized([]*wire.MsgTx{returned.MsgTx})
	r.await(func(e Event) bool { return e.Kind == EventAdded && e.WTxID == returned.WTxID })
	if _, err := r.node.Submit(r.Context(), canary.Raw); err != nil {
		r.Fatal(err)
	}
	r.chain.mu.Lock()
	r.chain.spent[canary.TxIn[0].PreviousOutPoint] = true
	r.chain.mu.Unlock()
	r.o.Reorganized(nil)
	r.await(func(e Event) bool { return e.Kind == EventRemoved && e.WTxID == canary.WTxID })
}

func mustNext(t *testing.T, gen *txgen.Generator) *txgen.Tx {
	t.Helper()
	tx, err := gen.Next()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// load submits the transactions of each sequence in order, four sequences at a time, and returns those acknowledged. It
// tells of each.
func (r *reorgTest) load(sequences [][]*txgen.Tx, submitted chan<- struct{}) (acknowledged []*txgen.Tx) {
	queue := make(chan []*txgen.Tx, len(sequences))
	for _, s := range sequences {
		queue <- s
	}
	close(queue)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for s := range queue {
				for _, tx := range s {
					_, err := r.node.Submit(r.Context(), tx.Raw)
					if err != nil && !refused(err) {
						r.Error(err)
					}
					mu.Lock()
					if err == nil {
						acknowledged = append(acknowledged, tx)
					}
					mu.Unlock()
					submitted <- struct{}{}
				}
			}
		})
	}
	workers.Wait()
	return acknowledged
}

// check asserts that the mempool, the chain, the events, the engine and storage agree, and that of what was acknowledged
// nothing is missing but for what conflicts with the rest.
func (r *reorgTest) check(acknowledged []*txgen.Tx) {
	pool := r.node.Mempool()
	for _, e := range pool.Snapshot() {
		if err := r.node.pool.Recheck(e); err != nil || r.chain.confirmed(e.TxID) {
			r.Errorf("%v is held: confirmed %t, %v", e.WTxID, r.chain.confirmed(e.TxID), err)
		}
		if !r.held[e.WTxID] {
			r.Errorf("%v is held and was not told of", e.WTxID)
		}
	}
	count := pool.Info().Count
	if len(r.held) != count {
		r.Errorf("%d are held, %d by the events", count, len(r.held))
	}
	if _, n := r.node.Digest(); n != count {
		r.Errorf("%d are held, %d by the engine", count, n)
	}
	for _, tx := range acknowledged {
		op := tx.TxIn[0].PreviousOutPoint
		_, unspent, _ := r.chain.Lookup(op)
		available := (unspent || pool.GetByTxID(op.Hash) != nil) && pool.Spender(op) == nil
		rival := slices.ContainsFunc(r.rivals, func(tx *wire.MsgTx) bool { return tx.TxIn[0].PreviousOutPoint == op })
		if available && !rival && !r.chain.confirmed(tx.TxID) {
			r.Errorf("%v is lost: neither held nor confirmed, and what it spends is unspent", tx.WTxID)
		}
	}
}

// Blocks confirm some of what is submitted and what conflicts with the rest, leave the chain again and give it back, while
// more is submitted.
func TestReorganizationsUnderLoad(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cfg := testConfig(t)
			cfg.DataDir = t.TempDir()
			r := &reorgTest{T: t, chain: newLedger(cfg.PrevOuts), random: rand.New(rand.NewPCG(seed, 0)), held: map[chainhash.Hash]bool{}}
			cfg.PrevOuts = r.chain
			var stop func()
			r.node, stop = run(t, cfg)
			r.o = <-r.chain.observer
			next, done := iter.Pull(r.node.Events(t.Context()))
			defer done()
			r.next = next

			gen := transactions(t)
			var sequences [][]*txgen.Tx
			total := 0
			for i := range 60 {
				s, err := gen.Chain(1 + i%3)
				if i%3 == 0 {
					var pair [2]*txgen.Tx
					pair, err = gen.Conflict()
					s = pair[:1]
					r.rivals = append(r.rivals, pair[1].MsgTx)
				}
				if err != nil {
					t.Fatal(err)
				}
				sequences, total = append(sequences, s), total+len(s)
			}
			submitted := make(chan struct{}, total)
			acknowledged := make(chan []*txgen.Tx, 1)
			go func() { acknowledged <- r.load(sequences, submitted) }()
			for n := range total {
				<-submitted
				if n%4 == 0 {
					r.chain.move(r.turn)
				}
			}
			r.settle(gen)
			r.check(<-acknowledged)
			want := r.held
			stop()
			r.node, stop = run(t, cfg)
			defer stop()
			for _, e := range r.node.Mempool().Snapshot() {
				if !want[e.WTxID] {
					t.Errorf("%v is back after the restart", e.WTxID)
				}
			}
			if n := r.node.Mempool().Info().Count; n != len(want) {
				t.Errorf("%d transactions after the restart, %d before", n, len(want))
			}
		})
	}
}
