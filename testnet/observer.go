package testnet

import (
	"context"
	"sync"
	"time"
)

// Phase is a part of a run.
type Phase string

// The phases in their order. Without a partition PhasePartition is left out.
const (
	PhaseStart     Phase = "start"
	PhaseConnect   Phase = "connect"
	PhaseLoad      Phase = "load"
	PhaseDeliver   Phase = "deliver"
	PhasePartition Phase = "partition"
	PhaseConverge  Phase = "converge"
	PhaseVerdict   Phase = "verdict"
)

// String says in words what happens in the phase.
func (p Phase) String() string {
	switch p {
	case PhaseStart:
		return "nodes open their sockets and storage"
	case PhaseConnect:
		return "links are dialled, the mesh forms"
	case PhaseLoad:
		return "transactions are submitted at a steady rate"
	case PhaseDeliver:
		return "the last of them spread"
	case PhasePartition:
		return "two halves, each with load of its own"
	case PhaseConverge:
		return "everybody reaches everybody, mempools become equal"
	case PhaseVerdict:
		return "mempools are compared"
	}
	return string(p)
}

// Observer is told how a run goes. Nil functions are not called. The others are
// called one at a time and hold up the run.
type Observer struct {
	Phase  func(p Phase, elapsed time.Duration) // a phase begins, that long after the start
	Sample func(Sample)                         // from PhaseConnect on, a few times per second
}

// Sample is the state of a run at one time.
type Sample struct {
	Phase     Phase
	Elapsed   time.Duration // since the start
	Submitted int           // transactions accepted by the nodes they were given to
	Planned   int           // transactions of the whole run
	Nodes     int
	Digests   int    // distinct mempool digests
	Mempool   Span   // transactions per node
	Peers     Span   // links per node
	Sent      uint64 // stream bytes sent by all nodes since the start
	Rate      uint64 // the same per second, over about the last second
}

// Span is the smallest and the largest of a number over all nodes.
type Span struct{ Min, Max int }

// spanOf is the span of value over all nodes.
func spanOf(members []*Member, value func(*Member) int) (s Span) {
	for i, m := range members {
		n := value(m)
		if i == 0 {
			s = Span{n, n}
		}
		s.Min, s.Max = min(s.Min, n), max(s.Max, n)
	}
	return s
}

// sampleInterval is how often an observer gets a sample.
const sampleInterval = 250 * time.Millisecond

// observation calls an Observer, one function at a time.
type observation struct {
	observer Observer
	started  time.Time

	mu    sync.Mutex
	phase Phase
}

func newObservation(o Observer, started time.Time) *observation {
	return &observation{observer: o, started: started}
}

// enter tells that a phase begins.
func (o *observation) enter(p Phase) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.phase = p
	if o.observer.Phase != nil {
		o.observer.Phase(p, time.Since(o.started))
	}
}

// samples passes on what take returns until ctx ends.
func (o *observation) samples(ctx context.Context, take func() Sample) {
	if o.observer.Sample == nil {
		return
	}
	var recent []Sample // of the last second
	for sleep(ctx, sampleInterval) == nil {
		s := take()
		o.mu.Lock()
		s.Phase, s.Elapsed = o.phase, time.Since(o.started)
		recent = append(recent, s)
		for len(recent) > 2 && s.Elapsed-recent[1].Elapsed >= time.Second {
			recent = recent[1:]
		}
		s.Rate = rateSince(recent[0], s)
		o.observer.Sample(s)
		o.mu.Unlock()
	}
}

// rateSince is how many bytes per second were sent between two samples.
func rateSince(earlier, s Sample) uint64 {
	d := s.Elapsed - earlier.Elapsed
	if d <= 0 || s.Sent < earlier.Sent {
		return 0
	}
	return uint64(float64(s.Sent-earlier.Sent) / d.Seconds())
}
