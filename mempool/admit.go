package mempool

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Limits on signature operations: Core policy/policy.h.
const (
	maxStandardSigOpCost = 16_000
	vbytesPerSigOp       = 20 // weight units per unit of cost, so 5 virtual bytes: Core's -bytespersigop
)

var errHeld = reject(ErrAlreadyInMempool, "txn-already-in-mempool")

// A candidate is a transaction on its way into the pool.
type candidate struct {
	entry  *Entry
	tx     *wire.MsgTx               // decoded
	spent  []spentOutput             // by input
	family map[chainhash.Hash]*Entry // of a package: those that come before it, by txid; nil if it comes alone
	apart  bool                      // in a package, but it has to pay for itself and may replace nothing

	returned bool   // by a block that left the chain
	sequence uint64 // that the entry had before; 0: that of the change
}

// judge runs all checks but the commit. The candidate's entry is nil if raw is not a transaction.
func (p *Pool) judge(c candidate, raw []byte, now time.Time) (candidate, error) {
	c, err := p.prepare(c, raw, now)
	if err == nil {
		err = p.checkAlone(&c)
	}
	if err == nil {
		err = p.verify(&c)
	}
	return c, err
}

// prepare fills in the candidate, and runs the checks that do not depend on how it fits in with the pool.
func (p *Pool) prepare(c candidate, raw []byte, now time.Time) (candidate, error) {
	l, err := scan(raw)
	if err != nil {
		return candidate{}, err
	}
	wtxid := chainhash.DoubleHashH(raw)
	if held := p.Get(wtxid); held != nil { // it passed everything before; Core asks this later
		return candidate{entry: held}, errHeld
	}
	c.entry = &Entry{Raw: raw, WTxID: wtxid, TxID: l.txid(raw), Weight: l.weight(), Time: now}
	if err := l.checkWeight(); err != nil {
		return c, err
	}

	p.workers <- struct{}{}
	defer func() { <-p.workers }()
	if c.tx, err = decode(raw); err != nil {
		return candidate{}, err
	}
	err = p.examine(&c, l.stripped)
	return c, err
}

// examine applies Core's checks in Core's order.
func (p *Pool) examine(c *candidate, strippedSize int) error {
	e, tx := c.entry, c.tx
	var t tip
	t.height, t.medianTime = p.cfg.PrevOuts.Tip()
	e.Height = t.height

	if err := checkSanity(tx); err != nil {
		return err
	}
	if err := checkStandard(tx, strippedSize); err != nil {
		return err
	}
	if err := checkFinal(tx, t); err != nil {
		return err
	}
	if err := p.resolve(c); err != nil {
		return err
	}
	if err := p.checkSequenceLocks(tx, c.spent, t); err != nil {
		return err
	}
	var err error
	if e.Fee, err = checkInputs(tx, c.spent, t); err != nil {
		return err
	}
	if err := checkInputsStandard(tx, c.spent); err != nil {
		return err
	}
	if err := checkWitnessStandard(tx, c.spent); err != nil {
		return err
	}
	e.SigOpCost = sigOpCost(tx, c.spent)
	e.VSize = (e.adjustedWeight() + witnessScale - 1) / witnessScale
	return checkDustAndSigOps(e, p.FeeDelta(e.TxID))
}

// verify runs the scripts, unless they could take too long.
func (p *Pool) verify(c *candidate) error {
	p.workers <- struct{}{}
	defer func() { <-p.workers }()
	if err := checkWork(c.tx, c.spent, c.entry.Weight); err != nil {
		return err
	}
	return checkScripts(c, txscript.StandardVerifyFlags, p.cfg.SigCache)
}

// checkAlone checks the fee and how the candidate fits in with the pool.
func (p *Pool) checkAlone(c *candidate) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if err := p.checkOwnRates(c); err != nil {
		return err
	}
	if err := p.checkHeld(c); err != nil {
		return err
	}
	_, err := p.place(c)
	return err
}

// checkOwnRates compares the candidate's fee with what is the minimum when it comes. The caller holds the lock.
func (p *Pool) checkOwnRates(c *candidate) error {
	if c.returned {
		return nil
	}
	floor := p.floor
	floor.decay(c.entry.Time, p.usage, p.cfg.MaxBytes)
	return p.checkRates(p.modifiedFee(c.entry), c.entry.VSize, floor)
}

// adjustedWeight counts a transaction with many signature operations as if it were larger, so that neither blocks nor
// the pool can be filled with little data that is expensive to verify.
func (e *Entry) adjustedWeight() int64 { return max(e.Weight, e.SigOpCost*vbytesPerSigOp) }

// checkDustAndSigOps allows dust only without a fee, for then nobody has a reason to mine the transaction alone; and
// without a fee it can enter only in a package, whose child has to spend the dust.
func checkDustAndSigOps(e *Entry, delta int64) error {
	if err := checkDust(e, delta); err != nil {
		return err
	}
	if e.SigOpCost > maxStandardSigOpCost {
		return rejectf(ErrNonStandard, reasonSigOps, "%d", e.SigOpCost)
	}
	return nil
}

// checkDust wants neither a fee nor a fee delta, even if they cancel out.
func checkDust(e *Entry, delta int64) error {
	if (e.Fee != 0 || delta != 0) && e.hasDust() {
		return rejectf(ErrNonStandard, "dust", "tx with dust output must be 0-fee")
	}
	return nil
}

// checkRates compares a fee with the minimum that evictions left behind, and with the configured one.
func (p *Pool) checkRates(fee, vsize int64, floor rollingFloor) error {
	if least := feeFor(floor.perKvB(), vsize); fee < least {
		return rejectf(ErrFee, "mempool min fee not met", "%d < %d", fee, least)
	}
	if least := feeFor(p.cfg.MinRelayFeeRate, vsize); fee < least {
		return rejectf(ErrFee, "min relay fee not met", "%d < %d", fee, least)
	}
	return nil
}

// checkHeld refuses what the pool has, turning the candidate into it, and what would replace something although it may
// not. The caller holds the lock.
func (p *Pool) checkHeld(c *candidate) error {
	if held := p.byWTxID.get(c.entry.WTxID); held != nil {
		c.entry = held.entry
		return errHeld
	}
	if p.byTxID.get(c.entry.TxID) != nil {
		return reject(ErrSameTxID, "txn-same-nonwitness-data-in-mempool")
	}
	if c.apart && len(p.conflictsOf(c.entry)) > 0 {
		return reject(ErrConflict, "bip125-replacement-disallowed")
	}
	return nil
}

// admissible repeats, under the write lock, every check whose answer other transactions may have changed since, and
// returns what the candidate replaces.
func (p *Pool) admissible(c *candidate) (replaced []*node, err error) {
	if err := p.stillFits(c); err != nil {
		return nil, err
	}
	if err := p.checkOwnRates(c); err != nil {
		return nil, err
	}
	return p.place(c)
}

// stillFits repeats the checks that come before the fee.
func (p *Pool) stillFits(c *candidate) error {
	if err := p.checkHeld(c); err != nil {
		return err
	}
	for i, in := range c.tx.TxIn {
		id := in.PreviousOutPoint.Hash
		if c.spent[i].unconfirmed && p.byTxID.get(id) == nil && c.family[id] == nil {
			return reject(ErrMissingInputs, "bad-txns-inputs-missingorspent")
		}
	}
	return checkDust(c.entry, p.deltas[c.entry.TxID])
}
