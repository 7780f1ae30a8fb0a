package mempool

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"pgregory.net/rapid"
)

// lone spends the outputs; n tells it from others that do.
func lone(n int64, ops ...wire.OutPoint) (*wire.MsgTx, []byte) {
	tx := wire.NewMsgTx(2)
	for _, op := range ops {
		tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{{txscript.OP_TRUE}}))
	}
	tx.AddTxOut(wire.NewTxOut(n, make([]byte, 22)))
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		panic(err)
	}
	return tx, raw.Bytes()
}

func entryOf(tx *wire.MsgTx, fee int64) *Entry {
	return &Entry{Raw: raw(tx), TxID: tx.TxHash(), WTxID: tx.WitnessHash(), Fee: fee, VSize: 100}
}

// Each cause has those tried that wait for it, and only those.
func TestStandingWaits(t *testing.T) {
	x, y := wire.OutPoint{Hash: hashOf(1)}, wire.OutPoint{Hash: hashOf(1), Index: 1}
	tx, raw := lone(1, x)
	rival, _ := lone(2, x)
	neighbour, _ := lone(3, y)
	pool := newBench(t).pool
	parent := &Entry{Raw: raw, TxID: x.Hash, WTxID: x.Hash}
	for _, test := range []struct {
		name  string
		err   error
		fee   int64
		cause func(*ParkingLot) []chainhash.Hash
		want  bool
	}{
		{"parent comes", reject(ErrMissingInputs, ""), 0, func(l *ParkingLot) []chainhash.Hash { return l.Changed(Change{Entry: parent}, pool) }, true},
		{"rival leaves", reject(ErrConflict, ""), 0, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(rival, 0), Reason: ReasonExpiry}, pool)
		}, true},
		{"neighbour leaves", reject(ErrConflict, ""), 0, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(neighbour, 0), Reason: ReasonExpiry}, pool)
		}, false},
		{"rival leaves one that is poor", reject(ErrFee, ""), 100, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(rival, 0), Reason: ReasonExpiry}, pool)
		}, false},
		{"floor falls", reject(ErrFee, ""), 100, sweepAt(1000), true},
		{"floor falls for one that found no room", reject(ErrFull, ""), 100, sweepAt(999), true},
		{"floor falls too little", reject(ErrFee, ""), 100, sweepAt(1001), false},
		{"floor stays", reject(ErrFee, ""), 300, sweepAt(2000), false},
		{"time passes for one that is not judged yet", nil, 0, sweepAt(0), false},
		{"time passes", reject(ErrMissingInputs, ""), 0, sweepAt(0), false},
		{"rival leaves one that is tried", nil, 0, func(l *ParkingLot) []chainhash.Hash {
			l.Take(tx.WitnessHash())
			return l.Changed(Change{Entry: entryOf(rival, 0), Reason: ReasonExpiry}, pool)
		}, true},
		{"the source is back", errors.New("away"), 0, sweepAt(0), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := NewParkingLot()
			s, err := l.Put(Standing{Raw: raw, Since: now})
			if err != nil {
				t.Fatal(err)
			}
			l.Refused(entryOf(tx, test.fee), test.err, 2000, now)
			want := []chainhash.Hash{s.WTxID}
			if !test.want {
				want = nil
			}
			if due := test.cause(l); !slices.Equal(due, want) {
				t.Errorf("%d are tried, want %v", len(due), test.want)
			}
		})
	}
}

