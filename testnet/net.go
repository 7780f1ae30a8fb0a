package testnet

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/marcopolo/simnet"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
)

// TB is what [New] uses of a *testing.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// Net is a network of real nodes in virtual time, for tests. Its methods fail
// the test when what they do does not succeed. They are for one goroutine, that
// of the test; the nodes' are for any.
type Net struct {
	t        TB
	virtual  *virtual
	custom   []func(i int, cfg *node.Config)
	prevOuts *utxo.Static
	dials    [][]int // whom each node dials
	seats    []*seat
}

// seat is a node's place in the network, which it has for good.
type seat struct {
	identity crypto.PrivKey
	node     *node.Node // the latest
	stop     context.CancelFunc
	ended    chan error // nil while the node is killed
}

// The seed and degree of the graph of every Net.
const (
	netSeed   = 1
	netDegree = 4
)

// New starts so many nodes, waits until they are linked, and stops them when the
// test ends. It must be called in a bubble of testing/synctest, where minutes
// take milliseconds:
//
//	synctest.Test(t, func(t *testing.T) {
//		net := testnet.New(t, 20)
//		net.Submit(0, raw)
//		net.WaitConverged()
//	})
//
// The nodes speak QUIC over simulated links of 50 Mbit/s and 50 ms, in a random
// graph that is the same every time, in which each dials four others. They keep
// everything in memory and judge by the test allocation of package utxo, which
// txgen spends. Custom changes the configuration of node i before each of its
// starts; Listen, HostOptions and Identity are the network's.
//
// A program can have one Net at a time: until it ends, GOMAXPROCS is 1.
func New(t TB, nodes int, custom ...func(i int, cfg *node.Config)) *Net {
	t.Helper()
	return newNet(t, topology(nodes, netDegree, rand.New(rand.NewPCG(netSeed, graphStream))),
		simnet.StaticLatency(virtualLatency), custom...)
}

// newNet is New for any graph and delays.
func newNet(t TB, dials [][]int, latency func(*simnet.Packet) time.Duration, custom ...func(i int, cfg *node.Config)) *Net {
	t.Helper()
	nodes := len(dials)
	if time.Now().Year() > 2015 {
		t.Fatalf("testnet: New wants virtual time: call it in the function given to synctest.Test")
	}
	if nodes < 1 || nodes > MaxNodes {
		t.Fatalf("testnet: %d nodes: want 1 to %d", nodes, MaxNodes)
	}
	prevOuts, err := utxo.TestAllocation(Network, utxo.DefaultTestOutputs)
	if err != nil {
		t.Fatalf("testnet: %v", err)
	}
	// Under the race detector bubbles need it (golang/go#78156).
	processors := runtime.GOMAXPROCS(1)
	n := &Net{
		t:        t,
		virtual:  newVirtual(latency),
		custom:   custom,
		prevOuts: prevOuts,
		dials:    dials,
		seats:    make([]*seat, nodes),
	}
	t.Cleanup(func() {
		n.close()
		runtime.GOMAXPROCS(processors)
	})
	for i := range n.seats {
		identity, _, err := crypto.GenerateEd25519Key(bytes.NewReader(fmt.Appendf(nil, "%032d", i)))
		if err != nil {
			t.Fatalf("testnet: %v", err)
		}
		n.seats[i] = &seat{identity: identity}
		n.start(i)
	}
	for i := range n.seats {
		n.dial(i)
	}
	n.waitLinked()
	return n
}

