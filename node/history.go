package node

import (
	"context"
	"iter"
	"time"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// Sequence is the number of the latest change of the mempool, once the node is
// Ready. Who wants all that is there and then all that changes calls Sequence, then
// Mempool, and applies what EventsSince yields after that number: some of it the
// mempool may show already, so adding what is there and removing what is not must do
// nothing.
func (n *Node) Sequence() uint64 { return n.pool.Info().Sequence }

// EventsSince yields the changes of the mempool after the one with the given
// number, from the log in the data directory, which outlives restarts, and then
// what Events does. 0 means all that the log has: 65 536 changes at least.
//
// Events from the log lack Local and Peer, and Entry if the transaction is not in
// the mempool any more. A change is yielded once, in the order of the numbers, which have
// no gaps. Where they had to be given up, because they are too old, or were made
// while nothing could be written, or because the data directory was damaged, an
// [EventMissed] is in their place: begin anew with Sequence and Mempool then.
// Missed is 0 when the number is not of this log. A consumer that lags behind
// misses other events but no changes. Nothing is yielded before the node is Ready.
// When the node stops while nothing can be written, the numbers that it told of
// meanwhile are given again after the restart, as the transactions are gone.
func (n *Node) EventsSince(ctx context.Context, after uint64) iter.Seq[Event] {
	c := n.feed.subscribe()
	stop := context.AfterFunc(ctx, func() { n.feed.unsubscribe(c) })
	return func(yield func(Event) bool) {
		defer stop()
		defer n.feed.unsubscribe(c)
		select {
		case <-n.ready:
		case <-n.ended:
			return
		case <-ctx.Done():
			return
		}
		last, ok := n.replay(ctx, after, yield)
		if !ok {
			return
		}
		c.each(ctx, func(e Event) bool {
			if e.Kind == EventMissed {
				if !yield(Event{Time: e.Time, Kind: EventMissed, Sequence: last, Missed: e.Missed}) {
					return false
				}
				last, ok = n.replay(ctx, last, yield)
				return ok
			}
			if e.Sequence != 0 && e.Sequence <= last {
				return true
			}
			last = max(last, e.Sequence)
			return yield(e)
		})
	}
}

// replay yields what the log has after a number, up to what was published already,
// and returns the last one that it came to. What is behind that may not be complete
// yet, for commits have no order; it will be published.
func (n *Node) replay(ctx context.Context, after uint64, yield func(Event) bool) (last uint64, ok bool) {
	missed := func(number, count uint64) bool {
		return yield(Event{Time: time.Now(), Kind: EventMissed, Sequence: number, Missed: count})
	}
	if now := n.Sequence(); after > now {
		return now, missed(now, 0)
	}
	if first, _ := n.db.EventRange(); after+1 < first {
		if count := first - 1 - after; after > 0 && !missed(first-1, count) {
			return after, false
		}
		after = first - 1
	}
	published := n.feed.told()
	if after >= published {
		return after, ctx.Err() == nil
	}
	for e, err := range n.db.EventsAfter(after) {
		switch {
		case err != nil:
			n.log.Warn("the log of events cannot be read", "reason", err)
			return after, missed(after, 0)
		case e.Sequence > published:
			return after, true
		case ctx.Err() != nil, e.Sequence > after+1 && !missed(e.Sequence-1, e.Sequence-1-after):
			return after, false
		}
		if after = e.Sequence; !yield(n.fromLog(e)) {
			return after, false
		}
	}
	return after, ctx.Err() == nil
}

// fromLog is an event that the log has.
func (n *Node) fromLog(e storage.Event) Event {
	told := Event{
		Time: e.Time, Kind: EventAdded, Sequence: e.Sequence, Entry: n.pool.Get(e.WTxID), WTxID: e.WTxID, TxID: e.TxID,
		Reason: mempool.RemovalReason(e.Reason), ReplacedBy: e.ReplacedBy,
	}
	if e.Reason != "" {
		told.Kind = EventRemoved
	}
	return told
}

// logged is what the log keeps of changes.
func logged(changes []mempool.Change) []storage.Event {
	events := make([]storage.Event, len(changes))
	for i, c := range changes {
		events[i] = storage.Event{
			Sequence: c.Sequence, Time: time.Now(), WTxID: c.Entry.WTxID, TxID: c.Entry.TxID, Reason: string(c.Reason),
		}
		if c.ReplacedBy != nil {
			events[i].ReplacedBy = c.ReplacedBy.WTxID
		}
	}
	return events
}
