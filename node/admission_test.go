package node

import (
	"testing"
	"time"

	"github.com/txnode/txnode/p2p"
)

func (a *admission) waiting(origin p2p.PeerID) []candidate {
	if l := a.lines[origin]; l != nil {
		return l.waiting
	}
	return nil
}

func TestAdmissionServesTheLineThatCostLeast(t *testing.T) {
	a := newAdmission()
	for i := range 3 {
		a.push(candidate{origin: 1, raw: []byte{1, byte(i)}})
		a.push(candidate{origin: 2, raw: []byte{2, byte(i)}})
	}
	cost := map[p2p.PeerID]time.Duration{1: 400 * time.Millisecond, 2: time.Millisecond, local: time.Millisecond}
	var order []byte
	for i := range 7 {
		if i == 2 { // in the middle of it somebody submits
			a.push(candidate{origin: local, raw: []byte{0, 0}})
		}
		c, ok := a.pop()
		if !ok {
			t.Fatal("queue closed early")
		}
		a.charge(c, cost[c.origin])
		order = append(order, c.raw[0])
	}
	if want := string([]byte{1, 2, 0, 2, 2, 1, 1}); string(order) != want {
		t.Errorf("origins were served in the order %v, want %v", order, []byte(want))
	}
	if len(a.lines) != 0 || a.backlog != 0 {
		t.Errorf("the empty queue keeps %d lines, %d bytes", len(a.lines), a.backlog)
	}
}

func TestAdmissionCountsWhatIsBeingJudged(t *testing.T) {
	a := newAdmission()
	for range 3 {
		a.push(candidate{origin: 1, raw: []byte{1}})
	}
	first, _ := a.pop()
	a.charge(first, time.Second)
	a.push(candidate{origin: 2, raw: []byte{2}})
	a.push(candidate{origin: 2, raw: []byte{2}})
	// Both start equal. The next of peer 1 is taken to cost a second again.
	a.pop()
	for range 2 {
		if c, _ := a.pop(); c.origin != 2 {
			t.Errorf("peer %d is served while an expensive transaction of its own is judged", c.origin)
		}
	}
}

func TestAdmissionRefusesMoreThanAShare(t *testing.T) {
	a := newAdmission()
	body := make([]byte, 400_000)
	greedy := 0
	for a.push(candidate{origin: 1, raw: body}) {
		greedy++
	}
	if want := maxBacklog / len(body); greedy != want {
		t.Errorf("a peer alone got %d bodies in, want %d", greedy, want)
	}
	modest := 0
	for a.push(candidate{origin: 2, raw: body}) {
		modest++
	}
	if want := maxBacklog / 2 / len(body); modest != want {
		t.Errorf("beside it another got %d bodies in, want %d", modest, want)
	}
	if !a.push(candidate{origin: local, raw: body}) {
		t.Error("a local submission was refused")
	}
	if got := len(a.cut(1)); got != greedy {
		t.Errorf("%d candidates cut, want %d", got, greedy)
	}
	if got, want := a.backlog, (modest+1)*len(body); got != want {
		t.Errorf("%d bytes wait, want %d", got, want)
	}
	if a.cut(1) != nil || a.cut(7) != nil {
		t.Error("something of nobody was cut")
	}
}

// Orphans come in when the line is full, but no more of them than there is room for besides.
func TestAdmissionKeepsSomeRoomForOrphans(t *testing.T) {
	a := newAdmission()
	body := make([]byte, 100_000)
	for a.push(candidate{origin: 1, raw: body}) {
	}
	orphans := 0
	for a.push(candidate{origin: 1, raw: body, announcers: []uint64{1}}) {
		orphans++
	}
	if want := maxAgain / len(body); orphans != want {
		t.Errorf("%d orphans came in, want %d", orphans, want)
	}
	for a.lines[1].again > 0 {
		a.pop()
	}
	if got := a.lines[1].bytes; got != 0 {
		t.Errorf("%d bytes wait behind the last orphan", got)
	}
	a.push(candidate{origin: 1, raw: body, announcers: []uint64{1}})
	a.push(candidate{origin: 1, raw: body, announcers: []uint64{1}})
	a.pop()
	if a.cut(1); a.lines[1].again != 0 {
		t.Error("what was cut still takes room")
	}
}

func TestAdmissionCloseReleasesWorkers(t *testing.T) {
	a := newAdmission()
	done := make(chan bool)
	go func() { _, ok := a.pop(); done <- ok }()
	a.close()
	if <-done {
		t.Fatal("pop returned a candidate of an empty queue")
	}
}
