package sketch

import (
	"encoding/binary"
	"errors"

	"github.com/dchest/siphash"
)

// MaxSet is the largest set, in elements, whose summary is accepted from a
// peer where the summary does not bound it by its own size. A full mempool of
// 300 MB holds about 300 000 transactions.
const MaxSet = 400_000

var (
	// ErrCapacity says that a summary does not determine the difference: it is
	// larger than the summary can tell, or the summary is not what it claims to
	// be. The two cannot be told apart. A larger summary may succeed, a list
	// does.
	ErrCapacity = errors.New("sketch: the sets differ in more than this summary can tell")
	// ErrFormat says that bytes are no encoding of what they are said to be.
	// No honest peer sends such.
	ErrFormat = errors.New("sketch: malformed encoding")
)

// Key is a secret of both ends of a link. A third party that does not know it
// can choose neither ids that collide in a checksum nor cells that mislead the
// decoder. The peer knows it, so it protects no limit.
type Key [16]byte

func (k Key) halves() (k0, k1 uint64) {
	return binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
}

// Checksum is the exclusive or of a 32-bit hash of each id: the low half of its
// SipHash-2-4 as 4 little-endian bytes. The checksum of the symmetric
// difference of two sets is the exclusive or of theirs. The id 0 counts for
// nothing, as in a [PinSketch].
func (k Key) Checksum(ids ...uint32) uint32 {
	k0, k1 := k.halves()
	var sum uint32
	var b [4]byte
	for _, id := range ids {
		if id != 0 {
			binary.LittleEndian.PutUint32(b[:], id)
			sum ^= uint32(siphash.Hash(k0, k1, b[:]))
		}
	}
	return sum
}

// ID32 makes a salted 64-bit hash of a transaction an element of a [PinSketch],
// which is not 0, by the formula of BIP330.
func ID32(hash uint64) uint32 { return uint32(1 + hash%0xffffffff) }

// ID40 makes a salted 64-bit hash of a transaction an element of coded cells
// and [ListEncoder] lists, which is not 0. It leaves the low bits, which a
// [CountSketch] uses.
func ID40(hash uint64) uint64 { return max(hash>>24, 1) }

// maxID40 is the largest 40-bit id.
const maxID40 = 1<<40 - 1
