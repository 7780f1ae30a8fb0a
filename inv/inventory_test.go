package inv

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// T2, CVE-2024-52915: a hundred of the largest INVs are answered by GETs of 100
// ids in all, however little the peer reads.
func TestHugeInvIsAnsweredLittle(t *testing.T) {
	l := newLab(t, 1)
	l.connect(peerIDs(1, 1), false)
	asked, frames := 0, 0
	for range 100 {
		for _, s := range l.recv(1, &relaymsg.Inv{IDs: l.junk(relaymsg.MaxInvIDs)}).Send {
			asked += len(s.Msg.(*relaymsg.Get).IDs)
			frames++
		}
	}
	if asked != txrequest.MaxInFlight || frames != 1 {
		t.Errorf("%d ids in %d frames", asked, frames)
	}
	l.check()
}

// T3, CVE-2024-52920: the largest GETs, of junk and of one transaction over and
// over, are answered by one NOTFOUND each and by no more bodies than the budget
// for repetitions allows.
func TestHugeGetIsAnsweredLittle(t *testing.T) {
	l := newLab(t, 1)
	l.connect(peerIDs(1, 1), false)
	l.MeshChanged(l.clock, peerIDs(1, 1))
	wtxid := chainhash.Hash{1}
	l.Accepted(l.clock, Tx{WTxID: wtxid}, SourceRestored)
	l.Resubmitted(l.clock, wtxid)
	l.advance(2 * time.Minute)
	p := l.peers[1]
	if !p.offered(l.pool.get(wtxid)) {
		t.Fatal("nothing is offered")
	}
	bodies := 0
	for range 10 {
		again := slices.Repeat([]relaymsg.ShortID{p.Salt.ShortID(wtxid)}, relaymsg.MaxInvIDs)
		for _, ids := range [][]relaymsg.ShortID{l.junk(relaymsg.MaxInvIDs), again} {
			r := l.recv(1, &relaymsg.Get{IDs: ids})
			if len(r.Send) != 1 || len(r.Send[0].Msg.(*relaymsg.NotFound).IDs) > len(ids) {
				t.Fatalf("%d answers", len(r.Send))
			}
			for _, s := range r.Serve {
				bodies += len(s.Tx)
			}
		}
	}
	if bodies != 1+RepeatBurst {
		t.Errorf("%d bodies", bodies)
	}
	l.check()
}

// T5, CVE-2023-33297: a thousand transactions a second for a minute, with fifty
// silent peers, make as many announcements to each as the rate allows; what
// leaves the mempool leaves the backlog.
func TestAnnouncementsKeepToTheirRate(t *testing.T) {
	l := newLab(t, 1)
	const rate, seconds, load = 20, 60, 1000
	l.backlog = newBacklog(rate)
	peers := peerIDs(1, 50)
	l.connect(peers, false)
	l.MeshChanged(l.clock, peers)
	told := map[PeerID]int{}
	count := func(r Ready) {
		for _, s := range r.Send {
			if m, ok := s.Msg.(*relaymsg.Inv); ok {
				told[s.Peer] += len(m.IDs)
			}
		}
		for _, q := range r.Push {
			told[q.Peer]++
		}
	}
	var all []chainhash.Hash
	for range seconds {
		for range load {
			var wtxid chainhash.Hash
			binary.LittleEndian.PutUint32(wtxid[:], uint32(len(all)))
			all = append(all, wtxid)
			l.Accepted(l.clock, Tx{WTxID: wtxid, Size: 200}, SourcePeer)
		}
		count(l.advance(time.Second))
	}
	for _, id := range peers {
		if n := told[id]; n < rate*seconds || n > rate*(seconds+30) {
			t.Errorf("peer %d is told of %d", id, n)
		}
	}
	for _, wtxid := range all {
		l.Removed(l.clock, wtxid)
	}
	before := told[1]
	for range seconds {
		count(l.advance(time.Second))
	}
	if told[1] != before || len(l.backlog.waiting) != 0 {
		t.Errorf("%d more are told of, %d wait", told[1]-before, len(l.backlog.waiting))
	}
	l.check()
}

// T6, CVE-2024-52922 and 52921: while the answer of one peer is awaited another
// sends a wrong body. That costs the other its link and the first one nothing.
func TestWrongBodyOfAnotherPeer(t *testing.T) {
	l := newLab(t, 1)
	l.connect(peerIDs(1, 2), true)
	raw := transaction(l.rng, 200)
	inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}}
	l.recv(1, inv)
	l.recv(2, inv)
	wrong := slices.Clone(raw)
	wrong[100] ^= 1
	for _, body := range [][]byte{wrong, raw} {
		r := l.recv(2, &relaymsg.Txs{Bodies: [][]byte{body}})
		if gone := l.peers[2] == nil; !gone || len(r.Validate) != 0 {
			t.Fatalf("the other is gone: %v, %d to judge", gone, len(r.Validate))
		}
	}
	if r := l.recv(1, &relaymsg.Txs{Bodies: [][]byte{raw}}); len(r.Validate) != 1 || len(r.Disconnect) != 0 {
		t.Errorf("%+v", r)
	}
	l.check()
}

// T7, CVE-2024-35202: answers that come twice, out of phase, or in rounds that
// there never were, make nothing happen, or end the link.
func TestAnswersToNothing(t *testing.T) {
	for _, m := range []relaymsg.Message{
		&relaymsg.Txs{Bodies: [][]byte{make([]byte, 60)}},
		&relaymsg.Parents{Bodies: [][]byte{make([]byte, 60)}},
		&relaymsg.NotFound{IDs: []relaymsg.ShortID{1}},
		&relaymsg.ReconList{Round: 1, Count: 1, Chunk: []byte{1}},
		&relaymsg.ReconCells{Round: 1, Count: 1, Cells: make([]byte, 8)},
		&relaymsg.ReconSketch{Round: 1, Count: 1, Data: make([]byte, 4)},
		&relaymsg.ReconDiff{Round: 1, Want: []relaymsg.ReconID{1}, Have: []relaymsg.ShortID{2}},
		&relaymsg.ReconOffer{Round: 1, Have: []relaymsg.ShortID{2}},
		&relaymsg.ReconMore{Round: 1, Cells: 1},
		&relaymsg.ReconEqual{Round: 1},
		&relaymsg.ReconResync{Round: 1},
		&relaymsg.ReconBusy{Round: 1, RetryMillis: 1},
	} {
		l := newLab(t, 1)
		l.connect(peerIDs(1, 1), false)
		for range 2 {
			if r := l.recv(1, m); len(r.Send)+len(r.Serve)+len(r.Validate)+len(r.Families)+len(r.Rounds) > 0 {
				t.Errorf("%T: %+v", m, r)
			}
			l.check()
		}
	}
}