// What the pool refuses because of a cluster is tried when any of that leaves, and then the pool takes it.
func TestStandingWaitsForClusters(t *testing.T) {
	l := open()
	for name, test := range map[string]struct {
		make func(b *bench) (stands, leaves *wire.MsgTx)
		why  error
	}{
		"a rival's descendant": {func(b *bench) (*wire.MsgTx, *wire.MsgTx) {
			c := b.coin(l)
			rival := b.signed([]coin{c}, pay(coinValue-1000, l))
			child := b.signed([]coin{coinOf(rival, 0, l)}, pay(coinValue-9000, l))
			b.add(rival)
			b.add(child)
			return b.signed([]coin{c}, pay(coinValue-5000, l)), child
		}, ErrConflict},
		"a sibling of version 3": {func(b *bench) (*wire.MsgTx, *wire.MsgTx) {
			parent := b.parentOf(3, l)
			sibling := b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(1000, l))
			b.add(sibling)
			return b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(parent.TxOut[1].Value-500, l)), sibling
		}, ErrConflict},
		"the end of a long chain": {func(b *bench) (*wire.MsgTx, *wire.MsgTx) {
			first := b.signed([]coin{b.coin(l)}, pay(coinValue/2, l), pay(coinValue/2-1000, l))
			b.add(first)
			last := first
			for range MaxClusterCount - 1 {
				last = b.signed([]coin{coinOf(last, 0, l)}, pay(last.TxOut[0].Value-1000, l))
				b.add(last)
			}
			return b.signed([]coin{coinOf(first, 1, l)}, pay(1000, l)), last
		}, ErrTopology},
	} {
		t.Run(name, func(t *testing.T) {
			b, lot := newBench(t), NewParkingLot()
			bystander := b.add(b.paying(1000))
			stands, leaves := test.make(b)
			e, err := b.try(stands)
			if !errors.Is(err, test.why) {
				t.Fatal(err)
			}
			if _, err := lot.Put(Standing{Raw: raw(stands), Since: now}); err != nil {
				t.Fatal(err)
			}
			lot.Refused(e, err, 0, now)
			for _, c := range b.pool.Remove(bystander.WTxID, ReasonExpiry) {
				if due := lot.Changed(c, b.pool); len(due) > 0 {
					t.Error("tried when another one leaves")
				}
			}
			changes := b.pool.Remove(leaves.WitnessHash(), ReasonExpiry)
			if due := lot.Changed(changes[0], b.pool); len(changes) != 1 || !slices.Equal(due, []chainhash.Hash{e.WTxID}) {
				t.Errorf("%d left, %d are tried", len(changes), len(due))
			}
			b.add(stands)
		})
	}
}

// A parent and a child that stand, which a rival's descendant makes too dear for both, are tried together when it leaves.
func TestStandingPairWaitsForClusters(t *testing.T) {
	b, l, lot := newBench(t), open(), NewParkingLot()
	c := b.coin(l)
	rival := b.signed([]coin{c}, pay(coinValue-1000, l))
	dear := b.signed([]coin{coinOf(rival, 0, l)}, pay(coinValue-9000, l))
	b.add(rival)
	b.add(dear)
	pair := b.heirs([]coin{c}, nil, 500, 4000)
	for _, tx := range pair {
		e, err := b.try(tx)
		if _, putErr := lot.Put(Standing{Raw: raw(tx), Since: now}); err == nil || putErr != nil {
			t.Fatal(err, putErr)
		}
		lot.Refused(e, err, 0, now)
	}
	if _, pack := lot.Take(pair[1].WitnessHash()); len(pack) != 2 {
		t.Errorf("%d are taken together", len(pack))
	} else if _, _, err := b.pool.AddPackage(pack, now); !errors.Is(err, ErrPackage) {
		t.Error(err)
	}
	lot.Refused(&Entry{WTxID: pair[1].WitnessHash()}, reject(ErrMissingInputs, ""), 0, now)
	changes := b.pool.Remove(dear.WitnessHash(), ReasonExpiry)
	if due := lot.Changed(changes[0], b.pool); !slices.Equal(due, []chainhash.Hash{pair[0].WitnessHash(), pair[1].WitnessHash()}) {
		t.Errorf("%d are tried", len(due))
	}
	if _, _, err := b.pool.AddPackage(raws(pair...), now); err != nil {
		t.Error(err)
	}
}

