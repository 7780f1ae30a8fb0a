package mempool

import "math/bits"

// A chunk is a run of a linearisation that is mined, or evicted, as a whole: its first transactions are worth it
// because of those that follow.
type chunk struct {
	feeFrac
	count int // transactions
}

// linearize orders the transactions of a cluster, at most 64, as a miner would take them, and cuts the order into
// chunks whose fee rates never rise. The nodes come parents first; parents that are not among them are ignored.
//
// Each step takes the transaction whose ancestors not taken yet, itself included, have the best fee rate together, and
// all of those: Core's mining algorithm of before cluster mempool. Adjacent runs are then merged wherever the later one
// has the better rate. It takes O(n²) steps and finds the order that is best for a chain and for any number of parents
// of one child. Core (cluster_linearize.h) searches on for the optimum of every cluster; ours can be worse where
// several children pay for an ancestor together and none of them could alone, which costs such an ancestor a place in
// eviction and announcement, but never breaks a bound.
func linearize(nodes []*node) (order []*node, chunks []chunk) {
	if len(nodes) == 1 {
		return nodes, []chunk{{nodes[0].feeFrac(), 1}}
	}
	ancestors := ancestorSets(nodes)
	sums := make([]feeFrac, len(nodes)) // of ancestors that are left
	for i, set := range ancestors {
		sums[i] = sumOf(nodes, set)
	}
	order = make([]*node, 0, len(nodes))
	for left := fullSet(len(nodes)); left != 0; {
		best := bits.TrailingZeros64(left)
		for i := range elements(left) {
			if sums[i].compareRate(sums[best]) > 0 {
				best = i
			}
		}
		taken := ancestors[best] & left
		left &^= taken
		for i := range elements(taken) {
			order = append(order, nodes[i])
			chunks = appendChunk(chunks, chunk{nodes[i].feeFrac(), 1})
		}
		for i := range elements(left) {
			if both := ancestors[i] & taken; both != 0 {
				sums[i] = sums[i].minus(sumOf(nodes, both))
			}
		}
	}
	return order, chunks
}

// appendChunk appends c and merges from the end what would rise.
func appendChunk(chunks []chunk, c chunk) []chunk {
	for len(chunks) > 0 {
		last := chunks[len(chunks)-1]
		if c.compareRate(last.feeFrac) <= 0 {
			break
		}
		c = chunk{last.plus(c.feeFrac), last.count + c.count}
		chunks = chunks[:len(chunks)-1]
	}
	return append(chunks, c)
}

// ancestorSets tells for each node the set of its ancestors among nodes, itself included, as bits.
func ancestorSets(nodes []*node) []uint64 {
	index := make(map[*node]int, len(nodes))
	sets := make([]uint64, len(nodes))
	for i, n := range nodes {
		index[n] = i
		sets[i] = 1 << i
		for _, parent := range n.parents() {
			if j, ok := index[parent]; ok {
				sets[i] |= sets[j]
			}
		}
	}
	return sets
}

func sumOf(nodes []*node, set uint64) (sum feeFrac) {
	for i := range elements(set) {
		sum = sum.plus(nodes[i].feeFrac())
	}
	return sum
}

func fullSet(n int) uint64 { return ^uint64(0) >> (64 - n) }

// elements ranges over the bits of set, lowest first.
func elements(set uint64) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(bits.TrailingZeros64(set)) {
				return
			}
		}
	}
}
