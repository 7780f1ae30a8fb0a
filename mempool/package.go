package mempool

import (
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Limits on packages: Core policy/packages.h.
const (
	maxPackageCount  = 25
	maxPackageWeight = 404_000
)

const reasonDustLeft = "missing-ephemeral-spends"

// A PackageResult is what became of one transaction of a package.
type PackageResult struct {
	// Entry is the transaction as it is in the pool, with an Err as far as it is known. With [ErrSameTxID] it is the one
	// that was submitted, and the pool keeps another.
	Entry *Entry
	// Err is why the pool does not hold the transaction because of this call: as for [Pool.Add], or what allow returned.
	Err error
	// Together are those by whose fees and sizes it was judged, itself included, and Replaced those it replaced. Both are
	// nil with an Err.
	Together, Replaced []*Entry
}

// AddPackage adds a child and those of its unconfirmed parents that are given, which come before it, as Core's
// submitpackage does: each alone if it can stand alone; then those that could not for their fee or because of the
// others, all or none, judged by the fee rate of them together. So a child may pay for a parent that is below the
// minimum, and an output of dust may exist as long as nobody can mine it unspent. Only a child and one parent may replace
// others together.
//
// A transaction that comes alone is a package, too.
//
// The results are one per transaction. An error is about the package: a *[RuleError] whose reason is Core's. There are no
// results if it is malformed; with any other, such as "transaction failed", not all of it is in the pool.
func (p *Pool) AddPackage(raws [][]byte, now time.Time) ([]PackageResult, []Change, error) {
	return p.AddPackageIf(raws, now, allowAll)
}

// AddPackageIf is AddPackage for a caller with conditions of its own, as [Pool.AddIf] is Add.
func (p *Pool) AddPackageIf(raws [][]byte, now time.Time, allow func(*Entry) error) ([]PackageResult, []Change, error) {
	if err := checkFamily(raws); err != nil {
		return nil, nil, err
	}
	results := make([]PackageResult, len(raws))
	var changes []Change
	var deferred []int
	failed := false
	for i, raw := range raws {
		var made []Change
		r := &results[i]
		r.Entry, made, r.Err = p.AddIf(raw, now, allow)
		changes = append(changes, made...)
		switch {
		case r.Err == nil:
			r.Together, r.Replaced = []*Entry{r.Entry}, replacedBy(r.Entry, made)
		case errors.Is(r.Err, ErrAlreadyInMempool) || errors.Is(r.Err, ErrSameTxID):
		case Reconsiderable(r.Err), errors.Is(r.Err, ErrMissingInputs) && len(deferred) > 0:
			deferred = append(deferred, i)
		default:
			failed = true
		}
	}
	if len(deferred) == 1 {
		failed = true // it would be judged as it was alone
	}
	if !failed && len(deferred) > 0 {
		made, err := p.addTogether(raws, deferred, results, now, allow)
		changes = append(changes, made...)
		if errors.Is(err, ErrPackage) {
			return results, changes, err
		}
		if rule := (*RuleError)(nil); errors.As(err, &rule) && rule.Reason == reasonDustLeft {
			return results, changes, reject(ErrPackage, "unspent-dust")
		}
		failed = err != nil
	}
	if lost(results, changes) || failed {
		return results, changes, reject(ErrPackage, "transaction failed")
	}
	return results, changes, nil
}

// lost reports whether members left again to make room, and says so in their results.
func lost(results []PackageResult, changes []Change) (any bool) {
	for i := range results {
		r := &results[i]
		if r.Err != nil && !errors.Is(r.Err, ErrAlreadyInMempool) {
			continue
		}
		evicted := func(c Change) bool { return c.Entry == r.Entry && c.Reason == ReasonSizeLimit }
		if r.Entry.Sequence == 0 || slices.ContainsFunc(changes, evicted) {
			*r, any = PackageResult{Entry: r.Entry, Err: reject(ErrFull, "mempool full")}, true
		}
	}
	return any
}

// replacedBy are those that left because of e.
func replacedBy(e *Entry, changes []Change) (replaced []*Entry) {
	for _, c := range changes {
		if c.ReplacedBy == e {
			replaced = append(replaced, c.Entry)
		}
	}
	return replaced
}

// decodePackage decodes what is small enough to be a package.
func decodePackage(raws [][]byte) ([]*wire.MsgTx, error) {
	if len(raws) > maxPackageCount {
		return nil, reject(ErrPackage, "package-too-many-transactions")
	}
	var weight int64
	for _, raw := range raws {
		l, err := scan(raw)
		if err != nil {
			return nil, err
		}
		weight += l.weight()
	}
	if weight > maxPackageWeight {
		return nil, reject(ErrPackage, "package-too-large")
	}
	txs := make([]*wire.MsgTx, len(raws))
	for i, raw := range raws {
		var err error
		if txs[i], err = decode(raw); err != nil {
			return nil, err
		}
	}
	return txs, nil
}

// checkPackage applies the rules that need only the package: Core's IsWellFormedPackage.
func checkPackage(txs []*wire.MsgTx) error {
	ids := make([]chainhash.Hash, len(txs))
	for i, tx := range txs {
		if ids[i] = tx.TxHash(); slices.Contains(ids[:i], ids[i]) {
			return reject(ErrPackage, "package-contains-duplicates")
		}
	}
	for i, tx := range txs {
		if slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return slices.Contains(ids[i:], in.PreviousOutPoint.Hash) }) {
			return reject(ErrPackage, "package-not-sorted")
		}
	}
	spender := make(map[wire.OutPoint]*wire.MsgTx)
	for _, tx := range txs {
		for _, in := range tx.TxIn {
			if other := spender[in.PreviousOutPoint]; other != nil && other != tx { // what one spends twice is its own fault
				return reject(ErrPackage, "conflict-in-package")
			}
			spender[in.PreviousOutPoint] = tx
		}
	}
	return nil
}

// checkFamily applies the rules on packages whose child may pay for its parents, in the order of Core's submitpackage.
func checkFamily(raws [][]byte) error {
	txs, err := decodePackage(raws)
	if err == nil {
		err = checkChildWithParents(txs)
	}
	if err == nil {
		err = checkPackage(txs)
	}
	return err
}

// checkChildWithParents is Core's IsChildWithParentsTree.
func checkChildWithParents(txs []*wire.MsgTx) error {
	last := len(txs) - 1
	if last < 0 {
		return reject(ErrPackage, "package-not-child-with-parents")
	}
	for _, parent := range txs[:last] {
		id := parent.TxHash()
		spends := func(in *wire.TxIn) bool { return in.PreviousOutPoint.Hash == id }
		if !slices.ContainsFunc(txs[last].TxIn, spends) || slices.ContainsFunc(txs[:last], func(tx *wire.MsgTx) bool {
			return slices.ContainsFunc(tx.TxIn, spends)
		}) {
			return reject(ErrPackage, "package-not-child-with-parents")
		}
	}
	return nil
}

// checkEphemeralSpends refuses a transaction that leaves a parent's dust unspent: it would pay for mining the parent, and
// the dust would stay in everybody's set of outputs for ever.
func checkEphemeralSpends(e *Entry, parents []*node) error {
	for _, parent := range parents {
		for i, out := range parent.entry.Outputs() {
			if isDust(out) && !e.spends(wire.OutPoint{Hash: parent.entry.TxID, Index: i}) {
				return rejectf(ErrNonStandard, reasonDustLeft,
					"tx %s (wtxid=%s) did not spend parent's ephemeral dust", e.TxID, e.WTxID)
			}
		}
	}
	return nil
}
