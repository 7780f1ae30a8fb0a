package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"go.uber.org/goleak"
)

var testOptions = Options{Network: "regtest", PrevOuts: [32]byte{1}}

// plenty is a FreeSpace that does not depend on the machine.
func plenty(string) (uint64, error) { return 1 << 40, nil }

func openTest(t testing.TB, dir string) *DB {
	t.Helper()
	o := testOptions
	o.FreeSpace = plenty
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func closeTest(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// record makes the n-th record, whose bytes stand for a transaction: storage
// does not look into them.
func record(n uint64, size int) Record {
	raw := make([]byte, max(size, 8))
	binary.LittleEndian.PutUint64(raw, n)
	return Record{
		WTxID:       chainhash.DoubleHashH(raw),
		Raw:         raw,
		Time:        time.UnixMicro(1_700_000_000_000_000 + int64(n)),
		Sequence:    n,
		Unbroadcast: n%2 == 0,
	}
}

func (r Record) equal(o Record) bool {
	return r.WTxID == o.WTxID && slices.Equal(r.Raw, o.Raw) && r.Time.Equal(o.Time) &&
		r.Sequence == o.Sequence && r.Unbroadcast == o.Unbroadcast
}

func put(t testing.TB, db *DB, records ...Record) {
	t.Helper()
	for _, r := range records {
		if err := db.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t testing.TB, db *DB) (records []Record, damaged int) {
	t.Helper()
	records, damaged, err := db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return records, damaged
}

func expectRecords(t testing.TB, db *DB, want ...Record) {
	t.Helper()
	got, damaged := load(t, db)
	if !slices.EqualFunc(got, want, Record.equal) {
		t.Errorf("loaded %d records %v; want %d %v", len(got), sequences(got), len(want), sequences(want))
	}
	if damaged > 0 {
		t.Errorf("%d are damaged", damaged)
	}
}

func sequences(records []Record) (s []uint64) {
	for _, r := range records {
		s = append(s, r.Sequence)
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": filepath.Join(t.TempDir(), "a", "db")} {
		t.Run(name, func(t *testing.T) {
			db := openTest(t, dir)
			expectRecords(t, db)
			a, b, c := record(1, 200), record(2, 1), record(3, MaxRawSize)
			put(t, db, c, a, b) // sequence decides the order, not time of arrival
			expectRecords(t, db, a, b, c)

			b.Unbroadcast = false
			put(t, db, b)
			expectRecords(t, db, a, b, c)

			if err := db.Delete(t.Context(), a.WTxID, record(9, 9).WTxID, c.WTxID); err != nil {
				t.Fatal(err)
			}
			expectRecords(t, db, b)
		})
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	put(t, db, record(1, 300), record(2, 300), record(3, 300))
	if err := db.Delete(t.Context(), record(2, 300).WTxID); err != nil {
		t.Fatal(err)
	}
	closeTest(t, db)
	for range 2 {
		db = openTest(t, dir)
		if r := db.Recovery(); r != nil {
			t.Errorf("recovery %+v", r)
		}
		expectRecords(t, db, record(1, 300), record(3, 300))
		closeTest(t, db)
	}
}

func TestPutRefusesSizes(t *testing.T) {
	db := openTest(t, "")
	for _, size := range []int{0, MaxRawSize + 1} {
		if err := db.Put(t.Context(), Record{Raw: make([]byte, size)}); err == nil {
			t.Errorf("%d bytes were not refused", size)
		}
	}
}

// More than one transaction of badger can hold, in one call and in many.
func TestLargeGroups(t *testing.T) {
	db := openTest(t, "")
	const n = 16
	var wg sync.WaitGroup
	var ids []chainhash.Hash
	for i := range uint64(n) {
		ids = append(ids, record(i, MaxRawSize).WTxID)
		wg.Go(func() {
			if err := db.Put(t.Context(), record(i, MaxRawSize)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if records, _ := load(t, db); len(records) != n {
		t.Errorf("%d records of %d", len(records), n)
	}
	for i := range uint64(20_000) {
		ids = append(ids, record(n+i, 8).WTxID)
	}
	if err := db.Delete(t.Context(), ids...); err != nil {
		t.Fatal(err)
	}
	expectRecords(t, db)
}

func TestGroupCommit(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	const writers, each = 16, 50
	var wg sync.WaitGroup
	for w := range uint64(writers) {
		wg.Go(func() {
			for i := range uint64(each) {
				if err := db.Put(t.Context(), record(w*each+i, 250)); err != nil {
					t.Error(err)
				}
			}
			if err := db.Delete(t.Context(), record(w*each, 250).WTxID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check := func() {
		records, damaged := load(t, db)
		if len(records) != writers*(each-1) || damaged != 0 || !slices.IsSorted(sequences(records)) {
			t.Errorf("%d records, %d damaged, sorted %t", len(records), damaged, slices.IsSorted(sequences(records)))
		}
	}
	check()
	closeTest(t, db)
	db = openTest(t, dir)
	check()
}

// The requests that wait while a commit runs are committed together.
func TestGatherTakesAllThatWait(t *testing.T) {
	db := &DB{requests: make(chan *request, 10)}
	small := &request{changes: []change{{key: make([]byte, 10)}}}
	for range 3 {
		db.requests <- small
	}
	if group := db.gather(small); len(group) != 4 {
		t.Errorf("gathered %d of 4", len(group))
	}
	large := &request{changes: []change{{key: make([]byte, maxCommit/2)}}}
	for range 3 {
		db.requests <- large
	}
	if group := db.gather(small); len(group) != 3 {
		t.Errorf("gathered %d; want to stop at %d bytes", len(group), maxCommit)
	}
}

func TestContext(t *testing.T) {
	db := openTest(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Put(ctx, record(1, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	expectRecords(t, db)

	// A committer that does not answer: none runs here.
	stuck := &DB{requests: make(chan *request, 1), closing: make(chan struct{})}
	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- stuck.Put(ctx, record(1, 8)) }()
	<-stuck.requests // the request was taken; the caller waits for its commit
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestClosed(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	db := openTest(t, t.TempDir())
	closeTest(t, db)
	closeTest(t, db)
	_, _, loadErr := db.Load(t.Context())
	for name, err := range map[string]error{
		"Put":    db.Put(t.Context(), record(1, 8)),
		"Delete": db.Delete(t.Context(), record(1, 8).WTxID),
		"Load":   loadErr,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

func TestCloseWhileWriting(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	db := openTest(t, dir)
	var mu sync.Mutex
	var acked []uint64
	var wg sync.WaitGroup
	first := make(chan struct{}, 4)
	for w := range uint64(4) {
		wg.Go(func() {
			for i := w; ; i += 4 {
				err := db.Put(context.Background(), record(i, 100))
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, i)
				mu.Unlock()
				if i == w {
					first <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-first
	}
	closeTest(t, db)
	wg.Wait()
	db = openTest(t, dir)
	records, _ := load(t, db)
	slices.Sort(acked)
	if !slices.Equal(sequences(records), acked) {
		t.Errorf("%d records were acknowledged, %d are there", len(acked), len(records))
	}
	closeTest(t, db)
}

func BenchmarkPut(b *testing.B) {
	db := openTest(b, b.TempDir())
	var n uint64
	var mu sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			r := record(n, 250)
			mu.Unlock()
			if err := db.Put(context.Background(), r); err != nil {
				b.Error(err)
			}
		}
	})
}
