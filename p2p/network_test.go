package p2p

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

// lockedBuffer is a log that nodes write and a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) lines(with string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.buf.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

func (b *lockedBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestIncompatiblePeersPart(t *testing.T) {
	base := relaymsg.Hello{Version: relaymsg.Version, Network: "regtest", PrevOuts: [32]byte{1}}
	tests := map[string]struct {
		change func(*relaymsg.Hello)
		reason string
	}{
		"version":  {func(h *relaymsg.Hello) { h.Version = 9 }, "it speaks relay protocol version 9, we speak 3"},
		"network":  {func(h *relaymsg.Hello) { h.Network = "signet" }, `it is on network "signet", we are on "regtest"`},
		"prevouts": {func(h *relaymsg.Hello) { h.PrevOuts[0] = 2 }, "its previous outputs are 02000000…, ours are 01000000…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				var logA, logB lockedBuffer
				other := base
				test.change(&other)
				b := w.start(func(c *Config) {
					c.Hello = func() relaymsg.Hello { return other }
					c.Logger = logB.logger()
				})
				a := w.start(func(c *Config) {
					c.Hello = func() relaymsg.Hello { return base }
					c.Logger = logA.logger()
				})
				err := a.Connect(t.Context(), b.addr())
				if !errors.Is(err, ErrIncompatible) || !strings.Contains(err.Error(), test.reason) {
					t.Fatalf("error %v, want %q", err, test.reason)
				}
				time.Sleep(time.Second)
				if len(logA.lines("peer refused")) != 1 || len(logB.lines("peer refused")) != 1 {
					t.Errorf("logged %v and %v", logA.lines(""), logB.lines(""))
				}
				for _, n := range []*node{a, b} {
					if f := n.Failures(); len(f) != 1 || !f[0].Incompatible || !strings.Contains(f[0].Reason, "incompatible peer: ") {
						t.Errorf("remembered: %+v", f)
					}
				}
				// A persistent peer is told loudly once and not stormed.
				if err := a.Add(b.addr()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Minute)
				if got := logA.lines("will keep trying"); len(got) != 1 || !strings.Contains(got[0], "WARN") {
					t.Errorf("said %d times: %v", len(got), got)
				}
				if got := len(logB.lines("peer refused")); got < 5 || got > 10 {
					t.Errorf("%d attempts in 30 minutes", got)
				}
				if len(events[PeerUp](a))+len(events[PeerUp](b)) != 0 {
					t.Error("PeerUp of an incompatible peer")
				}
			})
		})
	}
}

// TestUnreachablePeersAreTold: as long as a link to one is wanted.
func TestUnreachablePeersAreTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(nil), w.start(nil)
		addr := b.addr()
		time.Sleep(time.Second)
		b.close()
		if err := a.Add(addr); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if f := a.Failures(); len(f) != 1 || f[0].Addr != addr || f[0].Incompatible || !strings.Contains(f[0].Reason, "dial") {
			t.Errorf("added: %+v", f)
		}
		if err := a.Remove(addr); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if f := a.Failures(); len(f) != 0 {
			t.Errorf("removed: %+v", f)
		}
	})
}

func TestSimultaneousDialKeepsOneLink(t *testing.T) {
	for range 5 { // the keys, and so the order of ids, differ
		inWorld(t, func(t *testing.T, w *world) {
			a, b := w.start(nil), w.start(nil)
			results := make(chan error, 2)
			go func() { results <- a.Connect(t.Context(), b.addr()) }()
			go func() { results <- b.Connect(t.Context(), a.addr()) }()
			for range 2 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			time.Sleep(10 * time.Second)
			for _, n := range []*node{a, b} {
				if up := events[PeerUp](n); len(up)-len(events[PeerDown](n)) != 1 || len(n.Peers()) != 1 {
					t.Fatalf("%d ups, %d downs, %d peers", len(up), len(events[PeerDown](n)), len(n.Peers()))
				}
				n.checkLifecycle()
			}
			if a.Peers()[0].Outbound == b.Peers()[0].Outbound {
				t.Error("both ends have the same direction")
			}
			// The link works both ways.
			a.Send(a.handle(b), &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
			b.Send(b.handle(a), &relaymsg.Inv{IDs: []relaymsg.ShortID{2}})
			await(t, time.Second, "messages on the link", func() bool {
				return len(events[Received](a)) == 1 && len(events[Received](b)) == 1
			})
		})
	}
}

func TestBusyOwnerSlowsItsPeersOnly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		sender, busy, idle := w.start(nil), w.start(nil), w.start(nil)
		toBusy, _ := link2(t, sender, busy)
		toIdle, _ := link2(t, sender, idle)
		resume := busy.pause()

		body := &relaymsg.Txs{Bodies: [][]byte{make([]byte, 20_000)}}
		sent := 0
		for sender.Send(toBusy, body) < QueueLow {
			sent++
			time.Sleep(10 * time.Millisecond)
			if sent > 1000 {
				t.Fatal("the queue of a busy peer never fills")
			}
		}
		sender.Send(toIdle, body)
		await(t, time.Second, "idle peer is served", func() bool { return len(events[Received](idle)) == 1 })
		if len(events[Drained](sender)) != 0 {
			t.Error("drained too early")
		}
		resume()
		await(t, 5*time.Second, "all arrives", func() bool { return len(events[Received](busy)) == sent+1 })
		await(t, time.Second, "Drained", func() bool { return len(events[Drained](sender)) == 1 })
		sender.checkLifecycle()
	})
}

