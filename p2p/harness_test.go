package p2p

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/inv/relaymsg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a simulated network in a synctest bubble: QUIC over simnet, 20 ms
// from node to node, virtual time.
type world struct {
	t     *testing.T
	net   *simnet.Simnet
	nodes []*node
	bare  []host.Host // that are no nodes
}

// node is a running Network and what its owner was told.
type node struct {
	*Network
	t      *testing.T
	stop   context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	log    []Event
	paused chan struct{} // receives hold the reading of events until it is closed
}

// inWorld runs the test in a bubble and ends it cleanly: timers left behind
// need virtual time after everything has been closed.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: &simnet.Simnet{LatencyFunc: simnet.StaticLatency(20 * time.Millisecond)}}
		w.net.Start()
		defer func() {
			for _, n := range w.nodes {
				n.close()
			}
			for _, h := range w.bare {
				h.Close()
			}
			w.net.Close()
			time.Sleep(time.Minute)
		}()
		test(t, w)
	})
}

// transport gives the next simulated machine: its listen address and options.
func (w *world) transport() (multiaddr.Multiaddr, libp2p.Option) {
	i := len(w.nodes) + len(w.bare)
	const speed = 50 * simlibp2p.OneMbps
	addr := multiaddr.StringCast(fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", simnet.IntToPublicIPv4(256*i)))
	return addr, simlibp2p.QUICSimnet(w.net, simnet.NodeBiDiLinkSettings{
		Downlink: simnet.LinkSettings{BitsPerSecond: speed},
		Uplink:   simnet.LinkSettings{BitsPerSecond: speed},
	})
}

func testConfig(t testing.TB) Config {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var salt relaymsg.Salt
	rand.Read(salt[:])
	c := Config{
		Identity:       key,
		Network:        "regtest",
		UserAgent:      "txnode/test",
		BeaconBudget:   2000,
		TargetOutbound: -1,
		Beacon:         func() Beacon { return Beacon{Count: 7, Agent: "txnode/test"} },
		Hello: func() relaymsg.Hello {
			return relaymsg.Hello{Version: relaymsg.Version, Network: "regtest", Salt: salt, FeeFloor: 100}
		},
	}
	if os.Getenv("P2P_TEST_LOG") != "" {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return c
}

// start runs one more node; change may edit its configuration.
func (w *world) start(change func(*Config)) *node {
	w.t.Helper()
	c := testConfig(w.t)
	addr, transport := w.transport()
	c.Listen = []multiaddr.Multiaddr{addr}
	c.HostOptions = []libp2p.Option{transport}
	if change != nil {
		change(&c)
	}
	n := startNode(w.t, c)
	w.nodes = append(w.nodes, n)
	return n
}

func startNode(t *testing.T, c Config) *node {
	t.Helper()
	network, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &node{Network: network, t: t, stop: cancel, done: make(chan struct{})}
	ran := make(chan error, 1)
	go func() { ran <- network.Run(ctx) }()
	go func() {
		defer close(n.done)
		for e := range network.Events() {
			n.mu.Lock()
			n.log = append(n.log, e)
			paused := n.paused
			n.mu.Unlock()
			if paused != nil {
				<-paused
			}
		}
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	return n
}

func (n *node) close() {
	n.stop()
	<-n.done
}

// pause stops the reading of events until the returned function is called.
func (n *node) pause() (resume func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ch := make(chan struct{})
	n.paused = ch
	return func() {
		n.mu.Lock()
		n.paused = nil
		n.mu.Unlock()
		close(ch)
	}
}

// addr is where to find the node.
func (n *node) addr() string { return n.Addrs()[0].String() }

// events are those of the type so far.
func events[E Event](n *node) (found []E) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.log {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// await lets virtual time pass until the condition holds.
func await(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	step := max(20*time.Millisecond, limit/250)
	for end := time.Now().Add(limit); !holds(); time.Sleep(step) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

// link2 connects a to b and returns the handles, a's first.
func link2(t *testing.T, a, b *node) (PeerID, PeerID) {
	t.Helper()
	if err := a.Connect(t.Context(), b.addr()); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Second, "link on both sides", func() bool { return a.handle(b) != 0 && b.handle(a) != 0 })
	return a.handle(b), b.handle(a)
}

// handle is that of the live link to the other node, or 0.
func (n *node) handle(to *node) PeerID { return n.handleOf(to.Host().ID()) }

// handleOf is that of the live link to the peer, or 0.
func (n *node) handleOf(p peer.ID) PeerID {
	for _, info := range n.Peers() {
		if info.Peer == p {
			return info.ID
		}
	}
	return 0
}

// checkLifecycle verifies that the events of each id are in order.
func (n *node) checkLifecycle() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	state := map[PeerID]int{} // 1 up, 2 down
	expect := func(id PeerID, want int, e Event) {
		n.t.Helper()
		if state[id] != want {
			n.t.Errorf("%T of link %d in state %d", e, id, state[id])
		}
	}
	for _, e := range n.log {
		switch e := e.(type) {
		case PeerUp:
			expect(e.ID, 0, e)
			state[e.ID] = 1
		case PeerDown:
			expect(e.ID, 1, e)
			state[e.ID] = 2
		case Received:
			expect(e.ID, 1, e)
		case Drained:
			expect(e.ID, 1, e)
		case MeshChanged:
			for _, id := range e.IDs {
				expect(id, 1, e)
			}
		}
	}
}
