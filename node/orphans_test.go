package node

import (
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// loopless is a node whose loop does not run, with so many peers: the test handles
// events in its place. It takes transactions without signatures.
func loopless(t *testing.T, peers int) *Node {
	t.Helper()
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	for id := 1; id <= peers; id++ {
		n.handle(p2p.PeerUp{ID: p2p.PeerID(id)})
	}
	return n
}

func (n *Node) receive(from p2p.PeerID, m relaymsg.Message) inv.Ready {
	n.handle(p2p.Received{ID: from, Msg: m})
	r := n.relay.Ready()
	n.orphansAnnounced(r.Orphans)
	return r
}

// judgeFrom judges what a peer sent.
func (n *Node) judgeFrom(t *testing.T, origin p2p.PeerID, raw []byte) {
	n.settle(n.admit(t.Context(), candidate{origin: origin, wtxid: chainhash.DoubleHashH(raw), raw: raw}))
}

// The orphan of three announcers stays while one of them does, and is judged again in
// the line of one that has nothing waiting: who gave it to us can neither lose nor
// delay it.
func TestOrphansAreKeptForAllWhoAnnouncedThem(t *testing.T) {
	n := loopless(t, 3)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	wtxid := chainhash.DoubleHashH(child)
	announcement := &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}}

	n.receive(1, announcement)
	n.receive(2, announcement)
	n.judgeFrom(t, 1, child)
	n.receive(3, announcement)
	n.admission.push(candidate{origin: 1, raw: make([]byte, 1000)})
	n.handle(p2p.PeerDown{ID: 2})
	if !n.orphans.Has(wtxid) {
		t.Fatal("the orphan left with one of its announcers")
	}
	n.judgeFrom(t, 2, parent)
	if len(n.admission.waiting(1)) != 1 || len(n.admission.waiting(3)) != 1 {
		t.Errorf("%d wait of who has sent most, %d of who has sent nothing", len(n.admission.waiting(1)), len(n.admission.waiting(3)))
	}
}

