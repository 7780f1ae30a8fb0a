package mempool

import (
	"context"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// A Block is what a [PrevOuts] that follows a chain tells of a block.
type Block struct {
	Hash   chainhash.Hash
	Height int32
	Txs    []*wire.MsgTx // the coinbase first; shared, read only
}

// A ChainObserver is told how the chain that a [PrevOuts] follows changes, in calls one after the other. When a call
// begins, the source answers for the changed chain already: what is looked up before may be outdated, what is looked up
// from then on is not.
type ChainObserver struct {
	// Connected tells of a block that joined the chain.
	Connected func(Block)
	// Reorganized tells that blocks left the chain, after Connected told of those that took their place. The
	// transactions of the blocks that left come parents first, without coinbases; some or all are missing when there
	// were too many or nobody knows them any more. What the pool holds may have become invalid: [Pool.Recheck] tells.
	Reorganized func(txs []*wire.MsgTx)
}

// A ChainSource is a source of previous outputs whose chain changes. Whoever owns
// the pool runs Follow.
type ChainSource interface {
	PrevOuts
	// Follow keeps the source current and tells the observer what changes,
	// until ctx ends.
	Follow(ctx context.Context, o ChainObserver)
}

// Connect takes out of the pool what a block decides: the transactions it contains are confirmed ([ReasonBlock]), in the
// block's order, and what spends from them stays; those that spend the same as a transaction of the block are in
// conflict with it ([ReasonConflict]), and what spends from them leaves as well, children before their parents.
func (p *Pool) Connect(b Block) []Change {
	txids := make([]chainhash.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		txids[i] = tx.TxHash()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var confirmed []*node
	for _, id := range txids {
		if n := p.byTxID.get(id); n != nil {
			confirmed = append(confirmed, n)
		}
	}
	p.confirm(confirmed)
	for _, id := range txids {
		delete(p.deltas, id)
	}
	var conflicting []*node
	for _, tx := range b.Txs {
		for _, in := range tx.TxIn {
			if n := p.spenders.get(in.PreviousOutPoint).node; n != nil {
				conflicting = append(conflicting, n)
				delete(p.deltas, n.entry.TxID)
			}
		}
	}
	p.removeWithDescendants(conflicting, Change{Reason: ReasonConflict})
	return p.flush()
}

// Confirm takes the entry with this wtxid out of the pool and leaves what spends from it. There is no change if there is
// no such entry.
func (p *Pool) Confirm(wtxid chainhash.Hash) []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.byWTxID.get(wtxid); n != nil {
		p.confirm([]*node{n})
		delete(p.deltas, n.entry.TxID)
	}
	return p.flush()
}

// confirm takes out nodes whose children, if they stay, now spend a confirmed output. The caller holds the write lock.
func (p *Pool) confirm(nodes []*node) {
	for _, n := range nodes {
		for _, child := range slices.Clone(n.children()) {
			part(n, child)
			p.usage -= relationship
		}
		p.unlink(n)
		p.record(Change{Entry: n.entry, Reason: ReasonBlock})
	}
	p.clusters.leave(nodes)
}

// Recheck tells whether an entry of the pool is still valid by the previous outputs as they are now: a [*RuleError] if
// not, of kind [ErrAlreadyKnown] if it is confirmed; any other error means they could not be looked up. Scripts need no
// second look: what they depend on never changes.
func (p *Pool) Recheck(e *Entry) error {
	c := candidate{entry: e, tx: e.Tx()}
	var t tip
	t.height, t.medianTime = p.cfg.PrevOuts.Tip()
	if err := checkFinal(c.tx, t); err != nil {
		return err
	}
	p.mu.RLock()
	creators := p.creators(&c)
	p.mu.RUnlock()
	c.spendUnconfirmed(creators)
	if err := p.resolveConfirmed(&c); err != nil {
		return err
	}
	if err := p.checkSequenceLocks(c.tx, c.spent, t); err != nil {
		return err
	}
	_, err := checkInputs(c.tx, c.spent, t)
	return err
}