func TestShutdownWithBusyOwner(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		sender, busy := w.start(nil), w.start(nil)
		toBusy, _ := link2(t, sender, busy)
		resume := busy.pause()
		for range 3 * eventBuffer {
			sender.Send(toBusy, &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
		}
		time.Sleep(time.Second)
		began := time.Now()
		busy.stop()
		await(t, 2*time.Second, "links are gone", func() bool { return busy.handle(sender) == 0 && sender.handle(busy) == 0 })
		resume()
		<-busy.done
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("shutdown took %v", took)
		}
	})
}

func TestPersistentPeerIsRedialled(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var log lockedBuffer
		b := w.start(nil)
		a := w.start(func(c *Config) {
			c.Bootstrap = []string{b.addr()}
			c.Logger = log.logger()
		})
		await(t, 3*time.Second, "first link", func() bool { return a.handle(b) != 0 })
		listen, key := b.cfg.Listen, b.cfg.Identity
		transport := b.cfg.HostOptions
		b.close()
		await(t, 5*time.Second, "link ends", func() bool { return a.handle(b) == 0 })
		time.Sleep(10 * time.Minute)
		if got := log.lines("will keep trying"); len(got) != 1 {
			t.Errorf("said %d times: %v", len(got), got)
		}
		// The peer comes back with its key at its address.
		again := w.start(func(c *Config) { c.Identity, c.Listen, c.HostOptions = key, listen, transport })
		await(t, 2*maxBackoff, "second link", func() bool { return a.handle(again) != 0 })
		if up := events[PeerUp](a); len(up) != 2 || up[0].ID == up[1].ID {
			t.Errorf("%+v", up)
		}
		if err := a.Remove(again.addr()); err != nil {
			t.Fatal(err)
		}
		if err := a.Disconnect(again.Host().ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if a.handle(again) != 0 {
			t.Error("removed peer was dialled again")
		}
		a.checkLifecycle()
	})
}

func TestBackoffGrows(t *testing.T) {
	for failures := range 20 {
		want := min(minBackoff<<min(failures, 10), maxBackoff)
		for range 100 {
			if got := backoff(failures); got < want*3/4 || got > want*5/4 {
				t.Fatalf("backoff(%d) = %v, want about %v", failures, got, want)
			}
		}
	}
}

func TestCrashedPeerComesBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		// A stranger with two hosts of one key stands for a node that crashed
		// and dials before its old connection has timed out.
		n, s := w.start(nil), w.stranger()
		old := s.link(n)
		time.Sleep(5 * time.Second)
		revived := w.stranger(libp2p.Identity(s.Peerstore().PrivKey(s.ID())))
		revived.link(n)
		await(t, time.Second, "old link is replaced", func() bool { return n.handleOf(s.ID()) > old })
		if down := events[PeerDown](n); len(down) != 1 || down[0].ID != old || down[0].Reason != errReplaced.Error() {
			t.Errorf("%+v", down)
		}
		n.checkLifecycle()
	})
}