// Each that is blocked is named once, and its children if they may pay for it.
func TestStandingIsBlockedOnce(t *testing.T) {
	x, y := wire.OutPoint{Hash: hashOf(1)}, wire.OutPoint{Hash: hashOf(1), Index: 1}
	pool := newBench(t).pool
	rival, _ := lone(1, x, y)
	parent, parentRaw := lone(2, x, y)
	child, childRaw := lone(3, wire.OutPoint{Hash: parent.TxHash()}, x)
	for _, test := range []struct {
		parent, child error
		want          []chainhash.Hash
	}{
		{reject(ErrConflict, ""), reject(ErrConflict, ""), []chainhash.Hash{child.WitnessHash(), parent.WitnessHash()}},
		{reject(ErrConflict, ""), reject(ErrMissingInputs, ""), []chainhash.Hash{parent.WitnessHash(), child.WitnessHash()}},
		{reject(ErrTopology, ""), reject(ErrMissingInputs, ""), []chainhash.Hash{parent.WitnessHash()}},
	} {
		l := NewParkingLot()
		for _, raw := range [][]byte{childRaw, parentRaw} {
			if _, err := l.Put(Standing{Raw: raw, Since: now}); err != nil {
				t.Fatal(err)
			}
		}
		l.Refused(entryOf(parent, 0), test.parent, 0, now)
		l.Refused(entryOf(child, 0), test.child, 0, now)
		if got := l.Blocked(entryOf(rival, 0), pool); !slices.Equal(got, test.want) {
			t.Errorf("%v, %v: %d, want %d", test.parent, test.child, len(got), len(test.want))
		}
	}
}

// A block that spends the same is told as the cause of missing inputs, and nothing else is.
func TestStandingIsDecidedByABlock(t *testing.T) {
	b, l, lot := newBench(t), open(), NewParkingLot()
	c := b.coin(l)
	tx, rival := b.signed([]coin{c, b.coin(l)}, pay(1000, l)), b.signed([]coin{c}, pay(1000, l))
	s, err := lot.Put(Standing{Raw: raw(tx), Since: now})
	if err != nil {
		t.Fatal(err)
	}
	neighbour := coin{op: wire.OutPoint{Hash: c.op.Hash, Index: c.op.Index + 1}, value: coinValue, lock: l}
	if decided := lot.Connect(block(tx, b.paying(1000), b.signed([]coin{neighbour}, pay(1000, l)))); len(decided) != 0 {
		t.Errorf("%+v", decided)
	}
	for want := 1; want >= 0; want-- { // a block of another branch tells the same
		if decided := lot.Connect(block(rival)); len(decided) != want {
			t.Errorf("%+v, want %d", decided, want)
		}
	}
	for _, err := range []error{reject(ErrMissingInputs, ""), reject(ErrConflict, "")} {
		lot.Refused(&Entry{WTxID: s.WTxID}, err, 0, now)
		s, _ = lot.Get(s.WTxID)
		if told := strings.Contains(s.WaitsFor(), rival.TxHash().String()); told != errors.Is(err, ErrMissingInputs) {
			t.Errorf("%v: waits for %s", err, s.WaitsFor())
		}
	}
}

// The most that may be paid is for the size by weight, however many signature operations there are, rounded up.
func TestStandingMaxFeeRate(t *testing.T) {
	e := &Entry{Fee: 1001, Weight: 1998, VSize: 5000}
	for rate, want := range map[int64]error{0: nil, 2000: ErrMaxFeeRate, 2001: nil, math.MaxInt64: nil} {
		s := Standing{MaxFeeRate: rate}
		if err := s.Allow(e); err != want {
			t.Errorf("at most %d: %v", rate, err)
		}
	}
	for range 1000 {
		e, rate := &Entry{Fee: rand.Int64N(2000), Weight: 1 + rand.Int64N(4000)}, 1+rand.Int64N(3000)
		if got, want := e.PaysMoreThan(rate), e.Fee > feeFor(rate, (e.Weight+3)/4); got != want {
			t.Errorf("%+v at %d: %v", e, rate, got)
		}
	}
}

