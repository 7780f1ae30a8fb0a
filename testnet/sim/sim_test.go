package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"reflect"
	"testing"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

var long = flag.Bool("long", false, "run what takes minutes as well")

// small is a run of a fraction of a second.
func small() Config {
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Warmup, cfg.Txs = 100, 10, 50
	return cfg
}

func mustRun(t *testing.T, cfg Config) *Report {
	t.Helper()
	r, err := Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: p50 %v p99 %v max %v to 99 %% %v; %.1f bytes, overhead %.1f, reconcile %.1f; bodies %.3f",
		r.Config.Name(), r.Latency.P50, r.Latency.P99, r.Latency.Max, r.Reach.T99,
		r.Bytes.Total, r.Bytes.Overhead, r.Bytes.Reconcile, r.Bodies)
	if !r.Complete() {
		t.Errorf("%s: %d deliveries missing, %d at the end", r.Config.Name(), r.Missing, r.MissingAtEnd)
	}
	return r
}

func asJSON(t *testing.T, r *Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRunsAreReproducible runs everything there is twice, the second time with
// every message through its encoding.
func TestRunsAreReproducible(t *testing.T) {
	cfg := small()
	cfg.Txs, cfg.Sinks, cfg.Teasers, cfg.Churn, cfg.Partition = 20, .1, .1, .2, 5*time.Second
	first := mustRun(t, cfg)

	n := newNetwork(cfg)
	messages := 0
	n.sent = func(_ *node, m relaymsg.Message) relaymsg.Message {
		messages++
		lane := m.Kind().Lane()
		frame := relaymsg.AppendFrame(nil, m)
		body, err := relaymsg.ReadFrame(bufio.NewReader(bytes.NewReader(frame)), lane)
		if err != nil {
			t.Fatalf("%T of %d bytes: %v", m, len(frame), err)
		}
		got, err := relaymsg.Decode(lane, body)
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		return got
	}
	second, err := n.simulate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if messages == 0 {
		t.Error("no message was encoded")
	}
	if a, b := asJSON(t, first), asJSON(t, second); a != b || !reflect.DeepEqual(first.curve, second.curve) {
		t.Errorf("two runs of one seed:\n%s\n%s", a, b)
	}
	cfg.Seed++
	if other := mustRun(t, cfg); other.Fingerprint == first.Fingerprint {
		t.Error("another seed has the same fingerprint")
	}
}

// TestCostAndGrowth gates what the relay costs, in virtual and therefore exact
// numbers, and how that grows.
func TestCostAndGrowth(t *testing.T) {
	var reports []*Report
	for _, nodes := range []int{50, 100, 200} {
		cfg := small()
		cfg.Nodes = nodes
		reports = append(reports, mustRun(t, cfg))
	}
	flood := small()
	flood.Relay = RelayFlood
	baseline := mustRun(t, flood)
	mesh := reports[1]
	if cost := mesh.Bytes.Overhead - mesh.Bytes.Reconcile; cost > 60 {
		t.Errorf("overhead without rounds %.1f bytes, want 60 at most", cost)
	}
	if mesh.Latency.P50 > 0.5 || mesh.Latency.P99 > 1.1 {
		t.Errorf("p50 %v, p99 %v; want 0.5 and 1.1 s at most", mesh.Latency.P50, mesh.Latency.P99)
	}
	if mesh.Bodies > 1.08 {
		t.Errorf("%.3f bodies per transaction and node, want 1.08 at most", mesh.Bodies)
	}
	if got := mesh.Bytes.Announce / baseline.Bytes.Announce; got > 0.4 {
		t.Errorf("announcements are %.2f of the flood's, want 0.4 at most", got)
	}
	fits := Fits(reports)
	if len(fits) != 1 {
		t.Fatalf("fits: %v", fits)
	}
	t.Log(&fits[0])
	if fits[0].Spread > 0.1 {
		t.Errorf("bytes per transaction and node vary by %.3f, want 0.1 at most", fits[0].Spread)
	}
}

// TestLong is what takes minutes: 10 000 nodes, and the faults among 1000.
func TestLong(t *testing.T) {
	if !*long {
		t.Skip("needs -long")
	}
	var reports []*Report
	for _, nodes := range []int{100, 1000, 10_000} {
		cfg := DefaultConfig()
		cfg.Nodes = nodes
		reports = append(reports, mustRun(t, cfg))
	}
	f := Fits(reports)[0]
	t.Log(&f)
	if f.Spread > 0.1 || f.R2 < 0.95 {
		t.Errorf("want bytes flat within 0.1 and time to 99 %% like log10(nodes)")
	}
	cfg := DefaultConfig()
	requireFaultsCostLittle(t, cfg)
}

// TestReconciliationAlone spreads transactions with nobody announcing.
func TestReconciliationAlone(t *testing.T) {
	cfg := small()
	cfg.Nodes, cfg.Txs, cfg.Relay = 30, 10, RelayNone
	if r := mustRun(t, cfg); r.Bytes.Announce != 0 {
		t.Errorf("%.1f bytes of announcements", r.Bytes.Announce)
	}
}

func TestTwoNodes(t *testing.T) {
	cfg := small()
	cfg.Nodes, cfg.Warmup, cfg.Txs, cfg.Rate = 2, 0, 5, 1000
	if r := mustRun(t, cfg); r.Deliveries != 5 || r.Hops.Max != 1 {
		t.Errorf("%d deliveries over up to %d links, want 5 over 1", r.Deliveries, r.Hops.Max)
	}
}

// TestIsolatedNodeIsReported: a node with no honest neighbour.
func TestIsolatedNodeIsReported(t *testing.T) {
	cfg := small()
	cfg.Nodes, cfg.Degree, cfg.Txs, cfg.Sinks = 20, 2, 5, 0.8
	r, err := Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Complete() || r.Missing+r.Deliveries != 5*3 || !r.Reach.T100.Never() {
		t.Errorf("%d delivered, %d missing of 15, last %v", r.Deliveries, r.Missing, r.Reach.T100)
	}
}

func TestProgressAndCancelling(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	_, err := Run(ctx, small(), func(p Progress) {
		told++
		if p.Events == 0 || p.Planned != 60 || p.Published > p.Planned {
			t.Errorf("progress %+v", p)
		}
		cancel()
	})
	if told != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("told %d times, then %v", told, err)
	}
}
