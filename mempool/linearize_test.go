package mempool

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// graphOf makes nodes of these fees and weights, linked as parents says, which names earlier nodes.
func graphOf(rates []feeFrac, parents [][]int) []*node {
	nodes := make([]*node, len(rates))
	for i, r := range rates {
		nodes[i] = &node{entry: &Entry{Fee: r.fee, Weight: r.size, Sequence: uint64(i + 1)}}
		for _, p := range parents[i] {
			relate(nodes[p], nodes[i])
		}
	}
	return nodes
}

// checkLinearization asserts what must be true of any: each node once, after its parents, and chunks that do not rise.
func checkLinearization(nodes, order []*node, chunks []chunk) error {
	place := make(map[*node]int)
	for i, n := range order {
		if _, twice := place[n]; twice {
			return fmt.Errorf("node %d comes twice", n.entry.Sequence)
		}
		place[n] = i
	}
	if len(place) != len(nodes) {
		return fmt.Errorf("%d of %d nodes", len(place), len(nodes))
	}
	for _, n := range nodes {
		for _, parent := range n.parents() {
			if at, in := place[parent]; in && at > place[n] {
				return fmt.Errorf("node %d comes before its parent %d", n.entry.Sequence, parent.entry.Sequence)
			}
		}
	}
	next := 0
	for i, c := range chunks {
		var sum feeFrac
		for _, n := range order[next : next+c.count] {
			sum = sum.plus(n.feeFrac())
		}
		if next += c.count; sum != c.feeFrac {
			return fmt.Errorf("chunk %d is %v, its nodes %v", i, c.feeFrac, sum)
		}
		if i > 0 && c.compareRate(chunks[i-1].feeFrac) > 0 {
			return fmt.Errorf("chunk %d is better than the one before", i)
		}
	}
	if next != len(order) {
		return fmt.Errorf("chunks cover %d of %d nodes", next, len(order))
	}
	return nil
}

// bestFirst is the best fee rate that any set of transactions has that needs no others: the naive optimum.
func bestFirst(nodes []*node) (best feeFrac) {
	ancestors := ancestorSets(nodes)
	for set := uint64(1); set <= fullSet(len(nodes)); set++ {
		closed := true
		for i := range elements(set) {
			closed = closed && ancestors[i]&^set == 0
		}
		if sum := sumOf(nodes, set); closed && (best.size == 0 || sum.compareRate(best) > 0) {
			best = sum
		}
	}
	return best
}

func TestLinearize(t *testing.T) {
	rate := rapid.Custom(func(t *rapid.T) feeFrac {
		return feeFrac{rapid.Int64Range(0, 9).Draw(t, "fee"), rapid.Int64Range(1, 4).Draw(t, "weight")}
	})
	check := func(rt *rapid.T, rates []feeFrac, parents [][]int, optimal bool) {
		nodes := graphOf(rates, parents)
		order, chunks := linearize(nodes)
		if err := checkLinearization(nodes, order, chunks); err != nil {
			rt.Fatal(err)
		}
		best := bestFirst(nodes)
		if c := chunks[0].compareRate(best); c > 0 || optimal && c < 0 {
			rt.Fatalf("the first chunk is %v, the best possible %v", chunks[0].feeFrac, best)
		}
		for i, set := range ancestorSets(nodes) {
			if sumOf(nodes, set).compareRate(chunks[0].feeFrac) > 0 {
				rt.Fatalf("the ancestors of %d are better than the first chunk", i)
			}
		}
	}
	t.Run("any graph", rapid.MakeCheck(func(rt *rapid.T) {
		rates := rapid.SliceOfN(rate, 1, 8).Draw(rt, "rates")
		parents := make([][]int, len(rates))
		for i := 1; i < len(rates); i++ {
			parents[i] = rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, min(i, 3), rapid.ID[int]).Draw(rt, "parents")
		}
		check(rt, rates, parents, false)
	}))
	t.Run("a chain", rapid.MakeCheck(func(rt *rapid.T) {
		rates := rapid.SliceOfN(rate, 1, 8).Draw(rt, "rates")
		parents := make([][]int, len(rates))
		for i := 1; i < len(rates); i++ {
			parents[i] = []int{i - 1}
		}
		check(rt, rates, parents, true)
	}))
	t.Run("a child with parents", rapid.MakeCheck(func(rt *rapid.T) {
		rates := rapid.SliceOfN(rate, 2, 8).Draw(rt, "rates")
		parents := make([][]int, len(rates))
		for i := range len(rates) - 1 {
			parents[len(rates)-1] = append(parents[len(rates)-1], i)
		}
		check(rt, rates, parents, true)
	}))
}

