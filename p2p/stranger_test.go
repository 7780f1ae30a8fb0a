package p2p

import (
	"bufio"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

// stranger is a bare libp2p host that speaks the protocol as badly as a test
// wants.
type stranger struct {
	host.Host
	t     *testing.T
	relay network.Stream
	recon network.Stream
	in    *bufio.Reader
}

func (w *world) stranger(options ...libp2p.Option) *stranger {
	w.t.Helper()
	addr, transport := w.transport()
	h, err := libp2p.New(append(options, libp2p.ListenAddrs(addr), transport, libp2p.DisableMetrics(), libp2p.DisableRelay(),
		libp2p.DisableIdentifyAddressDiscovery(), libp2p.ResourceManager(&network.NullResourceManager{}))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.bare = append(w.bare, h)
	return &stranger{Host: h, t: w.t}
}

// dial connects and opens the relay stream, without a word on it.
func (s *stranger) dial(to *node) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Connect(ctx, peer.AddrInfo{ID: to.Host().ID(), Addrs: to.Host().Addrs()}); err != nil {
		return err
	}
	var err error
	if s.relay, err = s.NewStream(ctx, to.Host().ID(), relayProtocol); err != nil {
		return err
	}
	s.in = bufio.NewReader(s.relay)
	return nil
}

// link goes on to a live link.
func (s *stranger) link(to *node) PeerID {
	s.t.Helper()
	if err := s.dial(to); err != nil {
		s.t.Fatal(err)
	}
	hello := to.cfg.Hello()
	s.say(&hello)
	if msg, _, err := readMessage(s.in, relaymsg.Relay); err != nil || msg.Kind() != relaymsg.KindHello {
		s.t.Fatalf("no HELLO: %v %v", msg, err)
	}
	var err error
	if s.recon, err = s.NewStream(s.t.Context(), to.Host().ID(), reconProtocol); err != nil {
		s.t.Fatal(err)
	}
	go s.recon.Read(make([]byte, 1)) // lets the lazy negotiation begin
	await(s.t, 5*time.Second, "link with stranger", func() bool { return to.handleOf(s.ID()) != 0 })
	return to.handleOf(s.ID())
}

func (s *stranger) say(m relaymsg.Message) {
	s.t.Helper()
	if _, err := s.relay.Write(relaymsg.AppendFrame(nil, m)); err != nil {
		s.t.Fatal(err)
	}
}

func TestViolationsEndTheLink(t *testing.T) {
	frame := func(m relaymsg.Message) []byte { return relaymsg.AppendFrame(nil, m) }
	hello := frame(&relaymsg.Hello{Version: relaymsg.Version, Network: "regtest"})
	tests := map[string]struct {
		relay, recon []byte
		reason       string
	}{
		"oversized frame":       {relay: []byte{0xff, 0xff, 0xff, 0x7f}, reason: "limit 524288"},
		"oversized recon frame": {recon: []byte{0xff, 0xff, 0x7f}, reason: "limit 65536"},
		"empty frame":           {relay: []byte{0}, reason: "length 0"},
		"unknown kind":          {relay: []byte{1, 0x3f}, reason: "unknown kind"},
		"wrong lane":            {relay: frame(&relaymsg.ReconEqual{Round: 1}), reason: "wrong lane"},
		"non-minimal length":    {relay: []byte{0x81, 0x00, 0x02}, reason: "minimal"},
		"trailing bytes":        {recon: []byte{3, byte(relaymsg.KindReconEqual), 1, 1}, reason: "trailing"},
		"second HELLO":          {relay: hello, reason: "second HELLO"},
		"empty INV":             {relay: []byte{1, byte(relaymsg.KindInv)}, reason: "no ids"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				n, s := w.start(nil), w.stranger()
				s.link(n)
				if test.relay != nil {
					s.relay.Write(test.relay)
				} else {
					s.recon.Write(test.recon)
				}
				await(t, 5*time.Second, "link ends", func() bool { return len(events[PeerDown](n)) == 1 })
				if got := events[PeerDown](n)[0].Reason; !strings.Contains(got, errViolation.Error()) || !strings.Contains(got, test.reason) {
					t.Errorf("reason %q, want %q", got, test.reason)
				}
				if len(events[Received](n)) != 0 {
					t.Errorf("delivered %v", events[Received](n))
				}
				// It is denied for ten minutes, and no longer.
				if time.Sleep(denyFor - time.Minute); s.dial(n) == nil {
					if _, err := s.in.ReadByte(); err == nil {
						t.Error("denied peer was let in")
					}
				}
				time.Sleep(time.Minute + time.Second)
				s.link(n)
				n.checkLifecycle()
			})
		})
	}
}

