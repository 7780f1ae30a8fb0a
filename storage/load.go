package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// Load returns all records in the order of their sequences, so that parents come
// before children. Those that are not what their keys say or cannot be read are
// deleted, and counted as damaged. It ends early with ctx, and with [ErrClosed]
// when the database is closed.
func (db *DB) Load(ctx context.Context) (records []Record, damaged int, err error) {
	db.reading.RLock()
	defer db.reading.RUnlock()
	if db.isClosing() {
		return nil, 0, ErrClosed
	}
	if db.badger == nil {
		return nil, 0, nil
	}
	var bad []change
	err = db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: txPrefix})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if db.isClosing() {
				return ErrClosed
			}
			r, err := readRecord(it.Item())
			if err != nil {
				db.log.Warn("drop a damaged record of the mempool database", "key", fmt.Sprintf("%x", it.Item().Key()), "error", err)
				bad = append(bad, change{key: it.Item().KeyCopy(nil)})
				continue
			}
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), bytes.Compare(a.WTxID[:], b.WTxID[:]))
	})
	if len(bad) > 0 {
		// They are dropped whether or not they can be deleted now.
		if err := db.submit(context.Background(), bad); err != nil {
			db.log.Warn("damaged records stay in the mempool database", "count", len(bad), "error", err)
		}
	}
	return records, len(bad), nil
}

func (db *DB) isClosing() bool {
	select {
	case <-db.closing:
		return true
	default:
		return false
	}
}

func readRecord(item *badger.Item) (Record, error) {
	value, err := item.ValueCopy(nil)
	if err != nil {
		return Record{}, err
	}
	return decodeRecord(item.Key(), value)
}
