package mempool

import (
	"cmp"
	"iter"
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
	line := tracer{ahead: d}
	for corner := range o.corners() {
		c := line.compare(corner)
		if c < 0 {
			return false
		}
		above = above || c > 0
	}
	line = tracer{ahead: o}
	for corner := range d.corners() {
		c := line.compare(corner)
		if c > 0 {
			return false
		}
		above = above || c < 0
	}
	return above
}

// corners ranges over the ends of the chunks.
func (d diagram) corners() iter.Seq[feeFrac] {
	return func(yield func(feeFrac) bool) {
		var sum feeFrac
		for _, c := range d {
			if sum = sum.plus(c); !yield(sum) {
				return
			}
		}
	}
}

// A tracer follows a diagram to points of ever greater size: a hundred full clusters have more than 6000 corners.
type tracer struct {
	ahead diagram
	sum   feeFrac // of what is behind
}

// compare compares the diagram's fee at the point's size with the point's fee.
func (t *tracer) compare(point feeFrac) int {
	for len(t.ahead) > 0 {
		c, rest := t.ahead[0], point.size-t.sum.size
		if rest < c.size {
			return compareProducts(c.fee, rest, point.fee-t.sum.fee, c.size)
		}
		t.sum, t.ahead = t.sum.plus(c), t.ahead[1:]
	}
	return cmp.Compare(t.sum.fee, point.fee)
}