func TestWhatMayStandWaitsForSomething(t *testing.T) {
	for kind, want := range map[ErrorKind]string{
		ErrFee: "minimum fee", ErrFull: "minimum fee", ErrMissingInputs: "whose outputs it spends", ErrConflict: "spend the same",
		ErrTopology: "relatives", ErrPremature: "a later block",
		ErrConsensus: "", ErrNonStandard: "", ErrPackage: "", ErrAlreadyKnown: "",
	} {
		s := Standing{Err: reject(kind, "")}
		if want == "" {
			want = "to judge it"
		} else if !MayStand(s.Err) {
			t.Errorf("%v may not stand", kind)
		}
		if got := s.WaitsFor(); !strings.Contains(got, want) || MayStand(s.Err) != (want != "to judge it") {
			t.Errorf("%v: waits for %s", kind, got)
		}
	}
}

func TestStandingKeepsItsOwnBytes(t *testing.T) {
	l := NewParkingLot()
	tx, raw := lone(1, wire.OutPoint{Hash: hashOf(1)}, wire.OutPoint{Hash: hashOf(1), Index: 1})
	kept := bytes.Clone(raw)
	s, err := l.Put(Standing{Raw: raw, Since: now.Add(time.Hour), MaxFeeRate: 5})
	if clear(raw); err != nil || !bytes.Equal(s.Raw, kept) {
		t.Errorf("%v, %x", err, s.Raw)
	}
	if s, err = l.Put(Standing{Raw: kept, Since: now, MaxFeeRate: 7}); err != nil || s.MaxFeeRate != 7 || s.Since != now.Add(time.Hour) {
		t.Errorf("again: %+v, %v", s, err)
	}
	if got := l.ChildrenOf(hashOf(1)); !slices.Equal(got, []chainhash.Hash{tx.WitnessHash()}) {
		t.Errorf("one that spends two outputs: %v", got)
	}
	_, older := lone(2, wire.OutPoint{Hash: hashOf(2)})
	if _, err := l.Put(Standing{Raw: older, Since: now}); err != nil || !bytes.Equal(l.All()[0].Raw, older) {
		t.Errorf("the older is not first: %v", err)
	}
}

// Nothing is told, or done, about what does not stand.
func TestWhatDoesNotStand(t *testing.T) {
	l := NewParkingLot()
	tx, _ := lone(1, wire.OutPoint{Hash: hashOf(1)})
	if _, err := l.Put(Standing{Raw: []byte{1, 2, 3}}); !errors.Is(err, ErrDecode) {
		t.Error(err)
	}
	if _, ok := l.Get(tx.WitnessHash()); ok {
		t.Error("it stands")
	}
	if _, pack := l.Take(tx.WitnessHash()); pack != nil {
		t.Error("it is taken")
	}
	if l.Refused(entryOf(tx, 0), reject(ErrFee, ""), 0, now) || len(l.All()) != 0 {
		t.Error("it is tried again")
	}
}

func sweepAt(floor int64) func(*ParkingLot) []chainhash.Hash {
	return func(l *ParkingLot) []chainhash.Hash {
		_, due := l.Sweep(floor, now.Add(time.Hour))
		return due
	}
}

