package zmq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/testnet/txgen"
)

func entry(raw string) *mempool.Entry {
	return &mempool.Entry{TxID: chainhash.DoubleHashH([]byte(raw)), Raw: []byte(raw)}
}

func added(e *mempool.Entry, sequence uint64) node.Event {
	return node.Event{Kind: node.EventAdded, Entry: e, TxID: e.TxID, Sequence: sequence}
}

func removed(e *mempool.Entry, sequence uint64) node.Event {
	return node.Event{Kind: node.EventRemoved, Entry: e, TxID: e.TxID, Sequence: sequence, Reason: mempool.ReasonReplaced}
}

func count(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

// shownBytes are the bytes of what chainhash prints.
func shownBytes(e *mempool.Entry) string {
	var b []byte
	fmt.Sscanf(e.TxID.String(), "%x", &b)
	return string(b)
}

func (r *reader) expect(parts ...string) {
	r.t.Helper()
	if got := r.message(); !slices.Equal(got, parts) {
		r.t.Errorf("got %q\nwant %q", got, parts)
	}
}

// TestTopics: parts, byte orders and counters are Core's, and everybody gets
// what was asked for.
func TestTopics(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		first, second := entry("first"), entry(strings.Repeat("second", 100))
		all, hashes, none := s.join(""), s.join("hash"), s.join("rawblock")
		s.events <- node.Event{Kind: node.EventRejected}
		s.events <- added(first, 7)
		s.events <- added(second, 8)
		s.events <- removed(first, 1<<40)
		all.expect("rawtx", "first", count(0))
		all.expect("hashtx", shownBytes(first), count(0))
		all.expect("sequence", shownBytes(first)+"A\x07\x00\x00\x00\x00\x00\x00\x00", count(0))
		all.expect("rawtx", string(second.Raw), count(1))
		all.expect("hashtx", shownBytes(second), count(1))
		all.expect("sequence", shownBytes(second)+"A\x08\x00\x00\x00\x00\x00\x00\x00", count(1))
		all.expect("sequence", shownBytes(first)+"R\x00\x00\x00\x00\x00\x01\x00\x00", count(2))
		hashes.expect("hashtx", shownBytes(first), count(0))
		hashes.expect("hashtx", shownBytes(second), count(1))

		// Subscriptions count; what was missed shows in the counter.
		hashes.subscribe("hash")
		hashes.unsubscribe("hash")
		hashes.unsubscribe("nothing")
		s.events <- added(second, 9)
		hashes.expect("hashtx", shownBytes(second), count(2))
		hashes.unsubscribe("hash")
		s.events <- added(second, 10)
		s.events <- node.Event{Kind: node.EventMissed, Missed: 5}
		synctest.Wait()
		hashes.subscribe("hashtx")
		s.events <- added(second, 11)
		hashes.expect("hashtx", shownBytes(second), count(9))

		none.say("\x04\x0a\x04PING\x00\x01ctx") // a heartbeat
		if got := none.hear(10); got != "\x04\x08\x04PONGctx" {
			t.Errorf("heartbeat: %q", got)
		}
	})
}

// TestHighWaterMark: a subscriber that does not read loses what is beyond 1000
// messages or 16 MiB, is disconnected after a minute, and holds nobody up.
func TestHighWaterMark(t *testing.T) {
	for _, test := range []struct{ size, most int }{{10, HighWaterMark}, {400_000, maxWaiting / 400_000}} {
		t.Run(fmt.Sprint(test.size), func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				e := entry(strings.Repeat("x", test.size))
				slow, good := s.join("rawtx"), s.join("rawtx")
				publish := func(n uint32) {
					s.events <- added(e, 1)
					good.expect("rawtx", string(e.Raw), count(n))
				}
				n := uint32(0)
				for range test.most + 10 {
					publish(n)
					synctest.Wait()
					n++
				}
				for i := range test.most + 1 { // one is being written
					slow.expect("rawtx", string(e.Raw), count(uint32(i)))
				}
				publish(n)
				slow.expect("rawtx", string(e.Raw), count(n)) // the gap shows what is lost

				publish(n + 1)
				began := time.Now()
				time.Sleep(stalledTimeout + time.Millisecond)
				slow.ended()
				if took := time.Since(began); took > stalledTimeout+time.Second {
					t.Errorf("disconnected after %s", took)
				}
				publish(n + 2)
			})
		})
	}
}

