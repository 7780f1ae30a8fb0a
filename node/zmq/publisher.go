package zmq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/node"
)

// Topics, as Core's.
const (
	TopicRawTx    = "rawtx"    // every transaction that enters the mempool, serialized
	TopicHashTx   = "hashtx"   // its txid, in the order of bytes in which it is shown
	TopicSequence = "sequence" // the txid, A (added) or R (removed), and the mempool sequence in 8 bytes, little end first
)

// maxSubscribers is how many connections an address takes.
const maxSubscribers = 64

// Publication is a topic at an address.
type Publication struct {
	Topic   string // TopicRawTx, TopicHashTx or TopicSequence
	Address string // tcp://HOST:PORT; HOST *: all interfaces, PORT 0: any free one
}

// Publisher publishes a node's events. It is safe for concurrent use.
type Publisher struct {
	log     *slog.Logger
	sockets []*socket
}

// socket is a listening address.
type socket struct {
	address  string
	listener net.Listener
	topics   []*topic

	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
}

// topic counts its messages at one address. Only Run changes it.
type topic struct {
	name  string
	count uint32
}

// Listen binds the addresses. Subscribers are served once Run is called; what is
// never run is released with Close. A nil logger is silent.
func Listen(publications []Publication, log *slog.Logger) (_ *Publisher, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Publisher{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	at := make(map[string]*socket)
	for _, b := range publications {
		if b.Topic != TopicRawTx && b.Topic != TopicHashTx && b.Topic != TopicSequence {
			return nil, fmt.Errorf("zmq: there is no topic %q", b.Topic)
		}
		s := at[b.Address]
		if s == nil {
			if s, err = bind(b.Address); err != nil {
				return nil, err
			}
			at[b.Address] = s
			p.sockets = append(p.sockets, s)
		}
		if slices.ContainsFunc(s.topics, func(t *topic) bool { return t.name == b.Topic }) {
			return nil, fmt.Errorf("zmq: %s is published at %s twice", b.Topic, b.Address)
		}
		s.topics = append(s.topics, &topic{name: b.Topic})
	}
	return p, nil
}

func bind(address string) (*socket, error) {
	hostPort, ok := strings.CutPrefix(address, "tcp://")
	host, port, err := net.SplitHostPort(hostPort)
	if !ok || err != nil {
		return nil, fmt.Errorf("zmq: %q is no address such as tcp://127.0.0.1:28332", address)
	}
	if host == "*" {
		host = ""
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("zmq: cannot listen on %s: %w", address, err)
	}
	return &socket{address: "tcp://" + l.Addr().String(), listener: l, subscribers: make(map[*subscriber]struct{})}, nil
}

// Publications are what is published, with the addresses that were bound.
func (p *Publisher) Publications() []Publication {
	var list []Publication
	for _, s := range p.sockets {
		for _, t := range s.topics {
			list = append(list, Publication{Topic: t.name, Address: s.address})
		}
	}
	return list
}

// Run publishes what follow, which is [node.Node.Events], yields until ctx ends,
// which it reports as nil, or a listener fails. When it returns, everything is
// released. That the events end, as they do when the node stops, only means that
// there is nothing more to tell.
func (p *Publisher) Run(ctx context.Context, follow func(context.Context) iter.Seq[node.Event]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { p.Close() })()
	var group sync.WaitGroup
	for _, s := range p.sockets {
		group.Go(func() {
			err := s.accept(ctx, p.log)
			cancel(fmt.Errorf("zmq: the publisher at %s failed: %w", s.address, err)) // without effect if ctx has ended
		})
	}
	if len(p.sockets) > 0 {
		for e := range follow(ctx) {
			p.publish(e)
		}
	}
	<-ctx.Done()
	group.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// Close releases the addresses of a publisher that was not run.
func (p *Publisher) Close() error {
	var errs []error
	for _, s := range p.sockets {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// publish tells of an event where it is a topic.
func (p *Publisher) publish(e node.Event) {
	for _, s := range p.sockets {
		for _, t := range s.topics {
			if e.Kind == node.EventMissed {
				t.count += uint32(e.Missed) // subscribers shall notice
				continue
			}
			if body := t.body(e); body != nil {
				s.send(t, body)
			}
		}
	}
	if e.Kind == node.EventMissed {
		p.log.Warn("events were not published: the machine is too slow", "events", e.Missed)
	}
}

// body is what the topic tells of the event, nil for nothing.
func (t *topic) body(e node.Event) []byte {
	added, removed := e.Kind == node.EventAdded, e.Kind == node.EventRemoved
	switch {
	case added && t.name == TopicRawTx:
		return e.Entry.Raw
	case added && t.name == TopicHashTx:
		return shown(e.TxID)
	case added && t.name == TopicSequence:
		return step(e.TxID, 'A', e.Sequence)
	case removed && t.name == TopicSequence:
		return step(e.TxID, 'R', e.Sequence)
	}
	return nil
}

// step is a message of TopicSequence.
func step(txid chainhash.Hash, label byte, sequence uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(shown(txid), label), sequence)
}

// shown are the bytes of a hash in the order in which people see them.
func shown(h chainhash.Hash) []byte {
	slices.Reverse(h[:])
	return h[:]
}

// send queues the next message of the topic for those who want it.
func (s *socket) send(t *topic, body []byte) {
	var message []byte
	s.mu.Lock()
	defer s.mu.Unlock()
	for subscriber := range s.subscribers {
		if !subscriber.wants(t.name) {
			continue
		}
		if message == nil {
			message = appendFrame(nil, flagMore, []byte(t.name))
			message = appendFrame(message, flagMore, body)
			message = appendFrame(message, 0, binary.LittleEndian.AppendUint32(nil, t.count))
		}
		subscriber.offer(message)
	}
	t.count++
}

// accept serves subscribers until the listener ends, and says why it did.
func (s *socket) accept(ctx context.Context, log *slog.Logger) error {
	var group sync.WaitGroup
	defer group.Wait()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return err
		}
		subscriber := newSubscriber(conn)
		s.mu.Lock()
		full := len(s.subscribers) >= maxSubscribers
		if !full {
			s.subscribers[subscriber] = struct{}{}
		}
		s.mu.Unlock()
		if full {
			log.Warn("too many subscribers", "address", s.address, "from", conn.RemoteAddr())
			conn.Close()
			continue
		}
		group.Go(func() {
			err := subscriber.serve(ctx)
			log.Debug("subscriber left", "address", s.address, "from", conn.RemoteAddr(), "reason", err)
			s.mu.Lock()
			delete(s.subscribers, subscriber)
			s.mu.Unlock()
		})
	}
}
