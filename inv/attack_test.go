package inv

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// T1, INVDoS: twenty peers announce 30 000 random ids each. Tracked state stays
// under its caps, and an honest announcement is requested at once.
func TestAnnouncementFlood(t *testing.T) {
	l := newLab(t, 1)
	attackers := peerIDs(1, 20)
	l.connect(attackers, false)
	l.connect([]PeerID{100}, true)
	for round := range 3 {
		for _, a := range attackers {
			for range 2 {
				l.Received(l.clock, a, &relaymsg.Inv{IDs: l.junk(relaymsg.MaxInvIDs)})
			}
		}
		l.check()
		for _, a := range attackers {
			if n := l.tracker.Len(a); n != txrequest.MaxAnnouncements {
				t.Fatalf("round %d, peer %d: %d announcements tracked", round, a, n)
			}
		}
		raw := transaction(l.rng, 200)
		if to := asked(l.recv(100, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}}), l.id(raw)); len(to) != 1 || to[0] != 100 {
			t.Fatalf("round %d: honest announcement asked of %v", round, to)
		}
		if r := l.recv(100, &relaymsg.Txs{Bodies: [][]byte{raw}}); len(r.Validate) != 1 {
			t.Fatalf("round %d: honest body not judged", round)
		}
		l.Accepted(l.clock, Tx{WTxID: chainhash.DoubleHashH(raw)}, SourcePeer)
		l.advance(time.Second)
	}
	for _, a := range attackers {
		l.PeerDisconnected(l.clock, a)
	}
	l.PeerDisconnected(l.clock, 100)
	if err := l.checkNoPeers(); err != nil {
		t.Error(err)
	}
}

// T4 and T4b, CVE-2024-52913: a hundred inbound peers announce first, never answer and
// announce again. An honest outbound announcer waits for one timeout at most.
func TestSilentAnnouncersAgainstOutbound(t *testing.T) {
	for seed := range uint64(100) {
		l := newLab(t, seed)
		attackers := peerIDs(1, 100)
		l.connect(attackers, false)
		l.connect([]PeerID{500}, true)
		raw := transaction(l.rng, 200)
		inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}}
		for _, a := range attackers {
			l.recv(a, inv)
		}
		to := asked(l.recv(500, inv), l.id(raw))
		for waited := time.Duration(0); len(to) == 0; waited += 100 * time.Millisecond {
			if waited > time.Second {
				t.Fatalf("seed %d: honest peer not asked after %v", seed, waited)
			}
			for _, a := range attackers {
				l.Received(l.clock, a, inv)
			}
			to = asked(l.advance(100*time.Millisecond), l.id(raw))
		}
		if to[0] != 500 {
			t.Fatalf("seed %d: %v asked next", seed, to)
		}
	}
}

// T4 where the honest announcer is inbound like the attackers: the first
// transaction is delayed P/(H+1) = 50 timeouts on average, but each attacker
// can do so once. All of ten transactions together cost 100 timeouts at most.
func TestSilentAnnouncersAgainstInbound(t *testing.T) {
	first, seeds := 0, 60
	for seed := range uint64(seeds) {
		l := newLab(t, seed)
		attackers := peerIDs(1, 100)
		l.connect(attackers, false)
		l.connect([]PeerID{500}, false)
		stalls := 0
		for n := range 10 {
			stalls += l.stalls(attackers, 500)
			if n == 0 {
				first += stalls
			}
		}
		if stalls > 100 {
			t.Errorf("seed %d: %d timeouts", seed, stalls)
		}
	}
	mean := float64(first) / float64(seeds)
	t.Logf("first transaction: %.1f timeouts on average", mean)
	if mean < 40 || mean > 60 {
		t.Errorf("first transaction: %.1f timeouts on average, model 50", mean)
	}
}

// stalls announces a transaction by the attackers, 200 ms later by the honest
// peer, who alone answers, and counts the requests that attackers let time out.
func (l *lab) stalls(attackers []PeerID, honest PeerID) (stalls int) {
	raw := transaction(l.rng, 200)
	id := l.id(raw)
	inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{id}}
	for _, a := range attackers {
		l.Received(l.clock, a, inv)
	}
	to := asked(l.Ready(), id)
	stalls += len(to)
	to = asked(l.advance(200*time.Millisecond), id)
	stalls += len(to)
	to = asked(l.recv(honest, inv), id)
	for len(to) == 0 || to[0] != honest {
		stalls += len(to)
		l.clock = l.wake()
		to = asked(l.advance(0), id)
	}
	if r := l.recv(honest, &relaymsg.Txs{Bodies: [][]byte{raw}}); len(r.Validate) != 1 {
		l.t.Fatalf("honest body not judged: %+v", r)
	}
	l.Accepted(l.clock, Tx{WTxID: chainhash.DoubleHashH(raw)}, SourcePeer)
	return stalls
}

