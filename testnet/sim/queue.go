package sim

import (
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// kind says what an event does.
type kind uint8

const (
	arrives   kind = iota // msg at the link end numbered which
	judged                // transaction number which at node
	wakes                 // the engine of node
	published             // transaction number which at node
	does                  // whatever do does: for what is rare
)

// event is what happens at one moment.
type event struct {
	kind  kind
	node  *node
	which int
	msg   relaymsg.Message
	do    func()
}

// queue holds events in order of time, equal times in order of entry. It is a
// heap of four children per parent over keys without pointers; the events
// themselves stay where they are.
type queue struct {
	heap   []key
	events []event
	free   []uint32 // unused places in events
	pushed uint64
}

type key struct {
	at    time.Duration
	seq   uint64
	place uint32
}

func (k key) before(o key) bool { return k.at < o.at || (k.at == o.at && k.seq < o.seq) }

func (q *queue) push(at time.Duration, e event) {
	var place uint32
	if n := len(q.free); n > 0 {
		place = q.free[n-1]
		q.free = q.free[:n-1]
		q.events[place] = e
	} else {
		place = uint32(len(q.events))
		q.events = append(q.events, e)
	}
	q.pushed++
	k := key{at, q.pushed, place}
	q.heap = append(q.heap, k)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !k.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = k
}

// next is the time of the first event.
func (q *queue) next() (at time.Duration, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// pop takes the first event; there must be one.
func (q *queue) pop() event {
	place := q.heap[0].place
	last := len(q.heap) - 1
	k := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(k)
	}
	e := q.events[place]
	q.events[place] = event{}
	q.free = append(q.free, place)
	return e
}

// sink puts k where it belongs, from the top down.
func (q *queue) sink(k key) {
	i := 0
	for {
		first := 4*i + 1
		if first >= len(q.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(q.heap)); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(k) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = k
}
