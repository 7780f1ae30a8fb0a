package storage

import (
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func TestLoad(t *testing.T) {
	t.Run("stops at an error", func(t *testing.T) {
		db := openTest(t, "")
		put(t, db, record(1, 8), record(2, 8), record(3, 8))
		stop := errors.New("stop")
		report, err := db.Load(func(r Record) error {
			if r.Sequence == 2 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || report.Loaded != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("tells progress", func(t *testing.T) {
		var calls [][2]int
		o := testOptions
		o.Progress = func(done, total int) { calls = append(calls, [2]int{done, total}) }
		db, err := Open("", o)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var changes []change
		for i := range uint64(progressStep + 1) {
			r := record(i, 8)
			changes = append(changes, change{txKey(r.WTxID), r.encode()})
		}
		if err := db.submit(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		load(t, db)
		if want := [][2]int{{0, 1001}, {1000, 1001}, {1001, 1001}}; !slices.Equal(calls, want) {
			t.Errorf("progress %v; want %v", calls, want)
		}
	})
	t.Run("may write", func(t *testing.T) {
		db := openTest(t, "")
		put(t, db, record(1, 8), record(2, 8))
		if _, err := db.Load(func(r Record) error { return db.Delete(t.Context(), r.WTxID) }); err != nil {
			t.Fatal(err)
		}
		expectRecords(t, db)
	})
}

func TestLoadDropsDamagedRecords(t *testing.T) {
	db := openTest(t, "")
	good := record(7, 100)
	flipped := record(1, 100)
	flipped.Raw[50] ^= 1
	encoded := good.encode()
	damaged := []change{
		{txKey(flipped.WTxID), flipped.encode()},
		{txKey(record(2, 8).WTxID), []byte{}},
		{txKey(record(3, 8).WTxID), encoded[:recordHeader-1]},
		{txKey(record(4, 8).WTxID), encoded[:recordHeader]},
		{txKey(record(5, 8).WTxID), append([]byte{2}, encoded[1:]...)},
		{txKey(good.WTxID)[:20], encoded},
		{append(txKey(good.WTxID), 0), encoded},
	}
	if err := db.submit(t.Context(), damaged); err != nil {
		t.Fatal(err)
	}
	put(t, db, good)
	records, report := load(t, db)
	if len(records) != 1 || !records[0].equal(good) || report != (LoadReport{Loaded: 1, Damaged: len(damaged)}) {
		t.Errorf("loaded %v, %+v", sequences(records), report)
	}
	expectRecords(t, db, good) // the others were deleted
}

// Accepted values are exactly those that encode makes.
func FuzzDecodeRecord(f *testing.F) {
	good := record(3, 60)
	f.Add(good.WTxID[:], good.encode(), false)
	f.Add([]byte{}, []byte{}, false)
	f.Add([]byte{}, []byte{recordVersion, flagUnbroadcast, 17: 0, 18: 9}, true)
	f.Fuzz(func(t *testing.T, id, value []byte, rehash bool) {
		if rehash && len(value) > recordHeader {
			hash := chainhash.DoubleHashH(value[recordHeader:])
			id = hash[:]
		}
		key := append(slices.Clone(txPrefix), id...)
		r, err := decodeRecord(key, value)
		if err != nil {
			return
		}
		if !slices.Equal(r.encode(), value) || !slices.Equal(txKey(r.WTxID), key) || chainhash.DoubleHashH(r.Raw) != r.WTxID {
			t.Errorf("%x: %x decoded to %+v", key, value, r)
		}
	})
}
