package node

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool"
)

// Config says how a node behaves. Start from [DefaultConfig] or [LANConfig]; the
// zero value of an optional field means what its comment says. Network, PrevOuts
// and either Host or Listen must be set. New copies it: what is changed later
// has no effect.
type Config struct {
	// Network names the Bitcoin network whose transactions are relayed. Peers
	// of another network are refused.
	Network string

	// PrevOuts tells which outputs exist to be spent. Peers with another
	// source (by digest) are refused: they would judge transactions otherwise.
	// One that is a [mempool.ChainSource] is followed while the node runs.
	PrevOuts mempool.PrevOuts

	// DataDir keeps the identity and the mempool. Empty: both live in memory
	// and are gone when Run returns.
	DataDir string

	// Identity is the node's libp2p key. Nil: the one in DataDir, made when
	// there is none. Ignored with Host.
	Identity crypto.PrivKey

	// Host is the caller's own libp2p host, shared with other protocols. Nil:
	// the node builds one that listens on Listen.
	Host host.Host

	// Listen are the addresses the node's own host binds.
	Listen []multiaddr.Multiaddr

	// HostOptions are added to the options of the node's own host, for
	// transports that tests simulate.
	HostOptions []libp2p.Option

	// Rand makes the identity of a node without DataDir, the salt of short ids
	// and the seed of the relay's random choices. Nil: crypto/rand. Anything
	// else is for tests. There is no such field for the clock: in a bubble of
	// testing/synctest all of a node runs in virtual time.
	Rand io.Reader

	// Observer is told of every event before [Node.Events] has it, one at a
	// time and without its Sequence, by the goroutine that the whole node waits
	// for: it must return at once and must not call the node. Nil: nobody is.
	Observer func(Event)

	P2P     P2PConfig
	Relay   RelayConfig
	Mempool MempoolConfig

	// Logger receives what an operator should know. Nil: nothing is logged.
	Logger *slog.Logger
}

// P2PConfig is how the node finds and keeps peers.
type P2PConfig struct {
	// Bootstrap are multiaddrs ending in /p2p/<peer id> that are dialled until
	// they answer, and redialled with backoff when lost. /dns4 and /dnsaddr
	// are resolved anew at each try.
	Bootstrap []string

	// MDNS finds peers on the local network by multicast DNS.
	MDNS bool

	// PreSharedKey, of 32 bytes, makes a private network: who does not have it
	// cannot complete a connection. Nil: none. With it all addresses must be
	// TCP, for QUIC has no such protection. An own Host has its own.
	PreSharedKey []byte

	// MaxPeers bounds the links; inbound ones beyond it are refused. Zero: 125,
	// as in Core.
	MaxPeers int

	// UserAgent is what peers are told this program is, as "mywallet/1.2".
	UserAgent string

	// TargetOutbound is how many outbound links the node tries to keep. More
	// links find transactions sooner and resist eclipse; each costs one
	// announcement per transaction at most. Zero: only Bootstrap and what
	// AddPeer is given is dialled.
	TargetOutbound int

	// BeaconBudget is how many bytes per second of beacons the node is willing
	// to receive; the beacon interval of a network follows from it.
	BeaconBudget int
}

// RelayConfig is how transactions spread. The defaults are measured; changing
// them trades bytes for latency.
type RelayConfig struct {
	// Audience says which links an accepted transaction is announced on.
	Audience inv.Audience

	// InvInterval is the longest a transaction waits to be announced on a link
	// together with others. Shorter is faster and costs more packets.
	InvInterval time.Duration

	// EagerHops is how far from its origin a transaction is pushed to mesh
	// neighbours, unasked, before it is only announced. Each hop makes it
	// faster; in a network too small for it, it costs duplicate bodies. From 60
	// nodes on 2 pays, from 600 on 3. inv.AutoEagerHops: by the size of the
	// network as beacons tell it, at most 2. Zero: nothing is pushed.
	EagerHops int

	// Trickle announces at Bitcoin Core's random ticks and pushes nothing: seconds
	// slower, it hides better who had a transaction first. InvInterval and
	// EagerHops have no effect then.
	Trickle bool

	// ReconInterval is the mean time between reconciliation rounds this node
	// starts. Zero: it takes no part in reconciliation.
	ReconInterval time.Duration

	// NoPull is a fault for experiments: announced bodies are never requested,
	// pushed ones are dropped.
	NoPull bool
}

// MempoolConfig bounds the mempool.
type MempoolConfig struct {
	// MaxBytes bounds the memory that transactions take. Beyond it those that
	// pay the least are evicted.
	MaxBytes int64

	// Expiry is how long a transaction may stay. Zero: two weeks, as in Core.
	Expiry time.Duration

	// MinRelayFeeRate is the lowest accepted fee in satoshi per 1000 virtual bytes.
	MinRelayFeeRate int64
}

