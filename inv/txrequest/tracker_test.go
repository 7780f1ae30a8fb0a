package txrequest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// bench drives a Tracker by hand and checks its invariants at each step.
type bench struct {
	*Tracker
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T, seed uint64) *bench {
	return &bench{New(rand.New(rand.NewPCG(seed, 2))), t, time.Unix(1_700_000_000, 0)}
}

func (b *bench) announce(id relaymsg.ShortID, peers ...PeerID) {
	for _, p := range peers {
		b.Announced(b.now, p, id)
	}
}

// poll returns whom the id is asked of, or 0.
func (b *bench) poll(id relaymsg.ShortID) (asked PeerID) {
	b.t.Helper()
	for _, r := range b.Poll(b.now) {
		if slices.Contains(r.IDs, id) {
			asked = r.Peer
		}
	}
	if err := b.checkInvariants(); err != nil {
		b.t.Fatal(err)
	}
	return asked
}

func (b *bench) expect(id relaymsg.ShortID, want PeerID) {
	b.t.Helper()
	if got := b.poll(id); got != want {
		b.t.Fatalf("asked of %d, want %d", got, want)
	}
}

func (b *bench) advance(d time.Duration) { b.now = b.now.Add(d) }

func TestOutboundIsPreferred(t *testing.T) {
	for seed := range uint64(50) {
		b := newBench(t, seed)
		for p := range PeerID(10) {
			b.Connected(p+1, p+1 == 7)
		}
		b.announce(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		b.expect(1, 7)
	}
}

// TestChoiceIsUniform: being first, or announcing again, gains nothing.
func TestChoiceIsUniform(t *testing.T) {
	b := newBench(t, 1)
	const peers, rounds = 5, 5000
	for p := range PeerID(peers) {
		b.Connected(p+1, false)
	}
	chosen := map[PeerID]int{}
	for n := range relaymsg.ShortID(rounds) {
		b.announce(n, 1, 1, 1, 2, 3, 4, 5, 1)
		p := b.poll(n)
		chosen[p]++
		b.Received(b.now, p, n)
		b.Forget(b.now, n)
	}
	for p, n := range chosen { // standard deviation 28
		if n < rounds/peers-140 || n > rounds/peers+140 {
			t.Errorf("peer %d chosen %d of %d times", p, n, rounds)
		}
	}
}

func TestOneInFlightAndNeverTwice(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, false)
	b.announce(1, 1, 2)
	b.expect(1, 1)
	b.expect(1, 0)
	b.NotFound(b.now, 1, 1)
	b.announce(1, 1) // again: ignored while anybody is left
	b.expect(1, 2)
	b.NotFound(b.now, 2, 1)
	b.expect(1, 0) // nobody is left, so it is forgotten
	b.announce(1, 1)
	b.expect(1, 1)
}

func TestTimeouts(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, false)
	b.announce(1, 1, 2)
	b.expect(1, 1)
	b.advance(firstTimeout - 1)
	b.expect(1, 0)
	b.advance(1)
	b.expect(1, 2)
	b.Received(b.now, 2, 1)
	// The slow peer waits, is asked when nobody else announces, and has twice
	// the time.
	b.announce(2, 1)
	b.expect(2, 0)
	b.advance(SlowDelay)
	b.expect(2, 1)
	b.advance(2*firstTimeout - 1)
	b.expect(2, 0)
	b.advance(1)
	b.announce(2, 2)
	b.expect(2, 2)
}

