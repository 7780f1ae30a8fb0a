package testnet

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/libp2p/go-libp2p"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
)

// Member is one node of a [Cluster].
type Member struct {
	Name string // node0, node1, …
	Node *node.Node

	// DataDir is what bitcoin-cli takes as -datadir. Empty if the node keeps
	// everything in memory.
	DataDir string

	// RPC is the host:port of the node's JSON-RPC server. Empty if it has none.
	RPC string

	cookie  *rpc.Cookie
	address *rpc.Address
}

// newMember opens node i. It does not run yet.
func (c *Cluster) newMember(i int) (*Member, error) {
	m := &Member{Name: nodeName(i)}
	cfg := node.DefaultConfig()
	cfg.Network = Network
	cfg.PrevOuts = c.prevOuts
	cfg.P2P.TargetOutbound = 1 // which the ring gives: nobody dials beyond the topology
	cfg.P2P.BeaconBudget = beaconBudget
	if c.cfg.Version != "" {
		cfg.P2P.UserAgent = "txnode/" + c.cfg.Version
	}
	cfg.Relay.Audience, _ = c.cfg.Relay.audience()
	cfg.Relay.EagerHops = c.cfg.EagerHops
	cfg.Relay.Trickle = c.cfg.Trickle
	if !c.cfg.Recon {
		cfg.Relay.ReconInterval = 0
	}
	if i == c.cfg.FaultNode {
		cfg.Relay.NoPull = true
		cfg.Relay.ReconInterval = 0
	}
	cfg.Logger = c.log.With("node", m.Name)
	if c.dir != "" {
		m.DataDir = filepath.Join(c.dir, m.Name)
		cfg.DataDir = filepath.Join(m.DataDir, Network)
	}
	port := 0
	if i == 0 {
		port = preferredP2P
	}
	var err error
	if m.Node, err = c.openNode(cfg, i, port); errors.Is(err, syscall.EADDRINUSE) && port != 0 {
		m.Node, err = c.openNode(cfg, i, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("testnet: %s cannot be started: %w", m.Name, err)
	}
	return m, nil
}

// openNode makes node i, which listens on the port.
func (c *Cluster) openNode(cfg node.Config, i, port int) (*node.Node, error) {
	cfg.Listen, cfg.HostOptions = c.wire(i, port)
	return node.New(cfg)
}

// beaconBudget is how many bytes of beacons per second a node receives: enough
// to see a testnet change as it goes.
const beaconBudget = 2000

// addr is where others dial the node.
func (m *Member) addr() string { return m.Node.Addrs()[0].String() }

// The ports that node0 gets if they are free: those of a node started by
// `txnode run`.
const (
	preferredP2P = 18555
	preferredRPC = 18443
)

// wire says on which addresses node i listens, and what its libp2p host needs
// for them beyond the usual. Port 0 is any.
type wire func(i, port int) ([]multiaddr.Multiaddr, []libp2p.Option)

// loopback is the wire of real sockets: TCP and QUIC on 127.0.0.1.
func loopback(_, port int) ([]multiaddr.Multiaddr, []libp2p.Option) {
	return []multiaddr.Multiaddr{
		multiaddr.StringCast(fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", port)),
		multiaddr.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)),
	}, nil
}