// DefaultConfig is a node on an open network: it spends little on what others
// tell of themselves. Network, PrevOuts and addresses are to be filled in.
func DefaultConfig() Config {
	relay := inv.DefaultConfig()
	return Config{
		P2P: P2PConfig{UserAgent: "txnode", TargetOutbound: 8, BeaconBudget: 200},
		Relay: RelayConfig{
			Audience:      relay.Audience,
			InvInterval:   relay.InvInterval,
			EagerHops:     relay.EagerHops,
			ReconInterval: relay.ReconInterval,
		},
		Mempool: MempoolConfig{
			MaxBytes:        300_000_000, // Core's -maxmempool
			MinRelayFeeRate: 100,         // Core's DEFAULT_MIN_RELAY_TX_FEE
		},
	}
}

// LANConfig is a node of a testnet on one machine or local network: it finds
// its peers by itself and hears of all others every few seconds.
func LANConfig() Config {
	c := DefaultConfig()
	c.P2P.MDNS = true
	c.P2P.BeaconBudget = 2000
	return c
}

var networkName = regexp.MustCompile(`^[a-z0-9-]+$`)

// Validate reports the first field that is wrong, by name, as New does.
func (c *Config) Validate() error {
	switch {
	case !networkName.MatchString(c.Network) || len(c.Network) > relaymsg.MaxNetworkName:
		return fmt.Errorf("node: Config.Network %q: want up to %d of a-z, 0-9 and -", c.Network, relaymsg.MaxNetworkName)
	case c.PrevOuts == nil:
		return errors.New("node: Config.PrevOuts is nil: a node that cannot judge a fee cannot defend its mempool")
	case c.Relay.InvInterval <= 0:
		return fmt.Errorf("node: Config.Relay.InvInterval is %v: want more than 0", c.Relay.InvInterval)
	case c.Relay.EagerHops < inv.AutoEagerHops:
		return fmt.Errorf("node: Config.Relay.EagerHops is %d: want a number of hops, or %d for as many as suit the network", c.Relay.EagerHops, inv.AutoEagerHops)
	case c.Relay.ReconInterval < 0:
		return fmt.Errorf("node: Config.Relay.ReconInterval is %v: want 0, for none, or more", c.Relay.ReconInterval)
	case c.Mempool.MaxBytes <= 0:
		return fmt.Errorf("node: Config.Mempool.MaxBytes is %d: want more than 0", c.Mempool.MaxBytes)
	case c.Mempool.Expiry < 0:
		return fmt.Errorf("node: Config.Mempool.Expiry is %v: want 0, for two weeks, or more", c.Mempool.Expiry)
	case c.Mempool.MinRelayFeeRate < 0:
		return fmt.Errorf("node: Config.Mempool.MinRelayFeeRate is %d sat/kvB: want 0 or more", c.Mempool.MinRelayFeeRate)
	}
	if err := c.validateHost(); err != nil {
		return err
	}
	return c.P2P.validate()
}

// validateHost tells whether there is one host.
func (c *Config) validateHost() error {
	const owner = "it belongs to the owner of Config.Host"
	switch {
	case c.Host == nil && len(c.Listen) == 0:
		return errors.New("node: Config.Listen is empty and there is no Config.Host")
	case c.Host != nil && c.Identity != nil:
		return errors.New("node: Config.Identity must be nil: " + owner)
	case c.Host != nil && len(c.Listen) > 0:
		return errors.New("node: Config.Listen must be empty: " + owner)
	case c.Host != nil && len(c.HostOptions) > 0:
		return errors.New("node: Config.HostOptions must be empty: " + owner)
	case c.Host != nil && c.P2P.PreSharedKey != nil:
		return errors.New("node: Config.P2P.PreSharedKey must be nil: " + owner)
	}
	for _, addr := range c.Listen {
		if _, err := addr.ValueForProtocol(multiaddr.P_TCP); err != nil && c.P2P.PreSharedKey != nil {
			return fmt.Errorf("node: Config.Listen has %s: only TCP can be protected by Config.P2P.PreSharedKey", addr)
		}
	}
	return nil
}

// preSharedKeySize is what libp2p's private networks want.
const preSharedKeySize = 32

func (c *P2PConfig) validate() error {
	switch {
	case c.PreSharedKey != nil && len(c.PreSharedKey) != preSharedKeySize:
		return fmt.Errorf("node: Config.P2P.PreSharedKey has %d bytes: want %d", len(c.PreSharedKey), preSharedKeySize)
	case c.MaxPeers < 0:
		return fmt.Errorf("node: Config.P2P.MaxPeers is %d: want 0, for the default, or more", c.MaxPeers)
	case c.TargetOutbound < 0:
		return fmt.Errorf("node: Config.P2P.TargetOutbound is %d: want 0 or more", c.TargetOutbound)
	case c.BeaconBudget <= 0:
		return fmt.Errorf("node: Config.P2P.BeaconBudget is %d bytes/s: want at least 1", c.BeaconBudget)
	}
	for _, addr := range c.Bootstrap {
		if _, err := peer.AddrInfoFromString(addr); err != nil {
			return fmt.Errorf("node: Config.P2P.Bootstrap has %q: %w; want one like /ip4/192.0.2.1/tcp/18555/p2p/12D3KooW…", addr, err)
		}
	}
	return nil
}