func TestInboundLeavesSlotsForOutbound(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start(func(c *Config) { c.MaxPeers, c.TargetOutbound = 4, 2 })
		target := w.start(nil)
		for range 4 {
			s := w.stranger()
			if s.dial(n) == nil {
				hello := n.cfg.Hello()
				s.say(&hello)
				s.NewStream(t.Context(), n.Host().ID(), reconProtocol)
			}
		}
		time.Sleep(5 * time.Second)
		n.mu.Lock()
		inbound := n.inbound()
		n.mu.Unlock()
		if inbound > 2 {
			t.Errorf("%d inbound links, limit 2", inbound)
		}
		link2(t, n, target)
	})
}

func TestFilterPartitionsAndHeals(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		hub := w.start(nil)
		nodes := []*node{hub}
		for range 3 {
			nodes = append(nodes, w.start(func(c *Config) { c.Bootstrap = []string{hub.addr()} }))
		}
		full := func() bool { return len(hub.Peers()) == 3 }
		await(t, 5*time.Second, "all linked", full)

		side := []peer.ID{nodes[0].Host().ID(), nodes[1].Host().ID()}
		for i, n := range nodes {
			n.SetFilter(func(p peer.ID) bool { return slices.Contains(side, p) == (i < 2) })
		}
		await(t, time.Second, "cut", func() bool { return len(hub.Peers()) == 1 })
		for _, n := range nodes[2:] {
			await(t, time.Second, "no link or connection across the cut", func() bool {
				return len(n.Peers()) == 0 && len(n.Host().Network().Conns()) == 0
			})
		}
		if err := nodes[2].Connect(t.Context(), hub.addr()); err == nil {
			t.Error("dialled across the cut")
		}
		time.Sleep(10 * time.Minute)
		if len(hub.Peers()) != 1 {
			t.Error("the cut leaks")
		}
		for _, n := range nodes {
			n.SetFilter(nil)
		}
		await(t, 5*time.Second, "healed", full)
		for _, n := range nodes {
			n.checkLifecycle()
		}
	})
}

// What is off has no link, takes none, and is back at once when it is on.
func TestNetworkIsSwitchedOffAndOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		hub := w.start(nil)
		n := w.start(func(c *Config) { c.Bootstrap = []string{hub.addr()} })
		linked := func() bool { return len(hub.Peers()) == 1 && len(n.Peers()) == 1 }
		await(t, 5*time.Second, "linked", linked)
		for _, switched := range []*node{hub, n} {
			switched.SetActive(false)
			await(t, time.Second, "off", func() bool {
				return !switched.Active() && len(hub.Peers()) == 0 && len(n.Peers()) == 0
			})
			time.Sleep(10 * time.Minute)
			if len(hub.Peers()) != 0 {
				t.Error("linked while the network is off")
			}
			switched.SetActive(true)
			await(t, 90*time.Second, "on", func() bool { return switched.Active() && linked() })
		}
	})
}

func TestPing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(nil), w.start(nil)
		link2(t, a, b)
		over, end := context.WithCancel(t.Context())
		end()
		a.Ping(over)
		if rtt := a.Peers()[0].Ping; rtt != 0 {
			t.Errorf("%v without an answer", rtt)
		}
		a.Ping(t.Context())
		if rtt := a.Peers()[0].Ping; rtt < 40*time.Millisecond || rtt > 100*time.Millisecond {
			t.Errorf("%v with 20 ms each way", rtt)
		}
	})
}

func TestConnectErrors(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start(nil)
		for addr, want := range map[string]string{
			"":                               "peer address",
			"nonsense":                       "must look like",
			"/ip4/1.2.3.4/tcp/1":             "must look like",
			"/p2p/" + a.Host().ID().String(): "says who, not where",
			a.addr():                         "dial to self",
		} {
			if err := a.Connect(t.Context(), addr); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Connect(%q): %v, want %q", addr, err, want)
			}
		}
		if err := a.Add(a.addr()); err != nil {
			t.Errorf("own address: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		nowhere := "/ip4/9.9.9.9/udp/9/quic-v1/p2p/12D3KooWGRUacqQsSRm4xsF2rDzKaRPWFYaP9M9YYAh4NxpmRgkL"
		if err := a.Connect(ctx, nowhere); err == nil {
			t.Error("connected to nowhere")
		}
		if err := a.Remove(nowhere); err == nil {
			t.Error("removed what was never added")
		}
		if err := a.Disconnect("nobody"); err == nil {
			t.Error("disconnected nobody")
		}
		if err := a.Add(nowhere); err != nil {
			t.Error(err)
		}
		if err := a.Add(nowhere); !errors.Is(err, ErrAdded) {
			t.Errorf("second Add: %v", err)
		}
	})
}
