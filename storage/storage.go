package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// MinFree is the space, in bytes, that must be free on the disk for anything
// to be written. It covers the write-ahead logs that badger may extend and the
// tables that it may flush and compact before the next check, four times over.
const MinFree = 128 << 20

// closeTimeout leaves a node that stops within 5 s time for the rest.
const closeTimeout = 4 * time.Second

var (
	// ErrClosed is the error of calls on a closed database.
	ErrClosed = errors.New("the mempool database is closed")

	// ErrDiskFull is the error while less than [MinFree] is free. Nothing was
	// written. It passes by itself once there is space again.
	ErrDiskFull = errors.New("too little free disk space for the mempool database")

	// ErrNotFlushed is the error of [DB.Close] when the memory could not be
	// flushed in time. What was committed is in the write-ahead log and will be
	// there at the next Open, if the directory is.
	ErrNotFlushed = errors.New("the mempool database was left unflushed")

	// ErrInUse is the error of [Open] when another process, or this one, has
	// the database open.
	ErrInUse = errors.New("the mempool database is in use")

	// ErrMismatch is the error of [Open] when the database was written for
	// another network, for other previous outputs, or by a newer version.
	ErrMismatch = errors.New("the mempool database does not belong to this node")
)

// Options say what database to open, and how. Network and PrevOuts are required
// to be those that the database was created with.
type Options struct {
	Network  string
	PrevOuts [32]byte // mempool.PrevOuts.Digest

	// Logger receives what badger and this package have to say; nil discards it.
	Logger *slog.Logger

	// SyncWrites makes every commit wait for the disk, so that acknowledged
	// writes survive a loss of power. Without it they survive the death of the
	// process.
	SyncWrites bool

	// FreeSpace tells how many bytes are free where dir is. It is asked before
	// each commit. Nil asks the operating system.
	FreeSpace func(dir string) (uint64, error)
}

// Recovery tells that a database was damaged: it could not be opened and was set aside, or a part of what was written last
// is lost.
type Recovery struct {
	Cause   error  // what is wrong
	MovedTo string // the directory that it is in now; "" if it was opened without the part that is lost
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	badger   *badger.DB
	dir      string // "" when in memory
	options  Options
	log      *slog.Logger
	recovery *Recovery
	history  history
	deferred error // why badger is nil: there was no space, or what came of opening it later

	requests chan *request // to the committer, which takes all that wait
	closing  chan struct{} // closed by Close
	stopped  chan struct{} // closed by the committer when it is done

	closeOnce sync.Once
	closeErr  error
	reading   sync.RWMutex // held for reading by Load: badger's memory maps must outlive it. Guards what opening sets
}

// Open opens the database in dir, which is created if it does not exist, must
// hold nothing else, and must not be a mount point, so that it can be renamed.
// dir "" makes a database in memory that is gone when closed. Close must be
// called in the end.
//
// A damaged database is set aside; see [DB.Recovery]. While there is too little
// space, the database is left alone; see [DB.Deferred]. Other errors say what to
// do, and some are [ErrInUse] or [ErrMismatch].
func Open(dir string, o Options) (*DB, error) {
	if o.FreeSpace == nil {
		o.FreeSpace = freeSpace
	}
	db := &DB{
		dir:      dir,
		options:  o,
		log:      o.Logger,
		requests: make(chan *request),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	switch err := db.open(); {
	case errors.Is(err, ErrDiskFull):
		db.deferred = err
		db.history.first = uint64(time.Now().UnixMilli())
		db.history.last = db.history.first - 1
	case err != nil:
		return nil, fmt.Errorf("open mempool database %s: %w", dir, err)
	}
	go db.commitLoop()
	return db, nil
}

// Deferred tells why the database is not open: an [ErrDiskFull], or with another
// error what came of opening it once there was space; nil if it is open. Until
// then Load finds nothing and what is committed fails with the same error. The
// first commit that has space opens it. What it holds from before is untouched
// and loaded at the next Open.
func (db *DB) Deferred() error {
	db.reading.RLock()
	defer db.reading.RUnlock()
	return db.deferred
}

// openDeferred opens a database that waits for space. A failure of another kind
// is final.
func (db *DB) openDeferred() error {
	db.reading.Lock()
	defer db.reading.Unlock()
	if errors.Is(db.deferred, ErrDiskFull) {
		if db.deferred = db.open(); db.deferred == nil {
			db.history.broken() // the numbers given meanwhile do not continue what it holds
		}
		if db.deferred != nil && !errors.Is(db.deferred, ErrDiskFull) {
			db.log.Error("mempool database cannot be opened", "error", db.deferred)
		}
	}
	return db.deferred
}

// Recovery tells what was set aside or lost when the database was opened; nil if
// nothing was. It should be fetched again from peers.
func (db *DB) Recovery() *Recovery {
	db.reading.RLock()
	defer db.reading.RUnlock()
	return db.recovery
}

// Close waits for the commit in progress and for Load, and closes the database.
// Calls that wait for a commit of their own fail with [ErrClosed]. Further
// calls of Close return the first one's result.
//
// Badger flushes its memory to a table first and tries that forever, for
// instance when the directory is gone. Close gives up waiting after 4 s with
// [ErrNotFlushed], and leaves badger's goroutines to the end of the process.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		<-db.stopped
		db.reading.Lock()
		defer db.reading.Unlock()
		if db.badger == nil {
			return
		}
		if err := db.checkSpace(); errors.Is(err, ErrDiskFull) {
			// Closing badger flushes its memory into a mapped file, which on a full disk kills the process. The
			// logs hold everything; the next Open replays them.
			db.closeErr = fmt.Errorf("leave mempool database %s as after a crash: %w", db.dir, err)
			return
		}
		closed := make(chan error, 1)
		go func() { closed <- db.badger.Close() }()
		err := ErrNotFlushed
		select {
		case err = <-closed:
		case <-time.After(closeTimeout):
		}
		if err != nil {
			db.closeErr = fmt.Errorf("close mempool database %s: %w", db.dir, err)
		}
	})
	return db.closeErr
}
