package storage

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func TestLoadEndsWithItsContext(t *testing.T) {
	db := openTest(t, "")
	put(t, db, record(1, 8))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if records, _, err := db.Load(ctx); !errors.Is(err, context.Canceled) || records != nil {
		t.Errorf("%v, %v", records, err)
	}
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
	records, dropped := load(t, db)
	if len(records) != 1 || !records[0].equal(good) || dropped != len(damaged) {
		t.Errorf("loaded %v, %d dropped", sequences(records), dropped)
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