func TestLinearizeFullCluster(t *testing.T) {
	rates, parents := make([]feeFrac, MaxClusterCount), make([][]int, MaxClusterCount)
	for i := range rates {
		rates[i] = feeFrac{int64(i), 1} // the last pays best for all
		if i > 0 {
			parents[i] = []int{i - 1}
		}
	}
	order, chunks := linearize(graphOf(rates, parents))
	if len(order) != 64 || len(chunks) != 1 || bits.OnesCount64(fullSet(64)) != 64 {
		t.Errorf("%d nodes, %d chunks", len(order), len(chunks))
	}
}

func TestFeeRatesCompareExactly(t *testing.T) {
	const supply, weight = 2_100_000_000_000_000, maxClusterWeight
	for _, c := range []struct {
		a, b feeFrac
		want int
	}{
		{feeFrac{1, 2}, feeFrac{2, 4}, 0},
		{feeFrac{supply, weight}, feeFrac{supply - 1, weight}, 1},
		{feeFrac{supply, weight}, feeFrac{supply, weight - 1}, -1},
		{feeFrac{0, 1}, feeFrac{0, weight}, 0},
	} {
		if got := c.a.compareRate(c.b); got != c.want {
			t.Errorf("%v and %v: %d", c.a, c.b, got)
		}
	}
	if got := (feeFrac{110, 440}).perKvB(); got != 1000 {
		t.Error(got)
	}
	if got := (feeFrac{supply, weight}).perKvB(); got != supply/101 {
		t.Error(got)
	}
}

func TestChunks(t *testing.T) {
	b := newBench(t)
	l := p2wpkh(1)
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue-100, l))
	low := b.add(parent)
	child := b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-10_100, l))
	high := b.add(child)
	later := b.add(b.signed([]coin{coinOf(child, 0, l)}, pay(coinValue-11_100, l)))
	chunks := b.pool.Cluster(low)
	if len(chunks) != 2 || !slices.Equal(chunks[0].Entries, []*Entry{low, high}) || !slices.Equal(chunks[1].Entries, []*Entry{later}) {
		t.Fatalf("%+v", chunks)
	}
	if c := b.pool.ChunkOf(high); c.Fee != 10_100 || c.Weight != low.Weight+high.Weight || c.FeeRate() != 10_100*4000/c.Weight {
		t.Errorf("%+v", c)
	}
	b.pool.Remove(high.WTxID, ReasonConflict)
	if c := b.pool.ChunkOf(low); c.Fee != 100 || c.FeeRate() != 100*4000/low.Weight {
		t.Errorf("%+v", c)
	}
	if b.pool.ChunkOf(high).Entries != nil || b.pool.Cluster(high) != nil {
		t.Error("a removed entry has a cluster")
	}
}

func BenchmarkLinearize(b *testing.B) {
	rates, parents := make([]feeFrac, MaxClusterCount), make([][]int, MaxClusterCount)
	for i := range rates {
		rates[i] = feeFrac{int64(i*7919%1000 + 100), int64(400 + i*31%400)}
		if i > 0 {
			parents[i] = []int{i / 2, i * 2 / 3}
		}
	}
	for i := range parents {
		parents[i] = slices.DeleteFunc(parents[i], func(p int) bool { return p >= i })
	}
	nodes := graphOf(rates, parents)
	b.ReportAllocs()
	for b.Loop() {
		linearize(nodes)
	}
}
