package inv

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
	"github.com/txnode/txnode/inv/txrequest"
)

// A peer has at most 100 bodies here that are not judged yet: beyond, nothing is
// requested from it, however fast it delivers.
func TestUnjudgedBodiesAreBounded(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	bodies := map[relaymsg.ShortID][]byte{}
	inv := &relaymsg.Inv{}
	for range 3 * txrequest.MaxInFlight {
		raw := transaction(l.rng, 100)
		bodies[l.id(raw)] = raw
		inv.IDs = append(inv.IDs, l.id(raw))
	}
	var unjudged []Body
	deliver := func(r Ready) (requested int) {
		for _, s := range r.Send {
			m := &relaymsg.Txs{}
			for _, id := range s.Msg.(*relaymsg.Get).IDs {
				m.Bodies = append(m.Bodies, bodies[id])
			}
			requested += len(m.Bodies)
			l.Received(l.clock, 1, m)
		}
		return requested
	}
	for n, want := range []int{txrequest.MaxInFlight, 0, 1, 0} {
		var r Ready
		switch n {
		case 0:
			r = l.recv(1, inv)
		case 2:
			l.Rejected(l.clock, unjudged[0].WTxID, true)
			r = l.Ready()
		default:
			r = l.Ready()
		}
		unjudged = append(unjudged, r.Validate...)
		if got := deliver(r); got != want {
			t.Errorf("step %d: %d requested, want %d", n, got, want)
		}
	}
}

// Pushes that are not judged yet are bounded in bytes, however slowly they come:
// beyond, a push is an announcement.
func TestUnjudgedPushesAreBounded(t *testing.T) {
	const size = 10_000
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	l.MeshChanged(l.clock, []PeerID{1})
	var unjudged []Body
	requested := 0
	for range 2 * PushBurst / size {
		l.advance(time.Second)
		r := l.recv(1, &relaymsg.Push{Hop: 255, Body: transaction(l.rng, size)})
		unjudged = append(unjudged, r.Validate...)
		requested += len(r.Send)
	}
	if want := PushBurst / size; len(unjudged) != want || requested == 0 {
		t.Errorf("%d bodies to judge, want %d; %d requests", len(unjudged), want, requested)
	}
	l.check()
	l.Rejected(l.clock, unjudged[0].WTxID, true)
	if r := l.recv(1, &relaymsg.Push{Hop: 1, Body: transaction(l.rng, size)}); len(r.Validate) != 1 {
		t.Error("nothing is taken after one was judged")
	}
	l.check()
}

// What one side may push the other takes, though all of eight seconds arrives
// at once.
func TestOwnPushesFitTheBucket(t *testing.T) {
	const size, delay = 1000, PushBurst / PushRate * time.Second
	l := newLab(t, 1)
	l.cfg.EagerHops = 2
	l.NetworkSized(l.clock, 0)
	l.connect([]PeerID{1}, true)
	l.MeshChanged(l.clock, []PeerID{1})
	pushed := func(d time.Duration) (bytes float64) {
		for end := l.clock.Add(d); l.clock.Before(end); l.clock = l.clock.Add(time.Millisecond) {
			var h chainhash.Hash
			binary.LittleEndian.PutUint64(h[:], l.rng.Uint64())
			l.Accepted(l.clock, Tx{WTxID: h, Size: size}, SourceLocal)
			bytes += float64(len(l.Ready().Push)) * size
		}
		return bytes
	}
	theirs := newBucket(PushBurst, PushRate)
	if left := theirs.charge(l.clock, pushed(delay)); left < 0 || left > size {
		t.Errorf("%v bytes left after a delay of %v", left, delay)
	}
	for range 60 {
		if left := theirs.charge(l.clock, pushed(time.Second)); left < 0 {
			t.Fatalf("%v bytes left in a steady flow", left)
		}
	}
}

// emptySketch is the count sketch of no transactions, under any nonce.
var emptySketch = new(sketch.CountSketch).AppendTo(nil)

