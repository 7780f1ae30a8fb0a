package sim

import (
	"encoding/csv"
	"fmt"
	"io"
)

// WriteCSV writes a line for each run, below a header. What never happened is
// empty.
func WriteCSV(w io.Writer, reports []*Report) error {
	c := csv.NewWriter(w)
	for i, r := range reports {
		columns := columnsOf(r)
		if i == 0 {
			var header []string
			for _, col := range columns {
				header = append(header, col.name)
			}
			if err := c.Write(header); err != nil {
				return err
			}
		}
		var row []string
		for _, col := range columns {
			text := fmt.Sprint(col.value)
			if s, ok := col.value.(Seconds); ok {
				if text = fmt.Sprint(float64(s)); s.Never() {
					text = ""
				}
			}
			row = append(row, text)
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

type column struct {
	name  string
	value any
}

func columnsOf(r *Report) []column {
	c, l, t, b := &r.Config, &r.Latency, &r.Reach, &r.Bytes
	return []column{
		{"seed", c.Seed}, {"nodes", c.Nodes}, {"relay", c.Relay}, {"degree", c.Degree}, {"reachable", c.Reachable},
		{"warmup", c.Warmup}, {"txs", c.Txs}, {"rate", c.Rate}, {"size", c.Size},
		{"mesh_degree_wanted", c.MeshDegree}, {"mesh_max", c.MeshMax}, {"mesh_degree", float64(r.MeshDegree)}, {"eager_hops", c.EagerHops},
		{"inv_interval", c.InvInterval.Seconds()}, {"recon_interval", c.ReconInterval.Seconds()},
		{"sinks", c.Sinks}, {"teasers", c.Teasers}, {"churn", c.Churn},
		{"deliveries", r.Deliveries}, {"missing", r.Missing}, {"missing_at_end", r.MissingAtEnd},
		{"p50", l.P50}, {"p90", l.P90}, {"p99", l.P99}, {"max", l.Max},
		{"t50", t.T50}, {"t90", t.T90}, {"t99", t.T99}, {"t100", t.T100},
		{"announce", b.Announce}, {"request", b.Request}, {"body", b.Body}, {"reconcile", b.Reconcile},
		{"control", b.Control}, {"overhead", b.Overhead}, {"total", b.Total},
		{"bodies", r.Bodies}, {"writes", r.Writes}, {"hops_mean", r.Hops.Mean}, {"hops_max", r.Hops.Max},
		{"partition", r.Partition.Seconds}, {"heal", r.Partition.HealSeconds},
		{"events", r.Events}, {"fingerprint", fmt.Sprintf("%016x", r.Fingerprint)},
	}
}
