package mempool

import (
	"bytes"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// A node is an entry and its place among others. There are as many as entries: what few of them have is behind a pointer.
type node struct {
	entry   *Entry
	kin     *relatives // nil: none
	cluster *cluster
	delta   int64 // added to the entry's fee: see [Pool.Prioritise]
}

// relatives are a node's direct ones in the pool.
type relatives struct {
	parents, children []*node
}

func (n *node) parents() []*node {
	if n.kin == nil {
		return nil
	}
	return n.kin.parents
}

func (n *node) children() []*node {
	if n.kin == nil {
		return nil
	}
	return n.kin.children
}

// relate makes one node spend from another.
func relate(parent, child *node) {
	for _, n := range []*node{parent, child} {
		if n.kin == nil {
			n.kin = new(relatives)
		}
	}
	parent.kin.children = append(parent.kin.children, child)
	child.kin.parents = append(child.kin.parents, parent)
}

// part undoes relate.
func part(parent, child *node) {
	parent.kin.children = without(parent.kin.children, child)
	child.kin.parents = without(child.kin.parents, parent)
	for _, n := range []*node{parent, child} {
		if len(n.kin.parents)+len(n.kin.children) == 0 {
			n.kin = nil
		}
	}
}

// feeFrac has the modified fee.
func (n *node) feeFrac() feeFrac { return feeFrac{n.entry.Fee + n.delta, n.entry.adjustedWeight()} }

func (n *node) get() *Entry {
	if n == nil {
		return nil
	}
	return n.entry
}

// parentsOf returns the transactions in the pool that e spends from, each once and by txid, as Core names the first that
// is at fault. The caller holds the lock.
func (p *Pool) parentsOf(e *Entry) []*node {
	var parents []*node
	seen := make(map[*node]struct{})
	for in := range e.Inputs() {
		n := p.byTxID.get(in.PreviousOutPoint.Hash)
		if n == nil {
			continue
		}
		if _, twice := seen[n]; !twice {
			seen[n] = struct{}{}
			parents = append(parents, n)
		}
	}
	slices.SortFunc(parents, func(a, b *node) int { return bytes.Compare(a.entry.TxID[:], b.entry.TxID[:]) })
	return parents
}

// childrenOf returns the transactions in the pool that spend from e, each once. There are some only when a block that
// held e left the chain and what spent from it stayed. The caller holds the lock.
func (p *Pool) childrenOf(e *Entry) (children []*node) {
	seen := make(map[*node]struct{})
	for i := range e.Outputs() {
		n := p.spenders.get(wire.OutPoint{Hash: e.TxID, Index: i}).node
		if _, twice := seen[n]; n != nil && !twice {
			seen[n] = struct{}{}
			children = append(children, n)
		}
	}
	return children
}

// checkCluster refuses e if the cluster it would form is too large. It returns the rest of that cluster: what its kin,
// which is its parents and children, is connected with, but for without.
func checkCluster(e *Entry, kin []*node, without map[*node]struct{}) ([]*node, error) {
	if len(kin) >= MaxClusterCount {
		return nil, reject(ErrTopology, "too-large-cluster")
	}
	family := connected(kin, without)
	weight := e.adjustedWeight()
	for _, n := range family {
		weight += n.entry.adjustedWeight()
	}
	if len(family)+1 > MaxClusterCount || weight > maxClusterWeight {
		return nil, reject(ErrTopology, "too-large-cluster")
	}
	return family, nil
}

// insert adds e, which place found fit. The caller holds the write lock.
func (p *Pool) insert(e *Entry) {
	p.record(Change{Entry: e})
	e.Sequence = p.sequence + uint64(len(p.changes)) // flush may lower it, but keeps the order
	n := &node{entry: e, delta: p.deltas[e.TxID]}
	for _, parent := range p.parentsOf(e) {
		relate(parent, n)
	}
	for _, child := range p.childrenOf(e) {
		relate(n, child)
		p.usage += relationship
	}
	p.byWTxID.put(e.WTxID, n)
	p.byTxID.put(e.TxID, n)
	p.clusters.join(n)
	for at, in := range e.inputs() {
		p.spenders.put(in.PreviousOutPoint, spender{n, at})
	}
	p.usage += memoryUsage(e, len(n.parents()))
	p.bytes += int64(len(e.Raw))
	p.vbytes += e.VSize
	p.totalFee += e.Fee
}

// removeWithDescendants removes the nodes and everything that spends from them, and records why, as in the given change.
// The caller holds the write lock.
func (p *Pool) removeWithDescendants(nodes []*node, why Change) {
	p.remove(slices.Collect(maps.Keys(withDescendants(nodes))), why)
}

func withDescendants(nodes []*node) map[*node]struct{} {
	all := make(map[*node]struct{})
	for _, n := range nodes {
		all[n] = struct{}{}
		for _, d := range reach(n, (*node).children) {
			all[d] = struct{}{}
		}
	}
	return all
}

// remove removes the nodes, whose children are all among them.
func (p *Pool) remove(nodes []*node, why Change) {
	if len(nodes) == 0 {
		return
	}
	sortNodes(nodes)
	slices.Reverse(nodes)
	for _, n := range nodes {
		p.unlink(n)
		why.Entry = n.entry
		p.record(why)
	}
	p.clusters.leave(nodes)
}

// unlink takes out a node that has no children any more. Its cluster still has it.
func (p *Pool) unlink(n *node) {
	e := n.entry
	p.usage -= memoryUsage(e, len(n.parents()))
	for _, parent := range slices.Clone(n.parents()) {
		part(parent, n)
	}
	p.byWTxID.remove(e.WTxID)
	p.byTxID.remove(e.TxID)
	for in := range e.Inputs() {
		p.spenders.remove(in.PreviousOutPoint)
	}
	p.bytes -= int64(len(e.Raw))
	p.vbytes -= e.VSize
	p.totalFee -= e.Fee
}

// Parents returns the entries e spends from directly. Like all relatives they come in the order of acceptance, and
// there are none once e has left the pool.
func (p *Pool) Parents(e *Entry) []*Entry {
	return p.relatives(e, (*node).parents)
}

// Children returns the entries that spend from e directly.
func (p *Pool) Children(e *Entry) []*Entry {
	return p.relatives(e, (*node).children)
}

// Ancestors returns all entries e depends on, without e.
func (p *Pool) Ancestors(e *Entry) []*Entry {
	return p.relatives(e, func(n *node) []*node { return reach(n, (*node).parents) })
}

// Descendants returns all entries that depend on e, without e.
func (p *Pool) Descendants(e *Entry) []*Entry {
	return p.relatives(e, func(n *node) []*node { return reach(n, (*node).children) })
}

// Related returns the clusters of the parents and children of e, which need not be in the pool: what it is one cluster
// with, would be, or was until it left.
func (p *Pool) Related(e *Entry) (entries []*Entry) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	seen := make(map[*cluster]struct{})
	for _, n := range append(p.parentsOf(e), p.childrenOf(e)...) {
		if _, again := seen[n.cluster]; !again {
			seen[n.cluster] = struct{}{}
			entries = append(entries, entriesOf(n.cluster.nodes)...)
		}
	}
	return entries
}

