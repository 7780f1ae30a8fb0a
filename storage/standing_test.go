package storage

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func standingOf(r Record) Standing {
	return Standing{WTxID: r.WTxID, Raw: r.Raw, MaxFeeRate: 1000, Since: r.Time}
}

// Standing transactions survive a restart beside the records, and damaged ones
// are dropped.
func TestStandingIsKept(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	first, second, third := standingOf(record(1, 60)), standingOf(record(2, 60)), standingOf(record(3, 60))
	batch := Batch{Put: []Record{record(1, 60)}, Stand: []Standing{first, second, third}}
	if err := db.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(t.Context(), Batch{Unstand: []chainhash.Hash{second.WTxID}}); err != nil {
		t.Fatal(err)
	}
	if err := db.submit(t.Context(), []change{{standingKey(third.WTxID), first.encode()}}); err != nil {
		t.Fatal(err)
	}
	closeTest(t, db)
	db = openTest(t, dir)
	for range 2 {
		var got []Standing
		if err := db.Standing(func(s Standing) error { got = append(got, s); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].WTxID != first.WTxID || !slices.Equal(got[0].Raw, first.Raw) ||
			got[0].MaxFeeRate != 1000 || !got[0].Since.Equal(first.Since) {
			t.Errorf("%+v", got)
		}
	}
	expectRecords(t, db, record(1, 60))
	for _, raw := range [][]byte{nil, make([]byte, MaxRawSize+1)} {
		if err := db.Commit(t.Context(), Batch{Stand: []Standing{{Raw: raw}}}); err == nil {
			t.Errorf("%d bytes are stored", len(raw))
		}
	}
}

// Accepted values are exactly those that encode makes.
func FuzzDecodeStanding(f *testing.F) {
	good := standingOf(record(3, 60))
	f.Add(good.WTxID[:], good.encode(), false)
	f.Add([]byte{}, []byte{standingVersion, 17: 9}, true)
	f.Fuzz(func(t *testing.T, id, value []byte, rehash bool) {
		if rehash && len(value) > standingHeader {
			hash := chainhash.DoubleHashH(value[standingHeader:])
			id = hash[:]
		}
		key := append(slices.Clone(standingPrefix), id...)
		s, err := decodeStanding(key, value)
		if err == nil && (!slices.Equal(s.encode(), value) || !slices.Equal(standingKey(s.WTxID), key)) {
			t.Errorf("%x: %x decoded to %+v", key, value, s)
		}
	})
}
