package storage

import "fmt"

// Unwritable tells why nothing can be written just now, nil if it can: there is too
// little space, or the database is not open; see [DB.Deferred].
func (db *DB) Unwritable() error {
	if err := db.checkSpace(); err != nil {
		return err
	}
	return db.Deferred()
}

// checkSpace fails with [ErrDiskFull] when a commit might run out of disk.
func (db *DB) checkSpace() error { return db.HasRoom(0) }

// HasRoom fails with [ErrDiskFull] when a commit might run out of disk once another
// file of that size, in bytes, is written beside the database.
func (db *DB) HasRoom(size int64) error {
	if db.dir == "" {
		return nil
	}
	free, err := db.options.FreeSpace(db.dir)
	if err != nil {
		return fmt.Errorf("ask for free disk space: %w", err)
	}
	if needed := MinFree + uint64(size); free < needed {
		return fmt.Errorf("%w: %d MiB free, %d MiB needed: free some on the disk of %s", ErrDiskFull, free>>20, needed>>20, db.dir)
	}
	return nil
}
