package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/txnode/txnode/inv"
)

// Relay says whom the nodes announce an accepted transaction to.
type Relay string

const (
	RelayMesh    Relay = "mesh"    // the peers of the overlay mesh
	RelayFlood   Relay = "flood"   // all peers: the baseline that numbers are compared with
	RelayTrickle Relay = "trickle" // all peers, at Bitcoin Core's random ticks
	RelayNone    Relay = "none"    // nobody: only reconciliation spreads transactions
)

// audience is the relay engine's word for r.
func (r Relay) audience() (a inv.Audience, ok bool) {
	switch r {
	case RelayMesh:
		return inv.AudienceMesh, true
	case RelayFlood, RelayTrickle:
		return inv.AudienceAll, true
	case RelayNone:
		return inv.AudienceNone, true
	}
	return inv.AudienceNone, false
}

// Limits of a [Config]: what one machine can do, so that a mistyped number
// gives an error and not a machine without memory.
const (
	MaxNodes   = 100_000
	MaxDegree  = 100
	MaxRate    = 100_000.0 // transactions per second
	MaxTxSize  = 100_000   // bytes
	MaxLatency = 10 * time.Second
	MaxTime    = 24 * time.Hour // of load and partition
	// MaxPairs bounds nodes × transactions: each costs about 800 bytes.
	MaxPairs = 10_000_000
)

// Config says what is simulated. Start from [DefaultConfig].
type Config struct {
	// Nodes is how many nodes there are.
	Nodes int

	// Degree is how many links each node dials, to nodes drawn at random among
	// the reachable ones, which take at most [MaxInbound].
	Degree int

	// Reachable is the share of nodes that can be dialed.
	Reachable float64

	// Latency of a link in one direction is drawn evenly from this range.
	LatencyMin, LatencyMax time.Duration

	// Txs is how many transactions of Size bytes are submitted in the steady
	// phase, at nodes drawn at random, at times of a Poisson process of Rate
	// transactions per second.
	Txs  int
	Rate float64
	Size int

	// Warmup is how many transactions are submitted and delivered before, at
	// the same rate, without being measured: enough for nodes to find out which
	// of their peers answer. Zero measures nodes that meet for the first time.
	Warmup int

	// Relay says whom transactions are announced to.
	Relay Relay

	// MeshDegree is the degree that a node's overlay mesh aims at when it has two
	// less, and MeshMax the one at which it takes no more links: GossipSub's D
	// and Dhi. Where few nodes can be dialed, those need many mesh links.
	MeshDegree, MeshMax int

	// EagerHops, InvInterval and ReconInterval are the engine's.
	EagerHops     int
	InvInterval   time.Duration
	ReconInterval time.Duration

	// Sinks, Teasers and Churn are the shares of nodes that misbehave, each in
	// one way: see the package documentation.
	Sinks, Teasers, Churn float64

	// Partition is how long the network is split in two halves after the
	// steady phase. Zero: never.
	Partition time.Duration

	// Seed decides everything that is drawn.
	Seed uint64
}

// DefaultConfig is a run of a second or two.
func DefaultConfig() Config {
	engine := inv.DefaultConfig()
	return Config{
		Nodes:         1000,
		Degree:        8, // Bitcoin Core's full-relay outbound connections
		Reachable:     1,
		LatencyMin:    20 * time.Millisecond,
		LatencyMax:    150 * time.Millisecond,
		Txs:           100,
		Rate:          10,
		Warmup:        50,
		Size:          300,
		Relay:         RelayMesh,
		MeshDegree:    6,
		MeshMax:       8,
		EagerHops:     engine.EagerHops,
		InvInterval:   engine.InvInterval,
		ReconInterval: engine.ReconInterval,
		Seed:          1,
	}
}

