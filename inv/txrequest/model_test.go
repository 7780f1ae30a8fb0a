package txrequest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/txnode/txnode/inv/relaymsg"
)

// model is a naive Tracker: one flat list, scanned for everything. It does not
// choose; it checks that what the Tracker chose is allowed and that nothing
// allowed was left undone.
type model struct {
	peers map[PeerID]*modelPeer
	anns  []*modelAnn
}

type modelPeer struct {
	outbound bool
	held     int
	response responseTime
	late     map[relaymsg.ShortID][2]time.Time // asked, until
}

type modelAnn struct {
	peer      PeerID
	id        relaymsg.ShortID
	state     state
	asked, at time.Time
}

func (m *model) find(p PeerID, id relaymsg.ShortID) *modelAnn {
	for _, a := range m.anns {
		if a.peer == p && a.id == id {
			return a
		}
	}
	return nil
}

func (m *model) remove(match func(*modelAnn) bool) {
	m.anns = slices.DeleteFunc(m.anns, match)
	m.anns = slices.DeleteFunc(m.anns, func(a *modelAnn) bool {
		return !slices.ContainsFunc(m.anns, func(b *modelAnn) bool { return b.id == a.id && b.state != completed })
	})
}

func (m *model) slots(p PeerID) int {
	n := m.peers[p].held
	for _, a := range m.anns {
		if a.peer == p && a.state == requested {
			n++
		}
	}
	return n
}

func (m *model) class(p PeerID) int {
	class := 0
	if !m.peers[p].outbound {
		class = 1
	}
	if m.peers[p].response.slow() {
		class += 2
	}
	return class
}

func (m *model) announced(now time.Time, p PeerID, id relaymsg.ShortID) bool {
	if m.peers[p] == nil || m.find(p, id) != nil {
		return false
	}
	a := &modelAnn{peer: p, id: id, state: ready}
	if m.peers[p].response.slow() {
		a.state, a.at = delayed, now.Add(SlowDelay)
	}
	m.anns = append(m.anns, a)
	return true
}

// answered serves for bodies and NOTFOUND; the latter of a late request is no
// sample.
func (m *model) answered(now time.Time, p PeerID, id relaymsg.ShortID, body bool) bool {
	if m.peers[p] == nil {
		return false
	}
	if a := m.find(p, id); a != nil && a.state == requested {
		m.peers[p].response.answered(now.Sub(a.asked))
		a.state = completed
		m.remove(func(*modelAnn) bool { return false })
		return true
	}
	late, ok := m.peers[p].late[id]
	delete(m.peers[p].late, id)
	if !ok || !late[1].After(now) {
		return false
	}
	if body {
		m.peers[p].response.answered(now.Sub(late[0]))
	}
	return true
}

func (m *model) forget(now time.Time, id relaymsg.ShortID) {
	for _, a := range m.anns {
		if a.id == id && a.state == requested {
			m.peers[a.peer].late[id] = [2]time.Time{a.asked, now.Add(LateGrace)}
		}
	}
	m.remove(func(a *modelAnn) bool { return a.id == id })
}

func (m *model) disconnected(p PeerID) {
	delete(m.peers, p)
	m.remove(func(a *modelAnn) bool { return a.peer == p })
}

func (m *model) next() (next time.Time) {
	for _, a := range m.anns {
		if (a.state == delayed || a.state == requested) && (next.IsZero() || a.at.Before(next)) {
			next = a.at
		}
	}
	return next
}

func (m *model) fire(now time.Time) {
	due := []*modelAnn{}
	for _, a := range m.anns {
		if (a.state == delayed || a.state == requested) && !a.at.After(now) {
			due = append(due, a)
		}
	}
	slices.SortStableFunc(due, func(a, b *modelAnn) int { return a.at.Compare(b.at) })
	for _, a := range due {
		if a.state == delayed {
			a.state = ready
			continue
		}
		a.state = completed
		m.peers[a.peer].response.timedOut(a.asked, now)
		m.peers[a.peer].late[a.id] = [2]time.Time{a.asked, now.Add(LateGrace)}
	}
	m.remove(func(*modelAnn) bool { return false })
}

func (m *model) inFlight(id relaymsg.ShortID) bool {
	return slices.ContainsFunc(m.anns, func(a *modelAnn) bool { return a.id == id && a.state == requested })
}

// overtaken gives up the request of the id if it is with a slow peer and the
// other one is not slow.
func (m *model) overtaken(now time.Time, by PeerID, id relaymsg.ShortID) bool {
	for _, a := range m.anns {
		if a.id == id && a.state == requested && m.peers[a.peer].response.slow() && !m.peers[by].response.slow() {
			a.state = completed
			m.peers[a.peer].late[id] = [2]time.Time{a.asked, now.Add(LateGrace)}
			return true
		}
	}
	return false
}

