package zmq

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// HighWaterMark is how many messages may wait for a subscriber: Core's
	// default.
	HighWaterMark = 1000
	// maxWaiting is how many bytes of messages may wait for a subscriber.
	maxWaiting = 16 << 20
	// maxSubscriptions is how many prefixes a subscriber may name.
	maxSubscriptions = 64
	maxPrefix        = 255

	handshakeTimeout = 5 * time.Second
	// stalledTimeout is how long a subscriber may take no byte of what is written.
	stalledTimeout = time.Minute
	maxPingContext = 16
)

// subscriber is the connection of one SUB socket.
type subscriber struct {
	conn    net.Conn
	queue   chan []byte
	waiting atomic.Int64 // bytes in queue

	mu       sync.Mutex
	prefixes map[string]int // how often each was asked for
}

func newSubscriber(conn net.Conn) *subscriber {
	return &subscriber{conn: conn, queue: make(chan []byte, HighWaterMark), prefixes: make(map[string]int)}
}

// wants reports whether messages of the topic are asked for.
func (s *subscriber) wants(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix := range s.prefixes {
		if strings.HasPrefix(topic, prefix) {
			return true
		}
	}
	return false
}

// offer queues a message, or drops it.
func (s *subscriber) offer(message []byte) {
	if s.waiting.Load()+int64(len(message)) > maxWaiting {
		return
	}
	select {
	case s.queue <- message:
		s.waiting.Add(int64(len(message)))
	default:
	}
}

// serve does everything for the subscriber until it leaves or ctx ends.
func (s *subscriber) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	r := bufio.NewReaderSize(s.conn, maxFrame)
	if err := s.shakeHands(r); err != nil {
		return errors.Join(err, s.conn.Close())
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		s.write(ctx)
		s.conn.Close() // ends the reading
	})
	err := s.read(r)
	cancel()
	s.conn.Close()
	writing.Wait()
	return err
}

// shakeHands exchanges greetings and READY commands.
func (s *subscriber) shakeHands(r *bufio.Reader) error {
	if err := s.conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := s.conn.Write(greeting()); err != nil {
		return err
	}
	if err := readGreeting(r); err != nil {
		return err
	}
	if _, err := s.conn.Write(appendCommand(nil, "READY", appendProperty(nil, "Socket-Type", "PUB"))); err != nil {
		return err
	}
	flags, body, err := readFrame(r)
	if err != nil {
		return err
	}
	name, data, err := splitCommand(body)
	if err != nil || flags&flagCommand == 0 || name != "READY" {
		return errors.New("no READY command")
	}
	socketType, err := property(data, "Socket-Type")
	if err != nil {
		return err
	}
	if socketType != "SUB" && socketType != "XSUB" {
		return fmt.Errorf("socket type %.20q; SUB is needed", socketType)
	}
	return s.conn.SetDeadline(time.Time{})
}

// read follows what the subscriber asks for. Most never say a word after they
// have subscribed.
func (s *subscriber) read(r *bufio.Reader) error {
	for {
		flags, body, err := readFrame(r)
		if err != nil {
			return err
		}
		if flags&flagCommand != 0 {
			err = s.command(body)
		} else if len(body) > 0 && flags&flagMore == 0 {
			err = s.subscribe(body[0], string(body[1:]))
		}
		if err != nil {
			return err
		}
	}
}

// subscribe begins (1) or ends (0) a subscription. Other messages than these,
// which XSUB sockets may send, go nowhere.
func (s *subscriber) subscribe(what byte, prefix string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case what == 1 && len(prefix) > maxPrefix:
		return fmt.Errorf("a subscription of %d bytes", len(prefix))
	case what == 1 && s.prefixes[prefix] == 0 && len(s.prefixes) == maxSubscriptions:
		return fmt.Errorf("more than %d subscriptions", maxSubscriptions)
	case what == 1:
		s.prefixes[prefix]++
	case what == 0 && s.prefixes[prefix] > 1:
		s.prefixes[prefix]--
	case what == 0:
		delete(s.prefixes, prefix)
	}
	return nil
}

// command answers heartbeats, which libzmq sends if it is told to.
func (s *subscriber) command(body []byte) error {
	name, data, err := splitCommand(body)
	if err != nil {
		return err
	}
	switch name {
	case "PING":
		const ttl = 2 // bytes
		if len(data) < ttl || len(data) > ttl+maxPingContext {
			return errors.New("malformed PING")
		}
		s.offer(appendCommand(nil, "PONG", data[ttl:]))
	case "ERROR":
		return fmt.Errorf("the subscriber reports an error: %.100q", data)
	}
	return nil
}

func (s *subscriber) write(ctx context.Context) {
	for {
		select {
		case message := <-s.queue:
			s.waiting.Add(-int64(len(message)))
			if s.conn.SetWriteDeadline(time.Now().Add(stalledTimeout)) != nil {
				return
			}
			if _, err := s.conn.Write(message); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
