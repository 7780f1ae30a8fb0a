package sim

import (
	"fmt"
	"math"
	"slices"
)

// Fit says how cost and time grow with the size of the network, over runs that
// differ in nothing else.
type Fit struct {
	Name string `json:"name"` // of the runs, without their size

	// T99 grows as Base + PerDecade × log10(nodes), with the part R2 of its
	// variance so explained.
	Base      Ratio `json:"base_seconds"`
	PerDecade Ratio `json:"seconds_per_decade"`
	R2        Ratio `json:"r2"`

	// Spread is how far the most bytes per transaction and node are above the
	// least: 0.1 is a tenth.
	Spread Ratio `json:"bytes_spread"`

	nodes []int // of the runs, ascending
}

// Fits returns one fit for each kind of run of which there are at least three
// sizes that completed.
func Fits(reports []*Report) (fits []Fit) {
	var names []string
	groups := map[string][]*Report{}
	for _, r := range reports {
		name := r.Config.kind()
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if !r.Reach.T99.Never() {
			groups[name] = append(groups[name], r)
		}
	}
	for _, name := range names {
		if f := fit(name, groups[name]); len(f.nodes) >= 3 {
			fits = append(fits, f)
		}
	}
	return fits
}

// fit is the line of least squares.
func fit(name string, reports []*Report) Fit {
	f := Fit{Name: name}
	var n, sx, sy, sxx, sxy, syy float64
	least, most := math.Inf(1), 0.0
	for _, r := range reports {
		x, y := math.Log10(float64(r.Config.Nodes)), float64(r.Reach.T99)
		n, sx, sy, sxx, sxy, syy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y, syy+y*y
		least, most = min(least, float64(r.Bytes.Total)), max(most, float64(r.Bytes.Total))
		f.nodes = append(f.nodes, r.Config.Nodes)
	}
	slices.Sort(f.nodes)
	f.nodes = slices.Compact(f.nodes)
	if len(f.nodes) < 2 {
		return f
	}
	vx, vy, cov := sxx-sx*sx/n, syy-sy*sy/n, sxy-sx*sy/n
	slope := cov / vx
	f.Base, f.PerDecade, f.R2 = ratio((sy-slope*sx)/n), ratio(slope), 1
	if vy > 0 {
		f.R2 = ratio(cov * cov / vx / vy)
	}
	f.Spread = ratio(most/least - 1)
	return f
}

// at is the line's time for so many nodes.
func (f *Fit) at(nodes float64) float64 {
	return float64(f.Base) + float64(f.PerDecade)*math.Log10(nodes)
}

// String is the fit in one line.
func (f *Fit) String() string {
	return fmt.Sprintf("%s, %d to %d nodes: time to 99 %% = %.2f s + %.2f s × log10(nodes), R² %.3f; bytes per transaction and node flat within %.1f %%",
		f.Name, f.nodes[0], f.nodes[len(f.nodes)-1], f.Base, f.PerDecade, f.R2, 100*f.Spread)
}