// start runs a node in seat i.
func (n *Net) start(i int) {
	n.t.Helper()
	s := n.seats[i]
	cfg := node.DefaultConfig()
	cfg.Network = Network
	cfg.PrevOuts = n.prevOuts
	cfg.P2P.TargetOutbound = 0 // nobody dials beyond the graph
	cfg.P2P.BeaconBudget = beaconBudget
	for _, change := range n.custom {
		change(i, &cfg)
	}
	cfg.Identity = s.identity
	cfg.Listen, cfg.HostOptions = n.virtual.wire(i, 0)
	made, err := node.New(cfg)
	if err != nil {
		n.t.Fatalf("testnet: node %d cannot be started: %v", i, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s.node, s.stop, s.ended = made, stop, ended
	go func() { ended <- made.Run(ctx) }()
	select {
	case <-made.Ready():
	case err := <-ended:
		s.ended = nil
		n.t.Fatalf("testnet: node %d failed: %v", i, err)
	}
}

// dial has node i keep its links.
func (n *Net) dial(i int) {
	n.t.Helper()
	for _, to := range n.dials[i] {
		if err := n.seats[i].node.AddPeer(n.seats[to].node.Addrs()[0].String()); err != nil {
			n.t.Fatalf("testnet: node %d is to dial node %d: %v", i, to, err)
		}
	}
}

// Len is the number of nodes, killed ones included.
func (n *Net) Len() int { return len(n.seats) }

// Node is node i, counted from 0. After Kill and Restart it is another one with
// the same identity.
func (n *Net) Node(i int) *node.Node { return n.seats[i].node }

// Submit gives a transaction to node i, which must accept it.
func (n *Net) Submit(i int, raw []byte) {
	n.t.Helper()
	if _, err := n.seats[i].node.Submit(n.t.Context(), raw); err != nil {
		n.t.Fatalf("testnet: node %d does not take the transaction: %v", i, err)
	}
}

// Partition splits the network, until Heal, into the groups, and one more of
// those in none of them. It returns when no link crosses from one to another.
func (n *Net) Partition(groups ...[]int) {
	n.t.Helper()
	side := make(map[peer.ID]int, len(n.seats))
	for i, s := range n.seats {
		side[s.node.ID()] = slices.IndexFunc(groups, func(g []int) bool { return slices.Contains(g, i) })
	}
	for s := range n.alive() {
		own := side[s.node.ID()]
		s.node.SetPeerFilter(func(id peer.ID) bool {
			other, known := side[id]
			return known && other == own
		})
	}
	n.await(cutLimit, func() string {
		for s := range n.alive() {
			for _, p := range s.node.Peers() {
				if side[p.Peer] != side[s.node.ID()] {
					return "links still cross the partition"
				}
			}
		}
		return ""
	})
}

// Heal ends the partition. Links that it cut come back within seconds.
func (n *Net) Heal() {
	for range 2 { // the first dials may meet nodes that still refuse them
		for s := range n.alive() {
			s.node.SetPeerFilter(nil)
		}
	}
}

// Kill ends node i without a word to the others, who wait for it in vain until
// their connections time out. What it kept in memory is gone. What it had
// committed to a DataDir is there, as after any end of a node.
func (n *Net) Kill(i int) {
	n.t.Helper()
	n.virtual.silent[i].Store(true)
	n.end(i)
}

// end stops node i and waits for it.
func (n *Net) end(i int) {
	n.t.Helper()
	s := n.seats[i]
	if s == nil || s.ended == nil {
		return
	}
	s.stop()
	if err := <-s.ended; err != nil {
		n.t.Errorf("testnet: node %d: %v", i, err)
	}
	s.ended = nil
}

// Restart starts node i again after Kill, at the same address and with the same
// identity, and outside of any partition.
func (n *Net) Restart(i int) {
	n.t.Helper()
	n.end(i)
	n.start(i)
	n.dial(i)
}

// WaitConverged waits until all nodes but the killed ones hold the same
// transactions. The test fails when they do not within two minutes.
func (n *Net) WaitConverged() {
	n.t.Helper()
	n.await(equalLimit, func() string {
		var first *seat
		for s := range n.alive() {
			if first == nil {
				first = s
			}
			want, count := first.node.Digest()
			if got, other := s.node.Digest(); got != want {
				return fmt.Sprintf("mempools differ: node %d holds %d transactions, node %d holds %d",
					slices.Index(n.seats, first), count, slices.Index(n.seats, s), other)
			}
		}
		return ""
	})
}

// waitLinked waits for every link of the graph and for a mesh.
func (n *Net) waitLinked() {
	n.t.Helper()
	want := linksWanted(n.dials)
	n.await(connectLimit, func() string {
		for i, s := range n.seats {
			m := Member{Name: nodeName(i), Node: s.node}
			if late := m.late(want[i], min(1, want[i])); late != "" {
				return late
			}
		}
		return ""
	})
}

// await polls until nothing is left to wait for.
func (n *Net) await(limit time.Duration, left func() string) {
	n.t.Helper()
	for began := time.Now(); ; {
		reason := left()
		if reason == "" {
			return
		}
		if time.Since(began) > limit {
			n.t.Fatalf("testnet: after %v: %s", limit, reason)
		}
		if err := sleep(n.t.Context(), pollInterval); err != nil {
			n.t.Fatalf("testnet: %s: %v", reason, err)
		}
	}
}

// alive are the seats whose node has not been killed.
func (n *Net) alive() func(yield func(*seat) bool) {
	return func(yield func(*seat) bool) {
		for _, s := range n.seats {
			if s.ended != nil && !yield(s) {
				return
			}
		}
	}
}

// close stops all nodes at once.
func (n *Net) close() {
	n.t.Helper()
	for _, s := range n.seats {
		if s != nil && s.ended != nil {
			s.stop()
		}
	}
	for i := range n.seats {
		n.end(i)
	}
	n.virtual.close()
}
