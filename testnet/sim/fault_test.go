package sim

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

func TestFaults(t *testing.T) {
	cfg := small()
	cfg.Warmup, cfg.Txs = 50, 100
	requireFaultsCostLittle(t, cfg)
}

// requireFaultsCostLittle: misbehaving nodes cost honest ones half as much time
// again at the most, and nothing stays missing.
func requireFaultsCostLittle(t *testing.T, cfg Config) {
	clean := mustRun(t, cfg)
	for _, c := range []struct {
		sinks, teasers, churn float64
	}{{sinks: 0.3}, {churn: 0.2}, {teasers: 0.3}} {
		cfg.Sinks, cfg.Teasers, cfg.Churn = c.sinks, c.teasers, c.churn
		r := mustRun(t, cfg)
		if ratio := r.Latency.P99 / clean.Latency.P99; ratio > 1.5 {
			t.Errorf("%s: p99 is %.2f of the clean run's, want 1.5 at most", r.Config.Name(), ratio)
		}
	}
}

// TestAnyConfiguration runs what a seed makes up, twice: no run may hang, have an
// engine cut off another, or differ from its repetition.
func TestAnyConfiguration(t *testing.T) {
	ran := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		share := func() float64 { return max(0, rng.Float64()-.5) }
		cfg := DefaultConfig()
		cfg.Seed = seed
		cfg.Nodes, cfg.Degree, cfg.Reachable = 2+rng.IntN(40), 1+rng.IntN(10), 1-share()
		cfg.Warmup, cfg.Txs, cfg.Rate, cfg.Size = rng.IntN(5), 1+rng.IntN(10), math.Pow(10, rng.Float64()*4-2), 60+rng.IntN(2000)
		cfg.LatencyMin = time.Duration(rng.IntN(3)) * 50 * time.Millisecond
		cfg.LatencyMax = cfg.LatencyMin + time.Duration(rng.IntN(3))*time.Second
		cfg.InvInterval = time.Duration(rng.IntN(3)) * 200 * time.Millisecond
		cfg.ReconInterval = time.Duration(rng.IntN(3)) * 2 * time.Second
		cfg.EagerHops = rng.IntN(6) - 1
		cfg.Relay = []Relay{RelayMesh, RelayFlood, RelayTrickle, RelayNone}[rng.IntN(4)]
		cfg.Sinks, cfg.Teasers, cfg.Churn = share(), share(), share()
		cfg.Partition = time.Duration(rng.IntN(3)) * time.Second
		a, err := Run(t.Context(), cfg, nil)
		b, again := Run(t.Context(), cfg, nil)
		switch {
		case cfg.Validate() != nil:
		case err != nil && again != nil && err.Error() == again.Error() && strings.Contains(err.Error(), "parts: raise"):
		case err != nil || again != nil:
			t.Errorf("%+v: %v, then %v", cfg, err, again)
		case asJSON(t, a) != asJSON(t, b):
			t.Errorf("%+v: %s, then %s", cfg, asJSON(t, a), asJSON(t, b))
		default:
			ran++
		}
	}
	if ran < 20 {
		t.Errorf("only %d of 40 configurations could be run", ran)
	}
}

func TestPartitionHeals(t *testing.T) {
	cfg := small()
	cfg.Txs, cfg.Partition = 10, 5*time.Second
	p := mustRun(t, cfg).Partition
	if p.Txs != 50 || p.Seconds != 5 {
		t.Errorf("%d transactions in %v, want 50 in 5 s", p.Txs, p.Seconds)
	}
	t.Logf("equal %v after the heal", p.HealSeconds)
	if !(p.HealSeconds > 0 && p.HealSeconds < 5) {
		t.Errorf("took %v to heal", p.HealSeconds)
	}
}

// TestPartitionSeparates looks at the moment before the heal.
func TestPartitionSeparates(t *testing.T) {
	cfg := small()
	cfg.Txs, cfg.Partition = 1, 5*time.Second
	n := newNetwork(cfg)
	for i := range n.edges {
		n.connect(i)
	}
	n.partition()
	n.load(0, 20, time.Second)
	if err := n.run(t.Context(), 20*time.Second, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		origin := n.txs.all[i].origin.number
		for s, took := range n.txs.all[i].took {
			if same := n.side[s] == n.side[origin]; same != (took >= 0) {
				t.Fatalf("node %d, on the same side as the origin %d: %v, has the transaction: %v", s, origin, same, took >= 0)
			}
		}
	}
}

// TestRolesAreKept listens to what is sent.
func TestRolesAreKept(t *testing.T) {
	cfg := small()
	cfg.Sinks, cfg.Teasers = 0.2, 0.2
	n := newNetwork(cfg)
	sent := map[role]map[relaymsg.Kind]bool{steady: {}, sink: {}, teaser: {}}
	n.sent = func(s *node, m relaymsg.Message) relaymsg.Message {
		sent[s.role][m.Kind()] = true
		return m
	}
	if _, err := n.simulate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range []relaymsg.Kind{relaymsg.KindInv, relaymsg.KindGet, relaymsg.KindTxs, relaymsg.KindPush} {
		if !sent[steady][k] {
			t.Errorf("no honest node sent %v", k)
		}
	}
	if len(sent[sink]) != 1 || !sent[sink][relaymsg.KindGet] {
		t.Errorf("sinks sent %v, want get alone", sent[sink])
	}
	if !sent[teaser][relaymsg.KindInv] || sent[teaser][relaymsg.KindGet] || sent[teaser][relaymsg.KindTxs] || sent[teaser][relaymsg.KindPush] {
		t.Errorf("teasers sent %v", sent[teaser])
	}
}

// TestChurnersReturn: they are away, notice nothing meanwhile, and have
// everything in the end.
func TestChurnersReturn(t *testing.T) {
	cfg := small()
	cfg.Txs, cfg.Rate, cfg.Churn = 100, 2, 0.3
	n := newNetwork(cfg)
	r, err := n.simulate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lives := 0
	for _, s := range n.nodes {
		lives += s.lives
		if (s.lives > 1) && s.role != churner {
			t.Errorf("node %d, which is no churner, started %d times", s.number, s.lives)
		}
	}
	if lives < 150 {
		t.Errorf("%d starts of 100 nodes", lives)
	}
	if !r.Complete() {
		t.Errorf("%d deliveries missing at the end", r.MissingAtEnd)
	}
}
