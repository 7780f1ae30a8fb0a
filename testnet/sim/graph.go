package sim

import (
	"math/rand/v2"
	"time"
)

// MaxInbound is how many links a node accepts (Bitcoin Core: 125 less 8 full
// relay, 2 block relay and 1 feeler).
const MaxInbound = 114

// edge is a pair of nodes with a link between them, whenever both are there.
type edge struct {
	dialer, dialed int
	latency        time.Duration // one way
}

// graph draws who dials whom, each pair once. Some nodes dial less than the
// degree when no others are left that take them.
func graph(cfg *Config, rng *rand.Rand) []edge {
	order := rng.Perm(cfg.Nodes)
	reachable := order[:max(1, cfg.share(cfg.Reachable))]
	accepted := make([]int, cfg.Nodes)
	linked := map[[2]int]bool{}
	var edges []edge
	dial := func(from, to int) bool {
		pair := [2]int{min(from, to), max(from, to)}
		if from == to || linked[pair] || accepted[to] == MaxInbound {
			return false
		}
		linked[pair] = true
		accepted[to]++
		spread := int64(cfg.LatencyMax - cfg.LatencyMin)
		edges = append(edges, edge{from, to, cfg.LatencyMin + time.Duration(rng.Int64N(spread+1))})
		return true
	}
	for from := range cfg.Nodes {
		dialed := 0
		for tries := 0; dialed < cfg.Degree && tries < 4*cfg.Degree; tries++ {
			if dial(from, reachable[rng.IntN(len(reachable))]) {
				dialed++
			}
		}
		if dialed == cfg.Degree {
			continue
		}
		for _, i := range rng.Perm(len(reachable)) { // few are left: look at all
			if dialed == cfg.Degree {
				break
			}
			if dial(from, reachable[i]) {
				dialed++
			}
		}
	}
	return edges
}

// parts is in how many parts the edges leave those nodes that count.
func parts(nodes int, edges []edge, counts func(int) bool) int {
	root := make([]int, nodes)
	n := 0
	for i := range root {
		root[i] = i
		if counts(i) {
			n++
		}
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, e := range edges {
		a, b := find(e.dialer), find(e.dialed)
		if counts(e.dialer) && counts(e.dialed) && a != b {
			root[a] = b
			n--
		}
	}
	return n
}
