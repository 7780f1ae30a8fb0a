package storage

import (
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func event(n uint64) Event {
	e := Event{
		Sequence: n,
		Time:     time.UnixMicro(1_700_000_000_000_000 + int64(n)),
		WTxID:    chainhash.Hash{1, byte(n), byte(n >> 8)},
		TxID:     chainhash.Hash{2, byte(n)},
	}
	if n%3 == 0 {
		e.Reason, e.ReplacedBy = "replaced", chainhash.Hash{3}
	}
	return e
}

func commitEvents(t *testing.T, db *DB, numbers ...uint64) {
	t.Helper()
	for _, n := range numbers {
		if err := db.Commit(t.Context(), Batch{Events: []Event{event(n)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers are those that the log has after the given one.
func numbers(t *testing.T, db *DB, after uint64) (got []uint64) {
	t.Helper()
	for _, e := range eventsAfter(t, db, after) {
		got = append(got, e.Sequence)
	}
	return got
}

func eventsAfter(t *testing.T, db *DB, after uint64) (events []Event) {
	t.Helper()
	for e, err := range db.EventsAfter(after) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func TestEventsSurvive(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	if first, last := db.EventRange(); first != 1 || last != 0 {
		t.Errorf("a new log is %d to %d", first, last)
	}
	commitEvents(t, db, 1, 2, 3)
	closeTest(t, db)
	db = openTest(t, dir)
	if first, last := db.EventRange(); first != 1 || last != 3 {
		t.Errorf("the log is %d to %d", first, last)
	}
	if events := eventsAfter(t, db, 1); len(events) != 2 || events[0] != event(2) || events[1] != event(3) {
		t.Errorf("%+v", events)
	}
	if got := numbers(t, db, 3); len(got) != 0 {
		t.Errorf("after the end: %v", got)
	}
}

// A number whose commit a kill prevented repeats what follows it.
func TestMissingEventsAreFilled(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	commitEvents(t, db, 1, 5, 4, 2)
	closeTest(t, db)
	db = openTest(t, dir)
	events := eventsAfter(t, db, 0)
	if len(events) != 5 {
		t.Fatalf("%+v", events)
	}
	want := event(4)
	if want.Sequence = 3; events[2] != want {
		t.Errorf("in the place of 3: %+v", events[2])
	}
}

// A number far beyond the others, as damage may leave, makes the log begin anew and
// is not counted up to.
func TestFarNumberBeginsTheLogAnew(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	commitEvents(t, db, 1, 1<<62)
	closeTest(t, db)
	db = openTest(t, dir)
	if first, last := db.EventRange(); first != 1<<62+1 || last != first-1 {
		t.Errorf("%d to %d", first, last)
	}
}

func TestOldEventsArePruned(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	const all = MaxEvents + pruneStep + 2500
	for n := uint64(1); n <= all; n += 500 {
		var b Batch
		for k := range uint64(500) {
			b.Events = append(b.Events, event(n+k))
		}
		if err := db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		first, last := db.EventRange()
		if kept := last + 1 - first; kept < MaxEvents || kept > MaxEvents+pruneStep+500 || last < all {
			t.Errorf("%d to %d are kept, %d of them", first, last, kept)
		}
		next := first
		for _, n := range numbers(t, db, 0) {
			if n != next {
				t.Fatalf("%d comes before %d", n, next)
			}
			next++
		}
		if next != last+1 {
			t.Errorf("%d to %d are read, to %d kept", first, next-1, last)
		}
	}
	check()
	closeTest(t, db)
	db = openTest(t, dir)
	check()
}

// What could not be written while the disk was full is not in the log, and so
// nothing that was before it.
func TestLogBeginsAnewBehindWhatIsLost(t *testing.T) {
	dir := t.TempDir()
	var full atomic.Bool
	o := testOptions
	o.FreeSpace = func(string) (uint64, error) {
		if full.Load() {
			return 0, nil
		}
		return 1 << 40, nil
	}
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	commitEvents(t, db, 1, 2)
	full.Store(true)
	if err := db.Commit(t.Context(), Batch{Events: []Event{event(3)}}); err == nil {
		t.Fatal("written on a full disk")
	}
	full.Store(false)
	commitEvents(t, db, 4, 5)
	for range 2 {
		if first, last := db.EventRange(); first != 4 || last != 5 || !slices.Equal(numbers(t, db, 0), []uint64{4, 5}) {
			t.Errorf("%d to %d: %v", first, last, numbers(t, db, 0))
		}
		closeTest(t, db)
		db = openTest(t, dir)
	}
}

// The numbers of a log that had to begin anew are beyond all that anybody knows.
func TestLogOfADamagedDatabase(t *testing.T) {
	began := uint64(time.Now().UnixMilli())
	dir := filepath.Join(t.TempDir(), "mempool")
	db := openTest(t, dir)
	commitEvents(t, db, 1, 2)
	if err := db.BeginEvents(); err != nil {
		t.Fatal(err)
	}
	if first, last := db.EventRange(); first < began || last != first-1 || len(numbers(t, db, 0)) != 0 {
		t.Errorf("begun anew: %d to %d", first, last)
	}
	closeTest(t, db)
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir)
	if first, last := db.EventRange(); db.Recovery() == nil || first < began || last != first-1 {
		t.Errorf("set aside: %d to %d", first, last)
	}
}

func TestEventsAreBounded(t *testing.T) {
	db := openTest(t, "")
	for _, e := range []Event{{}, {Sequence: 1, Reason: string(make([]byte, maxReason+1))}} {
		if err := db.Commit(t.Context(), Batch{Events: []Event{e}}); err == nil {
			t.Errorf("stored %+v", e)
		}
	}
}

func FuzzEvent(f *testing.F) {
	e := event(3)
	f.Add(eventKey(3), e.encode())
	f.Add([]byte("event/"), []byte{1})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		e, err := decodeEvent(key, value)
		if err != nil {
			return
		}
		if !slices.Equal(e.encode(), value) || !slices.Equal(eventKey(e.Sequence)[len(eventPrefix):], key[len(eventPrefix):]) {
			t.Errorf("%x %x is %+v", key, value, e)
		}
	})
}
