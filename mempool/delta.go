package mempool

import (
	"container/heap"
	"errors"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

const (
	// MaxFeeDeltas bounds the transactions that may have a fee delta, in the pool or not: some 100 bytes each.
	MaxFeeDeltas = 10_000

	// maxFeeDelta, a million bitcoins, bounds a delta either way, so that no sum of modified fees overflows: those of 100
	// clusters of 64 are below 2^60. Core lets a delta grow to the limits of its integer.
	maxFeeDelta = 1_000_000 * 100_000_000
)

var (
	// ErrFeeDeltasFull is the error of [Pool.Prioritise] when [MaxFeeDeltas] other transactions have a delta.
	ErrFeeDeltasFull = errors.New("too many transactions have a fee delta; set some of them back to 0")
	// ErrDustDelta is the error of [Pool.Prioritise] for a transaction of the pool with an output of dust, which must not
	// pay for itself.
	ErrDustDelta = errors.New("a transaction with dust outputs can have no fee delta")
)

// Prioritise adds to the fee delta of the transaction with this txid, which need not be in the pool yet. The pool judges,
// orders and evicts by the modified fee, which is [Entry.Fee] and the delta; totals are of fees as they are. A delta that
// comes to 0 is forgotten, and so is that of a transaction that a block confirms or conflicts with.
func (p *Pool) Prioritise(txid chainhash.Hash, delta int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.deltas[txid]
	after := clampDelta(before + clampDelta(delta))
	n := p.byTxID.get(txid)
	if n != nil && n.entry.hasDust() {
		return ErrDustDelta
	}
	switch {
	case after == 0:
		delete(p.deltas, txid)
	case before == 0 && len(p.deltas) >= MaxFeeDeltas:
		return ErrFeeDeltasFull
	default:
		p.deltas[txid] = after
	}
	if n != nil && after != before {
		p.reprice(n, after)
	}
	return nil
}

func clampDelta(delta int64) int64 { return min(max(delta, -maxFeeDelta), maxFeeDelta) }

// reprice gives a node another delta and linearises its cluster anew. The caller holds the write lock.
func (p *Pool) reprice(n *node, delta int64) {
	n.delta = delta
	nodes := slices.Clone(n.cluster.nodes)
	heap.Remove(&p.clusters, n.cluster.slot)
	sortNodes(nodes)
	heap.Push(&p.clusters, newCluster(nodes))
}

// FeeDelta is what was added to the fee of the transaction with this txid, in satoshi; 0 if nothing was.
func (p *Pool) FeeDelta(txid chainhash.Hash) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.deltas[txid]
}

// FeeDeltas are all fee deltas by txid, in satoshi. None is 0.
func (p *Pool) FeeDeltas() map[chainhash.Hash]int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.deltas)
}

// modifiedFee is the fee that a transaction counts with. The caller holds the lock.
func (p *Pool) modifiedFee(e *Entry) int64 { return e.Fee + p.deltas[e.TxID] }