// TestSlowPeerIsOvertaken: whoever stalled us once holds up nothing that
// somebody else can deliver.
func TestSlowPeerIsOvertaken(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, false)
	b.Connected(3, true)
	b.announce(1, 1)
	b.expect(1, 1)
	b.advance(firstTimeout / 2)
	b.announce(2, 1)
	b.expect(2, 1)
	b.announce(2, 2)
	b.expect(2, 0) // 1 has done nothing wrong yet
	b.advance(firstTimeout / 2)
	b.expect(2, 2) // the timeout of the first request makes 1 slow

	b.announce(3, 1)
	b.advance(SlowDelay)
	b.expect(3, 1)
	b.announce(3, 2)
	b.expect(3, 2)
	if !b.Received(b.now, 1, 3) || !b.Received(b.now, 2, 3) {
		t.Error("a body that was asked for is not welcome")
	}

	// 1 has answered, so it is trusted again.
	b.announce(4, 1)
	b.expect(4, 1)
	b.announce(4, 3)
	b.expect(4, 0)

	// A slow peer does not overtake another.
	b.Connected(5, true)
	b.Connected(6, true)
	b.announce(5, 5)
	b.announce(6, 6)
	b.poll(5)
	b.advance(firstTimeout)
	b.poll(5)
	b.announce(7, 5)
	b.announce(7, 6)
	b.advance(SlowDelay)
	first := b.poll(7)
	if first != 5 && first != 6 {
		t.Fatalf("asked of %d", first)
	}
	b.expect(7, 0)
}

func TestLateBody(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, false)
	for id := range relaymsg.ShortID(3) {
		b.announce(id, 1)
	}
	b.poll(0)
	b.advance(firstTimeout)
	b.poll(0)
	if b.Received(b.now, 2, 0) {
		t.Error("late body taken from another peer")
	}
	if !b.Received(b.now, 1, 0) || b.Received(b.now, 1, 0) {
		t.Error("late body not taken exactly once")
	}
	b.advance(LateGrace - 1)
	if !b.Received(b.now, 1, 1) {
		t.Error("body not taken within the grace")
	}
	b.advance(1)
	if b.Received(b.now, 1, 2) {
		t.Error("body taken after the grace")
	}
}

// TestMootRequest: a body that was asked for and is no longer wanted is welcome.
func TestMootRequest(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.announce(1, 1)
	b.expect(1, 1)
	b.Forget(b.now, 1)
	if !b.Received(b.now, 1, 1) {
		t.Error("not welcome")
	}
	if !b.Next().IsZero() || b.Len(1) != 0 {
		t.Error("still tracked")
	}
}

func TestUnasked(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, true)
	b.announce(1, 1)
	b.expect(1, 1)
	b.announce(1, 2)
	for name, taken := range map[string]bool{
		"from a candidate":        b.Received(b.now, 2, 1),
		"of an unannounced id":    b.Received(b.now, 1, 9),
		"from nobody":             b.Received(b.now, 9, 1),
		"announced by nobody":     b.Announced(b.now, 9, 1),
		"announced a second time": b.Announced(b.now, 1, 1),
	} {
		if taken {
			t.Error("taken", name)
		}
	}
	b.NotFound(b.now, 2, 1) // of a candidate: no effect
	b.NotFound(b.now, 9, 1)
	b.NotFound(b.now, 1, 1)
	b.expect(1, 2)
}

// TestLimits: announcements and slots per peer; what waits for a slot goes on in
// order, or to somebody else.
func TestLimits(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	for id := range relaymsg.ShortID(MaxAnnouncements + 10) {
		if got, want := b.Announced(b.now, 1, id), id < MaxAnnouncements; got != want {
			t.Fatalf("announcement %d taken: %v", id, got)
		}
	}
	r := b.Poll(b.now)
	if len(r) != 1 || len(r[0].IDs) != MaxInFlight || r[0].IDs[0] != 0 || r[0].IDs[MaxInFlight-1] != MaxInFlight-1 {
		t.Fatalf("first requests: %v", r)
	}
	b.Connected(2, false)
	b.announce(MaxInFlight, 2)
	b.expect(MaxInFlight, 2) // rather than wait for a slot of the better peer

	b.Received(b.now, 1, 5) // one slot is free
	r = b.Poll(b.now)
	if len(r) != 1 || len(r[0].IDs) != 1 || r[0].IDs[0] != MaxInFlight+1 {
		t.Fatalf("next request: %v", r)
	}
	b.Hold(1) // the body is being judged: its slot stays occupied
	b.Received(b.now, 1, 6)
	b.Hold(1)
	if r = b.Poll(b.now); len(r) != 0 {
		t.Fatalf("beyond the slots: %v", r)
	}
	b.Release(1)
	b.Release(1)
	if r = b.Poll(b.now); len(r) != 1 || len(r[0].IDs) != 1 {
		t.Fatalf("after judgement: %v", r)
	}
}

