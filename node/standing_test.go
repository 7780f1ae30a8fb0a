package node

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// confirmed is an output that spendTrue can spend.
func confirmed(i uint32) wire.OutPoint { return wire.OutPoint{Hash: chainhash.Hash{1}, Index: i} }

// spendBoth spends two confirmed outputs.
func spendBoth(a, b uint32, value int64) []byte {
	tx := wire.NewMsgTx(2)
	for _, i := range []uint32{a, b} {
		op := confirmed(i)
		tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{trueScript}))
	}
	tx.AddTxOut(wire.NewTxOut(value, trueOutput))
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		panic(err)
	}
	return raw.Bytes()
}

// awaitEvent reads events until that of the transaction.
func awaitEvent(t *testing.T, n *Node, kind EventKind, raw []byte) Event {
	t.Helper()
	for e := range n.EventsSince(t.Context(), 0) {
		if e.Kind == kind && e.WTxID == chainhash.DoubleHashH(raw) {
			return e
		}
	}
	t.Fatal("the events ended")
	return Event{}
}

// stand leaves a transaction standing, and checks why it does.
func stand(t *testing.T, n *Node, raw []byte, why error) {
	t.Helper()
	s, err := n.Stand(t.Context(), raw, 0)
	if err != nil || s == nil || !errors.Is(s.Err, why) || s.WTxID != chainhash.DoubleHashH(raw) {
		t.Fatalf("%+v, %v, want one that stands: %v", s, err, why)
	}
}

func mustSubmit(t *testing.T, n *Node, raw []byte) {
	t.Helper()
	if _, err := n.Submit(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
}

// What it waits for comes: the mempool takes a standing transaction, and it is a
// submission of this node from then on.
func TestStandingEnters(t *testing.T) {
	free, freeID := spendTrue(confirmed(1), 1_000_000)
	payer, _ := spendTrue(wire.OutPoint{Hash: freeID}, 990_000)
	parent, parentID := spendTrue(confirmed(2), 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: parentID}, 980_000)
	held, rival := spendBoth(3, 4, 1_900_000), spendBoth(4, 5, 1_990_000)
	better, _ := spendTrue(confirmed(3), 100_000)
	for name, test := range map[string]struct {
		before [][]byte
		stands []byte
		why    error
		cause  func(t *testing.T, n *Node)
	}{
		"its parent": {nil, child, mempool.ErrMissingInputs, func(t *testing.T, n *Node) { mustSubmit(t, n, parent) }},
		"its rival is replaced": {[][]byte{held}, rival, mempool.ErrConflict, func(t *testing.T, n *Node) {
			mustSubmit(t, n, better)
		}},
		"a child pays": {nil, free, mempool.ErrFee, func(t *testing.T, n *Node) { stand(t, n, payer, mempool.ErrMissingInputs) }},
		"a parent it pays for": {nil, payer, mempool.ErrMissingInputs, func(t *testing.T, n *Node) {
			stand(t, n, free, mempool.ErrFee)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
			cfg.DataDir = t.TempDir()
			n, stop := run(t, cfg)
			for _, raw := range test.before {
				mustSubmit(t, n, raw)
			}
			stand(t, n, test.stands, test.why)
			test.cause(t, n)
			awaitEvent(t, n, EventAdded, test.stands)
			if standing := n.Standing(); len(standing) != 0 {
				t.Errorf("%+v still stand", standing)
			}
			if !n.Unbroadcast(chainhash.DoubleHashH(test.stands)) {
				t.Error("it is not announced until it has arrived")
			}
			stop()
			if n, _ = run(t, cfg); len(n.Standing()) != 0 || n.Mempool().Get(chainhash.DoubleHashH(test.stands)) == nil {
				t.Error("it is forgotten, or stands again, after a restart")
			}
		})
	}
}

func TestStandingSurvivesARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	parent, parentID := spendTrue(confirmed(1), 990_000)
	child, _ := spendTrue(wire.OutPoint{Hash: parentID}, 980_000)
	other, otherID := spendTrue(wire.OutPoint{Hash: chainhash.Hash{7}}, 980_000)
	stand(t, n, child, mempool.ErrMissingInputs)
	stand(t, n, other, mempool.ErrMissingInputs)
	since := n.Standing()[0].Since
	stop()
	n, stop = run(t, cfg)
	standing := n.Standing()
	if len(standing) != 2 || !bytes.Equal(standing[0].Raw, child) || standing[0].Since.Sub(since).Abs() > time.Microsecond {
		t.Fatalf("%+v", standing)
	}
	if removed, err := n.AbortStanding(t.Context(), otherID); err != nil || len(removed) != 1 || !bytes.Equal(removed[0].Raw, other) {
		t.Errorf("%+v, %v", removed, err)
	}
	if removed, err := n.AbortStanding(t.Context(), otherID); err != nil || len(removed) != 0 {
		t.Errorf("aborted again: %+v, %v", removed, err)
	}
	stop()
	n, _ = run(t, cfg)
	if standing := n.Standing(); len(standing) != 1 {
		t.Errorf("%+v", standing)
	}
	mustSubmit(t, n, parent)
	awaitEvent(t, n, EventAdded, child)
}

