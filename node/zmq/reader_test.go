package zmq

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/txnode/txnode/node"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Both are started once per process by dependencies and never end.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// A reader is a SUB socket, written from the specification of ZMTP and not with
// the publisher's functions.
type reader struct {
	net.Conn
	t   *testing.T
	r   *bufio.Reader
	out chan string
}

func newReader(t *testing.T, c net.Conn) *reader {
	r := &reader{c, t, bufio.NewReader(c), make(chan string, 100)}
	go func() {
		for text := range r.out {
			io.WriteString(c, text) // the other side may have hung up
		}
	}()
	t.Cleanup(func() {
		close(r.out)
		c.Close()
	})
	return r
}

// subSocket and subReady are what a SUB socket of libzmq 4.3 opens with.
var (
	subSocket = "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01NULL" + strings.Repeat("\x00", 16+1+31)
	subReady  = "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
)

// handshake opens the connection and checks what the publisher says.
func (r *reader) handshake() {
	r.t.Helper()
	const pubSocket = "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x00NULL"
	r.say(subSocket)
	want := pubSocket + strings.Repeat("\x00", 16+1+31) + "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
	if got := r.hear(len(want)); got != want {
		r.t.Fatalf("publisher opens with %q", got)
	}
	r.say(subReady)
}

// say sends without waiting for the other side to take it.
func (r *reader) say(text string) { r.out <- text }

func (r *reader) hear(n int) string {
	r.t.Helper()
	b := make([]byte, n)
	if n, err := io.ReadFull(r.r, b); err != nil {
		r.t.Fatalf("%v after %q", err, b[:n])
	}
	return string(b)
}

// subscribe asks for a topic and, in virtual time, waits until the publisher
// knows.
func (r *reader) subscribe(prefix string) {
	r.say(string([]byte{0, byte(1 + len(prefix)), 1}) + prefix)
	synctest.Wait()
}

func (r *reader) unsubscribe(prefix string) {
	r.say(string([]byte{0, byte(1 + len(prefix)), 0}) + prefix)
	synctest.Wait()
}

// message is the next message's parts.
func (r *reader) message() (parts []string) {
	r.t.Helper()
	for {
		head := r.hear(2)
		size := uint64(head[1])
		if head[0]&2 != 0 {
			size = binary.BigEndian.Uint64([]byte(head[1:] + r.hear(7)))
		}
		parts = append(parts, r.hear(int(size)))
		if head[0]&1 == 0 {
			return parts
		}
	}
}

// ended reads until the connection ends.
func (r *reader) ended() { io.Copy(io.Discard, r.r) }

// pipeListener accepts connections made by dial, all in memory, so that a
// publisher runs in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 28332} }

// A stage is a publisher of all topics in virtual time.
type stage struct {
	*pipeListener
	t      *testing.T
	socket *socket
	events chan node.Event
}

func onStage(t *testing.T, play func(t *testing.T, s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{
			pipeListener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})},
			t:            t, events: make(chan node.Event),
		}
		s.socket = &socket{address: "tcp://127.0.0.1:28332", listener: s, subscribers: make(map[*subscriber]struct{})}
		for _, name := range []string{TopicRawTx, TopicHashTx, TopicSequence} {
			s.socket.topics = append(s.socket.topics, &topic{name: name})
		}
		p := &Publisher{sockets: []*socket{s.socket}, log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx, s.follow) }()
		play(t, s)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func (s *stage) follow(ctx context.Context) iter.Seq[node.Event] {
	return func(yield func(node.Event) bool) {
		for {
			select {
			case e := <-s.events:
				if !yield(e) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *stage) dial() *reader {
	client, server := net.Pipe()
	s.conns <- server
	return newReader(s.t, client)
}

// join is a connection after the handshake that subscribed to the topics.
func (s *stage) join(topics ...string) *reader {
	r := s.dial()
	r.handshake()
	for _, prefix := range topics {
		r.subscribe(prefix)
	}
	return r
}

// script is a connection that only reads what it is given.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// FuzzSubscriber: whatever a subscriber sends, it is served to an end, and takes
// no more memory than its limits say.
func FuzzSubscriber(f *testing.F) {
	f.Add([]byte(subSocket + subReady + "\x00\x06\x01rawtx\x04\x07\x04PING\x00\x01\x00\x06\x00rawtx"))
	f.Add([]byte(subSocket + "\x06\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte(subSocket + subReady + "\x04\x06\x05ERROR"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:28332\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, client)
		s := newSubscriber(script{server, strings.NewReader(string(sent))})
		if err := s.serve(context.Background()); err == nil {
			t.Error("ended without a reason")
		}
		client.Close()
		if len(s.prefixes) > maxSubscriptions || s.waiting.Load() > maxWaiting {
			t.Errorf("%d subscriptions, %d bytes waiting", len(s.prefixes), s.waiting.Load())
		}
		for prefix := range s.prefixes {
			if len(prefix) > maxPrefix {
				t.Errorf("a prefix of %d bytes", len(prefix))
			}
		}
	})
}

var errTest = errors.New("the network card is gone")

// brokenListener fails.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errTest }
func (brokenListener) Close() error              { return nil }