func TestDisconnectFailsOver(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	b.Connected(2, false)
	for id := range relaymsg.ShortID(10) {
		b.announce(id, 1, 2)
	}
	b.poll(0)
	b.Disconnected(1)
	r := b.Poll(b.now)
	if len(r) != 1 || r[0].Peer != 2 || len(r[0].IDs) != 10 || !slices.IsSorted(r[0].IDs) {
		t.Fatalf("%v", r)
	}
	b.Disconnected(2)
	b.Disconnected(2)
	if !b.Empty() || !b.Next().IsZero() {
		t.Error("something is left")
	}
}

// TestLateBodiesAreBounded lets far more requests lapse than are remembered.
func TestLateBodiesAreBounded(t *testing.T) {
	b := newBench(t, 1)
	b.Connected(1, true)
	for id := range relaymsg.ShortID(3 * MaxAnnouncements) {
		b.announce(id, 1)
		b.poll(id)
		b.Forget(b.now, id)
	}
	late := &b.peers[1].late
	if len(late.queue) != MaxAnnouncements || len(late.byID) != MaxAnnouncements {
		t.Errorf("%d, %d remembered", len(late.queue), len(late.byID))
	}
	b.advance(LateGrace)
	b.announce(1, 1)
	b.poll(1)
	b.Forget(b.now, 1)
	if len(late.queue) != 1 || len(late.byID) != 1 {
		t.Errorf("%d, %d remembered after a minute", len(late.queue), len(late.byID))
	}
}

func TestResponseTime(t *testing.T) {
	now := time.Unix(0, 0)
	var r responseTime
	if r.timeout() != firstTimeout || r.slow() {
		t.Error("without history:", r.timeout())
	}
	for range 20 {
		r.answered(100 * time.Millisecond)
	}
	if r.timeout() != MinTimeout || r.slow() {
		t.Error("fast:", r.timeout())
	}
	r.timedOut(now, now.Add(MinTimeout))
	r.timedOut(now, now.Add(MinTimeout)) // asked in the same moment: counts once
	if r.timeout() != 2*MinTimeout || !r.slow() {
		t.Error("after a timeout:", r.timeout())
	}
	for n := range 10 {
		at := now.Add(time.Duration(n+1) * time.Minute)
		r.timedOut(at, at.Add(r.timeout()))
	}
	if r.timeout() != MaxTimeout {
		t.Error("after many timeouts:", r.timeout())
	}
	r.answered(100 * time.Millisecond)
	if r.timeout() != MinTimeout || r.slow() {
		t.Error("after an answer:", r.timeout())
	}
	for range 20 {
		r.answered(1500 * time.Millisecond)
	}
	if got := r.timeout(); got < 1500*time.Millisecond || !r.slow() && got > SlowTimeout {
		t.Error("late answers:", got)
	}
	for range 50 {
		r.answered(time.Hour)
	}
	if r.timeout() != MaxTimeout || !r.slow() {
		t.Error("absurd answers:", r.timeout())
	}
}

// BenchmarkAnnounce is one announcement, request and answer, with 100 other
// announcers and a full table.
func BenchmarkAnnounce(b *testing.B) {
	t := New(rand.New(rand.NewPCG(1, 2)))
	now := time.Unix(1_700_000_000, 0)
	for p := range PeerID(100) {
		t.Connected(p, false)
		for id := range relaymsg.ShortID(4000) {
			t.Announced(now, p, id)
		}
	}
	t.Poll(now)
	t.Connected(1000, true)
	id := relaymsg.ShortID(1 << 40)
	for b.Loop() {
		id++
		t.Announced(now, 1000, id)
		t.Poll(now)
		t.Received(now, 1000, id)
		t.Forget(now, id)
	}
}
