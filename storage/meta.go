package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// meta says whose a database is. Fields are nil when they are not stored.
type meta struct{ schema, network, prevOuts []byte }

// checkMeta makes an empty database o's, and checks that any other one is.
func checkMeta(b *badger.DB, o Options) error {
	own := meta{
		schema:   binary.LittleEndian.AppendUint32(nil, schema),
		network:  []byte(o.Network),
		prevOuts: o.PrevOuts[:],
	}
	found, empty, err := readMeta(b)
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if empty {
		return b.Update(func(txn *badger.Txn) error {
			return errors.Join(
				txn.Set(keySchema, own.schema),
				txn.Set(keyNetwork, own.network),
				txn.Set(keyPrevOuts, own.prevOuts))
		})
	}
	if len(found.schema) != len(own.schema) || found.network == nil || len(found.prevOuts) != len(own.prevOuts) {
		return fmt.Errorf("%w: it does not say whose it is", errDamaged)
	}
	switch version := binary.LittleEndian.Uint32(found.schema); {
	case version > schema:
		return fmt.Errorf("%w: it has schema %d and this version knows up to %d: upgrade, or use another data directory",
			ErrMismatch, version, schema)
	case version < schema:
		return fmt.Errorf("%w: there is no schema %d", errDamaged, version)
	case !bytes.Equal(found.network, own.network):
		return fmt.Errorf("%w: it was written for network %q and the node runs on %q: use another data directory",
			ErrMismatch, found.network, own.network)
	case !bytes.Equal(found.prevOuts, own.prevOuts):
		return fmt.Errorf("%w: it was written with previous outputs %x and the node has %x: use the same allocation again, or another data directory",
			ErrMismatch, found.prevOuts, own.prevOuts)
	}
	return nil
}

// readMeta also tells whether the database has no keys at all.
func readMeta(b *badger.DB) (m meta, empty bool, err error) {
	err = b.View(func(txn *badger.Txn) error {
		var errs [3]error
		m.schema, errs[0] = getIfAny(txn, keySchema)
		m.network, errs[1] = getIfAny(txn, keyNetwork)
		m.prevOuts, errs[2] = getIfAny(txn, keyPrevOuts)
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		it.Rewind()
		empty = !it.Valid()
		return errors.Join(errs[:]...)
	})
	return m, empty, err
}

// getIfAny returns nil when there is no such key.
func getIfAny(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := item.ValueCopy(nil)
	if value == nil {
		value = []byte{}
	}
	return value, err
}
