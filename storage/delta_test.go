package storage

import (
	"maps"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Fee deltas survive a restart, and damaged ones are dropped.
func TestFeeDeltasAreKept(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	for _, deltas := range []map[chainhash.Hash]int64{{{1}: -5, {2}: 7}, {{2}: 0, {3}: 1 << 40}} {
		if err := db.Commit(t.Context(), Batch{FeeDeltas: deltas}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.submit(t.Context(), []change{{deltaKey(chainhash.Hash{4}), []byte{deltaVersion}}}); err != nil {
		t.Fatal(err)
	}
	closeTest(t, db)
	db = openTest(t, dir)
	for range 2 {
		got, err := db.FeeDeltas()
		if want := (map[chainhash.Hash]int64{{1}: -5, {3}: 1 << 40}); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// Accepted values are exactly those that are written.
func FuzzDecodeFeeDelta(f *testing.F) {
	good := feeDeltaChange(chainhash.Hash{3}, -9)
	f.Add(good.key[len(deltaPrefix):], good.value)
	f.Add([]byte{}, make([]byte, deltaSize))
	f.Fuzz(func(t *testing.T, id, value []byte) {
		key := append(slices.Clone(deltaPrefix), id...)
		txid, delta, err := decodeFeeDelta(key, value)
		if c := feeDeltaChange(txid, delta); err == nil && (!slices.Equal(c.key, key) || !slices.Equal(c.value, value)) {
			t.Errorf("%x: %x decoded to %v %d", key, value, txid, delta)
		}
	})
}
