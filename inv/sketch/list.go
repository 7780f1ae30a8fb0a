package sketch

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// AppendList32 appends the ids to b in ascending order, 4 little-endian bytes
// each.
func AppendList32(b []byte, ids []uint32) []byte {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	for _, id := range sorted {
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

// ParseList32 reads back what [AppendList32] has written of distinct, non-zero
// ids. What it allocates is as large as b. The error is [ErrFormat].
func ParseList32(b []byte) ([]uint32, error) {
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("%w: a list of %d bytes", ErrFormat, len(b))
	}
	ids := make([]uint32, len(b)/4)
	previous := uint32(0)
	for i := range ids {
		ids[i] = binary.LittleEndian.Uint32(b[4*i:])
		if ids[i] <= previous {
			return nil, fmt.Errorf("%w: a list that does not ascend", ErrFormat)
		}
		previous = ids[i]
	}
	return ids, nil
}

// A list of 40-bit ids is the sequence of its gaps, each the difference to the
// id before less 1, and the first the id less 1. A gap is Rice-coded with the
// parameter k: gap>>k ones, a zero, and the low k bits of the gap, the highest
// first. Instead of 32 or more ones there are 32 without a zero, and all 40
// bits of the gap. A chunk is filled up to a byte with fewer than 8 ones,
// which begin no gap.
const (
	escape  = 32
	gapBits = 40
)

// riceParameter is the best k for n random ids: the logarithm of the mean gap
// less about a half. Both sides compute it, so it is in integers.
func riceParameter(n int) int {
	const ln2 = 762_123_384_785 // 2^40·ln 2
	return bits.Len64(ln2/uint64(max(n, 1))) - 1
}

// ListEncoder writes a list of ids in chunks. It is not safe for concurrent
// use.
type ListEncoder struct {
	ids      []uint64 // those to come
	k        int
	previous uint64
}

// NewListEncoder returns the encoder of a set of distinct [ID40] ids, which it
// sorts in place and keeps.
func NewListEncoder(ids []uint64) *ListEncoder {
	slices.Sort(ids)
	return &ListEncoder{ids: ids, k: riceParameter(len(ids))}
}

// AppendChunk appends as many of the remaining ids to b as fit in limit bytes,
// which must be at least 9, and tells whether these were the last.
func (e *ListEncoder) AppendChunk(b []byte, limit int) (chunk []byte, last bool) {
	w := bitWriter{b: b}
	room := 8 * limit
	for len(e.ids) > 0 {
		gap := e.ids[0] - e.previous - 1
		q := gap >> e.k
		size := int(min(q, escape)) + 1 + e.k
		if q >= escape {
			size = escape + gapBits
		}
		if room -= size; room < 0 {
			break
		}
		if q >= escape {
			w.write(1<<escape-1, escape)
			w.write(gap, gapBits)
		} else {
			w.write(1<<(q+1)-2, int(q)+1)
			w.write(gap&(1<<e.k-1), e.k)
		}
		e.previous = e.ids[0]
		e.ids = e.ids[1:]
	}
	return w.close(), len(e.ids) == 0
}

// ListDecoder reads the chunks of a [ListEncoder]. It is not safe for
// concurrent use.
type ListDecoder struct {
	ids      []uint64
	n, k     int
	previous uint64
}

// NewListDecoder returns the decoder of a list that is said to have n ids, at
// most [MaxSet]. It allocates as ids arrive. The error is [ErrFormat].
func NewListDecoder(n int) (*ListDecoder, error) {
	if n < 0 || n > MaxSet {
		return nil, fmt.Errorf("%w: a list of %d ids, limit %d", ErrFormat, n, MaxSet)
	}
	return &ListDecoder{n: n, k: riceParameter(n)}, nil
}

// Add reads the next chunk and tells whether the list is complete. A chunk must
// hold an id, unless the list has none. After an error, which is [ErrFormat], the decoder is of no use.
func (d *ListDecoder) Add(chunk []byte) (complete bool, err error) {
	r := bitReader{b: chunk}
	before := len(d.ids)
	d.ids = slices.Grow(d.ids, min(d.n-before, r.left()/(d.k+1)))
	for !r.padding() {
		gap, ok := d.gap(&r)
		id := d.previous + 1 + gap
		if !ok || id > maxID40 || len(d.ids) == d.n {
			return false, fmt.Errorf("%w: id %d of a list of %d", ErrFormat, len(d.ids), d.n)
		}
		d.ids = append(d.ids, id)
		d.previous = id
	}
	if len(d.ids) == before && d.n > 0 {
		return false, fmt.Errorf("%w: an empty chunk of a list", ErrFormat)
	}
	return len(d.ids) == d.n, nil
}

func (d *ListDecoder) gap(r *bitReader) (gap uint64, ok bool) {
	q := r.ones(escape)
	if q == escape {
		gap = r.read(gapBits)
		return gap, !r.failed && gap>>d.k >= escape
	}
	r.read(1)
	gap = uint64(q)<<d.k | r.read(d.k)
	return gap, !r.failed
}

// IDs is the ids read so far, ascending.
func (d *ListDecoder) IDs() []uint64 { return d.ids }
