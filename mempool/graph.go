package mempool

import (
	"maps"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// A node is an entry, its direct relatives in the pool and its place in a cluster.
type node struct {
	entry    *Entry
	parents  []*node
	children []*node
	cluster  *cluster
	chunk    int   // of the cluster
	delta    int64 // added to the entry's fee: see [Pool.Prioritise]
}

// feeFrac has the modified fee.
func (n *node) feeFrac() feeFrac { return feeFrac{n.entry.Fee + n.delta, n.entry.adjustedWeight()} }

func (n *node) get() *Entry {
	if n == nil {
		return nil
	}
	return n.entry
}

// parentsOf returns the transactions in the pool that e spends from, each once. The caller holds the lock.
func (p *Pool) parentsOf(e *Entry) []*node {
	var parents []*node
	seen := make(map[*node]struct{})
	for in := range e.Inputs() {
		n := p.byTxID[in.PreviousOutPoint.Hash]
		if n == nil {
			continue
		}
		if _, twice := seen[n]; !twice {
			seen[n] = struct{}{}
			parents = append(parents, n)
		}
	}
	return parents
}

// childrenOf returns the transactions in the pool that spend from e, each once. There are some only when a block that
// held e left the chain and what spent from it stayed. The caller holds the lock.
func (p *Pool) childrenOf(e *Entry) (children []*node) {
	seen := make(map[*node]struct{})
	for i := range e.Outputs() {
		n := p.spenders[wire.OutPoint{Hash: e.TxID, Index: i}]
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
	n := &node{entry: e, parents: p.parentsOf(e), children: p.childrenOf(e), delta: p.deltas[e.TxID]}
	for _, parent := range n.parents {
		parent.children = append(parent.children, n)
	}
	for _, child := range n.children {
		child.parents = append(child.parents, n)
		p.usage += relationship
	}
	p.byWTxID[e.WTxID] = n
	p.byTxID[e.TxID] = n
	p.clusters.join(n)
	for in := range e.Inputs() {
		p.spenders[in.PreviousOutPoint] = n
	}
	p.usage += memoryUsage(e, len(n.parents))
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
		for _, d := range reach(n, (*node).kids) {
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
	for _, parent := range n.parents {
		i := slices.Index(parent.children, n)
		parent.children = slices.Delete(parent.children, i, i+1)
	}
	delete(p.byWTxID, e.WTxID)
	delete(p.byTxID, e.TxID)
	for in := range e.Inputs() {
		delete(p.spenders, in.PreviousOutPoint)
	}
	p.usage -= memoryUsage(e, len(n.parents))
	p.bytes -= int64(len(e.Raw))
	p.vbytes -= e.VSize
	p.totalFee -= e.Fee
}

func (n *node) folks() []*node { return n.parents }
func (n *node) kids() []*node  { return n.children }

// Parents returns the entries e spends from directly. Like all relatives they come in the order of acceptance, and
// there are none once e has left the pool.
func (p *Pool) Parents(e *Entry) []*Entry {
	return p.relatives(e, (*node).folks)
}

// Children returns the entries that spend from e directly.
func (p *Pool) Children(e *Entry) []*Entry {
	return p.relatives(e, (*node).kids)
}

// Ancestors returns all entries e depends on, without e.
func (p *Pool) Ancestors(e *Entry) []*Entry {
	return p.relatives(e, func(n *node) []*node { return reach(n, (*node).folks) })
}

// Descendants returns all entries that depend on e, without e.
func (p *Pool) Descendants(e *Entry) []*Entry {
	return p.relatives(e, func(n *node) []*node { return reach(n, (*node).kids) })
}

func (p *Pool) relatives(e *Entry, of func(*node) []*node) []*Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.byWTxID[e.WTxID]
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
		for _, parent := range n.parents {
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
	return slices.ContainsFunc(n.parents, func(parent *node) bool { return parent.entry.Sequence > n.entry.Sequence })
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
