package sim

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Sizes of a figure in pixels.
const (
	panelWidth  = 460
	panelHeight = 280
	marginLeft  = 62
	marginTop   = 44
	marginRight = 20
	barHeight   = 16
	rowHeight   = 38 // a name above a bar
	lineHeight  = 18
)

// hues are Okabe and Ito's, which people with any colour vision tell apart.
var hues = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8a7a00"}

func hue(i int) string { return hues[i%len(hues)] }

// figure collects an SVG.
type figure struct {
	strings.Builder
	x, y float64 // where the panel's plot begins
}

// WriteSVG draws a series of runs: latency as the share of deliveries over time,
// overhead by kind, and, if there are fits, the time to 99 % over the number of
// nodes.
func WriteSVG(w io.Writer, reports []*Report) error {
	fits := Fits(reports)
	panels := 2
	if len(fits) > 0 {
		panels = 3
	}
	width := panels * (panelWidth + marginLeft + marginRight)
	height := marginTop + max(panelHeight, rowHeight*len(reports)) + 64 + lineHeight*max(len(reports), 5)
	f := &figure{}
	fmt.Fprintf(f, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(f, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	f.x, f.y = marginLeft, marginTop
	f.latencies(reports)
	f.x += panelWidth + marginLeft + marginRight
	f.overheads(reports)
	f.x += panelWidth + marginLeft + marginRight
	if len(fits) > 0 {
		f.growth(reports, fits)
	}
	f.WriteString("</svg>\n")
	_, err := io.WriteString(w, f.String())
	return err
}

func (f *figure) text(x, y float64, anchor, s string) {
	fmt.Fprintf(f, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}

func (f *figure) line(x1, y1, x2, y2 float64, style string) {
	fmt.Fprintf(f, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>`+"\n", x1, y1, x2, y2, style)
}

func (f *figure) title(s string) {
	fmt.Fprintf(f, `<text x="%.1f" y="%.1f" font-size="14" font-weight="bold">%s</text>`+"\n", f.x, f.y-22, html.EscapeString(s))
}

const (
	gridStyle = `stroke="#dddddd"`
	axisStyle = `stroke="#333333"`
)

// plot draws the frame of a panel with ticks at 0, step, … on the vertical axis
// and returns the position of a value on it.
func (f *figure) plot(top, step float64, unit string) func(float64) float64 {
	y := func(v float64) float64 { return f.y + panelHeight*(1-v/top) }
	for v := 0.0; v <= top*1.0001; v += step {
		f.line(f.x, y(v), f.x+panelWidth, y(v), gridStyle)
		f.text(f.x-6, y(v)+4, "end", fmt.Sprintf("%.4g%s", v, unit))
	}
	f.line(f.x, f.y, f.x, f.y+panelHeight, axisStyle)
	f.line(f.x, f.y+panelHeight, f.x+panelWidth, f.y+panelHeight, axisStyle)
	return y
}

// steps is a round step that divides what must be shown in five to ten, and the
// end of the axis.
func steps(most float64) (step, end float64) {
	if !(most > 0) {
		most = 1
	}
	step = math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, k := range []float64{2, 2.5, 2} { // 1, 2, 5, 10 times
		if most/step <= 10 {
			break
		}
		step *= k
	}
	return step, step * math.Ceil(most/step)
}

func (f *figure) latencies(reports []*Report) {
	f.title("Deliveries over time from submission")
	most := 0.0
	for _, r := range reports {
		if n := len(r.curve); n > 0 {
			most = max(most, float64(r.curve[n*199/200-1]), float64(r.Latency.P99))
		}
	}
	step, end := steps(most)
	y := f.plot(100, 20, " %")
	x := func(v float64) float64 { return f.x + panelWidth*v/end }
	for v := 0.0; v <= end*1.0001; v += step {
		f.line(x(v), f.y, x(v), f.y+panelHeight, gridStyle)
		f.text(x(v), f.y+panelHeight+18, "middle", fmt.Sprintf("%.3g s", v))
	}
	for i, r := range reports {
		var points strings.Builder
		for k, at := range r.curve {
			if float64(at) > end {
				break
			}
			fmt.Fprintf(&points, "%.1f,%.1f ", x(float64(at)), y(float64(k)/2))
		}
		fmt.Fprintf(f, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", hue(i), points.String())
		f.legend(i, hue(i), fmt.Sprintf("%s: p50 %v, p99 %v", r.Config.Name(), r.Latency.P50, r.Latency.P99))
	}
}

func (f *figure) legend(i int, colour, s string) {
	y := f.y + panelHeight + 46 + float64(i)*lineHeight
	fmt.Fprintf(f, `<rect x="%.1f" y="%.1f" width="12" height="12" fill="%s"/>`+"\n", f.x, y-10, colour)
	f.text(f.x+18, y, "start", s)
}

func (f *figure) overheads(reports []*Report) {
	f.title("Bytes per transaction and node beyond one body")
	most := 0.0
	for _, r := range reports {
		most = max(most, float64(r.Bytes.Overhead))
	}
	step, end := steps(most * 1.1)
	x := func(v float64) float64 { return f.x + panelWidth*v/end }
	height := max(panelHeight, float64(rowHeight*len(reports)))
	for v := 0.0; v <= end*1.0001; v += step {
		f.line(x(v), f.y, x(v), f.y+height, gridStyle)
		f.text(x(v), f.y+height+18, "middle", fmt.Sprintf("%.4g", v))
	}
	kinds := []string{"announce", "request", "reconcile", "control", "bodies: duplicates and framing"}
	for i, r := range reports {
		b := r.Bytes
		parts := []Ratio{b.Announce, b.Request, b.Reconcile, b.Control, b.Overhead - b.Announce - b.Request - b.Reconcile - b.Control}
		at, top := 0.0, f.y+float64(i)*rowHeight+18
		for k, part := range parts {
			v := max(float64(part), 0)
			fmt.Fprintf(f, `<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>`+"\n", x(at), top, x(v)-f.x, barHeight, hue(k))
			at += v
		}
		f.text(f.x+4, top-4, "start", r.Config.Name())
		f.text(x(at)+6, top+barHeight-4, "start", tenth(b.Overhead))
	}
	f.line(f.x, f.y, f.x, f.y+height, axisStyle)
	f.y += height - panelHeight // legends lie below
	for k, kind := range kinds {
		f.legend(k, hue(k), kind)
	}
	f.y -= height - panelHeight
}

func (f *figure) growth(reports []*Report, fits []Fit) {
	f.title("Time to 99 % of the nodes, by number of nodes")
	least, most, high := math.Inf(1), 0.0, 0.0
	for _, r := range reports {
		least, most = min(least, float64(r.Config.Nodes)), max(most, float64(r.Config.Nodes))
		if !r.Reach.T99.Never() {
			high = max(high, float64(r.Reach.T99))
		}
	}
	from, to := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	x := func(nodes float64) float64 { return f.x + panelWidth*(math.Log10(nodes)-from)/(to-from) }
	step, end := steps(high * 1.05)
	y := f.plot(end, step, " s")
	for d := from; d <= to; d++ {
		v := math.Pow(10, d)
		f.line(x(v), f.y, x(v), f.y+panelHeight, gridStyle)
		f.text(x(v), f.y+panelHeight+18, "middle", fmt.Sprintf("%.0f", v))
	}
	for i, fit := range fits {
		f.line(x(least), y(fit.at(least)), x(most), y(fit.at(most)), fmt.Sprintf(`stroke="%s" stroke-dasharray="5 4"`, hue(i)))
		for _, r := range reports {
			if r.Config.kind() == fit.Name && !r.Reach.T99.Never() {
				fmt.Fprintf(f, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x(float64(r.Config.Nodes)), y(float64(r.Reach.T99)), hue(i))
			}
		}
		f.legend(i, hue(i), fmt.Sprintf("%s: %.2f s + %.2f s per tenfold", fit.Name, fit.Base, fit.PerDecade))
	}
}
