package mempool

import (
	"fmt"
	"maps"
	"slices"
)

// checkPair applies Core's rules on a group that was refused one by one and has conflicts in the pool (PackageRBFChecks):
// only a parent and a child with no other unconfirmed relatives may take their place, and together they have to pay what
// one transaction of their size would. The child has to raise what its parent pays. The error is about the package.
func (p *Pool) checkPair(group []candidate, conflicts []*node) error {
	if len(group) != 2 {
		return refusePair("package must be 1-parent-1-child", "")
	}
	for _, c := range group {
		if len(p.parentsOf(c.entry))+len(p.childrenOf(c.entry)) > 0 {
			return refusePair("new transaction cannot have mempool ancestors", "")
		}
	}
	parent, child := group[0].entry, group[1].entry
	r, fault := replacing(child.TxID, conflicts)
	if fault != "" {
		return refusePair("too many potential replacements", fault)
	}
	first := &node{entry: parent, delta: p.deltas[parent.TxID]}
	second := &node{entry: child, delta: p.deltas[child.TxID]}
	alone := feeFrac{first.feeFrac().fee, parent.VSize}
	both := alone.plus(feeFrac{second.feeFrac().fee, child.VSize})
	if fault := r.underpaid(child.TxID, both.fee, both.size); fault != "" {
		return refusePair("insufficient anti-DoS fees", fault)
	}
	if both.compareRate(alone) <= 0 {
		return refusePair("package feerate is less than or equal to parent feerate", fmt.Sprintf(
			"package feerate %s <= parent feerate is %s", formatRate(both), formatRate(alone)))
	}
	if _, err := checkCluster(child, []*node{first}, nil); err != nil {
		return ofPackage(err)
	}
	relate(first, second)
	if !improvesDiagram(second, []*node{first}, r.touched, r.gone) {
		return refusePair(worseDiagram, "")
	}
	return checkEphemeralSpends(child, []*node{first})
}

// replaceByPair puts a pair in the place of what it conflicts with. The caller holds the write lock.
func (p *Pool) replaceByPair(pair []candidate) {
	for _, c := range pair {
		gone := withDescendants(p.conflictsOf(c.entry))
		p.remove(slices.Collect(maps.Keys(gone)), Change{Reason: ReasonReplaced, ReplacedBy: c.entry})
	}
	for _, c := range pair {
		p.insert(c.entry)
	}
}

func refusePair(reason, detail string) error {
	return &RuleError{Kind: ErrPackage, Reason: "package RBF failed: " + reason, Detail: detail}
}

// conflictsWith are the transactions in the pool that spend the same as one of the group.
func (p *Pool) conflictsWith(group []candidate) (conflicts []*node) {
	for _, c := range group {
		conflicts = append(conflicts, p.conflictsOf(c.entry)...)
	}
	return conflicts
}

// formatRate writes a fee rate as Core's CFeeRate does; size is in virtual bytes.
func formatRate(f feeFrac) string {
	return fmt.Sprintf("%d.%08d BTC/kvB", f.fee*1000/f.size/1e8, f.fee*1000/f.size%1e8)
}
