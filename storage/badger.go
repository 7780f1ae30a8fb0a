package storage

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// memTableSize is small because many nodes may share a machine. A transaction
// of badger may hold 15 % of it, which is three records of [MaxRawSize].
const memTableSize = 8 << 20

// badgerOptions are chosen for little memory and for values that never leave
// the LSM tree, so that there is no value log to collect or to dangle. Nothing
// is compressed: signatures and hashes do not shrink. checkTables verifies
// checksums; of badger's own ways, those that verify blocks as they are read
// lose keys silently or panic on a damaged one.
func (db *DB) badgerOptions() badger.Options {
	return badger.DefaultOptions(db.dir).
		WithInMemory(db.dir == "").
		WithSyncWrites(db.options.SyncWrites).
		WithLogger(badgerLogger{db.log}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // there is one writer
		WithNumVersionsToKeep(1).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2). // the least there can be
		WithValueLogFileSize(16 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(4 << 20).
		WithChecksumVerificationMode(options.NoVerification)
}

// badgerLogger is a [badger.Logger] that writes to slog, one level down: what
// badger tells as information is of use to a developer only.
type badgerLogger struct{ log *slog.Logger }

func (l badgerLogger) Errorf(format string, args ...any)   { l.write(slog.LevelError, format, args) }
func (l badgerLogger) Warningf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }
func (l badgerLogger) Infof(format string, args ...any)    { l.write(slog.LevelDebug, format, args) }
func (l badgerLogger) Debugf(string, ...any)               {}

func (l badgerLogger) write(level slog.Level, format string, args []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
