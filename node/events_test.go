package node

import (
	"context"
	"testing"
)

func TestEventsReachEveryConsumerInOrder(t *testing.T) {
	f := newFeed()
	n := &Node{feed: f}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first, second := n.Events(ctx), n.Events(ctx)
	for n := range 3 {
		f.publish(Event{Kind: EventAdded, Sequence: uint64(n + 1)})
	}
	f.close()
	for i, events := range []func(func(Event) bool){first, second} {
		var got []uint64
		for e := range events {
			got = append(got, e.Sequence)
		}
		if len(got) != 3 || got[0] != 1 || got[2] != 3 {
			t.Errorf("consumer %d saw %v", i, got)
		}
	}
	for range n.Events(ctx) {
		t.Error("a closed feed yielded an event")
	}
}

func TestSlowConsumerIsToldWhatItMissed(t *testing.T) {
	f := newFeed()
	c := f.subscribe()
	const published = eventBuffer + 100
	for n := range published {
		f.publish(Event{Kind: EventAdded, Sequence: uint64(n + 1)})
	}
	var seen uint64
	for len(c.events) > 0 {
		seen = (<-c.events).Sequence
	}
	f.publish(Event{Kind: EventAdded, Sequence: published + 1})
	missed, next := <-c.events, <-c.events
	if missed.Kind != EventMissed || seen+missed.Missed != missed.Sequence {
		t.Fatalf("after event %d: told %d missed up to %d (%s)", seen, missed.Missed, missed.Sequence, missed.Kind)
	}
	if missed.Missed < 100 {
		t.Fatalf("%d missed, want at least the 100 that did not fit", missed.Missed)
	}
	if next.Sequence != published+1 {
		t.Fatalf("next event is %d, want %d", next.Sequence, published+1)
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	n := &Node{feed: newFeed()}
	ctx, cancel := context.WithCancel(context.Background())
	events := n.Events(ctx)
	cancel()
	for range events {
		t.Fatal("an event after the end")
	}
	for range events {
		break // a second use ends as well
	}
	n.feed.mu.Lock()
	defer n.feed.mu.Unlock()
	if len(n.feed.consumers) != 0 {
		t.Fatalf("%d consumers stay subscribed", len(n.feed.consumers))
	}
}
