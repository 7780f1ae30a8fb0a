//go:build linux || darwin

package storage

import (
	"errors"
	"os"
	"syscall"
)

// freeSpace is the number of bytes that this user may still write where dir is.
// It costs a few microseconds.
func freeSpace(dir string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}

// whileLocked calls fn while no process has the database in dir open, or fails
// with [ErrInUse]. The lock is badger's own, so fn must not open badger.
func whileLocked(dir string, fn func() error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return inUse(dir)
	case err != nil:
		return &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	return fn()
}
