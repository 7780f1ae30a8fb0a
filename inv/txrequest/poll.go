package txrequest

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// Poll lets timers fire, decides whom to ask for what, and returns the
// requests to be sent now, ordered by the peer's first decision. They count as
// sent at now.
func (t *Tracker) Poll(now time.Time) []Request {
	for len(t.timers) > 0 && !t.timers[0].at.After(now) {
		t.fire(t.timers[0], now)
	}
	b := batch{now: now}
	slices.SortStableFunc(t.dirty, func(x, y *transaction) int { return cmp.Compare(x.first(), y.first()) })
	for _, x := range t.dirty {
		t.overtake(x, now)
		x.dirty = false
		t.decide(x, &b)
	}
	clear(t.dirty)
	t.dirty = t.dirty[:0]
	for _, p := range t.freed {
		p.freed = false
		for p.slots < MaxInFlight && p.waiting.Len() > 0 {
			// The peer has a free slot, so somebody is asked and the queue shrinks.
			t.decide(p.waiting.Front().Value.(*announcement).tx, &b)
		}
	}
	clear(t.freed)
	t.freed = t.freed[:0]
	return b.requests
}

// first orders transactions by their first announcement. Announcers name
// parents before children, so this requests them in that order too.
func (x *transaction) first() uint64 {
	if len(x.anns) == 0 {
		return 0
	}
	return x.anns[0].seq
}

func (t *Tracker) fire(a *announcement, now time.Time) {
	switch a.state {
	case delayed:
		heap.Remove(&t.timers, a.timer)
		a.state = ready
		t.markDirty(a.tx)
	case requested:
		t.abandon(a, now)
		slow := a.peer.response.slow()
		a.peer.response.timedOut(a.asked, now)
		if !slow { // now it is: what else it was asked for may be overtaken
			for _, other := range a.peer.anns {
				if other.state == requested {
					t.markDirty(other.tx)
				}
			}
		}
	}
}

// abandon gives up the request. Its body stays welcome.
func (t *Tracker) abandon(a *announcement, now time.Time) {
	a.peer.late.add(a.tx.id, a.asked, now)
	t.complete(a)
	t.reap(a.tx)
}

// overtake abandons a request to a slow peer if one that is not slow can be
// asked now.
func (t *Tracker) overtake(x *transaction, now time.Time) {
	if x.inFlight == nil || !x.inFlight.peer.response.slow() {
		return
	}
	for _, a := range x.anns {
		if a.state == ready && !a.peer.response.slow() && a.peer.slots < MaxInFlight {
			t.abandon(x.inFlight, now)
			return
		}
	}
}

// decide asks the best ready announcer of x that has a free slot. If there is
// none, all ready announcers wait for one.
func (t *Tracker) decide(x *transaction, b *batch) {
	if x.inFlight != nil || x.live == 0 {
		return
	}
	var best *announcement
	equals := 0
	for _, a := range x.anns {
		if a.state != ready || a.peer.slots >= MaxInFlight {
			continue
		}
		switch {
		case best == nil || a.peer.class() < best.peer.class():
			best, equals = a, 1
		case a.peer.class() == best.peer.class():
			if equals++; t.rng.IntN(equals) == 0 {
				best = a
			}
		}
	}
	if best != nil {
		t.request(best, b)
		return
	}
	for _, a := range x.anns {
		if a.state == ready && a.wait == nil {
			a.wait = a.peer.waiting.PushBack(a)
		}
	}
}

// class orders peers by how gladly they are asked; lower is better.
func (p *peer) class() int {
	class := 0
	if !p.outbound {
		class++
	}
	if p.response.slow() {
		class += 2
	}
	return class
}

func (t *Tracker) request(a *announcement, b *batch) {
	for _, other := range a.tx.anns {
		t.unwait(other)
	}
	a.state = requested
	a.asked = b.now
	a.tx.inFlight = a
	a.peer.slots++
	t.arm(a, b.now.Add(a.peer.response.timeout()))
	b.add(a)
}

func (t *Tracker) arm(a *announcement, at time.Time) {
	a.at = at
	heap.Push(&t.timers, a)
}

// batch collects the requests of one Poll.
type batch struct {
	now      time.Time
	requests []Request
	index    map[PeerID]int // into requests
}

func (b *batch) add(a *announcement) {
	i, ok := b.index[a.peer.id]
	if !ok {
		if b.index == nil {
			b.index = map[PeerID]int{}
		}
		i = len(b.requests)
		b.index[a.peer.id] = i
		b.requests = append(b.requests, Request{Peer: a.peer.id})
	}
	b.requests[i].IDs = append(b.requests[i].IDs, a.tx.id)
}

// timerHeap orders announcements by when their timer fires, equal times by
// order of announcement.
type timerHeap []*announcement

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timer, h[j].timer = i, j
}
func (h *timerHeap) Push(x any) {
	a := x.(*announcement)
	a.timer = len(*h)
	*h = append(*h, a)
}
func (h *timerHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.timer = -1
	return a
}