// TestHandshake: who is no subscriber is not served.
func TestHandshake(t *testing.T) {
	change := func(s string, at int, with string) string { return s[:at] + with + s[at+len(with):] }
	for _, test := range []struct {
		name, sent string
		took       time.Duration
	}{
		{"nothing", "", handshakeTimeout},
		{"half a greeting", subSocket[:30], handshakeTimeout},
		{"no READY", subSocket, handshakeTimeout},
		{"a web page", "POST / HTTP/1.1\r\nHost: 127.0.0.1:28332\r\n\r\n", 0},
		{"ZMTP 2", change(subSocket, 10, "\x02"), 0},
		{"passwords", change(subSocket, 12, "PLAIN"), 0},
		{"a requester", subSocket + strings.Replace(subReady, "SUB", "REQ", 1), 0},
		{"a message for READY", subSocket + change(subReady, 0, "\x00"), 0},
		{"no socket type", subSocket + "\x04\x06\x05READY", 0},
		{"a property beyond the end", subSocket + change(subReady, 23, "\xff"), 0},
		{"a name beyond the end", subSocket + change(subReady, 8, "\xff"), 0},
		{"an empty command", subSocket + "\x04\x00", 0},
		{"a huge frame", subSocket + "\x06\x7f\xff\xff\xff\xff\xff\xff\xff", 0},
		{"an error", subSocket + subReady + "\x04\x06\x05ERROR", 0},
		{"a long heartbeat", subSocket + subReady + "\x04\x19\x04PING\x00\x01" + strings.Repeat("x", 18), 0},
		{"a long subscription", subSocket + subReady + "\x02\x00\x00\x00\x00\x00\x00\x01\x01\x01" + strings.Repeat("x", 256), 0},
		{"many subscriptions", subSocket + subReady + manyPrefixes(maxSubscriptions+1), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				r := s.dial()
				began := time.Now()
				r.say(test.sent)
				r.ended()
				if took := time.Since(began); took != test.took {
					t.Errorf("disconnected after %s, want %s", took, test.took)
				}
			})
		})
	}
	onStage(t, func(t *testing.T, s *stage) {
		r := s.join()
		r.say(manyPrefixes(maxSubscriptions))
		r.say("\x01\x01x\x00\x01y") // a message, as XSUB may send
		synctest.Wait()
		time.Sleep(time.Hour)
		s.events <- added(entry("x"), 1)
		r.unsubscribe("a0")
		s.events <- added(entry("x"), 2)
		synctest.Wait()
		s.socket.mu.Lock()
		defer s.socket.mu.Unlock()
		if len(s.socket.subscribers) != 1 {
			t.Error("a silent subscriber was disconnected")
		}
	})
}

func manyPrefixes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("\x00\x03\x01a" + string([]byte{byte(i)}))
	}
	return b.String()
}

// TestSubscriberLimit: the 65th is turned away until another leaves.
func TestSubscriberLimit(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		first := s.join()
		for range maxSubscribers - 1 {
			s.join()
		}
		began := time.Now()
		s.dial().ended()
		if took := time.Since(began); took != 0 {
			t.Errorf("turned away after %s", took)
		}
		first.Close()
		synctest.Wait()
		r := s.join("raw")
		s.events <- added(entry("x"), 1)
		r.expect("rawtx", "x", count(0))
	})
}

func TestListen(t *testing.T) {
	const any = "tcp://127.0.0.1:0"
	p, err := Listen([]Publication{{TopicRawTx, any}, {TopicSequence, any}, {TopicRawTx, "tcp://*:0"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	list := p.Publications()
	if len(list) != 3 || list[0].Address != list[1].Address || list[0].Address == list[2].Address {
		t.Errorf("published: %v", list)
	}
	for _, test := range []struct {
		publications []Publication
		want         string
	}{
		{[]Publication{{"rawblock", any}}, `no topic "rawblock"`},
		{[]Publication{{TopicRawTx, "ipc:///tmp/x"}}, `no address such as tcp://127.0.0.1:28332`},
		{[]Publication{{TopicRawTx, "tcp://127.0.0.1"}}, `no address such as tcp://127.0.0.1:28332`},
		{[]Publication{{TopicRawTx, any}, {TopicRawTx, any}}, "rawtx is published at tcp://127.0.0.1:0 twice"},
		{[]Publication{{TopicRawTx, list[0].Address}}, "in use"},
	} {
		if _, err := Listen(test.publications, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test.publications, err)
		}
	}
}

// TestRunFails: a listener that breaks ends Run, though events still come.
func TestRunFails(t *testing.T) {
	p := &Publisher{sockets: []*socket{{address: "tcp://broken", listener: brokenListener{}}}}
	s := &stage{events: make(chan node.Event)}
	if err := p.Run(t.Context(), s.follow); !errors.Is(err, errTest) {
		t.Errorf("Run: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := new(Publisher).Run(ctx, nil); err != nil {
		t.Errorf("Run of nothing: %v", err)
	}
}

// TestNodeIsPublished: a subscriber over TCP follows a node's mempool by the
// recipe for Core: take the sequence of a snapshot, then every change from it on.
func TestNodeIsPublished(t *testing.T) {
	outputs, err := utxo.TestAllocation("regtest", 10)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts = "regtest", outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Listen([]Publication{{TopicSequence, "tcp://127.0.0.1:0"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- p.Run(ctx, n.Events) }()
	defer func() {
		stop()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	}()
	<-n.Ready()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.Publications()[0].Address, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, conn)
	r.handshake()
	r.say("\x00\x01\x01\x04\x07\x04PING\x00\x01") // its answer tells that the subscription is known
	if pong := r.hear(7); pong != "\x04\x05\x04PONG" {
		t.Fatalf("%q", pong)
	}
	g, err := txgen.New(txgen.Config{Network: "regtest", To: 1})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := g.Chain(3)
	if err != nil {
		t.Fatal(err)
	}
	for i, tx := range chain {
		e, err := n.Submit(ctx, tx.Raw)
		if err != nil {
			t.Fatal(err)
		}
		sequence := n.Mempool().Info().Sequence
		r.expect("sequence", shownBytes(e)+"A"+string(binary.LittleEndian.AppendUint64(nil, sequence)), count(uint32(i)))
	}
}
