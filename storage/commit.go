package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/dgraph-io/badger/v4"
)

// maxCommit bounds what one commit gathers, in bytes of keys and values, and
// with it how long the first caller waits for the others.
const maxCommit = 1 << 20

// change sets a key, or deletes it when value is nil.
type change struct{ key, value []byte }

// request is one caller's changes, and where it waits for the outcome.
type request struct {
	changes []change
	done    chan error // buffered: the committer never waits for the caller
}

func (r *request) size() (n int) {
	for _, c := range r.changes {
		n += len(c.key) + len(c.value)
	}
	return n
}

// Batch is what is committed at once.
type Batch struct {
	Put    []Record         // each in the place of any with the same wtxid
	Delete []chainhash.Hash // records, those that there are
	Events []Event          // for the log

	Stand   []Standing       // each in the place of any with the same wtxid
	Unstand []chainhash.Hash // standing transactions, those that there are

	FeeDeltas map[chainhash.Hash]int64 // by txid, in satoshi; 0 forgets one
}

// Commit writes the batch and returns when it is committed. It fails with
// [ErrDiskFull], with [ErrClosed], and with ctx's error; in the last case it may
// yet be committed. Only of one with more than badger takes at once, some megabytes,
// a part may be without the rest after a kill. When events cannot be written, the log
// begins anew with the next that can.
func (db *DB) Commit(ctx context.Context, b Batch) error {
	changes := make([]change, 0, len(b.Put)+len(b.Delete)+len(b.Events))
	for _, r := range b.Put {
		if len(r.Raw) == 0 || len(r.Raw) > MaxRawSize {
			return fmt.Errorf("store %v: a transaction of %d bytes; 1 to %d can be stored", r.WTxID, len(r.Raw), MaxRawSize)
		}
		changes = append(changes, change{txKey(r.WTxID), r.encode()})
	}
	for _, id := range b.Delete {
		changes = append(changes, change{key: txKey(id)})
	}
	for _, e := range b.Events {
		if e.Sequence == 0 || len(e.Reason) > maxReason {
			return fmt.Errorf("store event %d: its reason has %d bytes", e.Sequence, len(e.Reason))
		}
		changes = append(changes, change{eventKey(e.Sequence), e.encode()})
	}
	for _, s := range b.Stand {
		if len(s.Raw) == 0 || len(s.Raw) > MaxRawSize {
			return fmt.Errorf("store standing %v: a transaction of %d bytes; 1 to %d can be stored", s.WTxID, len(s.Raw), MaxRawSize)
		}
		changes = append(changes, change{standingKey(s.WTxID), s.encode()})
	}
	for _, id := range b.Unstand {
		changes = append(changes, change{key: standingKey(id)})
	}
	for txid, delta := range b.FeeDeltas {
		changes = append(changes, feeDeltaChange(txid, delta))
	}
	if err := db.submit(ctx, changes); err != nil {
		if len(b.Events) > 0 && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			db.history.broken()
		}
		return fmt.Errorf("store %d transactions and delete %d: %w", len(b.Put), len(b.Delete), err)
	}
	return nil
}

// Put commits one record.
func (db *DB) Put(ctx context.Context, r Record) error {
	return db.Commit(ctx, Batch{Put: []Record{r}})
}

// Delete commits that records are gone.
func (db *DB) Delete(ctx context.Context, wtxids ...chainhash.Hash) error {
	return db.Commit(ctx, Batch{Delete: wtxids})
}

func (db *DB) submit(ctx context.Context, changes []change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{changes: changes, done: make(chan error, 1)}
	select {
	case db.requests <- r:
	case <-db.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitLoop is the only writer. It commits together whatever has come to wait
// during the commit before.
func (db *DB) commitLoop() {
	defer close(db.stopped)
	full := errors.Is(db.Deferred(), ErrDiskFull)
	for {
		var group []*request
		select {
		case r := <-db.requests:
			group = db.gather(r)
		case <-db.closing:
			return
		}
		err := db.checkSpace()
		if err == nil && db.badger == nil { // opened by no one else
			err = db.openDeferred()
		}
		if isFull := errors.Is(err, ErrDiskFull); isFull != full {
			full = isFull
			if full {
				db.log.Error("mempool database stops writing", "error", err)
			} else {
				db.log.Info("mempool database writes again: there is disk space")
			}
		}
		if err == nil {
			err = db.commit(group)
		}
		for _, r := range group {
			r.done <- err
		}
	}
}

// gather takes the requests whose callers are waiting, without waiting itself.
func (db *DB) gather(first *request) []*request {
	group := []*request{first}
	for size := first.size(); size < maxCommit; {
		select {
		case r := <-db.requests:
			group = append(group, r)
			size += r.size()
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction of badger, or in as few as hold it.
func (db *DB) commit(group []*request) error {
	var changes, events []change
	for _, r := range group {
		changes = append(changes, r.changes...)
	}
	for _, c := range changes {
		if isEvent(c) {
			events = append(events, c)
		}
	}
	more, done := db.history.follow(events)
	txn := db.badger.NewTransaction(true)
	defer func() { txn.Discard() }()
	for _, c := range append(changes, more...) {
		err := c.apply(txn)
		if errors.Is(err, badger.ErrTxnTooBig) {
			if err := txn.Commit(); err != nil {
				return err
			}
			txn = db.badger.NewTransaction(true)
			err = c.apply(txn)
		}
		if err != nil {
			return err
		}
	}
	err := txn.Commit()
	if err == nil {
		done()
	}
	return err
}

func applyAll(txn *badger.Txn, changes []change) error {
	for _, c := range changes {
		if err := c.apply(txn); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) apply(txn *badger.Txn) error {
	if c.value == nil {
		return txn.Delete(c.key)
	}
	return txn.Set(c.key, c.value)
}