func TestStandingIsBounded(t *testing.T) {
	l := NewParkingLot()
	for i := range int64(MaxStanding) {
		_, raw := lone(i, wire.OutPoint{Hash: hashOf(1)})
		if _, err := l.Put(Standing{Raw: raw, Since: now.Add(time.Duration(i))}); err != nil {
			t.Fatal(i, err)
		}
	}
	_, more := lone(MaxStanding, wire.OutPoint{Hash: hashOf(1)})
	if _, err := l.Put(Standing{Raw: more, Since: now}); !errors.Is(err, ErrLotFull) {
		t.Error(err)
	}
	if _, err := l.Put(Standing{Raw: l.All()[0].Raw, Since: now}); err != nil {
		t.Errorf("one that stands: %v", err)
	}
	expired, _ := l.Sweep(0, now.Add(StandingExpiry+10))
	if len(expired) != 10 || len(l.All()) != MaxStanding-10 {
		t.Errorf("%d expired", len(expired))
	}

	l = NewParkingLot()
	big := wire.NewMsgTx(2)
	big.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, wire.TxWitness{make([]byte, 390_000)}))
	big.AddTxOut(wire.NewTxOut(0, nil))
	for i := 0; ; i++ {
		big.TxOut[0].Value = int64(i)
		var raw bytes.Buffer
		big.Serialize(&raw)
		if _, err := l.Put(Standing{Raw: raw.Bytes(), Since: now}); err != nil {
			if !errors.Is(err, ErrLotFull) || i != MaxStandingBytes/raw.Len() {
				t.Errorf("%d of %d bytes, %v", i, raw.Len(), err)
			}
			break
		}
	}
	var raw bytes.Buffer
	big.TxIn[0].Witness[0] = nil
	big.Serialize(&raw)
	left := MaxStandingBytes - l.bytes - raw.Len() - 4 // with the longer length
	for _, size := range []int{left + 1, left} {
		big.TxIn[0].Witness[0] = make([]byte, size)
		raw.Reset()
		big.Serialize(&raw)
		if _, err := l.Put(Standing{Raw: raw.Bytes(), Since: now}); (err == nil) != (size == left) {
			t.Errorf("%d bytes in the room of %d: %v", raw.Len(), MaxStandingBytes-l.bytes, err)
		}
	}
}

// Take gives each one once until it is refused again, after the parents that pay
// too little.
func TestStandingIsTakenOnce(t *testing.T) {
	l := NewParkingLot()
	parent, parentRaw := lone(1, wire.OutPoint{Hash: hashOf(1)})
	child, childRaw := lone(2, wire.OutPoint{Hash: parent.TxHash()}, wire.OutPoint{Hash: hashOf(2)})
	for _, raw := range [][]byte{parentRaw, childRaw} {
		if _, err := l.Put(Standing{Raw: raw, Since: now}); err != nil {
			t.Fatal(err)
		}
	}
	if _, pack := l.Take(child.WitnessHash()); len(pack) != 1 {
		t.Errorf("%d taken together before anybody was judged", len(pack))
	}
	if _, pack := l.Take(child.WitnessHash()); pack != nil {
		t.Error("taken twice")
	}
	if l.Refused(entryOf(parent, 0), reject(ErrFee, ""), 0, now) || !l.Refused(entryOf(child, 0), reject(ErrMissingInputs, ""), 0, now) {
		t.Error("the child, and nobody else, is to be tried again")
	}
	if s, pack := l.Take(child.WitnessHash()); len(pack) != 2 || !bytes.Equal(pack[0], parentRaw) || s.Tries != 1 {
		t.Errorf("%d taken together, %+v", len(pack), s)
	}
	l.Refused(entryOf(parent, 0), reject(ErrFull, ""), 0, now)
	l.Refused(entryOf(child, 0), reject(ErrMissingInputs, ""), 0, now)
	if _, pack := l.Take(child.WitnessHash()); len(pack) != 2 {
		t.Errorf("%d taken together, of which the parent found no room", len(pack))
	}
	if removed := l.Remove(parent.TxHash()); len(removed) != 1 || len(l.Remove(parent.TxHash())) != 0 {
		t.Errorf("%+v", removed)
	}
}

