package inv

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// A peer that asks for the ancestors of what it was not offered learns nothing,
// one that asks for those of what it was offered again and again gets no more
// than its bucket, and one that sends orphans makes us ask it 16 times at most.
func TestAncestorsAreForThoseWhoWereOfferedTheChild(t *testing.T) {
	l := newLab(t, 1)
	l.connect(peerIDs(1, 2), false)
	l.MeshChanged(l.clock, peerIDs(1, 1))
	parent, child := chainhash.Hash{1}, chainhash.Hash{2}
	l.Accepted(l.clock, Tx{WTxID: parent, Size: 100_000}, SourceRestored)
	l.Accepted(l.clock, Tx{WTxID: child, Size: 100, Ancestors: 1, Parents: []chainhash.Hash{parent}}, SourceLocal)
	l.advance(time.Second)
	served := map[PeerID]int{}
	for range 1000 {
		for _, p := range l.order {
			m := &relaymsg.GetParents{Child: p.Salt.ShortID(child)}
			r := l.recv(p.id, m)
			served[p.id] += len(r.ServeParents)
			if len(r.ServeParents) == 0 && (len(r.Send) != 1 || r.Send[0].Msg.(*relaymsg.NotFound).IDs[0] != m.Child) {
				t.Fatalf("peer %d got %+v", p.id, r)
			}
		}
	}
	if served[1] != ParentsBurst/100_000 || served[2] != 0 {
		t.Errorf("served %v", served)
	}
	questions := 0
	for range 10 * MaxParentsAsked {
		raw := transaction(l.rng, 200)
		l.recv(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.id(raw)}})
		l.recv(2, &relaymsg.Txs{Bodies: [][]byte{raw}})
		l.Orphaned(l.clock, chainhash.DoubleHashH(raw))
		l.check()
		for _, s := range l.advance(ParentsDelay).Send {
			if s.Msg.Kind() == relaymsg.KindGetParents {
				questions++
			}
		}
	}
	if questions != MaxParentsAsked {
		t.Errorf("%d questions", questions)
	}
}
