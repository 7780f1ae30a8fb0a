package mempool

import (
	"fmt"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// maxReplacedClusters bounds the clusters that one replacement may touch and so the work of judging it: Core's
// MAX_REPLACEMENT_CANDIDATES (policy/rbf.h).
const maxReplacedClusters = 100

// place finds out what the candidate would replace, and refuses it if the rules on replacement, on the cluster it would
// form or on the shape of TRUC say so. Nothing but its fee and size counts, no signal in its inputs: full RBF. The caller
// holds the lock.
func (p *Pool) place(c *candidate) (replaced []*node, err error) {
	e := c.entry
	parents, conflicts := p.parentsOf(e), p.conflictsOf(e)
	kin := slices.Concat(parents, p.childrenOf(e))
	var sibling *node
	if !c.returned {
		if sibling, err = checkTRUC(e, parents, conflicts); err != nil {
			return nil, err
		}
	}
	how := ""
	if sibling != nil {
		conflicts = append(conflicts, sibling)
		how = " (including sibling eviction)"
	}
	if len(conflicts) > 0 {
		replaced, err = p.checkReplacement(e, parents, kin, conflicts, how)
	} else {
		_, err = checkCluster(e, kin, nil)
	}
	if err == nil {
		err = checkDisjoint(e, parents, conflicts)
	}
	if err != nil || c.returned {
		return replaced, err
	}
	return replaced, checkEphemeralSpends(e, parents)
}

// conflictsOf returns the transactions in the pool that spend the same as e, each once.
func (p *Pool) conflictsOf(e *Entry) (conflicts []*node) {
	for in := range e.Inputs() {
		if n := p.spenders.get(in.PreviousOutPoint).node; n != nil && !slices.Contains(conflicts, n) {
			conflicts = append(conflicts, n)
		}
	}
	return conflicts
}

// checkDisjoint refuses a transaction that depends on what it would replace.
func checkDisjoint(e *Entry, parents, conflicts []*node) error {
	if len(conflicts) == 0 {
		return nil
	}
	for _, n := range reach(&node{kin: &relatives{parents: parents}}, (*node).parents) {
		if slices.Contains(conflicts, n) {
			return rejectf(ErrConsensus, "bad-txns-spends-conflicting-tx",
				"%s spends conflicting transaction %s", e.TxID, n.entry.TxID)
		}
	}
	return nil
}

// A replacement is what would leave the pool for others that spend the same.
type replacement struct {
	touched map[*cluster]struct{} // what it would leave
	gone    map[*node]struct{}    // the conflicts and their descendants
	fees    int64                 // of these, with deltas
}

// replacing finds what goes with the conflicts. It is too much for one replacement if there is a fault, which names txid.
func replacing(txid chainhash.Hash, conflicts []*node) (r replacement, fault string) {
	r.touched = make(map[*cluster]struct{})
	for _, n := range conflicts {
		r.touched[n.cluster] = struct{}{}
	}
	if len(r.touched) > maxReplacedClusters {
		return r, fmt.Sprintf("rejecting replacement %s; too many conflicting clusters (%d > %d)",
			txid, len(r.touched), maxReplacedClusters)
	}
	r.gone = withDescendants(conflicts)
	for n := range r.gone {
		r.fees += n.feeFrac().fee
	}
	return r, ""
}

// underpaid is what is wrong if fee is less than the fees of all that goes (rule 3) and the relay of the newcomer's size
// on top (rule 4): Core's PaysForRBF.
func (r *replacement) underpaid(txid chainhash.Hash, fee, vsize int64) (fault string) {
	if fee < r.fees {
		return fmt.Sprintf("rejecting replacement %s, less fees than conflicting txs; %s < %s",
			txid, formatMoney(fee), formatMoney(r.fees))
	}
	if relay := feeFor(IncrementalRelayFeeRate, vsize); fee-r.fees < relay {
		return fmt.Sprintf("rejecting replacement %s, not enough additional fees to relay; %s < %s",
			txid, formatMoney(fee-r.fees), formatMoney(relay))
	}
	return ""
}

const (
	reasonTooMany = "too many potential replacements"
	worseDiagram  = "insufficient feerate: does not improve feerate diagram"
)

// checkReplacement applies Core's rules: not too many clusters, enough fees, and a better diagram of the clusters
// concerned. It returns the conflicts and their descendants.
func (p *Pool) checkReplacement(e *Entry, parents, kin, conflicts []*node, how string) ([]*node, error) {
	r, fault := replacing(e.TxID, conflicts)
	if fault != "" {
		return nil, rejectf(ErrConflict, reasonTooMany+how, "%s", fault)
	}
	if fault := r.underpaid(e.TxID, p.modifiedFee(e), e.VSize); fault != "" {
		return nil, rejectf(ErrConflict, "insufficient fee"+how, "%s", fault)
	}
	family, err := checkCluster(e, kin, r.gone)
	if err != nil {
		return nil, err
	}
	for _, n := range kin {
		r.touched[n.cluster] = struct{}{}
	}
	if !improvesDiagram(&node{entry: e, kin: &relatives{parents: parents}, delta: p.deltas[e.TxID]}, family, r.touched, r.gone) {
		return nil, rejectf(ErrConflict, "replacement-failed", worseDiagram)
	}
	return slices.Collect(maps.Keys(r.gone)), nil
}

// improvesDiagram compares the touched clusters as they are with what they would be: family joined by n, the rest
// without replaced.
func improvesDiagram(n *node, family []*node, touched map[*cluster]struct{}, replaced map[*node]struct{}) bool {
	var before, after []feeFrac
	placed := make(map[*node]struct{}, len(replaced)+len(family))
	for r := range replaced {
		placed[r] = struct{}{}
	}
	for _, f := range family {
		placed[f] = struct{}{}
	}
	sortNodes(family)
	after = appendRates(after, append(family, n))
	for c := range touched {
		for _, k := range c.chunks {
			before = append(before, k.feeFrac)
		}
		for _, part := range components(c.nodes, placed) {
			after = appendRates(after, part)
		}
	}
	return newDiagram(after).improves(newDiagram(before))
}

// appendRates appends the chunks of the nodes, which come parents first.
func appendRates(rates []feeFrac, nodes []*node) []feeFrac {
	_, chunks := linearize(nodes)
	for _, k := range chunks {
		rates = append(rates, k.feeFrac)
	}
	return rates
}
