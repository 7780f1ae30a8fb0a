package sim

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv"
)

// minSize is the smallest transaction that relaymsg takes.
const minSize = 60

// txTable holds all transactions of a run. They differ in their first bytes;
// nobody looks at the others.
type txTable struct {
	size      int
	all       []transaction
	byHash    map[chainhash.Hash]int
	published int
}

type transaction struct {
	hash   chainhash.Hash
	body   []byte
	origin *node
	at     time.Duration   // of submission
	took   []time.Duration // by node, from submission to acceptance; -1: never
	hops   []uint16        // by node, links travelled
}

// newTxTable draws who submits which transaction.
func newTxTable(cfg *Config, nodes []*node) txTable {
	rng := rand.New(rand.NewPCG(cfg.Seed, loadStream))
	var origins []*node
	for _, s := range nodes {
		if s.role == steady {
			origins = append(origins, s)
		}
	}
	t := txTable{size: cfg.Size, byHash: map[chainhash.Hash]int{}}
	for i := range cfg.planned() {
		body := make([]byte, cfg.Size)
		binary.LittleEndian.PutUint64(body, cfg.Seed)
		binary.LittleEndian.PutUint64(body[8:], uint64(i))
		tx := transaction{hash: chainhash.DoubleHashH(body), body: body, origin: origins[rng.IntN(len(origins))]}
		t.byHash[tx.hash] = i
		t.all = append(t.all, tx)
	}
	return t
}

// tx is what an engine is told of a transaction.
func (t *txTable) tx(i int) inv.Tx {
	return inv.Tx{WTxID: t.all[i].hash, FeeRate: feeRate, Size: t.size}
}

func (t *txTable) find(hash chainhash.Hash) int { return t.byHash[hash] }

func (t *txTable) body(hash chainhash.Hash) []byte { return t.all[t.byHash[hash]].body }

// cameBy notes whom a node has a body from.
func (t *txTable) cameBy(i int, to, from *node) {
	t.all[i].hops[to.number] = t.all[i].hops[from.number] + 1
}

// load submits the transactions from number first up to last within the given
// time, as a Poisson process does, and returns when the last one will be.
func (n *network) load(first, last int, within time.Duration) (end time.Duration) {
	rng := rand.New(rand.NewPCG(n.cfg.Seed, loadStream+uint64(first)<<32))
	at := make([]time.Duration, last-first)
	for i := range at {
		at[i] = time.Duration(rng.Float64() * float64(within))
	}
	slices.Sort(at)
	end = n.now
	for i := range at {
		end = n.now + at[i] - at[0]
		n.queue.push(end, event{kind: published, which: first + i})
	}
	return end
}

func (n *network) publish(i int) {
	tx := &n.txs.all[i]
	tx.at = n.now
	tx.hops = make([]uint16, len(n.nodes))
	tx.took = make([]time.Duration, len(n.nodes))
	for s := range tx.took {
		tx.took[s] = -1
	}
	n.txs.published++
	n.missing += n.honest - 1
	n.missingSteady += n.steady - 1
	tx.origin.held.add(i)
	tx.took[tx.origin.number] = 0
	tx.origin.accept(i, inv.SourceLocal)
}

// bitset is a set of small numbers.
type bitset []uint64

// add reports whether i was not in the set.
func (b *bitset) add(i int) bool {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	word, bit := &(*b)[i/64], uint64(1)<<(i%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// all ranges over the set in ascending order.
func (b bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(64*w + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
