package sim

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"0 nodes":                         func(c *Config) { c.Nodes = 0 },
		"1 nodes":                         func(c *Config) { c.Nodes = 1 },
		"100001 nodes":                    func(c *Config) { c.Nodes = MaxNodes + 1 },
		"degree 0":                        func(c *Config) { c.Degree = 0 },
		"degree 101":                      func(c *Config) { c.Degree = MaxDegree + 1 },
		"reachable share 0":               func(c *Config) { c.Reachable = 0 },
		"reachable share NaN":             func(c *Config) { c.Reachable = math.NaN() },
		"latency from 1s to 0s":           func(c *Config) { c.LatencyMin, c.LatencyMax = time.Second, 0 },
		"latency from -1ns":               func(c *Config) { c.LatencyMin = -1 },
		"to 1m0s":                         func(c *Config) { c.LatencyMax = time.Minute },
		"0 transactions":                  func(c *Config) { c.Txs = 0 },
		"10001 transactions":              func(c *Config) { c.Txs = MaxPairs/c.Nodes + 1 },
		"-1 transactions to warm":         func(c *Config) { c.Warmup = -1 },
		"10001 transactions to w":         func(c *Config) { c.Warmup = MaxPairs/c.Nodes + 1 },
		"rate 0":                          func(c *Config) { c.Rate = 0 },
		"rate NaN":                        func(c *Config) { c.Rate = math.NaN() },
		"rate +Inf":                       func(c *Config) { c.Rate = math.Inf(1) },
		"longer than 24h":                 func(c *Config) { c.Rate = 1e-6 },
		"of 59 bytes":                     func(c *Config) { c.Size = 59 },
		"of 100001 bytes":                 func(c *Config) { c.Size = MaxTxSize + 1 },
		`relay "gossip"`:                  func(c *Config) { c.Relay = "gossip" },
		"at most 5 mesh links":            func(c *Config) { c.MeshMax = 5 },
		"mesh degree 2":                   func(c *Config) { c.MeshDegree = 2 },
		"-2 eager hops":                   func(c *Config) { c.EagerHops = -2 },
		"tick of -1ns":                    func(c *Config) { c.InvInterval = -1 },
		"rounds every -1ns":               func(c *Config) { c.ReconInterval = -1 },
		"none without rounds":             func(c *Config) { c.Relay, c.ReconInterval = RelayNone, 0 },
		"sinks -0.1":                      func(c *Config) { c.Sinks = -.1 },
		"churn NaN":                       func(c *Config) { c.Churn = math.NaN() },
		"leave 1 of 1000":                 func(c *Config) { c.Sinks, c.Teasers = .5, .499 },
		"leave -200 of 1000":              func(c *Config) { c.Sinks, c.Teasers = .6, .6 },
		"partition of -1ns":               func(c *Config) { c.Partition = -1 },
		"needs at least 4 steady":         func(c *Config) { c.Nodes, c.Partition = 3, time.Second },
		"takes 36150 transactions in all": func(c *Config) { c.Partition = time.Hour },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestGraph(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Reachable = 300, 0.1
	n := newNetwork(cfg)
	dialed, accepted := map[int]int{}, map[int]int{}
	seen := map[[2]int]bool{}
	for _, e := range n.edges {
		pair := [2]int{min(e.dialer, e.dialed), max(e.dialer, e.dialed)}
		if e.dialer == e.dialed || seen[pair] {
			t.Fatalf("%d dials %d once too often", e.dialer, e.dialed)
		}
		seen[pair] = true
		dialed[e.dialer]++
		accepted[e.dialed]++
		if e.latency < cfg.LatencyMin || e.latency > cfg.LatencyMax {
			t.Errorf("a link of %v", e.latency)
		}
	}
	if len(accepted) != 30 || len(dialed) != 300 {
		t.Errorf("%d nodes are dialed and %d dial, want 30 and 300", len(accepted), len(dialed))
	}
	for s, count := range accepted {
		if count > MaxInbound {
			t.Errorf("node %d accepts %d links", s, count)
		}
	}
	for s, count := range dialed {
		if count > cfg.Degree {
			t.Errorf("node %d dials %d", s, count)
		}
	}
}

// TestFullNodesAreNotDialed: 1000 nodes want 8 links each to 10 that take 114.
func TestFullNodesAreNotDialed(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Reachable = 0.01
	if got := len(newNetwork(cfg).edges); got != 10*MaxInbound {
		t.Errorf("%d links, want %d", got, 10*MaxInbound)
	}
	if _, err := Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "raise the degree") {
		t.Errorf("a graph in parts: got %v", err)
	}
}
