package sim

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Name tells the run from others of a series: its size, its relay, its faults.
func (c *Config) Name() string { return fmt.Sprintf("%d nodes, %s", c.Nodes, c.kind()) }

// kind is the name without the size.
func (c *Config) kind() string {
	kind := string(c.Relay)
	for _, f := range []struct {
		share float64
		what  string
	}{{c.Sinks, "sinks"}, {c.Teasers, "teasers"}, {c.Churn, "churn"}} {
		if f.share > 0 {
			kind += fmt.Sprintf(", %.3g %% %s", 100*f.share, f.what)
		}
	}
	return kind
}

// WriteText writes a series of runs for people. Its last line is the verdict.
func WriteText(w io.Writer, reports []*Report) error {
	var b strings.Builder
	writeTable(&b, reports, "RUN|P50|P90|P99|MAX|TO 99 %|HOPS|EVENTS|FINGERPRINT", func(r *Report) []any {
		l := r.Latency
		return []any{l.P50, l.P90, l.P99, l.Max, r.Reach.T99,
			fmt.Sprintf("%.1f", r.Hops.Mean), r.Events, fmt.Sprintf("%016x", r.Fingerprint)}
	})
	b.WriteString("\nBytes per transaction and node:\n")
	writeTable(&b, reports, "RUN|ANNOUNCE|REQUEST|BODY|RECONCILE|CONTROL|TOTAL|OVERHEAD|BODIES|WRITES", func(r *Report) []any {
		n := r.Bytes
		return []any{tenth(n.Announce), tenth(n.Request), tenth(n.Body), tenth(n.Reconcile), tenth(n.Control),
			tenth(n.Total), tenth(n.Overhead), fmt.Sprintf("%.3f", r.Bodies), fmt.Sprintf("%.2f", r.Writes)}
	})
	b.WriteString("\n")
	for _, r := range reports {
		if p := r.Partition; p.Seconds > 0 {
			equal := fmt.Sprintf("equal %v after that", p.HealSeconds)
			if p.HealSeconds.Never() {
				equal = "not equal again"
			}
			fmt.Fprintf(&b, "%s: halves apart for %v with %d transactions, %s\n", r.Config.Name(), p.Seconds, p.Txs, equal)
		}
	}
	writeComparison(&b, reports)
	for _, f := range Fits(reports) {
		fmt.Fprintln(&b, &f)
	}
	b.WriteString(verdict(reports) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func tenth(r Ratio) string { return fmt.Sprintf("%.1f", r) }

func writeTable(b *strings.Builder, reports []*Report, header string, row func(*Report) []any) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(header, "|", "\t"))
	for _, r := range reports {
		fmt.Fprint(t, r.Config.Name())
		for _, cell := range row(r) {
			fmt.Fprintf(t, "\t%v", cell)
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // a strings.Builder takes everything
}

// writeComparison says what each run costs beside the first of its size.
func writeComparison(b *strings.Builder, reports []*Report) {
	for i, r := range reports {
		first := i
		for first > 0 && reports[first-1].Config.Nodes == r.Config.Nodes {
			first--
		}
		base := reports[first]
		if first == i || base.Bytes.Overhead <= 0 || base.Latency.P99 <= 0 {
			continue
		}
		fmt.Fprintf(b, "%s against %s: p99 × %.2f, overhead × %.2f, writes × %.2f\n", r.Config.Name(), base.Config.kind(),
			r.Latency.P99/base.Latency.P99, r.Bytes.Overhead/base.Bytes.Overhead, r.Writes/base.Writes)
	}
}

// verdict says in one line whether everything arrived.
func verdict(reports []*Report) string {
	missing := 0
	for _, r := range reports {
		missing += r.Missing + r.MissingAtEnd
	}
	c := reports[0].Config
	if missing == 0 {
		return fmt.Sprintf("COMPLETE: every honest node has every transaction, seed %d", c.Seed)
	}
	for _, r := range reports {
		if !r.Complete() {
			return fmt.Sprintf("INCOMPLETE: seed %d, %s: %d of %d deliveries are missing after the steady phase, %d at the end",
				c.Seed, r.Config.Name(), r.Missing, r.Missing+r.Deliveries, r.MissingAtEnd)
		}
	}
	return ""
}
