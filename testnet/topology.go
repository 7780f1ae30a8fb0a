package testnet

import "math/rand/v2"

// topology says whom each node dials: a ring over all nodes in random order,
// which makes the graph connected, and random chords up to degree dials per
// node. Every pair is linked at most once, whoever dials, so nodes dial less
// when too few others are left.
func topology(nodes, degree int, rng *rand.Rand) [][]int {
	dials := make([][]int, nodes)
	linked := make(map[[2]int]bool, nodes*degree)
	link := func(from, to int) bool {
		pair := [2]int{min(from, to), max(from, to)}
		if from == to || linked[pair] {
			return false
		}
		linked[pair] = true
		dials[from] = append(dials[from], to)
		return true
	}
	ring := rng.Perm(nodes)
	for i, from := range ring {
		link(from, ring[(i+1)%nodes])
	}
	for round := 1; round < degree; round++ {
		for _, from := range rng.Perm(nodes) {
			for _, to := range rng.Perm(nodes) {
				if link(from, to) {
					break
				}
			}
		}
	}
	return dials
}

// halves splits the nodes in two random halves: side[i] is 0 or 1.
func halves(nodes int, rng *rand.Rand) (side []int) {
	side = make([]int, nodes)
	for i, n := range rng.Perm(nodes) {
		side[n] = i % 2
	}
	return side
}
