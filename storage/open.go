package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
)

const (
	// maxEmptyFiles bounds the retries after an empty file; there is one log of
	// each kind, and one more may wait to be flushed.
	maxEmptyFiles = 4

	// maxSetAside bounds the damaged databases kept, so that a failing disk
	// cannot be filled with them.
	maxSetAside = 10
)

// errDamaged marks what only setting the database aside can mend.
var errDamaged = errors.New("the database is damaged")

// open opens what there is, or sets it aside and begins anew.
func (db *DB) open() error {
	if err := db.openRecords(); err != nil {
		return err
	}
	return db.openHistory()
}

func (db *DB) openRecords() error {
	if db.dir == "" {
		return db.openOnce()
	}
	if err := prepareDir(db.dir); errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	} else if err != nil {
		return err
	}
	if err := db.checkSpace(); err != nil {
		return err
	}
	var lost error
	err := whileLocked(db.dir, func() error {
		if err := checkTables(db.dir, db.badgerOptions()); err != nil {
			return err
		}
		var err error
		lost, err = checkLogs(db.dir)
		return err
	})
	if err == nil {
		err = db.openOnce()
	}
	if err == nil && lost != nil {
		db.log.Error("mempool database is damaged; a part is lost", "dir", db.dir, "error", lost)
		db.recovery = &Recovery{Cause: lost}
	}
	if !errors.Is(err, errDamaged) {
		return err
	}
	db.log.Error("mempool database is damaged; setting it aside", "dir", db.dir, "error", err)
	movedTo, moveErr := setAside(db.dir)
	if moveErr != nil {
		return fmt.Errorf("%w; it could not be set aside: %w", err, moveErr)
	}
	db.recovery = &Recovery{Cause: err, MovedTo: movedTo}
	if err := prepareDir(db.dir); err != nil {
		return err
	}
	return db.openOnce()
}

// prepareDir creates dir if needed and finds out whether everything in it can
// be read and written, while the system's errors can still be told from damage.
func prepareDir(dir string) error {
	const advice = "let this user read and write it, or use another data directory"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the directory: %w: %s", err, advice)
	}
	probe := filepath.Join(dir, "writable")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("write into the directory: %w: %s", err, advice)
	}
	if err := os.Remove(probe); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write into the directory: %w: %s", err, advice)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list the directory: %w: %s", err, advice)
	}
	for _, file := range files {
		f, err := os.OpenFile(filepath.Join(dir, file.Name()), os.O_RDWR, 0)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a process that has it open removed a file; the lock will tell
		case err != nil:
			return fmt.Errorf("open its file: %w: %s", err, advice)
		default:
			f.Close()
		}
	}
	return nil
}

// openOnce opens badger, again for each file that a kill left empty, and checks
// whose database it is.
func (db *DB) openOnce() error {
	var opened *badger.DB
	var err error
	for range 1 + maxEmptyFiles {
		opened, err = badger.Open(db.badgerOptions())
		// Badger fails once for each empty log, which it then fills (its issue
		// 2207). Its errors are text.
		if err == nil || !strings.Contains(err.Error(), "Create a new file") {
			break
		}
	}
	if err != nil {
		return classify(db.dir, err)
	}
	if err := checkMeta(opened, db.options); err != nil {
		return errors.Join(err, opened.Close())
	}
	db.badger = opened
	return nil
}

// classify says what an error of badger's Open means. Whatever is not known to
// be the system's or the user's is damage.
func classify(dir string, err error) error {
	text := err.Error()
	if strings.Contains(text, "Cannot acquire directory lock") {
		return inUse(dir)
	}
	for _, errno := range []syscall.Errno{
		syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, syscall.EDQUOT,
	} {
		if strings.Contains(text, errno.Error()) {
			return fmt.Errorf("%w (%w): mend that and start again; the data is untouched", err, errno)
		}
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// inUse names the process that has the database open, which badger notes.
func inUse(dir string) error {
	process := "another process"
	if pid, err := os.ReadFile(filepath.Join(dir, "LOCK")); err == nil && len(pid) > 0 {
		process = fmt.Sprintf("process %.20s", strings.TrimSpace(string(pid)))
	}
	return fmt.Errorf("%w by %s: stop that node, or use another data directory", ErrInUse, process)
}

// setAside renames dir to the first of dir.damaged-1, dir.damaged-2, … that is
// free.
func setAside(dir string) (movedTo string, err error) {
	for n := 1; n <= maxSetAside; n++ {
		movedTo = fmt.Sprintf("%s.damaged-%d", filepath.Clean(dir), n)
		if _, err := os.Lstat(movedTo); errors.Is(err, fs.ErrNotExist) {
			return movedTo, whileLocked(dir, func() error { return os.Rename(dir, movedTo) })
		}
	}
	return "", fmt.Errorf("%d damaged databases are kept already: check the disk, then delete %s.damaged-*", maxSetAside, filepath.Clean(dir))
}