func (m *model) polled(now time.Time, requests []Request) error {
	m.fire(now)
	var asked []*modelAnn
	for _, r := range requests {
		for _, id := range r.IDs {
			a := m.find(r.Peer, id)
			if a == nil || a.state != ready || m.inFlight(id) && !m.overtaken(now, r.Peer, id) {
				return fmt.Errorf("%v requested from %d: %+v", id, r.Peer, a)
			}
			a.state, a.asked, a.at = requested, now, now.Add(m.peers[r.Peer].response.timeout())
			asked = append(asked, a)
		}
	}
	for _, a := range m.anns { // slots only fill up during a Poll: who is free now was free when it was decided
		if a.state != ready || m.slots(a.peer) >= MaxInFlight {
			continue
		}
		if !m.inFlight(a.id) {
			return fmt.Errorf("%v not requested although %d is free", a.id, a.peer)
		}
		for _, b := range asked {
			if b.id == a.id && m.class(a.peer) < m.class(b.peer) {
				return fmt.Errorf("%v requested from %d although %d is better", a.id, b.peer, a.peer)
			}
		}
	}
	for _, a := range asked {
		if m.slots(a.peer) > MaxInFlight {
			return fmt.Errorf("%v requested from %d beyond its slots", a.id, a.peer)
		}
	}
	return nil
}

// lockstep drives Tracker and model through the same operations.
type lockstep struct {
	t        *Tracker
	m        *model
	now      time.Time
	nextPeer PeerID
}

func newLockstep(seed uint64) *lockstep {
	return &lockstep{
		t:   New(rand.New(rand.NewPCG(seed, 1))),
		m:   &model{peers: map[PeerID]*modelPeer{}},
		now: time.Unix(1_700_000_000, 0),
	}
}

// connect adds a peer with few slots left, so that queues for slots form.
func (l *lockstep) connect(outbound bool) {
	l.nextPeer++
	l.t.Connected(l.nextPeer, outbound)
	l.m.peers[l.nextPeer] = &modelPeer{outbound: outbound, late: map[relaymsg.ShortID][2]time.Time{}}
	for range MaxInFlight - 2 {
		l.t.Hold(l.nextPeer)
		l.m.peers[l.nextPeer].held++
	}
}

func (l *lockstep) step(op, arg byte) error {
	const peers, ids = 8, 16
	p := PeerID(arg>>5)%peers + max(l.nextPeer, peers) - peers + 1 // one of the latest
	id := relaymsg.ShortID(arg % ids)
	switch op % 12 {
	case 0, 1, 2:
		if got, want := l.t.Announced(l.now, p, id), l.m.announced(l.now, p, id); got != want {
			return fmt.Errorf("announced: %v, model %v", got, want)
		}
	case 3:
		if got, want := l.t.Received(l.now, p, id), l.m.answered(l.now, p, id, true); got != want {
			return fmt.Errorf("received: %v, model %v", got, want)
		}
	case 4:
		l.t.NotFound(l.now, p, id)
		l.m.answered(l.now, p, id, false)
	case 5:
		l.t.Forget(l.now, id)
		l.m.forget(l.now, id)
	case 6:
		l.t.Disconnected(p)
		l.m.disconnected(p)
		l.connect(arg&1 == 1)
	case 7:
		if q := l.m.peers[p]; q != nil {
			q.held++
			l.t.Hold(p)
		}
	case 8:
		if q := l.m.peers[p]; q != nil && q.held > 0 {
			q.held--
			l.t.Release(p)
		}
	case 9:
		l.now = l.now.Add(time.Duration(arg) * 20 * time.Millisecond)
	case 10:
		if next := l.m.next(); next.After(l.now) {
			l.now = next
		}
	case 11:
		l.now = l.now.Add(time.Duration(arg) * time.Second)
	}
	if err := l.t.checkInvariants(); err != nil {
		return err
	}
	if op&0x80 != 0 { // several inputs between two polls
		return nil
	}
	if err := l.m.polled(l.now, l.t.Poll(l.now)); err != nil {
		return err
	}
	if got, want := l.t.Next(), l.m.next(); !got.Equal(want) {
		return fmt.Errorf("next: %v, model %v", got, want)
	}
	return l.t.checkInvariants()
}

func (l *lockstep) run(ops []byte) error {
	for i := range 8 {
		l.connect(i%2 == 0)
	}
	for i := 0; i+1 < len(ops); i += 2 {
		if err := l.step(ops[i], ops[i+1]); err != nil {
			return fmt.Errorf("step %d (%d, %d): %w", i/2, ops[i], ops[i+1], err)
		}
	}
	for p := range l.m.peers {
		l.t.Disconnected(p)
	}
	l.t.Poll(l.now)
	if n := len(l.t.peers) + len(l.t.txs) + len(l.t.timers) + len(l.t.dirty) + len(l.t.freed); n != 0 {
		return fmt.Errorf("%d things left after everybody left", n)
	}
	return nil
}

func TestTrackerMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "ops")
		if err := newLockstep(rapid.Uint64().Draw(t, "seed")).run(ops); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzTracker(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		ops := make([]byte, 400)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		if err := newLockstep(1).run(ops[:min(len(ops), 2000)]); err != nil {
			t.Fatal(err)
		}
	})
}
