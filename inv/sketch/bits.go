package sketch

import (
	"encoding/binary"
	"math/bits"
)

// bitWriter appends bits to b, the highest of each byte first.
type bitWriter struct {
	b    []byte
	tail uint64 // the last bits, fewer than 8
	n    int
}

// write appends the low n ≤ 56 bits of v, which has no others.
func (w *bitWriter) write(v uint64, n int) {
	w.tail = w.tail<<n | v
	w.n += n
	for w.n >= 8 {
		w.n -= 8
		w.b = append(w.b, byte(w.tail>>w.n))
	}
}

// close fills the last byte with ones.
func (w *bitWriter) close() []byte {
	if w.n > 0 {
		w.write(1<<(8-w.n)-1, 8-w.n)
	}
	return w.b
}

// bitReader reads what a bitWriter has written. Reading beyond the end fails,
// and gives zeros.
type bitReader struct {
	b      []byte
	pos    int // in bits
	failed bool
}

// left is the number of bits not read yet.
func (r *bitReader) left() int { return 8*len(r.b) - r.pos }

// peek is the next 56 bits, the first on top, and zeros beyond the end.
func (r *bitReader) peek() uint64 {
	var word [8]byte
	if i := r.pos / 8; i+8 <= len(r.b) {
		word = [8]byte(r.b[i:])
	} else if i < len(r.b) {
		copy(word[:], r.b[i:])
	}
	return binary.BigEndian.Uint64(word[:]) << (r.pos % 8) >> 8
}

// read reads n ≤ 56 bits.
func (r *bitReader) read(n int) uint64 {
	if n > r.left() {
		r.failed = true
		return 0
	}
	v := r.peek() >> (56 - n)
	r.pos += n
	return v
}

// ones reads a run of ones, at most limit ≤ 56 of them.
func (r *bitReader) ones(limit int) int {
	n := min(bits.LeadingZeros64(^(r.peek() << 8)), limit)
	r.pos += n
	return n
}

// padding tells whether only ones that fill up the last byte are left.
func (r *bitReader) padding() bool {
	n := r.left()
	return n < 8 && r.peek()>>(56-n) == 1<<n-1
}
