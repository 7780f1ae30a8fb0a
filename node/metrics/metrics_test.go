package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Both are started once per process by dependencies and never end.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func newNode(t *testing.T) *node.Node {
	t.Helper()
	outputs, err := utxo.TestAllocation("regtest", 10)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts = "regtest", outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// value is a metric by its name and, of several, its label.
func value(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestEventsAreCounted(t *testing.T) {
	c, registry := New(), prometheus.NewPedanticRegistry()
	if err := c.Register(registry, newNode(t)); err != nil {
		t.Fatal(err)
	}
	for _, e := range []node.Event{
		{Kind: node.EventAdded, Local: true},
		{Kind: node.EventAdded},
		{Kind: node.EventAdded},
		{Kind: node.EventRejected},
		{Kind: node.EventRemoved, Reason: mempool.ReasonReplaced},
		{Kind: node.EventRound},
		{Kind: node.EventPeerUp},
	} {
		c.Observe(e)
	}
	got := value(t, registry)
	for name, want := range map[string]float64{
		"txnode_transactions_accepted_total local":   1,
		"txnode_transactions_accepted_total peer":    2,
		"txnode_transactions_rejected_total peer":    1,
		"txnode_transactions_removed_total replaced": 1,
		"txnode_mempool_limit_bytes":                 300_000_000,
		"txnode_peers in":                            0,
		"txnode_network_nodes":                       1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	for name := range got {
		if !strings.HasPrefix(name, "txnode_") {
			t.Errorf("%s is not named after the program", name)
		}
	}
}

func TestTwoNodesNeedLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	a, b := New(), New()
	label := func(name string) prometheus.Registerer {
		return prometheus.WrapRegistererWith(prometheus.Labels{"node": name}, registry)
	}
	if err := a.Register(label("a"), newNode(t)); err != nil {
		t.Fatal(err)
	}
	n := newNode(t)
	if err := b.Register(label("a"), n); err == nil || !strings.Contains(err.Error(), "wrap the registerer") {
		t.Errorf("the same label twice: %v", err)
	}
	if err := b.Register(label("b"), n); err != nil {
		t.Errorf("what failed before has left something behind: %v", err)
	}
	names := slices.Collect(maps.Keys(value(t, registry)))
	if !slices.Contains(names, "txnode_mempool_transactions a") || !slices.Contains(names, "txnode_mempool_transactions b") {
		t.Errorf("%v", names)
	}
}