// An attacker that trains its timeout by answering late is demoted by it.
func TestTrainedTimeoutIsDemoted(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	l.connect([]PeerID{2}, false)
	for range 10 {
		raw := transaction(l.rng, 100)
		l.recv(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}})
		l.advance(txrequest.SlowDelay)
		l.advance(650 * time.Millisecond)
		l.advance(9 * time.Second)
		l.recv(1, &relaymsg.Txs{Bodies: [][]byte{raw}})
	}
	id := l.junk(1)
	l.Received(l.clock, 1, &relaymsg.Inv{IDs: id})
	l.Received(l.clock, 2, &relaymsg.Inv{IDs: id})
	if to := asked(l.Ready(), id[0]); len(to) != 1 || to[0] != 2 {
		t.Errorf("asked %v, want the inbound peer that answers in time", to)
	}
}

// T8: bodies nobody asked for are neither judged nor forgiven, however many.
func TestUnaskedBodies(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	l.MeshChanged(l.clock, []PeerID{1})
	m := &relaymsg.Txs{}
	for range relaymsg.MaxTxs {
		m.Bodies = append(m.Bodies, transaction(l.rng, 100))
	}
	r := l.recv(1, m)
	if len(r.Validate) != 0 || len(r.Disconnect) != 1 {
		t.Errorf("%d judged, %d cut off", len(r.Validate), len(r.Disconnect))
	}
	if r := l.recv(1, m); len(r.Disconnect) != 0 {
		t.Error("cut off twice")
	}
	if err := l.checkNoPeers(); err != nil {
		t.Error(err)
	}
}

// T9: a thousand variants of a transaction, each announced under its own id and
// rejected, do not keep the good one out.
func TestRejectedVariantsDoNotBlock(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1}, true)
	l.connect([]PeerID{2}, false)
	good := transaction(l.rng, 200)
	for n := range 1000 {
		bad := append(binary.LittleEndian.AppendUint32(nil, uint32(n)), good...)
		l.recv(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(bad)}})
		r := l.recv(1, &relaymsg.Txs{Bodies: [][]byte{bad}})
		if len(r.Validate) != 1 {
			t.Fatalf("variant %d: %+v", n, r)
		}
		l.Rejected(l.clock, r.Validate[0].WTxID, true)
		l.Ready()
	}
	inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(good)}}
	if to := asked(l.recv(2, inv), inv.IDs[0]); len(to) != 1 {
		t.Fatalf("asked %v", to)
	}
	if r := l.recv(2, &relaymsg.Txs{Bodies: [][]byte{good}}); len(r.Validate) != 1 {
		t.Errorf("good transaction not judged: %+v", r)
	}
}

// Who sends a body and is gone before it is judged keeps it from nobody.
func TestWhoLeavesDoesNotTakeABodyAlong(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1, 2, 3}, true)
	body := transaction(l.rng, 200)
	wtxid := chainhash.DoubleHashH(body)
	inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(body)}}
	from := asked(l.recv(1, inv), inv.IDs[0])
	l.recv(2, inv)
	if len(from) != 1 {
		t.Fatalf("asked %v", from)
	}
	l.recv(1, &relaymsg.Txs{Bodies: [][]byte{body}})
	l.recv(3, inv) // while it waits
	l.PeerDisconnected(l.clock, 1)
	l.Abandoned(l.clock, wtxid)
	to := asked(l.advance(0), inv.IDs[0])
	if len(to) != 1 || to[0] != 2 && to[0] != 3 {
		t.Fatalf("asked %v", to)
	}
	l.PeerDisconnected(l.clock, to[0])
	if then := asked(l.advance(0), inv.IDs[0]); len(then) != 1 || then[0] != 5-to[0] {
		t.Errorf("asked %v, then %v", to, then)
	}
	l.check()
}

// T10: an attacker announces 10 000 junk ids a second to thirty honest nodes.
// Not one of them travels on between those.
func TestJunkIsNotRelayed(t *testing.T) {
	const nodes = 30
	n := newNetwork(t, 6, nodes+1, func(i int, cfg *Config) {
		if i == nodes {
			cfg.NoPull, cfg.ReconInterval = true, 0
		}
	})
	attacker := n.nodes[nodes]
	honest := *n
	honest.nodes = n.nodes[:nodes]
	honest.graph(4, 6)
	n.events, n.seq, n.nextLink = honest.events, honest.seq, honest.nextLink
	for _, s := range n.nodes[:5] {
		n.connect(attacker, s, true)
	}
	n.run(2 * time.Second)
	clear(n.bytes)
	for range 10 {
		for _, l := range attacker.sortedLinks() {
			ids := make([]relaymsg.ShortID, 2000)
			for i := range ids {
				ids[i] = relaymsg.ShortID(n.rng.Uint64() >> 16)
			}
			attacker.send(l.id, &relaymsg.Inv{IDs: ids})
		}
		n.run(time.Second)
	}
	n.run(5 * time.Second)
	sent := 10 * 5 * len(relaymsg.AppendFrame(nil, &relaymsg.Inv{IDs: make([]relaymsg.ShortID, 2000)}))
	if got := n.bytes[relaymsg.KindInv]; got != sent {
		t.Errorf("%d bytes announced, the attacker alone sent %d", got, sent)
	}
	honestTx := n.nodes[20].accept(transaction(n.rng, 200), SourceLocal)
	n.run(10 * time.Second)
	for i, s := range honest.nodes {
		if s.mempool[honestTx] == nil {
			t.Errorf("node %d lacks the honest transaction", i)
		}
	}
}

