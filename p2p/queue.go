package p2p

import (
	"sync"

	"github.com/txnode/txnode/inv/relaymsg"
)

// QueueLow is the relay queue, in bytes, above which a sender of bodies should
// wait for [Drained].
const QueueLow = 256 << 10

const (
	// maxRelayQueue is what may wait for a peer on the relay lane, as Bitcoin
	// Core's send buffer (-maxsendbuffer).
	maxRelayQueue = 1 << 20
	// maxReconQueue is more than the largest summary of a mempool: a list of
	// 400 000 ids has 1.2 MB, and cells are at most as large as the list.
	maxReconQueue = 2 << 20
	// keepBuffer is the largest buffer kept for the next batch.
	keepBuffer = 64 << 10
)

// queue holds the frames that wait for the writer of one lane.
type queue struct {
	limit int
	wake  chan struct{} // holds a token while there may be something to take

	mu       sync.Mutex
	waiting  []byte
	frames   []frame // in waiting
	inFlight int     // bytes taken and not yet written
	high     bool    // push reported QueueLow or more since the last drained
}

// frame is what statistics want to know of one.
type frame struct {
	kind   relaymsg.Kind
	size   int // bytes, length included
	bodies int // transactions
}

func frameOf(m relaymsg.Message, size int) frame {
	f := frame{kind: m.Kind(), size: size}
	switch m := m.(type) {
	case *relaymsg.Txs:
		f.bodies = len(m.Bodies)
	case *relaymsg.Parents:
		f.bodies = len(m.Bodies)
	case *relaymsg.Push:
		f.bodies = 1
	}
	return f
}

func newQueue(limit int) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

// push appends the message and returns the bytes now in the queue; ok is false
// if there was no room for it.
func (q *queue) push(m relaymsg.Message) (size int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.waiting)
	q.waiting = relaymsg.AppendFrame(q.waiting, m)
	size = len(q.waiting) + q.inFlight
	if size > q.limit {
		q.waiting = q.waiting[:before]
		return before + q.inFlight, false
	}
	q.frames = append(q.frames, frameOf(m, len(q.waiting)-before))
	q.high = q.high || size >= QueueLow
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return size, true
}

// size is what is queued or being written, in bytes.
func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) + q.inFlight
}

// take hands over all that waits. The spare buffers are used for what comes
// next.
func (q *queue) take(spare []byte, spareFrames []frame) ([]byte, []frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(spare) > keepBuffer {
		spare = nil
	}
	batch, frames := q.waiting, q.frames
	q.waiting, q.frames = spare[:0], spareFrames[:0]
	q.inFlight = len(batch)
	return batch, frames
}

// written says that n bytes of what was taken are gone. It reports whether the
// queue has thereby fallen below QueueLow after push reported it above.
func (q *queue) written(n int) (drained bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight -= n
	if q.high && len(q.waiting)+q.inFlight < QueueLow {
		q.high = false
		return true
	}
	return false
}
