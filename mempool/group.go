package mempool

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// addTogether adds the named transactions of a package, or none of them. It puts what it finds into the results; those
// it does not come to keep the error they had alone.
func (p *Pool) addTogether(raws [][]byte, which []int, results []PackageResult, now time.Time, allow func(*Entry) error) ([]Change, error) {
	members, together := make([][]byte, len(which)), make([]*Entry, len(which))
	for k, i := range which {
		members[k] = raws[i]
	}
	group, faulty, err := p.judgeGroup(members, now, false, allow)
	for k, c := range group {
		results[which[k]].Entry, together[k] = c.entry, c.entry
	}
	if err == nil {
		faulty, err = p.verifyGroup(group)
	}
	if err == nil {
		for _, e := range together {
			e.Raw = bytes.Clone(e.Raw)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.floor.decay(now, p.usage, p.cfg.MaxBytes)
		faulty, err = p.insertGroup(group)
	}
	if err != nil {
		if !errors.Is(err, ErrPackage) {
			results[which[faulty]].Err = err
		}
		return nil, err
	}
	p.trim(now)
	changes := p.flush()
	for _, i := range which {
		r := &results[i]
		r.Err, r.Together, r.Replaced = nil, together, replacedBy(r.Entry, changes)
	}
	return changes, nil
}

// CheckPackage judges transactions as if those before each were in the pool, and keeps none: each has to pay for itself
// and replaces nothing, as in Core's testmempoolaccept of several.
//
// The error is as of [Pool.AddPackage]. When a transaction fails, its result has the Err. Others are without an Entry,
// for they count for nothing, but for those before it if its scripts are what fails.
func (p *Pool) CheckPackage(raws [][]byte, now time.Time) ([]PackageResult, error) {
	txs, err := decodePackage(raws)
	if err == nil {
		err = checkPackage(txs)
	}
	if err != nil {
		return nil, err
	}
	group, faulty, err := p.judgeGroup(raws, now, true, allowAll)
	if errors.Is(err, ErrPackage) {
		return nil, err
	}
	good := 0
	if err == nil {
		good = len(group)
		if faulty, err = p.verifyGroup(group); err != nil {
			good = faulty
		}
	}
	results := make([]PackageResult, len(raws))
	for i, c := range group[:good] {
		results[i] = PackageResult{Entry: c.entry, Together: []*Entry{c.entry}}
	}
	if err != nil {
		results[faulty] = PackageResult{Entry: group[faulty].entry, Err: err}
		return results, reject(ErrPackage, "transaction failed")
	}
	return results, nil
}

// judgeGroup runs all checks but scripts on transactions of a package, each of which may spend those before it: first on
// every one, then on them together. They may pay together and replace others, unless they are to be judged apart. Of
// those that it comes to it returns candidates; faulty is which of them is to blame, if the error is no [ErrPackage].
func (p *Pool) judgeGroup(raws [][]byte, now time.Time, apart bool, allow func(*Entry) error) (group []candidate, faulty int, err error) {
	family := make(map[chainhash.Hash]*Entry, len(raws))
	for k, raw := range raws {
		c, err := p.prepare(candidate{family: family, apart: apart}, raw, now)
		if err == nil {
			err = p.checkMember(&c)
		}
		if err == nil {
			err = allow(c.entry)
		}
		if group = append(group, c); err != nil {
			return group, k, err
		}
		family[c.entry.TxID] = c.entry
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor.decay(now, p.usage, p.cfg.MaxBytes)
	faulty, err = p.checkGroup(group)
	return group, faulty, err
}

// checkMember checks what concerns one transaction of a package and the pool.
func (p *Pool) checkMember(c *candidate) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c.apart {
		if err := p.checkOwnRates(c); err != nil {
			return err
		}
	}
	parents := p.parentsOf(c.entry)
	sibling, err := checkTRUC(c.entry, parents, p.conflictsOf(c.entry))
	if sibling != nil {
		return tooManyDescendants(parents[0].entry) // which only a transaction alone may take the place of
	}
	return err
}

// verifyGroup runs the scripts.
func (p *Pool) verifyGroup(group []candidate) (faulty int, err error) {
	for k := range group {
		if err := p.verify(&group[k]); err != nil {
			return k, err
		}
	}
	return 0, nil
}

// checkGroup reports whether the group fits in with the pool, which stays as it is. The caller holds the write lock.
func (p *Pool) checkGroup(group []candidate) (faulty int, err error) {
	conflicts, faulty, err := p.admissibleGroup(group)
	if err != nil || len(conflicts) > 0 {
		return faulty, err
	}
	if faulty, err = p.extend(group); err == nil {
		p.undo(group)
	}
	return faulty, err
}

// insertGroup adds what is judged together, or nothing, in place of what it conflicts with. The caller holds the write
// lock.
func (p *Pool) insertGroup(group []candidate) (faulty int, err error) {
	conflicts, faulty, err := p.admissibleGroup(group)
	if err != nil {
		return faulty, err
	}
	if len(conflicts) > 0 {
		p.replaceByPair(group)
		return 0, nil
	}
	return p.extend(group)
}

// admissibleGroup applies the rules on TRUC, on the fee of all together and on what they replace, after those that other
// transactions may have changed since. The caller holds the write lock.
func (p *Pool) admissibleGroup(group []candidate) (conflicts []*node, faulty int, err error) {
	var fee, vsize int64
	for k := range group {
		if err := p.stillFits(&group[k]); err != nil {
			return nil, k, err
		}
		fee, vsize = fee+p.modifiedFee(group[k].entry), vsize+group[k].entry.VSize
	}
	for _, c := range group {
		if err := p.checkGroupTRUC(c.entry, group); err != nil {
			return nil, 0, ofPackage(err)
		}
	}
	last := len(group) - 1
	if !group[0].apart {
		if err := p.checkRates(fee, vsize, p.floor); err != nil {
			return nil, last, err
		}
	}
	if conflicts = p.conflictsWith(group); len(conflicts) > 0 {
		err = p.checkPair(group, conflicts)
	}
	return conflicts, last, err
}

// extend adds a group without conflicts, or nothing.
func (p *Pool) extend(group []candidate) (faulty int, err error) {
	for k, c := range group {
		kin := slices.Concat(p.parentsOf(c.entry), p.childrenOf(c.entry))
		if _, err := checkCluster(c.entry, kin, nil); err != nil {
			p.undo(group[:k])
			return k, ofPackage(err)
		}
		p.insert(c.entry)
	}
	for k, c := range group {
		if err := checkEphemeralSpends(c.entry, p.parentsOf(c.entry)); err != nil {
			p.undo(group)
			return k, err
		}
	}
	return 0, nil
}

// undo takes members of a package out again, as if they had never been in.
func (p *Pool) undo(group []candidate) {
	var nodes []*node
	for _, c := range group {
		nodes = append(nodes, p.byWTxID.get(c.entry.WTxID))
	}
	p.remove(nodes, Change{Reason: ReasonConflict})
	p.flush()
}

// ofPackage makes a rejection one of the package as a whole.
func ofPackage(err error) error {
	if rule := (*RuleError)(nil); errors.As(err, &rule) {
		return &RuleError{Kind: ErrPackage, Reason: rule.Reason, Detail: rule.Detail}
	}
	return err
}