// listOf is the only chunk of a list of the ids.
func listOf(nonce relaymsg.Nonce, ids ...uint64) *relaymsg.ReconList {
	n := uint64(len(ids))
	chunk, _ := sketch.NewListEncoder(ids).AppendChunk(nil, relaymsg.MaxReconBytes)
	return &relaymsg.ReconList{Round: 1, Nonce: nonce, Count: n, Chunk: chunk}
}

// A difference beyond what may be asked for at once is asked for in parts, each
// when half of the one before is here.
func TestLargeDifferenceIsAskedForInParts(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	l.advance(time.Second)
	ids := make([]uint64, recon.MaxDiff+1)
	for n := range ids {
		ids[n] = uint64(n + 1)
	}
	ask := func(r Ready, want int, more bool) {
		t.Helper()
		if len(r.Send) != 1 {
			t.Fatalf("sent %+v", r.Send)
		}
		if diff := r.Send[0].Msg.(*relaymsg.ReconDiff); len(diff.Want) != want || diff.More != more {
			t.Fatalf("%d wanted, more %v", len(diff.Want), diff.More)
		}
	}
	ask(l.recv(1, listOf(relaymsg.Nonce{}, ids...)), recon.MaxDiff, true)
	offer := &relaymsg.ReconOffer{Round: 1, Have: l.junk(recon.MaxDiff)}
	l.recv(1, offer)
	if r := l.advance(askPause); len(r.Send) != 0 {
		t.Fatalf("asked for more with %d announced: %+v", l.tracker.Len(1), r.Send)
	}
	l.recv(1, &relaymsg.NotFound{IDs: offer.Have[:recon.MaxDiff/2]})
	for _, id := range offer.Have[:recon.MaxDiff/2] {
		l.tracker.Forget(l.clock, id)
	}
	r := l.advance(askPause)
	r.Send = slices.DeleteFunc(r.Send, func(s Send) bool { return s.Msg.Kind() == relaymsg.KindGet })
	ask(r, 1, false)
	r = l.recv(1, &relaymsg.ReconOffer{Round: 1, Have: l.junk(1)})
	if len(r.Rounds) != 1 || r.Rounds[0].Wanted != recon.MaxDiff+1 || r.Rounds[0].Outcome != OutcomeReconciled {
		t.Errorf("%+v", r.Rounds)
	}
	l.check()
}

// What rounds named on a link is remembered for two of them, and no more of it
// than a peer can name in one.
func TestNamedInRoundsIsBounded(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, false)
	for n := range uint64(6) {
		l.clock = l.clock.Add(recon.SyncInterval)
		l.recv(1, &relaymsg.ReconRequest{Round: n + 1, Sketch: emptySketch, Count: 1})
		for range 4 {
			l.recv(1, &relaymsg.ReconDiff{Round: n + 1, More: true, Have: l.junk(recon.MaxDiff)})
		}
		l.recv(1, &relaymsg.ReconDiff{Round: n + 1, Have: l.junk(1)})
		if named := l.peers[1].settled.len(); named > 2*maxSettled {
			t.Fatalf("%d named", named)
		}
		l.check()
	}
}

// T24: a peer that asks for rounds a thousand times a second gets two lists a
// second and a burst of four.
func TestRoundRequestFlood(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, false)
	l.Accepted(l.clock, Tx{WTxID: chainhash.Hash{1}}, SourceRestored)
	lists := 0
	for n := range uint64(10_000) {
		l.clock = l.clock.Add(time.Millisecond)
		for _, s := range l.recv(1, &relaymsg.ReconRequest{Round: n + 1, Sketch: emptySketch}).Send {
			if _, ok := s.Msg.(*relaymsg.ReconList); ok {
				lists++
			}
		}
	}
	if lists < 20 || lists > 24 {
		t.Errorf("%d lists in 10 s", lists)
	}
	l.check()
}

