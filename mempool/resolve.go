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
	p.mu.RLock()
	err := p.checkHeld(c)
	var creators []*Entry
	if err == nil {
		creators = p.creators(c)
	}
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	c.spendUnconfirmed(creators)
	return p.resolveConfirmed(c)
}

// creators are, by input, the transactions in the pool or before c in its package that have the ids which the inputs
// spend from; nil where there is none. The caller holds the lock.
func (p *Pool) creators(c *candidate) []*Entry {
	creators := make([]*Entry, len(c.tx.TxIn))
	for i, in := range c.tx.TxIn {
		creators[i] = c.family[in.PreviousOutPoint.Hash]
		if n := p.byTxID.get(in.PreviousOutPoint.Hash); n != nil {
			creators[i] = n.entry
		}
	}
	return creators
}

// spendUnconfirmed takes the previous outputs from their creators, each of which is read once, however many inputs spend
// from it.
func (c *candidate) spendUnconfirmed(creators []*Entry) {
	c.spent = make([]spentOutput, len(creators))
	read := make(map[*Entry][]wire.TxOut)
	for i, creator := range creators {
		if creator == nil {
			continue
		}
		outs, ok := read[creator]
		if !ok {
			for _, out := range creator.Outputs() {
				outs = append(outs, out)
			}
			read[creator] = outs
		}
		if at := c.tx.TxIn[i].PreviousOutPoint.Index; at < uint32(len(outs)) {
			c.spent[i] = spentOutput{PrevOut: PrevOut{Value: outs[at].Value, PkScript: outs[at].PkScript}, unconfirmed: true}
		}
	}
}

// resolveConfirmed finds the other previous outputs in PrevOuts.
func (p *Pool) resolveConfirmed(c *candidate) error {
	var wanted []wire.OutPoint
	for i, in := range c.tx.TxIn {
		if !c.spent[i].unconfirmed {
			wanted = append(wanted, in.PreviousOutPoint)
		}
	}
	if err := p.prefetch(wanted); err != nil {
		return fmt.Errorf("looking up previous outputs: %w", err)
	}
	for i, in := range c.tx.TxIn {
		if c.spent[i].unconfirmed {
			continue
		}
		prev, ok, err := p.cfg.PrevOuts.Lookup(in.PreviousOutPoint)
		if err != nil {
			return fmt.Errorf("looking up the previous output %s: %w", in.PreviousOutPoint, err)
		}
		if !ok {
			return p.missingInputs(c)
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
func (p *Pool) missingInputs(c *candidate) error {
	own := make([]wire.OutPoint, min(len(c.tx.TxOut), maxOwnOutputs))
	for i := range own {
		own[i] = wire.OutPoint{Hash: c.entry.TxID, Index: uint32(i)}
	}
	err := p.prefetch(own)
	for _, op := range own {
		var ok bool
		if err == nil {
			_, ok, err = p.cfg.PrevOuts.Lookup(op)
		}
		if err != nil {
			return fmt.Errorf("looking up the outputs of %s: %w", c.entry.TxID, err)
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