// T28: what was announced to nobody yet is not to be learnt of by rounds, nor by
// guessing its id.
func TestRoundsTellOnlyWhatIsAnnounced(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1, 2}, false)
	l.MeshChanged(l.clock, []PeerID{2})
	l.NetworkSized(l.clock, 1) // so small that nothing is pushed
	secret := chainhash.Hash{1}
	l.Accepted(l.clock, Tx{WTxID: secret, FeeRate: 1000}, SourceLocal)
	digest, count := l.Digest()
	l.Ready()
	probe := func(m relaymsg.Message) relaymsg.Message {
		t.Helper()
		r := l.recv(1, m)
		if len(r.Send) != 1 || r.Send[0].Peer != 1 {
			t.Fatalf("answered %+v", r.Send)
		}
		return r.Send[0].Msg
	}
	request := &relaymsg.ReconRequest{Round: 1, Sketch: emptySketch, Digest: digest, Count: uint64(count)}
	if list, ok := probe(request).(*relaymsg.ReconList); !ok || list.Count != 0 {
		t.Errorf("who knows the whole digest is told %+v", list)
	}
	l.recv(1, &relaymsg.ReconDiff{Round: 1})
	request = &relaymsg.ReconRequest{Round: 2, Sketch: emptySketch}
	if _, ok := probe(request).(*relaymsg.ReconEqual); !ok {
		t.Error("not the same as nothing")
	}
	steady := &relaymsg.ReconSteady{Round: 3, Since: 1}
	if _, ok := probe(steady).(*relaymsg.ReconEqual); !ok {
		t.Error("something is new")
	}
	id := relaymsg.Salt{1}.ShortID(secret) // peer 1's salt
	if _, ok := probe(&relaymsg.Get{IDs: []relaymsg.ShortID{id}}).(*relaymsg.NotFound); !ok {
		t.Error("served")
	}
	l.advance(ListAge)
	request = &relaymsg.ReconRequest{Round: 4, Sketch: emptySketch}
	if list, ok := probe(request).(*relaymsg.ReconList); !ok || list.Count != 1 {
		t.Error("not even later")
	}
}

// T29: a peer tells of all that a round may at once. No more than ever is asked of it,
// and another peer's announcement is asked for at once.
func TestLargeDifferenceDelaysNobody(t *testing.T) {
	l := newLab(t, 1)
	l.connect([]PeerID{1, 2}, true)
	l.recv(1, &relaymsg.ReconRequest{Round: 1, Sketch: emptySketch, Count: 2 * recon.MaxDiff})
	var inFlight int
	for part := range 2 {
		r := l.recv(1, &relaymsg.ReconDiff{Round: 1, More: part == 0, Have: l.junk(recon.MaxDiff)})
		for _, s := range r.Send {
			if get, ok := s.Msg.(*relaymsg.Get); ok {
				inFlight += len(get.IDs)
			}
		}
		l.check()
	}
	if inFlight != txrequest.MaxInFlight || l.tracker.Len(1) > txrequest.MaxAnnouncements {
		t.Errorf("%d asked for, %d tracked", inFlight, l.tracker.Len(1))
	}
	raw := transaction(l.rng, 200)
	if to := asked(l.recv(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}}), l.id(raw)); len(to) != 1 || to[0] != 2 {
		t.Errorf("asked %v", to)
	}
}

// A neighbour of the origin is told by the byte 1 of half of its transactions that
// they are its own. Of the others it gets the byte 2, as from any node next to
// their origin.
func TestPushTellsOfHalf(t *testing.T) {
	l := newLab(t, 1)
	l.cfg.EagerHops = 2
	l.NetworkSized(l.clock, 0)
	peers := peerIDs(1, 6)
	l.connect(peers, true)
	l.MeshChanged(l.clock, peers)
	const txs = 1000
	hops := map[PeerID]map[uint8]int{}
	for n := range txs {
		var wtxid chainhash.Hash
		binary.LittleEndian.PutUint32(wtxid[:], uint32(n))
		l.Accepted(l.clock, Tx{WTxID: wtxid}, SourceLocal)
		for _, p := range l.Ready().Push {
			if hops[p.Peer] == nil {
				hops[p.Peer] = map[uint8]int{}
			}
			hops[p.Peer][p.Hop]++
		}
	}
	for _, id := range peers {
		if h := hops[id]; h[1] < 0.45*txs || h[1] > 0.55*txs || h[1]+h[2] != txs {
			t.Errorf("peer %d got the bytes %v", id, h)
		}
	}
}
