package mempool

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// RemovalReason says why an entry left the pool. The words are Core's (kernel/mempool_removal_reason.cpp).
type RemovalReason string

// The reasons.
const (
	ReasonExpiry    RemovalReason = "expiry"    // it was there for [Config.Expiry], or an ancestor was
	ReasonSizeLimit RemovalReason = "sizelimit" // the pool was full and its chunk paid the least
	ReasonReplaced  RemovalReason = "replaced"  // [Change.ReplacedBy] spends the same, or what an ancestor spends
	ReasonConflict  RemovalReason = "conflict"  // an output it spends, or an ancestor does, was spent in a block
	ReasonBlock     RemovalReason = "block"     // it is confirmed
	ReasonReorg     RemovalReason = "reorg"     // what it spends left the chain, or is not mature or final any more
)

// A Change is one step in a pool's history: an entry came or left. Sequences have no gaps, so that whoever applies all
// changes in their order holds what the pool holds.
type Change struct {
	Sequence   uint64
	Entry      *Entry
	Reason     RemovalReason // why Entry left; empty: it was added
	ReplacedBy *Entry        // of ReasonReplaced
}

// Added reports whether the entry came rather than left.
func (c Change) Added() bool { return c.Reason == "" }

// record notes a change that flush will number.
func (p *Pool) record(c Change) { p.changes = append(p.changes, c) }

// flush ends a critical section: it numbers the changes made in it and returns them. What came and left within it never
// was in the pool, as far as anybody can tell. The caller holds the write lock.
func (p *Pool) flush() []Change {
	changes := p.changes
	p.changes = nil
	here := make(map[*Entry]bool) // of what was added: whether it still is
	for _, c := range changes {
		if _, came := here[c.Entry]; came || c.Added() {
			here[c.Entry] = c.Added()
		}
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool {
		stays, came := here[c.Entry]
		return came && !stays
	})
	for e := range here {
		e.Sequence = 0
	}
	for i := range changes {
		p.sequence++
		changes[i].Sequence = p.sequence
		if changes[i].Added() {
			changes[i].Entry.Sequence = p.sequence
		}
	}
	return changes
}

// Remove takes the entry with this wtxid out of the pool for the given reason, and with it everything that spends from
// it. It returns what it removed, children before their parents; nothing if there is no such entry.
func (p *Pool) Remove(wtxid chainhash.Hash, reason RemovalReason) []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.byWTxID.get(wtxid)
	if n == nil {
		return nil
	}
	p.removeWithDescendants([]*node{n}, Change{Reason: reason})
	return p.flush()
}

// Drop is the change that a transaction is not here which was in the pool whose history this one continues.
func (p *Pool) Drop(wtxid, txid chainhash.Hash, reason RemovalReason) Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record(Change{Entry: &Entry{WTxID: wtxid, TxID: txid}, Reason: reason})
	return p.flush()[0]
}

// Expire removes what has been in the pool for longer than [Config.Expiry], with everything that spends from it, and
// lets the minimum fee rate decay. It looks at every entry: call it about once a minute.
func (p *Pool) Expire(now time.Time) []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor.decay(now, p.usage, p.cfg.MaxBytes)
	var old []*node
	for n := range p.byWTxID.all {
		if now.Sub(n.entry.Time) > p.cfg.Expiry {
			old = append(old, n)
		}
	}
	p.removeWithDescendants(old, Change{Reason: ReasonExpiry})
	return p.flush()
}

// trim evicts the worst chunk of all until the pool keeps to its limit, and raises the floor above what it evicted. A
// chunk that is last in its cluster has no descendants outside. The caller holds the write lock.
func (p *Pool) trim(now time.Time) {
	for p.usage > p.cfg.MaxBytes && len(p.clusters) > 0 {
		worst := p.clusters[0]
		last := len(worst.chunks) - 1
		p.floor.raise(worst.chunks[last].perKvB(), now)
		p.remove(slices.Clone(worst.chunkNodes(last)), Change{Reason: ReasonSizeLimit})
	}
}
