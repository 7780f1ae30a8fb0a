package testnet

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTopologyIsConnectedAndLinksPairsOnce(t *testing.T) {
	for _, c := range []struct{ nodes, degree, links int }{
		{2, 1, 1},
		{2, 8, 1},
		{3, 1, 3},
		{4, 8, 6},
		{5, 2, 10},
		{20, 1, 20},
		{20, 3, 60},
		{20, 8, 160},
		{20, 19, 190},
		{100, 8, 800},
	} {
		for seed := range uint64(20) {
			dials := topology(c.nodes, c.degree, rand.New(rand.NewPCG(seed, 0)))
			links := 0
			seen := make(map[[2]int]bool)
			for from, tos := range dials {
				if len(tos) > c.degree {
					t.Fatalf("%+v seed %d: node%d dials %d others", c, seed, from, len(tos))
				}
				for _, to := range tos {
					pair := [2]int{min(from, to), max(from, to)}
					if from == to || seen[pair] {
						t.Fatalf("%+v seed %d: node%d and node%d are linked twice", c, seed, from, to)
					}
					seen[pair] = true
					links++
				}
			}
			if !connected(dials) {
				t.Fatalf("%+v seed %d: not connected", c, seed)
			}
			// Chords are drawn in random order, so near the complete graph a
			// node may find nobody left; elsewhere every dial finds its pair.
			if links > c.links || (2*c.degree < c.nodes-4 && links != c.links) {
				t.Errorf("%+v seed %d: %d links", c, seed, links)
			}
		}
	}
}

func connected(dials [][]int) bool {
	neighbours := make([][]int, len(dials))
	for from, tos := range dials {
		for _, to := range tos {
			neighbours[from] = append(neighbours[from], to)
			neighbours[to] = append(neighbours[to], from)
		}
	}
	reached := make([]bool, len(dials))
	reached[0] = true
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		for _, n := range neighbours[queue[0]] {
			if !reached[n] {
				reached[n] = true
				queue = append(queue, n)
			}
		}
	}
	return !slices.Contains(reached, false)
}

func TestTopologyFollowsTheSeed(t *testing.T) {
	graph := func(seed uint64) [][]int { return topology(20, 8, rand.New(rand.NewPCG(seed, 0))) }
	if !slices.EqualFunc(graph(7), graph(7), slices.Equal) {
		t.Error("one seed made two graphs")
	}
	if slices.EqualFunc(graph(7), graph(8), slices.Equal) {
		t.Error("two seeds made one graph")
	}
}

func TestHalvesAreHalves(t *testing.T) {
	for _, nodes := range []int{4, 5, 20, 21} {
		side := halves(nodes, rand.New(rand.NewPCG(1, 0)))
		ones := 0
		for _, s := range side {
			ones += s
		}
		if ones != nodes/2 {
			t.Errorf("%d of %d nodes are on side 1", ones, nodes)
		}
	}
}
