package storage

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

func TestOpenRefuses(t *testing.T) {
	created := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "db")
		db := openTest(t, dir)
		put(t, db, record(1, 8))
		closeTest(t, db)
		return dir
	}
	refused := func(t *testing.T, dir string, o Options, want error, words ...string) {
		t.Helper()
		o.FreeSpace = plenty
		db, err := Open(dir, o)
		if err == nil {
			db.Close()
			t.Fatal("it was opened")
		}
		if want != nil && !errors.Is(err, want) {
			t.Errorf("error %v; want %v", err, want)
		}
		for _, word := range append(words, dir) {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("error %q does not say %q", err, word)
			}
		}
		if aside, _ := filepath.Glob(dir + ".damaged-*"); aside != nil {
			t.Errorf("it was set aside as %v", aside)
		}
	}
	unchanged := func(t *testing.T, dir string) {
		t.Helper()
		db := openTest(t, dir)
		expectRecords(t, db, record(1, 8))
		closeTest(t, db)
	}
	t.Run("in use", func(t *testing.T) {
		dir := created(t)
		db := openTest(t, dir)
		refused(t, dir, testOptions, ErrInUse, "by process", "stop that node")
		closeTest(t, db)
		unchanged(t, dir)
	})
	t.Run("other network", func(t *testing.T) {
		dir := created(t)
		refused(t, dir, Options{Network: "signet", PrevOuts: testOptions.PrevOuts}, ErrMismatch, `"regtest"`, `"signet"`, "another data directory")
		unchanged(t, dir)
	})
	t.Run("other allocation", func(t *testing.T) {
		dir := created(t)
		refused(t, dir, Options{Network: "regtest", PrevOuts: [32]byte{0xab}}, ErrMismatch, "0100", "ab00", "same allocation")
		unchanged(t, dir)
	})
	t.Run("newer schema", func(t *testing.T) {
		dir := created(t)
		b, err := badger.Open((&DB{dir: dir, log: slog.New(slog.DiscardHandler)}).badgerOptions())
		if err != nil {
			t.Fatal(err)
		}
		set := func(schema uint32) error {
			return b.Update(func(txn *badger.Txn) error {
				return txn.Set(keySchema, binary.LittleEndian.AppendUint32(nil, schema))
			})
		}
		if err := errors.Join(set(schema+1), b.Close()); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, testOptions, ErrMismatch, "schema 2", "upgrade")
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, file, testOptions, nil, "use another data directory")
	})
	t.Run("not writable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may write everything")
		}
		dir := created(t)
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o700)
		refused(t, dir, testOptions, os.ErrPermission, "use another data directory")
	})
	t.Run("a file in it not readable", func(t *testing.T) {
		dir := created(t)
		// A directory in a file's place fails for root, too.
		if err := os.Mkdir(filepath.Join(dir, "00099.mem"), 0o700); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, testOptions, nil, "00099.mem", "use another data directory")
	})
}

// A limit of the system is not damage.
func TestClassify(t *testing.T) {
	for text, damaged := range map[string]bool{
		"open x: too many open files":          false,
		"write x: no space left on device":     false,
		"mmap x: cannot allocate memory":       false,
		"open x: permission denied":            false,
		"open x: read-only file system":        false,
		"manifest has bad magic":               true,
		"file does not exist for table 3":      true,
		"CHECKSUM_MISMATCH: checksum mismatch": true,
	} {
		if err := classify("", errors.New(text)); errors.Is(err, errDamaged) != damaged || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	var free uint64 = MinFree
	var freeErr error
	set := func(bytes uint64, err error) {
		mu.Lock()
		defer mu.Unlock()
		free, freeErr = bytes, err
	}
	o := testOptions
	o.FreeSpace = func(asked string) (uint64, error) {
		if asked != dir {
			t.Errorf("asked for the space of %q", asked)
		}
		mu.Lock()
		defer mu.Unlock()
		return free, freeErr
	}
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, record(1, 8))

	set(MinFree-1, nil)
	for name, err := range map[string]error{
		"Put":    db.Put(t.Context(), record(2, 8)),
		"Delete": db.Delete(t.Context(), record(1, 8).WTxID),
		"look":   db.Unwritable(),
	} {
		if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "127 MiB free, 128 MiB needed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	expectRecords(t, db, record(1, 8)) // reading goes on

	gone := errors.New("device is gone")
	set(1<<40, gone)
	if err := db.Put(t.Context(), record(2, 8)); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	set(1<<40, nil)
	if err := db.Unwritable(); err != nil {
		t.Errorf("error %v", err)
	}
	put(t, db, record(3, 8))
	expectRecords(t, db, record(1, 8), record(3, 8))
	closeTest(t, db)

	set(0, nil)
	if db, err = Open(dir, o); err != nil || !errors.Is(db.Deferred(), ErrDiskFull) {
		t.Fatalf("Open on a full disk: %v, deferred %v", err, db.Deferred())
	}
	if err := db.Put(t.Context(), record(4, 8)); !errors.Is(err, ErrDiskFull) {
		t.Errorf("Put on a full disk: %v", err)
	}
	expectRecords(t, db)
	set(MinFree, nil)
	put(t, db, record(5, 8))
	if err := db.Deferred(); err != nil {
		t.Errorf("there is space, and it is not open: %v", err)
	}
	expectRecords(t, db, record(1, 8), record(3, 8), record(5, 8))
	closeTest(t, db)

	set(0, nil)
	if db, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	closeTest(t, db) // never opened
}

// What keeps a database from being opened once there is space stays, and is told by every commit.
func TestDeferredMismatch(t *testing.T) {
	dir := t.TempDir()
	closeTest(t, openTest(t, dir))
	var free atomic.Uint64
	o := testOptions
	o.Network = "another"
	o.FreeSpace = func(string) (uint64, error) { return free.Load(), nil }
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	free.Store(MinFree)
	for range 2 {
		if err := db.Put(t.Context(), record(1, 8)); !errors.Is(err, ErrMismatch) || !errors.Is(db.Deferred(), ErrMismatch) {
			t.Errorf("%v, deferred %v", err, db.Deferred())
		}
	}
	closeTest(t, db)
}

func TestFreeSpace(t *testing.T) {
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("%d bytes, %v", free, err)
	}
	if _, err := freeSpace(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}
