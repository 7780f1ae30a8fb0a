package mempool

import (
	"cmp"
	"slices"
)

// A diagram is how much fee the best transactions of a given size pay together, for every size: chunks laid end to end,
// best fee rate first. It is concave, and flat after its end.
type diagram []feeFrac // of each chunk

func newDiagram(chunks []feeFrac) diagram {
	slices.SortFunc(chunks, func(a, b feeFrac) int { return b.compareRate(a) })
	return chunks
}

// improves reports whether d is nowhere below o and somewhere above: Core's CompareChunks. As both are made of straight
// lines it is enough to look at the corners of both.
func (d diagram) improves(o diagram) bool {
	above := false
	for _, corner := range o.corners() {
		c := d.compareAt(corner)
		if c < 0 {
			return false
		}
		above = above || c > 0
	}
	for _, corner := range d.corners() {
		c := o.compareAt(corner)
		if c > 0 {
			return false
		}
		above = above || c < 0
	}
	return above
}

func (d diagram) corners() []feeFrac {
	corners := make([]feeFrac, len(d))
	var sum feeFrac
	for i, c := range d {
		sum = sum.plus(c)
		corners[i] = sum
	}
	return corners
}

// compareAt compares the diagram's fee at the point's size with the point's fee.
func (d diagram) compareAt(point feeFrac) int {
	var sum feeFrac
	for _, c := range d {
		if rest := point.size - sum.size; rest < c.size {
			if sum.fee > point.fee {
				return 1
			}
			return compareProducts(c.fee, rest, point.fee-sum.fee, c.size)
		}
		sum = sum.plus(c)
	}
	return cmp.Compare(sum.fee, point.fee)
}