// A peer that does so of a large mempool, and connects anew every second, gets a
// list every ten.
func TestLargeRoundRequestFlood(t *testing.T) {
	l := newLab(t, 1)
	l.fill(recon.MaxNew + 1)
	lists := 0
	for n := range uint64(30_000) {
		if n%1000 == 0 {
			l.PeerDisconnected(l.clock, 1)
			l.connect([]PeerID{1}, false)
		}
		l.clock = l.clock.Add(time.Millisecond)
		for _, s := range l.recv(1, &relaymsg.ReconRequest{Round: n + 1, Sketch: emptySketch}).Send {
			if _, ok := s.Msg.(*relaymsg.ReconList); ok {
				lists++
			}
		}
	}
	if lists != 3 {
		t.Errorf("%d lists in 30 s", lists)
	}
	l.check()
}

// What is remembered of peers that left is bounded, and forgotten in time.
func TestDepartedAreBounded(t *testing.T) {
	l := newLab(t, 1)
	l.fill(recon.MaxNew + 1)
	for _, id := range peerIDs(1, maxDeparted+100) {
		l.connect([]PeerID{id}, false)
		l.recv(id, &relaymsg.ReconRequest{Round: 1, Sketch: emptySketch})
		l.PeerDisconnected(l.clock, id)
	}
	if len(l.departed) != maxDeparted {
		t.Errorf("%d remembered", len(l.departed))
	}
	l.advance(recon.SyncSpacing)
	l.connect([]PeerID{1}, false)
	l.PeerDisconnected(l.clock, 1)
	if len(l.departed) != 0 {
		t.Errorf("%d remembered after their time", len(l.departed))
	}
}

// Frozen sets of all answered rounds together are bounded.
func TestFrozenSetsAreBounded(t *testing.T) {
	l := newLab(t, 1)
	const txs, peers = recon.MaxList / 4, 40
	l.fill(txs)
	busy := 0
	for _, id := range peerIDs(1, peers) {
		l.connect([]PeerID{id}, false)
		for _, s := range l.recv(id, &relaymsg.ReconRequest{Round: 1, Sketch: emptySketch}).Send {
			if _, ok := s.Msg.(*relaymsg.ReconBusy); ok {
				busy++
			}
		}
	}
	if want := peers - MaxFrozen/txs; busy != want {
		t.Errorf("%d of %d refused, want %d", busy, peers, want)
	}
	l.advance(recon.Timeout + listPause*4)
	l.advance(recon.Timeout)
	held := 0
	for _, p := range l.order {
		held += p.responder.Held()
	}
	if held != 0 {
		t.Errorf("%d transactions still frozen", held)
	}
}

// A long list goes out in portions, and stops when the round does.
func TestLongListIsPaced(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, false)
	const txs = 200_000 // ten chunks
	l.fill(txs)
	begin := func(round uint64) Ready {
		l.clock = l.clock.Add(recon.SyncInterval)
		r := l.recv(1, &relaymsg.ReconRequest{Round: round, Sketch: emptySketch})
		if len(r.Send) != listBurst || !r.Wake.Equal(l.clock.Add(listPause)) {
			t.Errorf("round %d: %d chunks at first, then %v", round, len(r.Send), r.Wake)
		}
		return r
	}
	begin(1)
	if r := l.advance(listPause); len(r.Send) != 3 || l.peers[1].responder.Listing() {
		t.Errorf("%d chunks in the end", len(r.Send))
	}
	begin(2)
	digest, count := l.Digest()
	l.clock = l.clock.Add(time.Second) // or the peer has asked for too much
	r := l.recv(1, &relaymsg.ReconRequest{Round: 3, Digest: digest, Count: uint64(count), Sketch: emptySketch})
	if len(r.Rounds) != 2 || r.Rounds[0].Outcome != OutcomeSuperseded || r.Rounds[1].Outcome != OutcomeEqual {
		t.Errorf("list superseded: %+v", r.Rounds)
	}
	if err := l.checkPeer(l.peers[1]); err != nil {
		t.Error(err)
	}
	begin(4)
	l.PeerDisconnected(l.clock, 1)
	if r := l.Ready(); len(r.Rounds) != 1 || r.Rounds[0].Outcome != OutcomeDisconnected || !r.Wake.IsZero() {
		t.Errorf("disconnected: %+v, wake %v", r.Rounds, r.Wake)
	}
}

