package node

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool"
)

// EventKind says what an [Event] reports.
type EventKind string

const (
	EventAdded    EventKind = "added"     // Entry entered the mempool and was committed
	EventRemoved  EventKind = "removed"   // Entry left the mempool for Reason
	EventRejected EventKind = "rejected"  // WTxID was refused for Err
	EventPeerUp   EventKind = "peer-up"   // Peer completed the handshake
	EventPeerDown EventKind = "peer-down" // the link to Peer is closed
	EventRound    EventKind = "round"     // a reconciliation round with Peer ended
	EventMissed   EventKind = "missed"    // the consumer was too slow: Missed events are lost
)

// Event is something an observer may want to know. The fields beyond Time and
// Kind are set where the kind's comment names them, or theirs.
type Event struct {
	Time time.Time
	Kind EventKind

	// Sequence is the number of a change of the mempool: of EventAdded and
	// EventRemoved. It rises by one from each to the next, also across restarts.
	// Of EventMissed: the last number that is missed. Else 0.
	Sequence uint64

	Entry      *mempool.Entry // immutable; nil if it is not in memory any more: see Node.EventsSince
	WTxID      chainhash.Hash // of EventAdded, EventRemoved and EventRejected
	TxID       chainhash.Hash // of EventAdded and EventRemoved
	Err        error
	Reason     mempool.RemovalReason
	ReplacedBy chainhash.Hash // wtxid, of EventRemoved with mempool.ReasonReplaced
	Local      bool           // of EventAdded and EventRejected: submitted here, not relayed by a peer
	Peer       peer.ID
	Round      inv.Round
	Missed     uint64
}

// eventBuffer is how many events a consumer may lag behind.
const eventBuffer = 4096

// feed hands events to any number of consumers without ever waiting for one.
type feed struct {
	mu        sync.Mutex
	sequence  uint64 // of the latest change of the mempool
	consumers map[*consumer]struct{}
	closed    bool
}

type consumer struct {
	events chan Event
	missed uint64 // guarded by feed.mu
}

func newFeed() *feed { return &feed{consumers: make(map[*consumer]struct{})} }

// publish offers the event to every consumer.
func (f *feed) publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.sequence
	f.sequence = max(f.sequence, e.Sequence)
	for c := range f.consumers {
		c.offer(e, before)
	}
}

// offer keeps one place free for telling how many events were missed, up to the
// change of the mempool with the number before.
func (c *consumer) offer(e Event, before uint64) {
	if c.missed == 0 && len(c.events) < cap(c.events)-1 {
		c.events <- e
		return
	}
	if c.missed > 0 && len(c.events) < cap(c.events)/2 {
		c.events <- Event{Sequence: before, Time: e.Time, Kind: EventMissed, Missed: c.missed}
		c.missed = 0
		c.events <- e
		return
	}
	c.missed++
}

// told is the number of the latest change that was published.
func (f *feed) told() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sequence
}

// resume makes it the one that was published before the node started.
func (f *feed) resume(sequence uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sequence = sequence
}

func (f *feed) subscribe() *consumer {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &consumer{events: make(chan Event, eventBuffer)}
	if f.closed {
		close(c.events)
		return c
	}
	f.consumers[c] = struct{}{}
	return c
}

func (f *feed) unsubscribe(c *consumer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.consumers, c)
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.consumers {
		close(c.events)
	}
	clear(f.consumers)
}

// Events yields what happens from the call on, until ctx ends, the node stops
// or the loop breaks. The subscription exists when Events returns. A consumer
// that lags more than 4096 events behind loses some and is told how many by an
// [EventMissed]; the node never waits for it.
func (n *Node) Events(ctx context.Context) iter.Seq[Event] {
	c := n.feed.subscribe()
	stop := context.AfterFunc(ctx, func() { n.feed.unsubscribe(c) })
	return func(yield func(Event) bool) {
		defer stop()
		defer n.feed.unsubscribe(c)
		c.each(ctx, yield)
	}
}

// each yields what comes and reports whether the loop goes on.
func (c *consumer) each(ctx context.Context, yield func(Event) bool) bool {
	for {
		select {
		case e, ok := <-c.events:
			if !ok || !yield(e) {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}
