package storage

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// appendLogEntry is the inverse of logEntry.
func appendLogEntry(log, key, value []byte) []byte {
	start := len(log)
	log = append(log, 0x40, 0)
	for _, n := range []int{len(key), len(value), 0} {
		log = binary.AppendUvarint(log, uint64(n))
	}
	log = append(append(log, key...), value...)
	return binary.BigEndian.AppendUint32(log, crc32.Checksum(log[start:], castagnoli))
}

// logOf is a log of n entries, full of zeros behind them, and where the last one begins and ends.
func logOf(n uint64) (log []byte, last, end int) {
	log = make([]byte, logHeader, logTailSize)
	for i := range n {
		r := record(i, 300)
		last = len(log)
		log = appendLogEntry(log, append(txKey(r.WTxID), 1, 2, 3, 4, 5, 6, 7, 8), r.encode())
	}
	end = len(log)
	return log[:logTailSize], last, end
}

func TestScanLog(t *testing.T) {
	log, last, end := logOf(5)
	if got, ok := scanLog(log); got != end || !ok {
		t.Errorf("undamaged: %d, %t; want %d", got, ok, end)
	}
	if got, ok := scanLog(log[:end]); got != end || !ok {
		t.Errorf("cut by badger: %d, %t; want %d", got, ok, end)
	}
	for at := logHeader; at < last; at += 29 {
		log[at] ^= 0x10
		if got, ok := scanLog(log); ok || got > at {
			t.Errorf("a flip at %d of %d is not found: %d, %t", at, end, got, ok)
		}
		log[at] ^= 0x10
	}
	// A kill leaves any part of the last entry.
	for at := last; at < end; at += 29 {
		for _, part := range [][2]int{{last, at}, {at, end}} {
			torn := slices.Clone(log)
			clear(torn[part[0]:part[1]])
			if got, ok := scanLog(torn); got != last && got != end || !ok {
				t.Errorf("zeros from %d to %d are taken for damage at %d", part[0], part[1], got)
			}
		}
		if _, ok := scanLog(log[:at]); ok && at > last {
			t.Errorf("a file cut at %d, in an entry, is not found", at)
		}
	}
	for n := range logHeader + 1 {
		if _, ok := scanLog(log[:n]); !ok {
			t.Errorf("a log of %d bytes has nothing to lose", n)
		}
	}
}

func FuzzScanLog(f *testing.F) {
	log, _, end := logOf(3)
	f.Add(log[:end])
	f.Add(log[:end+100])
	f.Add([]byte{})
	huge := append(slices.Clone(log[:logHeader]), 0x40, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		end, ok := scanLog(b)
		if end > len(b) || ok && end < len(b) {
			t.Errorf("%d of %d, %t", end, len(b), ok)
		}
		if again, ok := scanLog(b[:end]); again != end || !ok {
			t.Errorf("cut at %d it ends at %d, %t", end, again, ok)
		}
	})
}

// Whatever a database contains, loading it gives only records that are what their keys say, and drops the rest.
func FuzzLoad(f *testing.F) {
	good := record(3, 60)
	f.Add(txKey(good.WTxID), good.encode(), good.WTxID[:], good.encode())
	f.Add([]byte("tx/"), []byte{}, []byte("meta/schema"), []byte{9, 0, 0, 0})
	f.Add([]byte("tx/x"), []byte{1, 0}, []byte("other"), []byte{1})
	f.Fuzz(func(t *testing.T, key, value, key2, value2 []byte) {
		db, err := Open("", testOptions)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, c := range []change{{key, value}, {key2, value2}} {
			if len(c.key) == 0 || len(c.key) > 1000 || c.value == nil {
				continue
			}
			if err := db.submit(t.Context(), []change{c}); err != nil {
				return // badger's own keys
			}
		}
		for pass := range 2 {
			records, damaged, err := db.Load(t.Context())
			if err != nil || pass == 1 && damaged > 0 {
				t.Fatalf("pass %d: %d damaged, %v", pass, damaged, err)
			}
			for _, r := range records {
				if len(r.Raw) == 0 || !r.equal(mustDecode(txKey(r.WTxID), r.encode())) {
					t.Errorf("pass %d: %+v", pass, r)
				}
			}
		}
	})
}

func mustDecode(key, value []byte) Record {
	r, err := decodeRecord(key, value)
	if err != nil {
		panic(err)
	}
	return r
}
