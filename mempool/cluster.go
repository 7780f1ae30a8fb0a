package mempool

import (
	"container/heap"
	"slices"
)

// Limits of a cluster, a set of transactions connected by spending each other's outputs: Core policy/policy.h.
const (
	// MaxClusterCount is how many transactions it may have.
	MaxClusterCount = 64
	// MaxClusterVSize is how many virtual bytes, adjusted for signature operations, they may have.
	MaxClusterVSize = 101_000

	maxClusterWeight = MaxClusterVSize * witnessScale
)

// A cluster keeps its linearisation; it is replaced, not changed, when its members do.
type cluster struct {
	nodes  []*node // in order
	chunks []chunk // the nodes cut into runs
	slot   int     // in clusterHeap
}

// newCluster linearises the nodes, which are connected and come parents first.
func newCluster(nodes []*node) *cluster {
	c := &cluster{}
	c.nodes, c.chunks = linearize(nodes)
	for _, n := range c.nodes {
		n.cluster = c
	}
	return c
}

// chunkNodes are the members of chunk i.
func (c *cluster) chunkNodes(i int) []*node {
	start := 0
	for _, k := range c.chunks[:i] {
		start += k.count
	}
	return c.nodes[start : start+c.chunks[i].count]
}

// chunkOf is the chunk that a member is in.
func (c *cluster) chunkOf(n *node) int {
	at := slices.Index(c.nodes, n)
	for i, k := range c.chunks {
		if at -= k.count; at < 0 {
			return i
		}
	}
	panic("mempool: a node outside its cluster")
}

func (c *cluster) worst() feeFrac { return c.chunks[len(c.chunks)-1].feeFrac }

// A clusterHeap has the cluster whose last chunk has the lowest fee rate first; of equals, the one that came last.
type clusterHeap []*cluster

func (h clusterHeap) Len() int { return len(h) }

func (h clusterHeap) Less(i, j int) bool {
	if c := h[i].worst().compareRate(h[j].worst()); c != 0 {
		return c < 0
	}
	return newest(h[i]) > newest(h[j])
}

func newest(c *cluster) uint64 { return c.nodes[len(c.nodes)-1].entry.Sequence }

func (h clusterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i, j
}

// Push is for package heap.
func (h *clusterHeap) Push(c any) {
	c.(*cluster).slot = len(*h)
	*h = append(*h, c.(*cluster))
}

// Pop is for package heap.
func (h *clusterHeap) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return c
}

// join makes one cluster of n, which is linked to its relatives, and of their clusters.
func (h *clusterHeap) join(n *node) {
	nodes := []*node{n}
	for _, relative := range slices.Concat(n.parents(), n.children()) {
		if !slices.Contains(nodes, relative) {
			nodes = append(nodes, relative.cluster.nodes...)
			heap.Remove(h, relative.cluster.slot)
		}
	}
	sortNodes(nodes)
	heap.Push(h, newCluster(nodes))
}

// leave takes nodes out that are no longer linked to their relatives, and makes clusters of what they left.
func (h *clusterHeap) leave(nodes []*node) {
	gone := make(map[*node]struct{}, len(nodes))
	broken := make(map[*cluster]struct{})
	for _, n := range nodes {
		gone[n] = struct{}{}
		broken[n.cluster] = struct{}{}
	}
	for c := range broken {
		heap.Remove(h, c.slot)
		for _, part := range components(c.nodes, gone) {
			heap.Push(h, newCluster(part))
		}
	}
}

// components splits the nodes that are not in without into connected sets, each with parents first.
func components(nodes []*node, without map[*node]struct{}) (parts [][]*node) {
	seen := make(map[*node]struct{}, len(nodes))
	for _, n := range nodes {
		if _, done := seen[n]; done {
			continue
		}
		if _, out := without[n]; out {
			continue
		}
		part := connected([]*node{n}, without)
		for _, m := range part {
			seen[m] = struct{}{}
		}
		sortNodes(part)
		parts = append(parts, part)
	}
	return parts
}

// connected returns what the relatives of the given nodes lead to, these included, without passing through without.
func connected(from []*node, without map[*node]struct{}) (found []*node) {
	seen := make(map[*node]struct{})
	for todo := slices.Clone(from); len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, done := seen[n]; done {
			continue
		}
		if _, out := without[n]; out {
			continue
		}
		seen[n] = struct{}{}
		found = append(found, n)
		todo = append(append(todo, n.parents()...), n.children()...)
	}
	return found
}

// A Chunk is a group of entries that a miner would take together: the fee rates of a cluster's chunks never rise.
type Chunk struct {
	Fee     int64 // satoshi, with fee deltas
	Weight  int64 // sigop-adjusted
	Entries []*Entry
}

// FeeRate is the chunk's fee rate in satoshi per 1000 virtual bytes, rounded down, but never below 0.
func (c Chunk) FeeRate() int64 { return feeFrac{c.Fee, c.Weight}.perKvB() }

// ChunkOf returns the chunk that e is in: what decides when it is announced and evicted. It is empty once e has left
// the pool.
func (p *Pool) ChunkOf(e *Entry) Chunk {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.byWTxID.get(e.WTxID)
	if n == nil {
		return Chunk{}
	}
	return n.cluster.describe(n.cluster.chunkOf(n))
}

// Cluster returns the chunks of the cluster that e is in, best first; none once e has left the pool.
func (p *Pool) Cluster(e *Entry) []Chunk {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.byWTxID.get(e.WTxID)
	if n == nil {
		return nil
	}
	chunks := make([]Chunk, len(n.cluster.chunks))
	for i := range chunks {
		chunks[i] = n.cluster.describe(i)
	}
	return chunks
}

func (c *cluster) describe(i int) Chunk {
	k := c.chunks[i]
	return Chunk{Fee: k.fee, Weight: k.size, Entries: entriesOf(c.chunkNodes(i))}
}