// A peer may GET an announcement once, and again only from a small budget.
func TestRepeatBudget(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, false)
	l.MeshChanged(l.clock, []PeerID{1})
	wtxid := chainhash.Hash{1}
	l.Accepted(l.clock, Tx{WTxID: wtxid}, SourceLocal)
	l.Ready()
	l.advance(time.Second)
	get := &relaymsg.Get{}
	for range relaymsg.MaxInvIDs {
		get.IDs = append(get.IDs, l.peers[1].Salt.ShortID(wtxid))
	}
	served := func(r Ready) (n int) {
		for _, s := range r.Serve {
			n += len(s.Tx)
		}
		return n
	}
	if n := served(l.recv(1, get)); n != 1+RepeatBurst {
		t.Errorf("%d served at once", n)
	}
	l.advance(2 * time.Second)
	if n := served(l.recv(1, get)); n != 2*RepeatRate {
		t.Errorf("%d served after two seconds", n)
	}
}

// Memories stay under their limits and keep what they promise.
func TestMemories(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, false)
	l.MeshChanged(l.clock, []PeerID{1})
	hash := func(n int) (h chainhash.Hash) {
		binary.LittleEndian.PutUint32(h[:], uint32(n))
		return h
	}
	const txs = 2*MaxGranted + 1000
	for n := range txs {
		l.Accepted(l.clock, Tx{WTxID: hash(n)}, SourcePeer)
		if n%l.cfg.SendRate == 0 {
			l.advance(time.Second)
		}
	}
	l.advance(time.Second)
	if n := len(l.backlog.waiting); n > 0 {
		t.Fatalf("%d wait", n) // what follows is about what was told
	}
	if n := l.peers[1].granted.len(); n > 2*MaxGranted || l.peers[1].known.len() > MaxKnown {
		t.Errorf("%d granted, %d known", n, l.peers[1].known.len())
	}
	for n, want := range map[int]bool{txs - 1: true, txs - MaxGranted: true, 0: false} {
		r := l.recv(1, &relaymsg.Get{IDs: []relaymsg.ShortID{l.peers[1].Salt.ShortID(hash(n))}})
		if got := len(r.Serve) == 1; got != want {
			t.Errorf("announcement %d of %d served: %v", n, txs, got)
		}
	}
	for n := range 2 * MaxRejects {
		l.Rejected(l.clock, hash(1_000_000+n), true)
		if n%2 == 0 {
			l.RejectedForFee(l.clock, hash(2_000_000+n))
		}
	}
	if n := l.unwanted.rejects.set.len(); n > MaxRejects || n < MaxRejects/2 {
		t.Errorf("%d rejects remembered", n)
	}
	if n := l.unwanted.unpaid.set.len(); n > MaxUnpaid || n < MaxUnpaid/2 {
		t.Errorf("%d remembered that pay too little", n)
	}
	// The memory has turned with the last one added, so it lives one turn.
	last := l.cfg.Salt.ShortID(hash(1_000_000 + 2*MaxRejects - 1))
	for _, step := range []struct {
		wait time.Duration
		want bool
	}{{RejectTurn - time.Second, true}, {2 * time.Second, false}} {
		l.advance(step.wait)
		if got := l.unwanted.hasID(l.now, last); got != step.want {
			t.Errorf("after %v more: remembered %v", step.wait, got)
		}
	}
}

// Transactions accepted with nobody to tell are remembered up to a limit, the
// latest first.
func TestUnannouncedAreBounded(t *testing.T) {
	l := newLab(t, 1)
	for n := range 3 * MaxUnannounced {
		var h chainhash.Hash
		binary.LittleEndian.PutUint32(h[:], uint32(n))
		l.Accepted(l.clock, Tx{WTxID: h}, SourceLocal)
		if len(l.unannounced) > 2*MaxUnannounced {
			t.Fatalf("%d remembered", len(l.unannounced))
		}
	}
	l.connect([]PeerID{1}, true)
	l.MeshChanged(l.clock, []PeerID{1})
	announced := 0
	for _, s := range l.advance(time.Second).Send {
		if inv, ok := s.Msg.(*relaymsg.Inv); ok {
			announced += len(inv.IDs)
		}
	}
	if announced != MaxUnannounced {
		t.Errorf("%d announced", announced)
	}
}

