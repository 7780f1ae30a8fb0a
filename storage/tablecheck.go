package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/table"
)

// maxTableSize bounds a table file, in bytes. Badger makes them as large as a
// memtable with what its last transaction adds, about 10 MiB.
const maxTableSize = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkTables verifies every byte of the tables in dir that the database
// consists of. Badger would do so when it opens them, but looks into them
// first: a table whose end is damaged makes it panic in a goroutine of its own,
// at every start. The database must not be open.
func checkTables(dir string, o badger.Options) error {
	known, whole, err := readManifest(dir, o)
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	for id := range known {
		path := table.NewFilename(id, dir)
		if err := checkTable(path); err != nil {
			return fmt.Errorf("%w: %s: %w", errDamaged, path, err)
		}
	}
	if whole {
		return nil
	}
	// Badger would delete what the manifest no longer names.
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range tables {
		id, _ := table.ParseFileID(filepath.Base(path))
		if _, named := known[id]; !named {
			return fmt.Errorf("%w: %s is missing or cut off and does not name %s", errDamaged, badger.ManifestFilename, path)
		}
	}
	return nil
}

// readManifest returns the tables that the database in dir consists of. It is
// not whole when it ends in the middle of an entry, or does not exist.
func readManifest(dir string, o badger.Options) (known map[uint64]badger.TableManifest, whole bool, err error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	manifest, end, err := badger.ReplayManifestFile(f, o.ExternalMagicVersion, o)
	return manifest.Tables, end == info.Size(), err
}

func checkTable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxTableSize {
		return fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxTableSize)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return verifyTable(file)
}

// verifyTable verifies the content of a table, which is laid out as
//
//	blocks | index | length of index u32 | checksum of index | length of checksum u32
//
// where the index says where the blocks are, and each block ends in
//
//	number of entries u32 | checksum of all before | length of checksum u32
//
// in big-endian numbers.
func verifyTable(file []byte) error {
	rest, checksum, ok := cutSuffix(file)
	if !ok {
		return errors.New("its end is damaged")
	}
	blocks, index, ok := cutSuffix(rest)
	if !ok || len(index) == 0 || !bytes.Equal(checksum, tableChecksum(index)) {
		return errors.New("its index is damaged")
	}
	// Past its checksum the index is what badger wrote.
	list := fb.GetRootAsTableIndex(index, 0)
	var at fb.BlockOffset
	for i := range list.OffsetsLength() {
		list.Offsets(&at, i)
		from, to := uint64(at.Offset()), uint64(at.Offset())+uint64(at.Len())
		if to > uint64(len(blocks)) {
			return fmt.Errorf("block %d is missing", i)
		}
		content, checksum, ok := cutSuffix(blocks[from:to])
		if !ok || !bytes.Equal(checksum, tableChecksum(content)) {
			return fmt.Errorf("block %d, %d bytes from %d, is damaged", i, to-from, from)
		}
	}
	return nil
}

// cutSuffix cuts off the end of b, a string of bytes and then its length.
func cutSuffix(b []byte) (before, suffix []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	b, length := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if length > math.MaxInt32 || int(length) > len(b) {
		return nil, nil, false
	}
	return b[:len(b)-int(length)], b[len(b)-int(length):], true
}

// tableChecksum is CRC-32C as badger stores it: a protobuf message of field 2
// (sum, uint64), without field 1 (algorithm), which is zero.
func tableChecksum(b []byte) []byte {
	sum := crc32.Checksum(b, castagnoli)
	if sum == 0 {
		return nil
	}
	return binary.AppendUvarint([]byte{2 << 3}, uint64(sum))
}
