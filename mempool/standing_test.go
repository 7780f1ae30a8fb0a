package mempool

import (
	"bytes"
	"errors"
	"slices"
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
	parent := &Entry{Raw: raw, TxID: x.Hash, WTxID: x.Hash}
	for _, test := range []struct {
		name  string
		err   error
		fee   int64
		cause func(*ParkingLot) []chainhash.Hash
		want  bool
	}{
		{"parent comes", reject(ErrMissingInputs, ""), 0, func(l *ParkingLot) []chainhash.Hash { return l.Changed(Change{Entry: parent}) }, true},
		{"rival leaves", reject(ErrConflict, ""), 0, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(rival, 0), Reason: ReasonExpiry})
		}, true},
		{"neighbour leaves", reject(ErrConflict, ""), 0, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(neighbour, 0), Reason: ReasonExpiry})
		}, false},
		{"rival leaves one that is poor", reject(ErrFee, ""), 100, func(l *ParkingLot) []chainhash.Hash {
			return l.Changed(Change{Entry: entryOf(rival, 0), Reason: ReasonExpiry})
		}, false},
		{"floor falls", reject(ErrFee, ""), 100, sweepAt(1000), true},
		{"floor falls for one that found no room", reject(ErrFull, ""), 100, sweepAt(999), true},
		{"floor falls too little", reject(ErrFee, ""), 100, sweepAt(1001), false},
		{"floor stays", reject(ErrFee, ""), 300, sweepAt(2000), false},
		{"time passes", reject(ErrMissingInputs, ""), 0, sweepAt(0), false},
		{"nothing left the cluster", reject(ErrTopology, ""), 100, sweepAt(2000), false},
		{"something left the cluster", reject(ErrTopology, ""), 100, func(l *ParkingLot) []chainhash.Hash {
			l.Changed(Change{Entry: entryOf(neighbour, 0), Reason: ReasonExpiry})
			return sweepAt(2000)(l)
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