func (p *Pool) relatives(e *Entry, of func(*node) []*node) []*Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.byWTxID.get(e.WTxID)
	if n == nil {
		return nil
	}
	entries := entriesOf(of(n))
	slices.SortFunc(entries, bySequence)
	return entries
}

// sortNodes puts nodes in the order of acceptance, which has parents before children. A parent that came back from a
// block after its children is put before them all the same.
func sortNodes(nodes []*node) {
	slices.SortFunc(nodes, func(a, b *node) int { return bySequence(a.entry, b.entry) })
	if !slices.ContainsFunc(nodes, (*node).hasYoungerParent) {
		return
	}
	left := make(map[*node]struct{}, len(nodes))
	for _, n := range nodes {
		left[n] = struct{}{}
	}
	var order []*node
	var put func(*node)
	put = func(n *node) {
		if _, ok := left[n]; !ok {
			return
		}
		delete(left, n)
		for _, parent := range n.parents() {
			put(parent)
		}
		order = append(order, n)
	}
	for _, n := range nodes {
		put(n)
	}
	copy(nodes, order)
}

func (n *node) hasYoungerParent() bool {
	return slices.ContainsFunc(n.parents(), func(parent *node) bool { return parent.entry.Sequence > n.entry.Sequence })
}

func entriesOf(nodes []*node) []*Entry {
	entries := make([]*Entry, len(nodes))
	for i, n := range nodes {
		entries[i] = n.entry
	}
	return entries
}

// reach returns everything that following next leads to from n, without n, in no particular order. The cluster limit
// bounds it.
func reach(n *node, next func(*node) []*node) (found []*node) {
	seen := map[*node]struct{}{n: {}}
	for todo := slices.Clone(next(n)); len(todo) > 0; {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, done := seen[m]; done {
			continue
		}
		seen[m] = struct{}{}
		found = append(found, m)
		todo = append(todo, next(m)...)
	}
	return found
}