// Validate reports the first field that is wrong, by name.
func (c *Config) Validate() error {
	_, known := c.Relay.audience()
	switch {
	case c.Nodes < 2 || c.Nodes > MaxNodes:
		return fmt.Errorf("sim: %d nodes: want 2 to %d", c.Nodes, MaxNodes)
	case c.Degree < 1 || c.Degree > MaxDegree:
		return fmt.Errorf("sim: degree %d: want each node to dial 1 to %d others", c.Degree, MaxDegree)
	case !(c.Reachable > 0 && c.Reachable <= 1):
		return fmt.Errorf("sim: reachable share %v: want more than 0, at most 1", c.Reachable)
	case c.LatencyMin < 0 || c.LatencyMax < c.LatencyMin || c.LatencyMax > MaxLatency:
		return fmt.Errorf("sim: latency from %v to %v: want a range within 0 and %v", c.LatencyMin, c.LatencyMax, MaxLatency)
	case c.Txs < 1 || c.Txs > MaxPairs/c.Nodes:
		return fmt.Errorf("sim: %d transactions: want 1 to %d at %d nodes", c.Txs, MaxPairs/c.Nodes, c.Nodes)
	case c.Warmup < 0 || c.Warmup > MaxPairs/c.Nodes:
		return fmt.Errorf("sim: %d transactions to warm up: want 0 to %d at %d nodes", c.Warmup, MaxPairs/c.Nodes, c.Nodes)
	case !(c.Rate > 0 && c.Rate <= MaxRate):
		return fmt.Errorf("sim: rate %v: want more than 0 and at most %v transactions per second", c.Rate, MaxRate)
	case float64(c.Warmup+c.Txs)/c.Rate > MaxTime.Seconds():
		return fmt.Errorf("sim: %d transactions at %v per second take longer than %v", c.Warmup+c.Txs, c.Rate, MaxTime)
	case c.Size < minSize || c.Size > MaxTxSize:
		return fmt.Errorf("sim: transactions of %d bytes: want %d to %d", c.Size, minSize, MaxTxSize)
	case !known:
		return fmt.Errorf("sim: relay %q: want %s, %s, %s or %s", c.Relay, RelayMesh, RelayFlood, RelayTrickle, RelayNone)
	}
	return c.validateRest()
}

func (c *Config) validateRest() error {
	switch {
	case c.MeshDegree < 3 || c.MeshDegree > MaxDegree:
		return fmt.Errorf("sim: mesh degree %d: want 3 to %d", c.MeshDegree, MaxDegree)
	case c.MeshMax < c.MeshDegree || c.MeshMax > MaxInbound+MaxDegree:
		return fmt.Errorf("sim: at most %d mesh links: want %d, the mesh degree, to %d", c.MeshMax, c.MeshDegree, MaxInbound+MaxDegree)
	case c.EagerHops < inv.AutoEagerHops:
		return fmt.Errorf("sim: %d eager hops: want 0 or more, or %d for as many as suit the network", c.EagerHops, inv.AutoEagerHops)
	case c.InvInterval < 0 || c.InvInterval > time.Hour:
		return fmt.Errorf("sim: an INV tick of %v: want 0 to an hour", c.InvInterval)
	case c.ReconInterval < 0 || c.ReconInterval > time.Hour:
		return fmt.Errorf("sim: rounds every %v: want 0, for none, to an hour", c.ReconInterval)
	case c.Relay == RelayNone && c.ReconInterval == 0:
		return fmt.Errorf("sim: relay %s without rounds spreads nothing", RelayNone)
	case !isShare(c.Sinks) || !isShare(c.Teasers) || !isShare(c.Churn):
		return fmt.Errorf("sim: shares of sinks %v, teasers %v and churn %v: want each from 0 to 1", c.Sinks, c.Teasers, c.Churn)
	case c.steady() < 2:
		return fmt.Errorf("sim: sinks, teasers and churn leave %d of %d nodes steady: want at least 2", c.steady(), c.Nodes)
	case c.Partition < 0 || c.Partition > MaxTime:
		return fmt.Errorf("sim: partition of %v: want 0, for none, to %v", c.Partition, MaxTime)
	case c.Partition > 0 && c.steady() < 4:
		return fmt.Errorf("sim: a partition needs at least 4 steady nodes, two on each side")
	case c.planned() > MaxPairs/c.Nodes:
		return fmt.Errorf("sim: the run takes %d transactions in all its phases: want at most %d at %d nodes",
			c.planned(), MaxPairs/c.Nodes, c.Nodes)
	}
	return nil
}

func isShare(f float64) bool { return f >= 0 && f <= 1 }

// share is how many of the nodes a share is.
func (c *Config) share(f float64) int { return int(math.Round(f * float64(c.Nodes))) }

// steady is how many nodes are honest and always there.
func (c *Config) steady() int {
	return c.Nodes - c.share(c.Sinks) - c.share(c.Teasers) - c.share(c.Churn)
}

// planned is how many transactions the whole run submits.
func (c *Config) planned() int { return c.Warmup + c.Txs + c.partitionTxs() }

// partitionTxs is how many both halves get during the partition: so many that
// they differ.
func (c *Config) partitionTxs() int {
	if c.Partition == 0 {
		return 0
	}
	return max(2, int(min(c.Rate*c.Partition.Seconds(), MaxPairs)))
}
