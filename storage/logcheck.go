package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
)

const (
	logHeader   = 20      // of a write-ahead log: key id and nonce of an encryption that is not used
	maxLogKey   = 1 << 16 // badger takes a longer one for damage
	maxLogSize  = 4 * memTableSize
	logTailSize = 2 * memTableSize // badger makes its logs that large, full of zeros
	maxLogEntry = MaxRawSize + 200 // bytes
)

var (
	metaPrefix   = []byte("meta/")
	badgerPrefix = []byte("!badger!")
)

// checkLogs looks for damage in the write-ahead logs in dir, which badger takes for the end of a log that a kill cut off:
// it drops what is behind it without a word. It returns what it found, nil if there is nothing. A damaged log is cut
// before the damage, for badger would allocate what a damaged length says. The database must not be open.
func checkLogs(dir string) (damage error, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxLogSize {
			return nil, fmt.Errorf("%w: %s has %d bytes", errDamaged, path, info.Size())
		}
		log, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		end, ok := scanLog(log)
		if ok {
			continue
		}
		damage = errors.Join(damage, fmt.Errorf("%s is damaged at byte %d; what was written behind it is lost", path, end))
		if err := os.Truncate(path, int64(end)); err != nil {
			return damage, err
		}
	}
	return damage, nil
}

// scanLog returns where the entries of a write-ahead log end, and whether it is plausible that they do there. A process
// that is killed leaves parts of at most one entry, not necessarily its beginning, in the zeros that the log was full of.
// (Which entry ends a commit does not matter here.)
func scanLog(log []byte) (end int, ok bool) {
	if len(log) <= logHeader {
		return len(log), true // made, and not yet used
	}
	for end = logHeader; ; {
		size, whole := logEntry(log[end:])
		if !whole {
			break
		}
		end += size
	}
	if len(log) < logTailSize {
		return end, end == len(log) // badger has cut it there once
	}
	rest := bytes.TrimRight(log[end:], "\x00")
	return end, len(rest) <= maxLogEntry && !holdsEntry(rest)
}

// holdsEntry reports whether an undamaged entry begins anywhere in b.
func holdsEntry(b []byte) bool {
	for i := range b {
		if _, whole := logEntry(b[i:]); whole {
			return true
		}
	}
	return false
}

// logEntry returns the size of the entry at the beginning of b and whether it is there and undamaged: meta and user
// meta, u8 each | key length, value length, expiry, uvarint each | key | value | CRC-32C of all that, u32 big-endian.
func logEntry(b []byte) (size int, whole bool) {
	if len(b) < 2 {
		return 0, false
	}
	at := 2
	var lengths [3]uint64
	for i := range lengths {
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return 0, false
		}
		lengths[i] = v
		at += n
	}
	key, value := lengths[0], lengths[1]
	if key == 0 || key > maxLogKey || value > uint64(len(b)) {
		return 0, false
	}
	end := at + int(key+value)
	if end+crc32.Size > len(b) || !isLogKey(b[at:end]) {
		return 0, false
	}
	return end + crc32.Size, crc32.Checksum(b[:end], castagnoli) == binary.BigEndian.Uint32(b[end:])
}

// isLogKey reports whether b begins as our keys do or those of badger itself. It spares a checksum at most places where
// there is no entry.
func isLogKey(b []byte) bool {
	return slices.ContainsFunc([][]byte{txPrefix, standingPrefix, deltaPrefix, eventPrefix, metaPrefix, badgerPrefix}, func(p []byte) bool { return bytes.HasPrefix(b, p) })
}
