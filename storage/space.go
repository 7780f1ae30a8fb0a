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
func (db *DB) checkSpace() error {
	if db.dir == "" {
		return nil
	}
	free, err := db.options.FreeSpace(db.dir)
	if err != nil {
		return fmt.Errorf("ask for free disk space: %w", err)
	}
	if free < MinFree {
		return fmt.Errorf("%w: %d MiB free, %d MiB needed: free some on the disk of %s", ErrDiskFull, free>>20, MinFree>>20, db.dir)
	}
	return nil
}
