package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// progressStep is the number of records between two calls of Options.Progress.
const progressStep = 1000

// LoadReport counts what [DB.Load] found.
type LoadReport struct {
	Loaded  int // records given to the function
	Damaged int // records dropped: not what their keys say, or not readable
}

// stored is a record's place in the order of loading.
type stored struct {
	sequence uint64
	key      []byte
}

// Load calls fn with every record in the order of their sequences, so that
// parents come before children. It holds one record at a time. Damaged ones are
// deleted. It ends at the first error of fn, which it returns. fn may call Put
// and Delete but not Close; what they change is not seen by the running Load.
func (db *DB) Load(fn func(Record) error) (LoadReport, error) {
	db.reading.RLock()
	defer db.reading.RUnlock()
	if db.isClosing() {
		return LoadReport{}, ErrClosed
	}
	if db.badger == nil {
		return LoadReport{}, nil
	}
	var report LoadReport
	var damaged []change
	err := db.badger.View(func(txn *badger.Txn) error {
		records, bad := listRecords(txn)
		damaged = bad
		total := len(records)
		for i, s := range records {
			if db.isClosing() {
				return ErrClosed
			}
			if i%progressStep == 0 {
				db.progress(i, total)
			}
			r, err := readRecord(txn, s.key)
			if err != nil {
				db.log.Warn("drop a damaged record of the mempool database", "key", fmt.Sprintf("%x", s.key), "error", err)
				damaged = append(damaged, change{key: s.key})
				continue
			}
			if err := fn(r); err != nil {
				return err
			}
			report.Loaded++
		}
		db.progress(total, total)
		return nil
	})
	report.Damaged = len(damaged)
	if len(damaged) > 0 && err == nil {
		// They are dropped whether or not they can be deleted now.
		if err := db.submit(context.Background(), damaged); err != nil {
			db.log.Warn("damaged records stay in the mempool database", "count", len(damaged), "error", err)
		}
	}
	return report, err
}

func (db *DB) isClosing() bool {
	select {
	case <-db.closing:
		return true
	default:
		return false
	}
}

func (db *DB) progress(done, total int) {
	if db.options.Progress != nil {
		db.options.Progress(done, total)
	}
}

// listRecords returns the records in the order of their sequences, and the
// deletion of those too short to have one.
func listRecords(txn *badger.Txn) (records []stored, damaged []change) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: txPrefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		s := stored{key: it.Item().KeyCopy(nil)}
		err := it.Item().Value(func(value []byte) error {
			if len(value) < recordHeader {
				return fmt.Errorf("value has %d bytes", len(value))
			}
			s.sequence = sequence(value)
			return nil
		})
		if err != nil {
			damaged = append(damaged, change{key: s.key})
			continue
		}
		records = append(records, s)
	}
	slices.SortFunc(records, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.sequence, b.sequence), bytes.Compare(a.key, b.key))
	})
	return records, damaged
}

func readRecord(txn *badger.Txn, key []byte) (Record, error) {
	item, err := txn.Get(key)
	if err != nil {
		return Record{}, err
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return Record{}, err
	}
	return decodeRecord(key, value)
}
