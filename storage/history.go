package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	// MaxEvents is how many of the latest events the log keeps at least: 10 MB.
	MaxEvents = 65_536
	// pruneStep is how many of the oldest go at once when there are as many more.
	pruneStep = 1024
	// resetStep bounds the deletions of one transaction of badger.
	resetStep = 10_000
	// eventsAtOnce is how many events are read at once.
	eventsAtOnce = 1000
)

// history is what is known of the log of events. The committer alone writes it.
type history struct {
	mu    sync.Mutex
	first uint64 // of the events kept; those before are gone
	last  uint64 // the highest; less than first if there are none
	lost  bool   // some could not be written: the next one that is begins the log
}

// EventRange is the range of events in the log; last is less than first when it is
// empty. The next event is to have the number last+1.
//
// A log that continues none begins with 1. One that had to be begun anew, because
// the database was damaged or is not open yet, begins with the milliseconds since
// 1970, so that a reader of the old one cannot take it for that.
func (db *DB) EventRange() (first, last uint64) {
	db.history.mu.Lock()
	defer db.history.mu.Unlock()
	return db.history.first, db.history.last
}

// EventsAfter yields the events after a number. An error, with no event, comes
// last. A number that is missing among them could not be written while the disk was
// full. Close does not wait while the caller takes its time.
func (db *DB) EventsAfter(after uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for more := true; more; {
			events, err := db.nextEvents(after, eventsAtOnce)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range events {
				if after = e.Sequence; !yield(e, nil) {
					return
				}
			}
			more = len(events) == eventsAtOnce
		}
	}
}

// nextEvents are the next events after a number, at most limit of them.
func (db *DB) nextEvents(after uint64, limit int) ([]Event, error) {
	db.reading.RLock()
	defer db.reading.RUnlock()
	if db.isClosing() {
		return nil, ErrClosed
	}
	if db.badger == nil {
		return nil, db.deferred
	}
	first, _ := db.EventRange()
	var events []Event
	err := db.badger.View(func(txn *badger.Txn) error {
		return eachEvent(txn, max(first, after+1), func(e Event) bool {
			events = append(events, e)
			return len(events) < limit
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the events after %d: %w", after, err)
	}
	return events, nil
}

// eachEvent calls fn with the events from a number on, until it returns false.
func eachEvent(txn *badger.Txn, from uint64, fn func(Event) bool) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: eventPrefix, PrefetchValues: true, PrefetchSize: 100})
	defer it.Close()
	for it.Seek(eventKey(from)); it.Valid(); it.Next() {
		var e Event
		err := it.Item().Value(func(value []byte) (err error) {
			e, err = decodeEvent(it.Item().Key(), value)
			return err
		})
		if err != nil {
			return err
		}
		if !fn(e) {
			break
		}
	}
	return nil
}

// openHistory finds the log, or begins it. Where a kill came between the commits of
// changes that had no order, numbers below the highest are missing. Nobody was told
// of what is behind them, for that happens in their order; so the event that
// follows takes their place as well, which makes no difference to who applies all.
func (db *DB) openHistory() error {
	h := &db.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.first, h.last = 1, 0
	if db.recovery != nil {
		return db.resetHistory()
	}
	var missing, stale []change
	err := db.badger.View(func(txn *badger.Txn) error {
		start, err := getIfAny(txn, keyEvents)
		if err != nil {
			return err
		}
		if len(start) == 8 {
			h.first = binary.LittleEndian.Uint64(start)
			h.last = h.first - 1
		}
		stale = eventsBefore(txn, h.first)
		return eachEvent(txn, h.first, func(e Event) bool {
			for n := h.last + 1; n < e.Sequence && len(missing) < resetStep; n++ {
				missing = append(missing, change{eventKey(n), e.encode()})
			}
			h.last = e.Sequence
			return len(missing) < resetStep
		})
	})
	if err != nil || len(missing) >= resetStep {
		db.log.Error("the log of events is damaged; it begins anew", "error", err, "missing", len(missing))
		return db.resetHistory()
	}
	return db.badger.Update(func(txn *badger.Txn) error { return applyAll(txn, append(missing, stale...)) })
}

// eventsBefore is the deletion of events that do not count any more, as many as fit.
func eventsBefore(txn *badger.Txn, first uint64) (stale []change) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: eventPrefix})
	defer it.Close()
	for it.Rewind(); it.Valid() && len(stale) < resetStep && bytes.Compare(it.Item().Key(), eventKey(first)) < 0; it.Next() {
		stale = append(stale, change{key: it.Item().KeyCopy(nil)})
	}
	return stale
}

// BeginEvents makes the log begin anew, for records that it told of are lost. Call
// it before anything is committed.
func (db *DB) BeginEvents() error {
	db.reading.RLock()
	defer db.reading.RUnlock()
	db.history.mu.Lock()
	defer db.history.mu.Unlock()
	if db.badger == nil {
		return db.deferred
	}
	return db.resetHistory()
}

// resetHistory begins a log that nobody can take for the continuation of another.
func (db *DB) resetHistory() error {
	h := &db.history
	if err := db.badger.DropPrefix(eventPrefix); err != nil {
		return err
	}
	h.first = max(h.last+1, uint64(time.Now().UnixMilli()))
	h.last = h.first - 1
	return db.badger.Update(func(txn *badger.Txn) error { return txn.Set(keyEvents, startOf(h.first)) })
}

func startOf(first uint64) []byte { return binary.LittleEndian.AppendUint64(nil, first) }

// follow is what has to be written along with events: the beginning of the log, if
// that moves, and deletions of what is older. Done is to be called when it is.
func (h *history) follow(events []change) (changes []change, done func()) {
	if len(events) == 0 {
		return nil, func() {}
	}
	lowest, highest := numberOf(events[0]), numberOf(events[0])
	for _, e := range events {
		lowest, highest = min(lowest, numberOf(e)), max(highest, numberOf(e))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.first
	if highest = max(highest, h.last); h.lost {
		first = max(first, lowest)
	} else if highest >= first+MaxEvents+pruneStep {
		for n := first; n < first+pruneStep; n++ {
			changes = append(changes, change{key: eventKey(n)})
		}
		first += pruneStep
	}
	if first != h.first {
		changes = append(changes, change{keyEvents, startOf(first)})
	}
	return changes, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.first, h.last, h.lost = first, highest, false
	}
}

// broken notes that events could not be written.
func (h *history) broken() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost = true
}

func isEvent(c change) bool { return bytes.HasPrefix(c.key, eventPrefix) }

func numberOf(c change) uint64 { return binary.BigEndian.Uint64(c.key[len(eventPrefix):]) }