// A package takes along the parents that the rules allow, and no more.
func TestStandingTakesParentsAlong(t *testing.T) {
	put := func(l *ParkingLot, tx *wire.MsgTx, raw []byte, err error) chainhash.Hash {
		s, putErr := l.Put(Standing{Raw: raw, Since: now})
		if putErr != nil {
			t.Fatal(putErr)
		}
		l.Refused(entryOf(tx, 0), err, 0, now)
		return s.WTxID
	}
	taken := func(l *ParkingLot, id chainhash.Hash, want int) {
		t.Helper()
		_, pack := l.Take(id)
		if len(pack) != want || want > 1 && checkFamily(pack) != nil {
			t.Errorf("%d are taken, want %d: %v", len(pack), want, checkFamily(pack))
		}
	}
	poor := reject(ErrFee, "")
	first, firstRaw := lone(1, wire.OutPoint{Hash: hashOf(1)})
	second, secondRaw := lone(2, wire.OutPoint{Hash: first.TxHash()})
	apart, apartRaw := lone(3, wire.OutPoint{Hash: hashOf(2)})
	child, childRaw := lone(4, wire.OutPoint{Hash: first.TxHash(), Index: 1}, wire.OutPoint{Hash: second.TxHash()}, wire.OutPoint{Hash: apart.TxHash()})
	l := NewParkingLot()
	put(l, first, firstRaw, poor)
	put(l, second, secondRaw, poor)
	put(l, apart, apartRaw, reject(ErrFull, ""))
	taken(l, put(l, child, childRaw, reject(ErrMissingInputs, "")), 3) // not the parent that spends from another

	l = NewParkingLot()
	var spent []wire.OutPoint
	for i := range int64(30) {
		parent, parentRaw := lone(i, wire.OutPoint{Hash: hashOf(uint32(i))})
		put(l, parent, parentRaw, poor)
		spent = append(spent, wire.OutPoint{Hash: parent.TxHash()})
	}
	child, childRaw = lone(1, spent...)
	taken(l, put(l, child, childRaw, reject(ErrMissingInputs, "")), maxPackageCount)
}

// What is refused as a parent is told with the reason it has then, and may still be under way by itself.
func TestStandingParentIsRefused(t *testing.T) {
	l := NewParkingLot()
	tx, raw := lone(1, wire.OutPoint{Hash: hashOf(1)})
	s, err := l.Put(Standing{Raw: raw, Since: now})
	if err != nil {
		t.Fatal(err)
	}
	l.Take(s.WTxID)
	l.RefusedParent(entryOf(tx, 0), reject(ErrTopology, ""), 0, now)
	if s, _ = l.Get(s.WTxID); !errors.Is(s.Err, ErrTopology) || s.Tries != 1 {
		t.Errorf("%+v", s)
	}
	if _, pack := l.Take(s.WTxID); pack != nil || !l.Refused(entryOf(tx, 0), reject(ErrFee, ""), 0, now) {
		t.Error("it was not under way any more")
	}
	other, _ := lone(2, wire.OutPoint{Hash: hashOf(1)})
	l.RefusedParent(entryOf(other, 0), reject(ErrFee, ""), 0, now)
	if len(l.All()) != 1 {
		t.Error("another one stands")
	}
}

// TestStandingModel compares with a set.
func TestStandingModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, model := NewParkingLot(), map[chainhash.Hash]bool{}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			n := rapid.Int64Range(0, 9).Draw(t, "n")
			tx, raw := lone(n, wire.OutPoint{Hash: hashOf(uint32(n / 2))}, wire.OutPoint{Hash: hashOf(uint32(n / 3)), Index: 1})
			if rapid.Bool().Draw(t, "put") {
				if _, err := l.Put(Standing{Raw: raw, Since: now}); err != nil {
					t.Fatal(err)
				}
				model[tx.WitnessHash()] = true
			} else {
				if removed := l.Remove(tx.TxHash()); len(removed) == 1 != model[tx.WitnessHash()] {
					t.Fatalf("removed %d", len(removed))
				}
				delete(model, tx.WitnessHash())
			}
		}
		all, bytes := l.All(), 0
		for _, s := range all {
			bytes += len(s.Raw)
			if !model[s.WTxID] || !slices.Contains(l.ChildrenOf(l.parked[s.WTxID].spends[0].Hash), s.WTxID) {
				t.Errorf("%v is not known, or not among the children", s.WTxID)
			}
		}
		if len(all) != len(model) || bytes != l.bytes || len(model) == 0 && len(l.byParent)+len(l.byTxID) > 0 {
			t.Errorf("%d stand, want %d; %d bytes, want %d", len(all), len(model), l.bytes, bytes)
		}
	})
}