// What can never be accepted does not stand, whenever that turns out.
func TestStandingIsRefusedForGood(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	n, _ := run(t, cfg)
	parent, parentID := spendTrue(confirmed(1), 990_000)
	negative, _ := spendTrue(confirmed(2), 1_000_001)
	if s, err := n.Stand(t.Context(), negative, 0); s != nil || !errors.Is(err, mempool.ErrConsensus) {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := n.Stand(t.Context(), parent, 1); s != nil || !errors.Is(err, mempool.ErrMaxFeeRate) {
		t.Errorf("%+v, %v", s, err)
	}
	generous, _ := spendTrue(wire.OutPoint{Hash: parentID}, 500_000)
	if s, err := n.Stand(t.Context(), generous, 100_000); s == nil || err != nil {
		t.Fatal(err)
	}
	events := n.Events(t.Context())
	mustSubmit(t, n, parent)
	for e := range events {
		if e.Kind == EventRejected {
			if e.WTxID != chainhash.DoubleHashH(generous) || !errors.Is(e.Err, mempool.ErrMaxFeeRate) || !e.Local {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	if s := n.Standing(); len(s) != 0 {
		t.Errorf("%+v stand", s)
	}
	if s, err := n.Stand(t.Context(), parent, 0); s != nil || err != nil {
		t.Errorf("what the mempool has: %+v, %v", s, err)
	}
}

// idleNode is a node whose loop and workers the test plays.
func idleNode(t *testing.T) *Node {
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
	return n
}

// park leaves a transaction standing that waits to be tried then.
func park(t *testing.T, n *Node, raw []byte) {
	t.Helper()
	s, err := n.standing.lot.Put(mempool.Standing{Raw: raw, Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	n.retry(s.WTxID)
}

// try judges what waits.
func try(t *testing.T, n *Node) {
	t.Helper()
	c, _ := n.admission.pop()
	n.admission.charge(c, 0)
	n.settle(n.admit(t.Context(), c))
}

// What is aborted while it waits to be tried does not enter the mempool, and what
// is left standing anew meanwhile goes on standing.
func TestStandingAbortedWhileItWaits(t *testing.T) {
	n := idleNode(t)
	raw, txid := spendTrue(confirmed(1), 990_000)
	for _, anew := range []bool{false, true} {
		park(t, n, raw)
		c, _ := n.admission.pop()
		n.admission.charge(c, 0)
		if removed, err := n.AbortStanding(t.Context(), txid); err != nil || len(removed) != 1 {
			t.Fatalf("%+v, %v", removed, err)
		}
		r := n.admit(t.Context(), c)
		if anew {
			park(t, n, raw)
		}
		n.settle(r)
		if n.pool.GetByTxID(txid) != nil {
			t.Fatal("it is in the mempool")
		}
		if stands := len(n.Standing()) == 1; stands != anew {
			t.Errorf("stands: %v, want %v", stands, anew)
		}
	}
	if try(t, n); n.pool.GetByTxID(txid) == nil || len(n.Standing()) != 0 {
		t.Error("left standing anew it did not enter")
	}
}

// What pays too little is tried at a minimum fee that it pays with its fee delta.
func TestStandingPaysWithItsFeeDelta(t *testing.T) {
	n := idleNode(t)
	raw, txid := spendTrue(confirmed(1), 1_000_000)
	if err := n.pool.Prioritise(txid, 1); err != nil {
		t.Fatal(err)
	}
	park(t, n, raw)
	try(t, n)
	if s := n.Standing(); len(s) != 1 || !errors.Is(s[0].Err, mempool.ErrFee) {
		t.Fatalf("%+v", s)
	}
	// 1 satoshi for some hundred bytes is some 10 per kvB.
	if _, due := n.standing.lot.Sweep(20, time.Now()); len(due) != 0 {
		t.Error("tried at a minimum fee that it does not pay")
	}
	if _, due := n.standing.lot.Sweep(5, time.Now()); len(due) != 1 {
		t.Error("not tried at a minimum fee that it pays")
	}
}

// A parent that is refused in the package of its child is told with the reason it
// has then.
func TestStandingParentIsJudgedWithItsChild(t *testing.T) {
	n := idleNode(t)
	free, freeID := spendTrue(confirmed(1), 1_000_000)
	poor, _ := spendTrue(wire.OutPoint{Hash: freeID}, 999_999)
	park(t, n, free)
	try(t, n)
	before := n.Standing()[0]
	if err := n.pool.Prioritise(freeID, 3); err != nil {
		t.Fatal(err)
	}
	park(t, n, poor)
	try(t, n)
	s := n.Standing()
	if len(s) != 2 || s[0].Tries != 2 || s[0].Err.Error() == before.Err.Error() || !errors.Is(s[0].Err, mempool.ErrFee) {
		t.Fatalf("first for %v, then\n%+v", before.Err, s)
	}
	if s[1].Tries != 1 || !errors.Is(s[1].Err, mempool.ErrFee) {
		t.Errorf("the child: %+v", s[1])
	}
}

// What a block has decided against stands on, tells why, and enters when a
// reorganization takes the block away and brings none in its place.
func TestStandingAfterABlock(t *testing.T) {
	cfg := testConfig(t)
	chain := newLedger(cfg.PrevOuts)
	cfg.PrevOuts = chain
	for i := range uint32(6) {
		chain.created[confirmed(i)] = mempool.PrevOut{Value: 1_000_000, PkScript: trueOutput}
	}
	n, _ := run(t, cfg)
	o := <-chain.observer
	held, rival := spendBoth(3, 4, 1_900_000), spendBoth(4, 5, 1_990_000)
	mustSubmit(t, n, held)
	stand(t, n, rival, mempool.ErrConflict)
	free := wire.NewMsgTx(2) // the mempool would not take it
	op := confirmed(4)
	free.AddTxIn(wire.NewTxIn(&op, nil, nil))
	free.AddTxOut(wire.NewTxOut(1_000_000, trueOutput))
	chain.move(func() { chain.mine(o, []*wire.MsgTx{free}) })
	awaitEvent(t, n, EventRemoved, held)
	awaitStanding(t, n, func(s mempool.Standing) bool {
		return s.Rival == free.TxHash() && errors.Is(s.Err, mempool.ErrMissingInputs)
	})
	chain.move(func() { o.Reorganized(chain.undo()) })
	awaitEvent(t, n, EventAdded, rival)
}

// awaitStanding waits until what stands, which is one, is as it should be.
func awaitStanding(t *testing.T, n *Node, is func(mempool.Standing) bool) {
	t.Helper()
	for began := time.Now(); ; runtime.Gosched() {
		s := n.Standing()
		if len(s) != 1 || time.Since(began) > 10*time.Second {
			t.Fatalf("%+v stand", s)
		}
		if is(s[0]) {
			return
		}
	}
}

// A commit that fails leaves standing what stood before, and nothing else.
func TestStandingIsNotStored(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, _ := run(t, cfg)
	stood, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{7}}, 980_000)
	other, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{8}}, 980_000)
	stand(t, n, stood, mempool.ErrMissingInputs)
	if err := n.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{stood, other} {
		if s, err := n.Stand(t.Context(), raw, 5); s != nil || err == nil {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if s := n.Standing(); len(s) != 1 || !bytes.Equal(s[0].Raw, stood) {
		t.Errorf("%+v", s)
	}
}
