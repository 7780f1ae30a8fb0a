package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

// Why links end. What wraps errViolation is the peer's fault.
var (
	errViolation = errors.New("protocol violation")
	errReplaced  = errors.New("replaced by another link to the same peer")
	errClosing   = errors.New("shutting down")
	errSlow      = errors.New("peer reads too slowly")
	errStalled   = errors.New("peer took too long to send a frame")
	errGone      = errors.New("peer closed the link")
	errFiltered  = errors.New("peer is not allowed any more")
	errAsked     = errors.New("disconnected on request")
)

// lane is one of a link's two streams.
type lane struct {
	stream network.Stream
	in     *bufio.Reader
	queue  *queue
}

// link is the pair of streams to one peer. One goroutine, Network.serve, takes
// it from the handshake to its end; everything that wants it to end calls
// cancel with the reason.
type link struct {
	id       PeerID
	peer     peer.ID
	outbound bool
	begun    time.Time

	ctx    context.Context
	cancel context.CancelCauseFunc
	prev   *link               // the link this one replaces, or nil
	recon  chan network.Stream // inbound: the recon stream when it comes
	up     chan struct{}       // closed after PeerUp
	done   chan struct{}       // closed after PeerDown, or after a failed handshake
	err    error               // why it ended; valid when done is closed

	lanes [2]lane        // indexed by relaymsg.Lane
	hello relaymsg.Hello // the peer's; valid when up is closed

	feeFloor atomic.Uint64 // as HELLO or the latest FEEFILTER told it

	mu       sync.Mutex
	streams  []network.Stream // to be reset at the end
	sent     map[relaymsg.Kind]uint64
	received map[relaymsg.Kind]uint64
	lastSend time.Time
	lastRecv time.Time
}

func newLink(parent context.Context, id PeerID, p peer.ID, outbound bool) *link {
	l := &link{
		id: id, peer: p, outbound: outbound, begun: time.Now(),
		recon:    make(chan network.Stream, 1),
		up:       make(chan struct{}),
		done:     make(chan struct{}),
		sent:     make(map[relaymsg.Kind]uint64),
		received: make(map[relaymsg.Kind]uint64),
	}
	l.lanes[relaymsg.Relay].queue = newQueue(maxRelayQueue)
	l.lanes[relaymsg.Recon].queue = newQueue(maxReconQueue)
	l.ctx, l.cancel = context.WithCancelCause(parent)
	context.AfterFunc(l.ctx, l.reset)
	return l
}

// attach makes the stream part of the link, so that it is reset with it.
func (l *link) attach(which relaymsg.Lane, s network.Stream) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		_ = s.Reset()
		return context.Cause(l.ctx)
	}
	l.streams = append(l.streams, s)
	l.lanes[which].stream = s
	l.lanes[which].in = bufio.NewReader(s)
	return nil
}

// reset unblocks whatever reads or writes.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		_ = s.Reset()
	}
	select {
	case s := <-l.recon:
		_ = s.Reset()
	default:
	}
}

// send queues messages and returns what waits on the relay lane.
func (l *link) send(msgs []relaymsg.Message) int {
	for _, m := range msgs {
		which := m.Kind().Lane()
		if size, ok := l.lanes[which].queue.push(m); !ok {
			l.cancel(fmt.Errorf("%w: %d bytes wait for it", errSlow, size))
			break
		}
	}
	return l.lanes[relaymsg.Relay].queue.size()
}

// violation ends the link by the peer's fault.
func (l *link) violation(reason string) { l.cancel(fmt.Errorf("%w: %s", errViolation, reason)) }

func (l *link) countSent(frames []frame, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range frames {
		l.sent[f.kind] += uint64(f.size)
	}
	l.lastSend = now
}

func (l *link) countReceived(f frame, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received[f.kind] += uint64(f.size)
	l.lastRecv = now
}

// fill puts what the link has counted into the snapshot.
func (l *link) fill(info *PeerInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info.LastSend, info.LastRecv = l.lastSend, l.lastRecv
	info.Sent, info.Received = maps.Clone(l.sent), maps.Clone(l.received)
}
