package txrequest

import (
	"cmp"
	"container/heap"
	"container/list"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// PeerID names one connection for as long as it lives. Ids are never reused.
type PeerID uint64

const (
	// MaxAnnouncements bounds what is tracked per peer, completed
	// announcements included (Core: MAX_PEER_TX_ANNOUNCEMENTS).
	MaxAnnouncements = 5000
	// MaxInFlight bounds the occupied slots per peer (Core:
	// MAX_PEER_TX_REQUEST_IN_FLIGHT, there a soft limit).
	MaxInFlight = 100
	// SlowDelay is how long an announcement by a slow peer waits for a better
	// announcer: one INV tick of the default configuration.
	SlowDelay = 300 * time.Millisecond
	// LateGrace is how long the body of an abandoned request is still welcome:
	// time for 100 bodies of 400 kB, all a peer is asked for at once, on a link
	// of 0.5 Mbit/s. After 60 s, honest peers on 1 Mbit/s were cut off.
	LateGrace = 10 * time.Minute
)

type state uint8

const (
	delayed   state = iota // candidate from announcement.at on
	ready                  // candidate now
	requested              // until announcement.at
	completed
)

// announcement is one (peer, id) pair.
type announcement struct {
	peer  *peer
	tx    *transaction
	seq   uint64 // order of arrival
	state state
	asked time.Time     // requested: since when
	at    time.Time     // delayed, requested: when the timer fires
	timer int           // index in Tracker.timers, or -1
	wait  *list.Element // ready: place in peer.waiting, or nil
}

// transaction is everything announced under one id.
//
// Invariants: inFlight is the only announcement in state requested; live
// counts the announcements that are not completed and is never zero; if
// nothing is in flight and the transaction is not dirty, every ready
// announcement waits for a slot of a peer that has none free.
type transaction struct {
	id       relaymsg.ShortID
	anns     []*announcement // in order of arrival
	inFlight *announcement
	live     int
	dirty    bool // in Tracker.dirty: to be decided by Poll
}

// peer is everything about one connection.
type peer struct {
	id       PeerID
	outbound bool
	anns     map[relaymsg.ShortID]*announcement
	slots    int       // occupied: requests in flight and bodies being judged
	waiting  list.List // of *announcement: ready, but every slot was occupied
	freed    bool      // in Tracker.freed: a slot became free since the last Poll
	response responseTime
	late     lateBodies
}

// Request is a GET to be sent.
type Request struct {
	Peer PeerID
	IDs  []relaymsg.ShortID // in order of announcement, at most MaxInFlight
}

// Tracker holds all announcements. See the package documentation for its rules
// and for the duties of the caller. It is not safe for concurrent use.
type Tracker struct {
	rng    *rand.Rand
	peers  map[PeerID]*peer
	txs    map[relaymsg.ShortID]*transaction
	timers timerHeap
	dirty  []*transaction // to be decided, in order of the event that made them so
	freed  []*peer
	seq    uint64
}

// New returns an empty Tracker, which takes over the random source.
func New(rng *rand.Rand) *Tracker {
	return &Tracker{rng: rng, peers: map[PeerID]*peer{}, txs: map[relaymsg.ShortID]*transaction{}}
}

// Connected adds a peer. It must come before anything else about that peer.
func (t *Tracker) Connected(id PeerID, outbound bool) {
	t.peers[id] = &peer{id: id, outbound: outbound, anns: map[relaymsg.ShortID]*announcement{}}
}

// Disconnected removes the peer and all it announced; what was requested from
// it can be asked of the next candidate at once.
func (t *Tracker) Disconnected(id PeerID) {
	p := t.peers[id]
	if p == nil {
		return
	}
	anns := make([]*announcement, 0, len(p.anns))
	for _, a := range p.anns {
		anns = append(anns, a)
	}
	slices.SortFunc(anns, func(a, b *announcement) int { return cmp.Compare(a.seq, b.seq) })
	for _, a := range anns {
		t.complete(a)
		t.drop(a)
	}
	delete(t.peers, id)
}

// Announced records that the peer offers to serve the id. It reports false,
// and changes nothing, if the peer has announced the id before or is at its
// limit.
func (t *Tracker) Announced(now time.Time, id PeerID, tx relaymsg.ShortID) bool {
	p := t.peers[id]
	if p == nil || p.anns[tx] != nil || len(p.anns) >= MaxAnnouncements {
		return false
	}
	x := t.txs[tx]
	if x == nil {
		x = &transaction{id: tx}
		t.txs[tx] = x
	}
	t.seq++
	a := &announcement{peer: p, tx: x, seq: t.seq, state: ready, timer: -1}
	p.anns[tx] = a
	x.anns = append(x.anns, a)
	x.live++
	if p.response.slow() {
		a.state = delayed
		t.arm(a, now.Add(SlowDelay))
	} else {
		t.markDirty(x)
	}
	return true
}

// Received records a body from the peer and reports whether it had been asked
// for: if not, the peer violates the protocol. The next candidate will be
// asked unless the caller calls Forget, as it should for a body it accepts for
// judgement.
func (t *Tracker) Received(now time.Time, id PeerID, tx relaymsg.ShortID) bool {
	p := t.peers[id]
	if p == nil {
		return false
	}
	if a := p.anns[tx]; a != nil && a.state == requested {
		p.response.answered(now.Sub(a.asked))
		t.complete(a)
		t.reap(a.tx)
		return true
	}
	if asked, ok := p.late.take(now, tx); ok {
		p.response.answered(now.Sub(asked))
		return true
	}
	return false
}

// NotFound records that the peer does not serve the id after all. Unasked, it
// has no effect.
func (t *Tracker) NotFound(now time.Time, id PeerID, tx relaymsg.ShortID) {
	p := t.peers[id]
	if p == nil {
		return
	}
	if a := p.anns[tx]; a != nil && a.state == requested {
		p.response.answered(now.Sub(a.asked))
		t.complete(a)
		t.reap(a.tx)
		return
	}
	p.late.take(now, tx)
}

// Forget drops all announcements of the id, because it is no longer wanted
// from anybody. A request in flight frees its slot; its body stays welcome.
func (t *Tracker) Forget(now time.Time, tx relaymsg.ShortID) {
	x := t.txs[tx]
	if x == nil {
		return
	}
	if a := x.inFlight; a != nil {
		a.peer.late.add(tx, a.asked, now)
	}
	for _, a := range x.anns {
		t.complete(a)
	}
	t.reap(x)
}

// Hold occupies a slot of the peer for a body that is being judged.
func (t *Tracker) Hold(id PeerID) {
	if p := t.peers[id]; p != nil {
		p.slots++
	}
}

// Release frees a slot occupied by Hold.
func (t *Tracker) Release(id PeerID) {
	if p := t.peers[id]; p != nil {
		t.freeSlot(p)
	}
}

// Len is the number of announcements tracked for the peer.
func (t *Tracker) Len(id PeerID) int {
	if p := t.peers[id]; p != nil {
		return len(p.anns)
	}
	return 0
}

// Empty reports whether nothing is tracked.
func (t *Tracker) Empty() bool { return len(t.peers)+len(t.txs) == 0 }

// Next is when Poll must be called at the latest; zero when no timer runs.
func (t *Tracker) Next() time.Time {
	if len(t.timers) == 0 {
		return time.Time{}
	}
	return t.timers[0].at
}

// complete takes the announcement out of whatever state it is in. The caller
// calls reap or drop next.
func (t *Tracker) complete(a *announcement) {
	if a.state == completed {
		return
	}
	if a.timer >= 0 {
		heap.Remove(&t.timers, a.timer)
	}
	t.unwait(a)
	if a.state == requested {
		a.tx.inFlight = nil
		t.freeSlot(a.peer)
	}
	a.state = completed
	a.tx.live--
	t.markDirty(a.tx)
}

// reap forgets the transaction if nobody is left to ask for it.
func (t *Tracker) reap(x *transaction) {
	if x.live > 0 {
		return
	}
	for _, a := range x.anns {
		delete(a.peer.anns, x.id)
	}
	delete(t.txs, x.id)
}

// drop removes a completed announcement before its transaction ends.
func (t *Tracker) drop(a *announcement) {
	x := a.tx
	delete(a.peer.anns, x.id)
	i := slices.Index(x.anns, a)
	x.anns = slices.Delete(x.anns, i, i+1)
	t.reap(x)
}

func (t *Tracker) markDirty(x *transaction) {
	if !x.dirty {
		x.dirty = true
		t.dirty = append(t.dirty, x)
	}
}

func (t *Tracker) freeSlot(p *peer) {
	p.slots--
	if !p.freed {
		p.freed = true
		t.freed = append(t.freed, p)
	}
}

func (t *Tracker) unwait(a *announcement) {
	if a.wait != nil {
		a.peer.waiting.Remove(a.wait)
		a.wait = nil
	}
}