func TestHandshakeMustBegin(t *testing.T) {
	tests := map[string]struct {
		say    []byte
		within time.Duration
		denied bool
	}{
		"silence":     {nil, helloTimeout + time.Second, false},
		"half HELLO":  {[]byte{100, byte(relaymsg.KindHello), 1}, helloTimeout + time.Second, false},
		"INV first":   {relaymsg.AppendFrame(nil, &relaymsg.Inv{IDs: []relaymsg.ShortID{1}}), time.Second, true},
		"huge HELLO":  {[]byte{0xff, 0xff, 0x7f}, time.Second, true},
		"HELLO alone": {relaymsg.AppendFrame(nil, &relaymsg.Hello{Version: 1, Network: "regtest"}), openTimeout + time.Second, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				n, s := w.start(func(c *Config) {
					c.Hello = func() relaymsg.Hello { return relaymsg.Hello{Version: 1, Network: "regtest"} }
				}), w.stranger()
				if err := s.dial(n); err != nil {
					t.Fatal(err)
				}
				go s.in.Peek(1) // lets the lazy negotiation begin
				s.relay.Write(test.say)
				time.Sleep(100 * time.Millisecond)
				if n.linkTo(s.ID()) == nil && !test.denied {
					t.Fatal("no handshake has begun")
				}
				await(t, test.within, "slot is free", func() bool { return n.linkTo(s.ID()) == nil })
				if got := n.gater.allowed(s.ID()); got == test.denied {
					t.Errorf("allowed %v, want %v", got, !test.denied)
				}
				if len(events[PeerUp](n)) != 0 {
					t.Error("PeerUp without a link")
				}
			})
		})
	}
}

func TestFrameMustComplete(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, s := w.start(nil), w.stranger()
		s.link(n)
		// Silence between frames may last.
		for range 2 {
			s.say(&relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
			time.Sleep(10 * time.Minute)
		}
		if len(events[PeerDown](n)) != 0 || len(events[Received](n)) != 2 {
			t.Fatalf("idle peer went down: %v", events[PeerDown](n))
		}
		whole := relaymsg.AppendFrame(nil, &relaymsg.Inv{IDs: []relaymsg.ShortID{1, 2, 3}})
		s.relay.Write(whole[:5])
		time.Sleep(frameTimeout - time.Second)
		if len(events[PeerDown](n)) != 0 {
			t.Fatalf("slow frame ended the link too soon: %v", events[PeerDown](n))
		}
		await(t, 2*time.Second, "stalled frame ends the link", func() bool { return len(events[PeerDown](n)) == 1 })
		if !n.gater.allowed(s.ID()) {
			t.Error("a slow peer was denied as if it had lied")
		}
	})
}

func TestNeverReadingPeerIsReset(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, other, s := w.start(nil), w.start(nil), w.stranger(libp2p.UserAgent("evil\x1b[2J"))
		toOther, _ := link2(t, n, other)
		id := s.link(n)

		if peers := n.Peers(); peers[len(peers)-1].Agent != "evil" {
			t.Errorf("agent %q", peers[len(peers)-1].Agent)
		}
		body := &relaymsg.Txs{Bodies: [][]byte{make([]byte, 100_000)}}
		highest, told := 0, 0
		for ; n.liveLink(id) != nil && told < 200; told++ {
			highest = max(highest, n.Send(id, body))
			n.Send(toOther, &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
			time.Sleep(10 * time.Millisecond)
		}
		await(t, time.Second, "never-reading peer goes down", func() bool { return len(events[PeerDown](n)) == 1 })
		down := events[PeerDown](n)[0]
		if down.ID != id || !strings.Contains(down.Reason, errSlow.Error()) {
			t.Errorf("%+v", down)
		}
		if highest < QueueLow || highest > maxRelayQueue {
			t.Errorf("queue reached %d bytes", highest)
		}
		if n.Send(id, body) != 0 {
			t.Error("Send to a dead link queued something")
		}
		await(t, time.Second, "other peer gets all", func() bool {
			return len(events[Received](other)) == told
		})
		if !n.gater.allowed(s.ID()) {
			t.Error("a slow peer was denied as if it had lied")
		}
		n.checkLifecycle()
	})
}

func TestWriteDeadlineEndsTheLink(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, s := w.start(nil), w.stranger()
		id := s.link(n)
		for range 9 { // below the queue's limit, above the stream's window
			n.Send(id, &relaymsg.Txs{Bodies: [][]byte{make([]byte, 100_000)}})
		}
		await(t, writeTimeout+time.Second, "write times out", func() bool { return len(events[PeerDown](n)) == 1 })
		if reason := events[PeerDown](n)[0].Reason; !strings.Contains(reason, errSlow.Error()) {
			t.Error(reason)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, s := w.start(nil), w.stranger()
		if err := s.Connect(t.Context(), peer.AddrInfo{ID: n.Host().ID(), Addrs: n.Host().Addrs()}); err != nil {
			t.Fatal(err)
		}
		connected := func() bool { return len(n.Host().Network().ConnsToPeer(s.ID())) > 0 }
		time.Sleep(idleConn - time.Second)
		if !connected() {
			t.Fatal("closed too soon")
		}
		await(t, 2*sweepInterval, "connection without a link is closed", func() bool { return !connected() })
	})
}

func TestMisbehavingPeerIsDenied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(nil), w.start(nil)
		toB, _ := link2(t, a, b)
		a.Misbehaving(toB, "unasked body")
		await(t, time.Second, "link ends", func() bool { return len(events[PeerDown](a)) == 1 && len(events[PeerDown](b)) == 1 })
		if got := events[PeerDown](a)[0].Reason; got != "protocol violation: unasked body" {
			t.Error(got)
		}
		if err := b.Connect(t.Context(), a.addr()); err == nil {
			time.Sleep(time.Second)
			if b.handle(a) != 0 {
				t.Error("denied peer was let in")
			}
		}
		if err := a.Connect(t.Context(), b.addr()); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialled a denied peer: %v", err)
		}
	})
}
