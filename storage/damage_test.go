package storage

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// snapshot is the files of a database, by their names.
type snapshot map[string]snapshotFile

// snapshotFile leaves out the zeros that badger's logs end in.
type snapshotFile struct {
	used []byte
	size int64
}

func takeSnapshot(t *testing.T, dir string) snapshot {
	t.Helper()
	s := make(snapshot)
	for _, name := range files(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s[name] = snapshotFile{used: bytes.TrimRight(content, "\x00"), size: int64(len(content))}
	}
	return s
}

func (s snapshot) restore(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "db")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, file := range s {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, file.used, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, file.size); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// damages change a file; used is the number of its bytes before trailing zeros.
var damages = map[string]func(path string, used int64) error{
	"delete": func(path string, _ int64) error { return os.Remove(path) },
	"empty":  func(path string, _ int64) error { return os.Truncate(path, 0) },
	"half":   func(path string, used int64) error { return os.Truncate(path, used/2) },
	"tail": func(path string, used int64) error {
		return overwrite(path, used*9/10, func(b []byte) { clear(b) }, used/10)
	},
	"flip at 0 %":  flip(0),
	"flip at 50 %": flip(50),
	"flip at 95 %": flip(95),
}

func flip(percent int64) func(string, int64) error {
	return func(path string, used int64) error {
		at := min(used*percent/100, max(used-1, 0))
		return overwrite(path, at, func(b []byte) { b[0] ^= 0x10 }, min(1, used))
	}
}

func overwrite(path string, at int64, change func([]byte), n int64) error {
	if n == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	change(b)
	_, err = f.WriteAt(b, at)
	return err
}

// Whatever happens to a file, the database opens, holds nothing wrong, and can
// be written, closed and opened again.
func TestDamage(t *testing.T) {
	const n = 400
	live := t.TempDir()
	db := openTest(t, live)
	for i := range uint64(n) {
		put(t, db, record(i, 300))
	}
	killed := takeSnapshot(t, live) // as kill -9 leaves it: all is in the write-ahead log
	closeTest(t, db)
	for state, files := range map[string]snapshot{"killed": killed, "closed": takeSnapshot(t, live)} {
		for name, file := range files {
			if state == "killed" && filepath.Ext(name) != ".mem" {
				continue // as in the closed one
			}
			for damage, apply := range damages {
				t.Run(state+"/"+name+"/"+damage, func(t *testing.T) {
					dir := files.restore(t)
					if err := apply(filepath.Join(dir, name), int64(len(file.used))); err != nil {
						t.Fatal(err)
					}
					// A write-ahead log that is gone, or ends in zeros, cannot be told from one after a kill.
					checkUsable(t, dir, n, state == "closed" || !slices.Contains([]string{"delete", "empty", "tail"}, damage))
				})
			}
		}
	}
}

func checkUsable(t *testing.T, dir string, n int, lossIsReported bool) {
	t.Helper()
	db := openTest(t, dir)
	records, damaged := load(t, db)
	for _, r := range records {
		if r.Sequence >= uint64(n) || !r.equal(record(r.Sequence, 300)) {
			t.Errorf("record %d is wrong", r.Sequence)
		}
	}
	if damaged != 0 {
		t.Errorf("%d damaged records passed badger's checksums", damaged)
	}
	if recovery := db.Recovery(); recovery != nil {
		switch {
		case recovery.Cause == nil:
			t.Errorf("recovery %+v", recovery)
		case recovery.MovedTo == "" && len(records) == n:
			t.Errorf("nothing is lost: %v", recovery.Cause)
		case recovery.MovedTo == "":
		case recovery.MovedTo != dir+".damaged-1" || len(files(t, recovery.MovedTo)) == 0:
			t.Errorf("recovery %+v", recovery)
		case len(records) != 0:
			t.Errorf("%d records in a new database", len(records))
		}
	} else if lossIsReported && len(records) != n {
		t.Errorf("%d of %d records, and nothing is reported", len(records), n)
	}
	added := record(1<<40, 300)
	if err := db.Put(context.Background(), added); err != nil {
		t.Fatal(err)
	}
	closeTest(t, db)

	db = openTest(t, dir)
	if db.Recovery() != nil {
		t.Errorf("damaged again: %v", db.Recovery().Cause)
	}
	expectRecords(t, db, append(records, added)...)
	closeTest(t, db)
}

// Any changed byte and any missing end of a table is found before badger looks
// at it.
func TestVerifyTableFindsEveryDamage(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	for i := range uint64(30) {
		put(t, db, record(i, 300))
	}
	closeTest(t, db)
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("tables %v, %v", paths, err)
	}
	table, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := verifyTable(table); err != nil {
		t.Fatalf("undamaged: %v", err)
	}
	for i := range table {
		table[i] ^= 1 << (i % 8)
		if verifyTable(table) == nil {
			t.Errorf("a flipped bit in byte %d of %d was not found", i, len(table))
		}
		table[i] ^= 1 << (i % 8)
		if verifyTable(table[:i]) == nil {
			t.Errorf("cut to %d of %d bytes it was not found", i, len(table))
		}
	}
	for i := len(table) - 1; i >= 0; i-- {
		table[i] = 0
		if verifyTable(table) == nil {
			t.Fatalf("zeros from byte %d of %d were not found", i, len(table))
		}
	}
}

func FuzzVerifyTable(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 12))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, file []byte) {
		if verifyTable(file) == nil {
			t.Errorf("%x was accepted", file) // it would have to have a correct CRC-32C
		}
	})
}

func TestDamagedDatabasesAreKeptAndBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	for n := 1; n <= maxSetAside+1; n++ {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("not a manifest"), 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(dir, Options{FreeSpace: plenty})
		if n > maxSetAside {
			if err == nil {
				t.Fatal("one too many was set aside")
			}
			t.Log(err)
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		closeTest(t, db)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if aside, err := fs.Glob(os.DirFS(filepath.Dir(dir)), "db.damaged-*"); err != nil || len(aside) != maxSetAside {
		t.Errorf("%v, %v", aside, err)
	}
}
