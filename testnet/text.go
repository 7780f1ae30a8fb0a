package testnet

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// How much of what is missing a text names. All of it is in [Verdict.Gaps].
const (
	shownGaps  = 20
	shownTxIDs = 3
)

// WriteText writes the report for people. Its last line is the verdict.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeNumbers(&b)
	r.writeGaps(&b)
	b.WriteString(r.VerdictLine())
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeNumbers(b *strings.Builder) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("steady", "%d transactions, %d deliveries to other nodes", r.Txs, r.Deliveries)
	l := r.Latency
	row("latency", "p50 %v, p90 %v, p99 %v, max %v", l.P50, l.P90, l.P99, l.Max)
	n := r.Bytes
	row("bytes", "%.0f per transaction and node: %.0f body, %.0f announce, %.0f request, %.0f reconcile, %.0f control; beacons %.0f more",
		n.Total-n.Beacon, n.Body, n.Announce, n.Request, n.Reconcile, n.Control, n.Beacon)
	row("overhead", "%.0f of them are more than one body per delivery; %.2f bodies per transaction and node", n.Overhead, r.BodiesPerTxNode)
	if p := r.Partition; p.Seconds > 0 {
		healed := "mempools were not equal again"
		if !p.HealSeconds.Never() {
			healed = fmt.Sprintf("mempools equal %v after its end, %.1f rounds per node (log2 of the nodes: %.1f)",
				p.HealSeconds, p.Rounds, math.Log2(float64(r.Nodes)))
		}
		row("partition", "%v, %d nodes with %d transactions against %d with %d; %s",
			p.Seconds, p.Nodes[0], p.Txs[0], p.Nodes[1], p.Txs[1], healed)
	}
	b.WriteString("\n")
}

// String gives the time with its unit, or "never".
func (s Seconds) String() string {
	switch {
	case s.Never():
		return "never"
	case s < 1:
		return fmt.Sprintf("%.0f ms", float64(s)*1000)
	}
	return fmt.Sprintf("%.1f s", float64(s))
}

func (r *Report) writeGaps(b *strings.Builder) {
	gaps := r.Verdict.Gaps
	for i, gap := range gaps {
		if i == shownGaps {
			pairs := 0
			for _, g := range gaps[i:] {
				pairs += g.Count
			}
			fmt.Fprintf(b, "and %d more such lists, of %d transactions in all\n", len(gaps)-i, pairs)
			break
		}
		r.writeGap(b, gap)
	}
	if len(gaps) > 0 {
		b.WriteString("\n")
	}
}

func (r *Report) writeGap(b *strings.Builder, gap Gap) {
	name := gap.Node
	if name == r.Fault {
		name += " (told to request nothing)"
	}
	why := "which it would accept: they never reached it"
	switch {
	case gap.Final:
		why = "which it refuses for good: " + gap.Reason
	case gap.Reason != "":
		why = "for now: " + gap.Reason
	}
	fmt.Fprintf(b, "%s lacks %d of %d transactions, %s\n", name, gap.Count, r.Verdict.Txs, why)
	for i, txid := range gap.TxIDs {
		if i == shownTxIDs {
			break
		}
		fmt.Fprintf(b, "    %v\n", txid)
	}
	if gap.Count > shownTxIDs {
		fmt.Fprintf(b, "    and %d more\n", gap.Count-shownTxIDs)
	}
}

// VerdictLine is the verdict in one line, which begins with the outcome in
// capitals.
func (r *Report) VerdictLine() string {
	v := &r.Verdict
	took := seconds(r.Elapsed)
	switch v.Outcome {
	case Converged:
		return fmt.Sprintf("CONVERGED: %d/%d mempools identical, %d transactions, digest %x…, %v",
			v.Nodes, v.Nodes, v.Txs, v.Digest[:8], took)
	case Settled:
		return fmt.Sprintf("SETTLED: %d different mempools among %d nodes, %d transactions; all %d differences are refusals that time does not change, %v",
			v.Digests, v.Nodes, v.Txs, v.Missing, took)
	}
	return fmt.Sprintf("DIVERGED: %d different mempools among %d nodes, %d transactions; missing are %s, %v",
		v.Digests, v.Nodes, v.Txs, v.whereMissing(), took)
}

// whereMissing sums up the gaps.
func (v *Verdict) whereMissing() string {
	var nodes []string
	for _, gap := range v.Gaps {
		if len(nodes) == 0 || nodes[len(nodes)-1] != gap.Node {
			nodes = append(nodes, gap.Node)
		}
	}
	if len(nodes) > 4 {
		return fmt.Sprintf("%d (transaction, node) pairs at %d nodes", v.Missing, len(nodes))
	}
	return fmt.Sprintf("%d at %s", v.Missing, strings.Join(nodes, ", "))
}
