package testnet

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/txnode/txnode/inv"
)

// Network is the network name of every testnet.
const Network = "regtest"

// Relay says whom the nodes announce an accepted transaction to.
type Relay string

const (
	RelayMesh  Relay = "mesh"  // the peers of the overlay mesh
	RelayFlood Relay = "flood" // all peers: the baseline that numbers are compared with
	RelayNone  Relay = "none"  // nobody: only reconciliation spreads transactions

	RelayGossipInv    Relay = "gossip-inv"    // whoever hears of the ids on a GossipSub topic
	RelayGossipBodies Relay = "gossip-bodies" // the same, of the bodies
)

// audience is the relay engine's word for r.
func (r Relay) audience() (a inv.Audience, ok bool) {
	switch r {
	case RelayMesh:
		return inv.AudienceMesh, true
	case RelayFlood:
		return inv.AudienceAll, true
	case RelayNone:
		return inv.AudienceNone, true
	case RelayGossipInv:
		return inv.AudienceTopicIDs, true
	case RelayGossipBodies:
		return inv.AudienceTopicBodies, true
	}
	return inv.AudienceNone, false
}

// NoFault is the [Config.FaultNode] of a run without a faulty node.
const NoFault = -1

// Limits of a [Config]. They keep a run within what one machine can do, so that
// a mistyped number gives an error and not a machine without memory.
const (
	MaxNodes  = 500
	MaxDegree = 40 // links dialled; with those accepted, well below what a node keeps
	MaxTxs    = 100_000
	MaxRate   = 10_000.0 // transactions per second
)

// Config says what is run. Start from [DefaultConfig].
type Config struct {
	// Nodes is how many nodes there are. They are named node0, node1, ….
	Nodes int

	// Degree is how many links each node dials, beside those dialled to it.
	// The graph is a random ring, so that it is connected, and random chords.
	// A degree of (Nodes-1)/2 or more links everybody with everybody.
	Degree int

	// Txs is how many transactions are submitted in the steady phase, and Rate
	// how many of them per second. During a partition each half gets a quarter
	// of Rate.
	Txs  int
	Rate float64

	// Partition is how long the network is split in two halves. Zero: never.
	Partition time.Duration

	// Relay says whom transactions are announced to.
	Relay Relay

	// EagerHops is how many hops from its origin a transaction is pushed before
	// it is announced, or inv.AutoEagerHops. Only RelayMesh pushes.
	EagerHops int

	// Trickle makes nodes announce at Bitcoin Core's random ticks. With RelayFlood
	// that is how Bitcoin Core relays.
	Trickle bool

	// Recon says whether nodes reconcile their mempools with each other.
	Recon bool

	// FaultNode is the number of a node that never requests a transaction and
	// takes no part in reconciliation, or [NoFault].
	FaultNode int

	// Seed decides the graph, the halves, who gets which transaction and which
	// outputs are spent. It does not decide the timing.
	Seed uint64

	// RPC gives every node a JSON-RPC server on loopback. Version is what it
	// says it is.
	RPC     bool
	Version string

	// Dir keeps the nodes' data directories, one per node. It must be empty or
	// not exist. Empty: a temporary directory, which Close removes unless Keep
	// is set.
	Dir  string
	Keep bool

	// Logger receives what the nodes log, each with a "node" attribute. Nil:
	// nothing is logged.
	Logger *slog.Logger
}

// DefaultConfig is a run of about half a minute that shows everything.
func DefaultConfig() Config {
	return Config{
		Nodes:     20,
		Degree:    8, // Bitcoin Core's full-relay outbound connections
		Txs:       200,
		Rate:      20,
		Partition: 10 * time.Second,
		Relay:     RelayMesh,
		EagerHops: inv.AutoEagerHops,
		Recon:     true,
		FaultNode: NoFault,
		Seed:      1,
		RPC:       true,
	}
}

// Validate reports the first field that is wrong, by name.
func (c *Config) Validate() error {
	_, relayKnown := c.Relay.audience()
	switch {
	case c.Nodes < 2 || c.Nodes > MaxNodes:
		return fmt.Errorf("testnet: %d nodes: want 2 to %d", c.Nodes, MaxNodes)
	case c.Degree < 1 || c.Degree > MaxDegree:
		return fmt.Errorf("testnet: degree %d: want each node to dial 1 to %d others", c.Degree, MaxDegree)
	case c.Txs < 1 || c.Txs > MaxTxs:
		return fmt.Errorf("testnet: %d transactions: want 1 to %d", c.Txs, MaxTxs)
	case math.IsNaN(c.Rate) || c.Rate <= 0 || c.Rate > MaxRate:
		return fmt.Errorf("testnet: rate %v: want more than 0 and at most %v transactions per second", c.Rate, MaxRate)
	case c.Partition < 0:
		return fmt.Errorf("testnet: partition of %v: want 0, for none, or more", c.Partition)
	case c.partitionTxs() > MaxTxs:
		return fmt.Errorf("testnet: a partition of %v at this rate takes %d transactions: want at most %d", c.Partition, c.partitionTxs(), MaxTxs)
	case !relayKnown:
		return fmt.Errorf("testnet: relay %q: want %s, %s, %s, %s or %s", c.Relay, RelayMesh, RelayFlood, RelayGossipInv, RelayGossipBodies, RelayNone)
	case c.EagerHops < inv.AutoEagerHops:
		return fmt.Errorf("testnet: %d eager hops: want 0 or more, or %d for as many as suit the network", c.EagerHops, inv.AutoEagerHops)
	case c.FaultNode < NoFault || c.FaultNode >= c.Nodes:
		return fmt.Errorf("testnet: fault node %d: want 0 to %d, or %d for none", c.FaultNode, c.Nodes-1, NoFault)
	case c.Partition > 0 && c.Nodes < 4:
		return errors.New("testnet: a partition needs at least 4 nodes, two on each side")
	}
	return nil
}

// sideTxs is how many transactions each half gets during the partition: at
// least one, so that the halves differ.
func (c *Config) sideTxs() int {
	if c.Partition <= 0 {
		return 0
	}
	return max(1, int(c.Rate/4*c.Partition.Seconds()))
}

// partitionTxs is how many transactions both halves get during the partition.
func (c *Config) partitionTxs() int { return 2 * c.sideTxs() }

// planned is how many transactions the whole run submits.
func (c *Config) planned() int { return c.Txs + c.partitionTxs() }

// nodeName is how people know node i.
func nodeName(i int) string { return fmt.Sprintf("node%d", i) }