// T25: a transaction whose id under our salt collides with one we hold is
// overlooked when announced, and found by the next round; both end up held, and
// removing one leaves the other.
func TestCollidingIDs(t *testing.T) {
	for _, initiator := range []bool{true, false} {
		t.Run(fmt.Sprintf("initiator %v", initiator), func(t *testing.T) {
			l := newLab(t, 1)
			l.connect([]PeerID{1}, initiator)
			held, victim := chainhash.Hash{1}, transaction(l.rng, 200)
			l.pool.id = func(chainhash.Hash) relaymsg.ShortID { return l.id(victim) } // no collision can be found in reasonable time
			l.Accepted(l.clock, Tx{WTxID: held}, SourceRestored)
			e := l.pool.get(held)

			inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{e.id}}
			if to := asked(l.recv(1, inv), e.id); len(to) != 0 {
				t.Fatalf("asked %v", to)
			}
			var r Ready
			if initiator {
				req := l.advance(time.Second).Send[0].Msg.(*relaymsg.ReconRequest)
				nonce := relaymsg.Nonce{1}
				id := sketch.ID40(relaymsg.RoundSalt(req.Nonce, nonce).Hash(chainhash.DoubleHashH(victim)))
				l.recv(1, listOf(nonce, id))
				r = l.recv(1, &relaymsg.ReconOffer{Round: 1, Have: inv.IDs})
			} else {
				l.recv(1, &relaymsg.ReconRequest{Round: 1, Count: 1, Sketch: emptySketch})
				r = l.recv(1, &relaymsg.ReconDiff{Round: 1, Have: inv.IDs})
			}
			if to := asked(r, e.id); len(to) != 1 {
				t.Fatalf("asked %v after the round", to)
			}
			r = l.recv(1, &relaymsg.Txs{Bodies: [][]byte{victim}})
			if len(r.Validate) != 1 {
				t.Fatalf("not judged: %+v", r)
			}
			l.Accepted(l.clock, Tx{WTxID: r.Validate[0].WTxID}, SourcePeer)
			l.check()
			l.Removed(l.clock, held)
			l.check()
			if l.pool.byID[e.id] == nil || l.pool.get(r.Validate[0].WTxID) == nil {
				t.Error("removing one lost the other")
			}
		})
	}
}

// What is told of the floor is good enough: it is told once, whatever it is, and
// never below the lowest.
func TestFloorIsToldOnce(t *testing.T) {
	for _, lowest := range []uint64{0, 1, 100} {
		for rate := uint64(1); rate < 1e8; rate += 1 + rate/7 {
			l := newLab(t, rate)
			l.cfg.FeeFloor = lowest
			l.floor = floor{rate: lowest, told: lowest}
			l.connect([]PeerID{1}, false)
			l.FeeFloorChanged(l.clock, rate)
			l.advance(FloorDelay)
			l.FeeFloorChanged(l.clock, rate)
			if told := l.floor.told; !l.floor.tellAt.IsZero() || told < lowest {
				t.Errorf("floor %d, at least %d: told %d, again at %v", rate, lowest, told, l.floor.tellAt)
			}
		}
	}
}

// Rounds may offer the same transaction again and again; the right to GET it
// is given once, and what a peer asks for beyond it is paid from its bucket.
func TestOfferRenewsNoRight(t *testing.T) {
	p := newPeer(1, Peer{})
	e := &entry{Tx: Tx{WTxID: chainhash.Hash{1}}}
	id := p.offer(e)
	p.granted.put(id, grant{tx: e, used: true})
	p.offer(e)
	if g, _ := p.granted.get(id); !g.used {
		t.Error("an offer renewed a right that was used")
	}
	p.offer(&entry{Tx: Tx{WTxID: e.WTxID}}) // it has left the mempool and come back
	if g, _ := p.granted.get(id); g.used {
		t.Error("a new entry gave no right")
	}
}