func TestOrphanOutlivesItsDeliverer(t *testing.T) {
	n := loopless(t, 2)
	_, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	wtxid := chainhash.DoubleHashH(child)
	n.receive(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
	n.handle(p2p.PeerDown{ID: 1})
	n.judgeFrom(t, 1, child)
	if !n.orphans.Has(wtxid) {
		t.Error("an orphan that another peer announced was dropped")
	}
	n.handle(p2p.PeerDown{ID: 2})
	if n.orphans.Len() != 0 {
		t.Error("an orphan of nobody stays")
	}
}

// An orphan that waits to be judged again belongs to all who announced it: the one in
// whose line it waits cannot take it along.
func TestOrphanOutlivesTheLineItWaitsIn(t *testing.T) {
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	wtxid := chainhash.DoubleHashH(child)
	for name, alone := range map[string]bool{"alone": true, "with its ancestors": false} {
		n := loopless(t, 2)
		n.receive(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
		n.receive(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
		n.judgeFrom(t, 1, child)
		if alone {
			n.judgeFrom(t, 2, parent)
		} else {
			n.judgeFamily(inv.Family{Peer: 1, Child: wtxid, Parents: [][]byte{parent}})
		}
		n.handle(p2p.PeerDown{ID: 1})
		if waiting := n.admission.waiting(2); len(waiting) != 1 || waiting[0].wtxid != wtxid || waiting[0].pack != nil {
			t.Errorf("%s: %+v waits of the other announcer", name, waiting)
		}
		n.handle(p2p.PeerDown{ID: 2})
		if len(n.admission.lines) != 0 {
			t.Errorf("%s: the orphan of nobody waits", name)
		}
	}
}

// The room for what waits is for what peers send; an orphan had its own.
func TestOrphanIsJudgedAgainHoweverMuchWaits(t *testing.T) {
	n := loopless(t, 1)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	n.judgeFrom(t, 1, child)
	for n.admission.push(candidate{origin: 1, raw: make([]byte, 100)}) {
	}
	n.judgeFrom(t, 1, parent)
	if waiting := n.admission.waiting(1); waiting[len(waiting)-1].wtxid != chainhash.DoubleHashH(child) {
		t.Error("the orphan is lost")
	}
}

// Somebody sends a parent with a witness of their own, which nobody looks at while its
// fee is too low. The child of the good one stays everybody's.
func TestPoorParentDoesNotTakeAnOrphanFromItsAnnouncers(t *testing.T) {
	n := loopless(t, 2)
	spoilt, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	spoilt[len(spoilt)-5]++ // the end of the witness
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	wtxid := chainhash.DoubleHashH(child)
	n.receive(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
	n.receive(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
	n.judgeFrom(t, 1, child)
	n.admission.push(candidate{origin: 1, raw: make([]byte, 1000)}) // so that 2 is the idlest
	n.judgeFrom(t, 2, spoilt)
	if waiting := n.admission.waiting(2); len(waiting) != 1 || len(waiting[0].pack) != 2 {
		t.Fatalf("%+v waits", waiting)
	}
	n.settle(n.admit(t.Context(), n.admission.waiting(2)[0]))
	n.handle(p2p.PeerDown{ID: 2})
	if !n.orphans.Has(wtxid) {
		t.Error("the orphan left with who spoilt its parent")
	}
}

// A parent that was refused for its fee is welcome among the ancestors of an orphan,
// also when its bytes were forgotten.
func TestLowFeeParentComesAgainWithItsChild(t *testing.T) {
	n := loopless(t, 1)
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
	wtxid := chainhash.DoubleHashH(child)
	id := n.salt.ShortID(wtxid)
	n.judgeFrom(t, 1, parent)
	n.low = lowFee{}
	n.receive(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{id}})
	n.judgeFrom(t, 1, child)
	n.relay.Tick(time.Now().Add(2 * inv.ParentsDelay))
	n.relay.Ready()
	r := n.receive(1, &relaymsg.Parents{Child: id, Bodies: [][]byte{parent}})
	if len(r.Families) != 1 || len(r.Families[0].Parents) != 1 {
		t.Fatalf("families %+v", r.Families)
	}
	n.judgeFamily(r.Families[0])
	c, _ := n.admission.pop()
	n.settle(n.admit(t.Context(), c))
	n.admission.charge(c, 0)
	if n.pool.Get(wtxid) == nil {
		t.Error("the child did not come in with its parent")
	}
}

// A block that comes between the verdict and the engine's hearing of it is one that the
// engine has forgotten all verdicts for.
func TestVerdictOfAnEarlierChainDoesNotHold(t *testing.T) {
	for _, changed := range []bool{false, true} {
		n := loopless(t, 1)
		raw, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_001) // more than it spends
		wtxid := chainhash.DoubleHashH(raw)
		verdict := n.admit(t.Context(), candidate{origin: 1, wtxid: wtxid, raw: raw})
		if changed {
			n.chainState.Add(1)
			n.chainChanged(chainChange{})
		}
		n.settle(verdict)
		r := n.receive(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
		asked := slices.ContainsFunc(r.Send, func(s inv.Send) bool { return s.Msg.Kind() == relaymsg.KindGet })
		if asked != changed {
			t.Errorf("asked for again: %t, the chain changed: %t", asked, changed)
		}
	}
}

// A parent and an orphan that are too large for a package leave the orphan where it was.
func TestOrphanOutlivesAPackageTooLarge(t *testing.T) {
	n := loopless(t, 2)
	parent, txid := spendTrueWith(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000, 99_000)
	child, _ := spendTrueWith(wire.OutPoint{Hash: txid}, 800_000, 5000)
	wtxid := chainhash.DoubleHashH(child)
	n.judgeFrom(t, 1, child)
	n.judgeFrom(t, 2, parent)
	if waiting := n.admission.waiting(1); len(waiting) != 1 || len(waiting[0].pack) != 2 {
		t.Fatalf("%+v waits", waiting)
	}
	judged := 0
	for ; len(n.admission.waiting(1)) > 0 && judged < 10; judged++ {
		c, _ := n.admission.pop()
		n.settle(n.admit(t.Context(), c))
		n.admission.charge(c, 0)
	}
	if !n.orphans.Has(wtxid) || judged == 10 {
		t.Errorf("the orphan waits on: %t, after %d verdicts", n.orphans.Has(wtxid), judged)
	}
	n.handle(p2p.PeerDown{ID: 1})
	if n.orphans.Len() != 0 {
		t.Error("it waits on for somebody who did not announce it")
	}
}

// What a peer still has is not fetched back from there at once, unless it may enter
// again. What there was no room for may come with a child that pays for it.
func TestWhatLeftStaysAway(t *testing.T) {
	for reason, want := range map[mempool.RemovalReason]struct{ alone, asParent bool }{
		mempool.ReasonSizeLimit: {false, true},
		mempool.ReasonExpiry:    {false, true},
		mempool.ReasonReplaced:  {false, false},
		mempool.ReasonBlock:     {false, false},
		mempool.ReasonConflict:  {true, true},
		mempool.ReasonReorg:     {true, true},
	} {
		n := loopless(t, 2)
		parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
		child, _ := spendTrue(wire.OutPoint{Hash: txid}, 980_000)
		wtxid, id := chainhash.DoubleHashH(parent), n.salt.ShortID(chainhash.DoubleHashH(child))
		n.judgeFrom(t, 1, parent)
		n.settle(result{changes: n.pool.Remove(wtxid, reason)})

		n.receive(1, &relaymsg.Inv{IDs: []relaymsg.ShortID{id}})
		n.judgeFrom(t, 1, child)
		n.relay.Tick(time.Now().Add(2 * inv.ParentsDelay))
		n.relay.Ready()
		r := n.receive(1, &relaymsg.Parents{Child: id, Bodies: [][]byte{parent}})
		if got := len(r.Families) == 1; got != want.asParent {
			t.Errorf("%s: welcome with a child: %t", reason, got)
		}
		r = n.receive(2, &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
		asked := slices.ContainsFunc(r.Send, func(s inv.Send) bool { return s.Msg.Kind() == relaymsg.KindGet })
		if asked != want.alone {
			t.Errorf("%s: asked for again: %t", reason, asked)
		}
	}
}
