package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/dgraph-io/badger/v4"
)

const (
	standingVersion = 1
	standingHeader  = 1 + 8 + 8 // version, since, highest fee rate
)

var standingPrefix = []byte("stand/")

// Standing is a transaction that the mempool did not take and is to be tried
// again.
type Standing struct {
	WTxID      chainhash.Hash
	Raw        []byte    // canonical serialization; 1 to MaxRawSize bytes
	MaxFeeRate int64     // the most it may pay, in satoshi per kvB; 0: any
	Since      time.Time // kept to the microsecond
}

func standingKey(wtxid chainhash.Hash) []byte {
	return append(bytes.Clone(standingPrefix), wtxid[:]...)
}

func (s *Standing) encode() []byte {
	b := make([]byte, 0, standingHeader+len(s.Raw))
	b = append(b, standingVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Since.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.MaxFeeRate))
	return append(b, s.Raw...)
}

// decodeStanding is the inverse of encode, as decodeRecord is for records.
func decodeStanding(key, value []byte) (Standing, error) {
	id, ok := bytes.CutPrefix(key, standingPrefix)
	switch {
	case !ok || len(id) != chainhash.HashSize:
		return Standing{}, fmt.Errorf("key %.40q is not that of a standing transaction", key)
	case len(value) <= standingHeader || len(value) > standingHeader+MaxRawSize:
		return Standing{}, fmt.Errorf("value has %d bytes", len(value))
	case value[0] != standingVersion:
		return Standing{}, fmt.Errorf("version %d is unknown", value[0])
	}
	s := Standing{
		WTxID:      chainhash.Hash(id),
		Raw:        value[standingHeader:],
		Since:      time.UnixMicro(int64(binary.LittleEndian.Uint64(value[1:]))),
		MaxFeeRate: int64(binary.LittleEndian.Uint64(value[9:])),
	}
	if hash := chainhash.DoubleHashH(s.Raw); hash != s.WTxID || s.MaxFeeRate < 0 {
		return Standing{}, fmt.Errorf("transaction hashes to %v, highest fee rate %d", hash, s.MaxFeeRate)
	}
	return s, nil
}

// Standing calls fn with every standing transaction, in no order that means
// anything. Damaged ones are deleted. It ends at the first error of fn, which it
// returns. fn may call Commit, whose changes are not seen.
func (db *DB) Standing(fn func(Standing) error) error {
	db.reading.RLock()
	defer db.reading.RUnlock()
	if db.isClosing() {
		return ErrClosed
	}
	if db.badger == nil {
		return nil
	}
	var damaged []change
	err := db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: standingPrefix})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().KeyCopy(nil)
			value, err := it.Item().ValueCopy(nil)
			var s Standing
			if err == nil {
				s, err = decodeStanding(key, value)
			}
			if err != nil {
				db.log.Warn("drop a damaged standing transaction of the mempool database", "key", fmt.Sprintf("%x", key), "error", err)
				damaged = append(damaged, change{key: key})
				continue
			}
			if err := fn(s); err != nil {
				return err
			}
		}
		return nil
	})
	if len(damaged) > 0 && err == nil {
		if err := db.submit(context.Background(), damaged); err != nil {
			db.log.Warn("damaged standing transactions stay in the mempool database", "count", len(damaged), "error", err)
		}
	}
	return err
}
