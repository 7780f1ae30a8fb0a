package mempool

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
)

// A Prefetcher is a [PrevOuts] to which many lookups at once are cheaper than one after the other.
type Prefetcher interface {
	// Prefetch makes that Lookup of any of ops will most likely have its answer at hand. An error means the source
	// could not tell.
	Prefetch(ops []wire.OutPoint) error
}

// resolve finds the previous output of every input: first among the unconfirmed, then, without the lock, in PrevOuts.
func (p *Pool) resolve(c *candidate) error {
	c.spent = make([]spentOutput, len(c.entry.Tx.TxIn))
	p.mu.RLock()
	err := p.checkHeld(c)
	if err == nil {
		p.resolveInPool(c)
	}
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	return p.resolveConfirmed(c)
}

// resolveInPool finds the previous outputs that transactions in the pool, or of the same package, create. The caller
// holds the lock.
func (p *Pool) resolveInPool(c *candidate) {
	for i, in := range c.entry.Tx.TxIn {
		c.spent[i] = p.unconfirmed(c, in.PreviousOutPoint)
	}
}

// resolveConfirmed finds the other previous outputs in PrevOuts.
func (p *Pool) resolveConfirmed(c *candidate) error {
	var wanted []wire.OutPoint
	for i, in := range c.entry.Tx.TxIn {
		if !c.spent[i].unconfirmed {
			wanted = append(wanted, in.PreviousOutPoint)
		}
	}
	if err := p.prefetch(wanted); err != nil {
		return fmt.Errorf("looking up previous outputs: %w", err)
	}
	for i, in := range c.entry.Tx.TxIn {
		if c.spent[i].unconfirmed {
			continue
		}
		prev, ok, err := p.cfg.PrevOuts.Lookup(in.PreviousOutPoint)
		if err != nil {
			return fmt.Errorf("looking up the previous output %s: %w", in.PreviousOutPoint, err)
		}
		if !ok {
			return p.missingInputs(c.entry)
		}
		c.spent[i].PrevOut = prev
	}
	return nil
}

// maxOwnOutputs bounds how many of a transaction's own outputs are looked up to tell whether it is confirmed: a stranger
// chooses how many it has. Core looks no further than its cache.
const maxOwnOutputs = 16

// missingInputs tells an orphan from a transaction that is confirmed already, whose inputs are spent and whose outputs
// exist.
func (p *Pool) missingInputs(e *Entry) error {
	own := make([]wire.OutPoint, min(len(e.Tx.TxOut), maxOwnOutputs))
	for i := range own {
		own[i] = wire.OutPoint{Hash: e.TxID, Index: uint32(i)}
	}
	err := p.prefetch(own)
	for _, op := range own {
		var ok bool
		if err == nil {
			_, ok, err = p.cfg.PrevOuts.Lookup(op)
		}
		if err != nil {
			return fmt.Errorf("looking up the outputs of %s: %w", e.TxID, err)
		}
		if ok {
			return reject(ErrAlreadyKnown, "txn-already-known")
		}
	}
	return reject(ErrMissingInputs, "bad-txns-inputs-missingorspent")
}

func (p *Pool) prefetch(ops []wire.OutPoint) error {
	if f, ok := p.cfg.PrevOuts.(Prefetcher); ok && len(ops) > 1 {
		return f.Prefetch(ops)
	}
	return nil
}

// unconfirmed returns an output of a transaction that comes before c in its package or is in the pool; one that is not
// unconfirmed if there is none. The caller holds the lock.
func (p *Pool) unconfirmed(c *candidate, op wire.OutPoint) spentOutput {
	parent := c.family[op.Hash]
	if n := p.byTxID[op.Hash]; n != nil {
		parent = n.entry
	}
	if parent == nil || op.Index >= uint32(len(parent.Tx.TxOut)) {
		return spentOutput{}
	}
	out := parent.Tx.TxOut[op.Index]
	return spentOutput{PrevOut: PrevOut{Value: out.Value, PkScript: out.PkScript}, unconfirmed: true}
}
