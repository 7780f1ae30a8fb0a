package p2p

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv/relaymsg"
)

// realNode is a Network on real time.
type realNode struct {
	*Network
	passed []Event // by those who waited for one of another type
}

// next is the oldest event of the type, for which it waits, that next has not
// returned: which of two comes first is up to the machine.
func next[E Event](t *testing.T, n *realNode) E {
	t.Helper()
	for i, e := range n.passed {
		if e, ok := e.(E); ok {
			n.passed = slices.Delete(n.passed, i, i+1)
			return e
		}
	}
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e := <-n.Events():
			if e, ok := e.(E); ok {
				return e
			}
			n.passed = append(n.passed, e)
		case <-timeout:
			t.Fatalf("no %T", *new(E))
		}
	}
}

// runReal runs a node on real sockets of the loopback interface.
func runReal(t *testing.T, c Config) (n *realNode, stop func()) {
	t.Helper()
	network, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	n = &realNode{Network: network}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	return n, func() {
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 4*time.Second { // of the 5 s that a node has to stop
			t.Errorf("shutdown took %v", took)
		}
		for range n.Events() { // must be closed
		}
	}
}

func TestRealSockets(t *testing.T) {
	for transport, listen := range map[string]string{
		"tcp":  "/ip4/127.0.0.1/tcp/0",
		"quic": "/ip4/127.0.0.1/udp/0/quic-v1",
	} {
		t.Run(transport, func(t *testing.T) {
			config := func() Config {
				c := testConfig(t)
				c.Listen = []multiaddr.Multiaddr{multiaddr.StringCast(listen)}
				return c
			}
			a, stopA := runReal(t, config())
			defer stopA()
			b, stopB := runReal(t, config())
			if err := a.Connect(t.Context(), b.Addrs()[0].String()); err != nil {
				t.Fatal(err)
			}
			upA, upB := next[PeerUp](t, a), next[PeerUp](t, b)
			body := &relaymsg.Txs{Bodies: [][]byte{make([]byte, 100_000)}}
			push := &relaymsg.Push{Hop: 1, Body: make([]byte, 100_000)}
			if floor := b.Peers()[0].FeeFloor; floor != 100 {
				t.Errorf("fee floor %d of HELLO", floor)
			}
			a.Send(upA.ID, &relaymsg.FeeFilter{FeeFloor: 200}, &relaymsg.Inv{IDs: []relaymsg.ShortID{1, 2}}, body, push)
			if got := next[Received](t, b); got.Msg.Kind() != relaymsg.KindFeeFilter {
				t.Fatalf("%+v", got)
			}
			if got := next[Received](t, b); got.ID != upB.ID || got.Msg.Kind() != relaymsg.KindInv {
				t.Fatalf("%+v", got)
			}
			if got := next[Received](t, b); len(got.Msg.(*relaymsg.Txs).Bodies) != 1 {
				t.Fatal("bodies lost")
			}
			if got := next[Received](t, b); len(got.Msg.(*relaymsg.Push).Body) != 100_000 {
				t.Fatal("push lost")
			}
			if mesh := next[MeshChanged](t, b); len(mesh.IDs) != 1 || mesh.IDs[0] != upB.ID {
				t.Errorf("%+v", mesh)
			}
			info := b.Peers()[0]
			if info.Transport != transport || info.Outbound || info.Agent != "txnode/test" || info.FeeFloor != 200 ||
				!info.InMesh || info.LastRecv.IsZero() || info.Received[relaymsg.KindTxs] < 100_000 || info.Received[relaymsg.KindPush] < 100_000 {
				t.Errorf("%+v", info)
			}
			checkTraffic(t, a.Traffic().Sent, b.Traffic().Received)
			stopB()
			if down := next[PeerDown](t, a); down.ID != upA.ID {
				t.Errorf("%+v", down)
			}
		})
	}
}

func checkTraffic(t *testing.T, sent, received TrafficBytes) {
	t.Helper()
	if sent.Announce != 14 || sent.Body < 200_000 || sent.Body > 200_100 || sent.Request != 0 {
		t.Errorf("sent %+v", sent)
	}
	if sent.Announce != received.Announce || sent.Body != received.Body {
		t.Errorf("sent %+v, received %+v", sent, received)
	}
	if sent.Beacon == 0 || sent.Control < 100 || sent.Control > 5000 {
		t.Errorf("sent %+v", sent)
	}
}

func TestBusyPort(t *testing.T) {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	port := strings.TrimPrefix(tcp.Addr().String(), "127.0.0.1:")
	c := testConfig(t)
	c.Listen = []multiaddr.Multiaddr{
		multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1"),
		multiaddr.StringCast("/ip4/127.0.0.1/tcp/" + port),
	}
	if _, err = New(c); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "/tcp/"+port) {
		t.Errorf("one busy address of two: %v", err)
	}
	// A second node on the port of a running one fails, too.
	c = testConfig(t)
	c.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	first, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	c.Listen = first.Host().Addrs()
	if _, err := New(c); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second node on %v: %v", c.Listen, err)
	}
}

func TestCallersHost(t *testing.T) {
	host, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	before := len(host.Mux().Protocols())
	c := testConfig(t)
	c.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	other, stopOther := runReal(t, c)
	defer stopOther()

	shared := testConfig(t)
	shared.Host, shared.Identity = host, nil
	n, stop := runReal(t, shared)
	if n.Host() != host {
		t.Fatal("another host")
	}
	// The owner of the host dials; the link follows.
	info, err := parsePeerAddr(other.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Connect(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	up := next[PeerUp](t, n)
	n.Send(up.ID, &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
	next[Received](t, other)
	if got := n.Traffic().Sent; got.Announce == 0 || got.Control == 0 {
		t.Errorf("traffic %+v", got)
	}
	// A filter ends the link and leaves the connection, which is not ours.
	n.SetFilter(func(peer.ID) bool { return false })
	next[PeerDown](t, n)
	stop()
	if got := len(host.Mux().Protocols()); got != before {
		t.Errorf("%d protocols left behind: %v", got-before, host.Mux().Protocols())
	}
	if len(host.Network().ListenAddresses()) == 0 {
		t.Error("the caller's host was closed")
	}
}

func TestCloseWithoutRun(t *testing.T) {
	c := testConfig(t)
	c.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-n.Events(); open {
		t.Error("events are still open")
	}
	if err := n.Run(t.Context()); err == nil {
		t.Error("a closed network runs")
	}
	if err := n.Add("/ip4/127.0.0.1/tcp/1/p2p/" + n.Host().ID().String()); err == nil {
		t.Error("a closed network takes peers")
	}
	if n.Send(1, &relaymsg.Inv{}) != 0 || n.Peers() == nil || n.Overlay().Nodes != 1 {
		t.Error("a closed network has peers")
	}
}
