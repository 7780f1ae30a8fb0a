package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/dgraph-io/badger/v4"
)

const (
	deltaVersion = 1
	deltaSize    = 1 + 8 // version, delta
)

var deltaPrefix = []byte("delta/")

func deltaKey(txid chainhash.Hash) []byte { return append(bytes.Clone(deltaPrefix), txid[:]...) }

func feeDeltaChange(txid chainhash.Hash, delta int64) change {
	if delta == 0 {
		return change{key: deltaKey(txid)}
	}
	return change{deltaKey(txid), binary.LittleEndian.AppendUint64([]byte{deltaVersion}, uint64(delta))}
}

// decodeFeeDelta is the inverse of feeDeltaChange.
func decodeFeeDelta(key, value []byte) (txid chainhash.Hash, delta int64, err error) {
	id, ok := bytes.CutPrefix(key, deltaPrefix)
	switch {
	case !ok || len(id) != chainhash.HashSize:
		return txid, 0, fmt.Errorf("key %.40q is not that of a fee delta", key)
	case len(value) != deltaSize:
		return txid, 0, fmt.Errorf("value has %d bytes", len(value))
	case value[0] != deltaVersion:
		return txid, 0, fmt.Errorf("version %d is unknown", value[0])
	}
	if delta = int64(binary.LittleEndian.Uint64(value[1:])); delta == 0 {
		return txid, 0, fmt.Errorf("fee delta is 0")
	}
	return chainhash.Hash(id), delta, nil
}

// FeeDeltas returns the fee deltas by txid. Damaged ones are deleted.
func (db *DB) FeeDeltas() (map[chainhash.Hash]int64, error) {
	db.reading.RLock()
	defer db.reading.RUnlock()
	if db.isClosing() {
		return nil, ErrClosed
	}
	deltas := make(map[chainhash.Hash]int64)
	if db.badger == nil {
		return deltas, nil
	}
	var damaged []change
	err := db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: deltaPrefix})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().KeyCopy(nil)
			value, err := it.Item().ValueCopy(nil)
			var txid chainhash.Hash
			var delta int64
			if err == nil {
				txid, delta, err = decodeFeeDelta(key, value)
			}
			if err != nil {
				db.log.Warn("drop a damaged fee delta of the mempool database", "key", fmt.Sprintf("%x", key), "error", err)
				damaged = append(damaged, change{key: key})
				continue
			}
			deltas[txid] = delta
		}
		return nil
	})
	if len(damaged) > 0 && err == nil {
		if err := db.submit(context.Background(), damaged); err != nil {
			db.log.Warn("damaged fee deltas stay in the mempool database", "count", len(damaged), "error", err)
		}
	}
	return deltas, err
}
