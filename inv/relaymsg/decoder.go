package relaymsg

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// decoder consumes b from the front. The first failure sticks; after it every
// read returns a zero value.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail("%d bytes missing", n-len(d.b))
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) byte() byte {
	if s := d.take(1); s != nil {
		return s[0]
	}
	return 0
}

func (d *decoder) bool() bool {
	v := d.byte()
	if v > 1 {
		d.fail("flag is %d", v)
	}
	return v == 1
}

func (d *decoder) array(dst []byte) { copy(dst, d.take(len(dst))) }

func (d *decoder) uint32() uint32 {
	var b [4]byte
	d.array(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// uvarint reads a minimal uvarint of at most limit.
func (d *decoder) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	switch {
	case n <= 0:
		d.fail("bad uvarint")
		return 0
	case n > 1 && d.b[n-1] == 0:
		d.fail("uvarint is not minimal")
		return 0
	case v > limit:
		d.fail("value %d, limit %d", v, limit)
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes reads a length-prefixed string of at most limit bytes, uncopied.
func (d *decoder) bytes(limit int) []byte {
	return d.take(int(d.uvarint(uint64(limit))))
}

// ids reads all that remains as short ids.
func (d *decoder) ids(limit int) []ShortID {
	if len(d.b)%ShortIDLen != 0 {
		d.fail("%d bytes are no whole number of ids", len(d.b))
	}
	if n := len(d.b) / ShortIDLen; n > limit {
		d.fail("%d ids, limit %d", n, limit)
	}
	return d.nIDs(len(d.b) / ShortIDLen)
}

// someIDs is ids, at least one.
func (d *decoder) someIDs(limit int) []ShortID {
	if d.err == nil && len(d.b) == 0 {
		d.fail("no ids")
	}
	return d.ids(limit)
}

func (d *decoder) id() ShortID {
	if ids := d.nIDs(1); ids != nil {
		return ids[0]
	}
	return 0
}

func (d *decoder) nIDs(n int) []ShortID {
	s := d.take(n * ShortIDLen)
	if len(s) == 0 {
		return nil
	}
	ids := make([]ShortID, n)
	for i := range ids {
		p := s[i*ShortIDLen:]
		ids[i] = ShortID(p[0]) | ShortID(p[1])<<8 | ShortID(p[2])<<16 |
			ShortID(p[3])<<24 | ShortID(p[4])<<32 | ShortID(p[5])<<40
	}
	return ids
}

func (d *decoder) reconIDs(n int) []ReconID {
	s := d.take(n * ReconIDLen)
	if len(s) == 0 {
		return nil
	}
	ids := make([]ReconID, n)
	for i := range ids {
		p := s[i*ReconIDLen:]
		ids[i] = ReconID(p[0]) | ReconID(p[1])<<8 | ReconID(p[2])<<16 | ReconID(p[3])<<24 | ReconID(p[4])<<32
	}
	return ids
}

// rest reads all that remains, at most limit bytes.
func (d *decoder) rest(limit int) []byte {
	if len(d.b) > limit {
		d.fail("%d bytes, limit %d", len(d.b), limit)
	}
	if s := d.take(len(d.b)); len(s) > 0 {
		return bytes.Clone(s)
	}
	return nil
}

// bodies reads all that remains as length-prefixed transactions, at least one and
// at most limit.
// No transaction is shorter than 60 bytes, so the count is bounded by the
// frame before anything is allocated for it.
func (d *decoder) bodies(limit int) [][]byte {
	var bodies [][]byte
	for d.err == nil && (len(d.b) > 0 || bodies == nil) {
		if len(bodies) == limit {
			d.fail("more than %d bodies", limit)
			break
		}
		bodies = append(bodies, d.body(int(d.uvarint(uint64(Relay.MaxFrame())))))
	}
	return bodies
}

// body reads a transaction of n bytes.
func (d *decoder) body(n int) []byte {
	s := d.take(n)
	if d.err == nil && len(s) < minTx {
		d.fail("body of %d bytes", len(s))
	}
	return bytes.Clone(s)
}

// hop reads a count of links travelled, of which there is at least the one the
// message came by.
func (d *decoder) hop() uint8 {
	n := d.byte()
	if d.err == nil && n == 0 {
		d.fail("hop is 0")
	}
	return n
}

// minTx is the smallest serialization of a transaction with one input and one
// output: version 4, counts 2, input 41, output 9, lock time 4.
const minTx = 60
