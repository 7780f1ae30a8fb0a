package testnet

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string // in the error; empty: valid
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Nodes, c.Partition = 2, 0 }, ""},
		{func(c *Config) { c.Nodes = 1 }, "1 nodes"},
		{func(c *Config) { c.Nodes = MaxNodes + 1 }, "501 nodes"},
		{func(c *Config) { c.Nodes = 3 }, "at least 4 nodes"},
		{func(c *Config) { c.Degree = 0 }, "degree 0"},
		{func(c *Config) { c.Degree = MaxDegree }, ""},
		{func(c *Config) { c.Degree = MaxDegree + 1 }, "degree 41"},
		{func(c *Config) { c.Txs = 0 }, "0 transactions"},
		{func(c *Config) { c.Txs = MaxTxs + 1 }, "100001 transactions"},
		{func(c *Config) { c.Rate = 0 }, "rate 0"},
		{func(c *Config) { c.Rate = -1 }, "rate -1"},
		{func(c *Config) { c.Rate = math.NaN() }, "rate NaN"},
		{func(c *Config) { c.Rate = math.Inf(1) }, "rate +Inf"},
		{func(c *Config) { c.Partition = -time.Second }, "partition of -1s"},
		{func(c *Config) { c.Rate, c.Partition = MaxRate, time.Hour }, "18000000 transactions"},
		{func(c *Config) { c.Partition = math.MaxInt64 }, "want at most 100000"},
		{func(c *Config) { c.Relay = "gossip" }, `relay "gossip"`},
		{func(c *Config) { c.EagerHops = 0 }, ""},
		{func(c *Config) { c.EagerHops = -2 }, "-2 eager hops"},
		{func(c *Config) { c.FaultNode = 19 }, ""},
		{func(c *Config) { c.FaultNode = 20 }, "fault node 20"},
		{func(c *Config) { c.FaultNode = -2 }, "fault node -2"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", cfg, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: error %v does not say %q", cfg, err, c.want)
		}
	}
}

func TestSidesGetAtLeastOneTransaction(t *testing.T) {
	cfg := DefaultConfig()
	if cfg.sideTxs() != 50 {
		t.Errorf("%d transactions per side by default", cfg.sideTxs())
	}
	cfg.Rate = 0.001
	if cfg.sideTxs() != 1 {
		t.Errorf("%d transactions per side at a low rate", cfg.sideTxs())
	}
	cfg.Partition = 0
	if cfg.partitionTxs() != 0 {
		t.Errorf("%d transactions without a partition", cfg.partitionTxs())
	}
}

// A tick of Bitcoin Core's that is still to come is hardly ever given up.
func TestPatienceOutlastsTicks(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Recon, cfg.Trickle = false, true
	const mean = 2 // seconds, on an outbound link
	if late := math.Exp(-cfg.patience().Seconds() / mean); late > 1e-6 {
		t.Errorf("one tick of %.0f is later", 1/late)
	}
}
