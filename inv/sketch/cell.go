package sketch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// MaxCells is the largest number of cells a [CellDecoder] takes: 2 MiB of them.
const MaxCells = 1 << 18

// CellLen is the length of a [Cell] on the wire, in bytes.
const CellLen = 8

// Cell is one coded symbol: the exclusive or of the coded ids that map to it.
// A coded id is the 40-bit id with a 24-bit keyed check above it, so a cell
// that holds a single id shows it.
type Cell uint64

// AppendCells appends cells to b, each as 8 little-endian bytes.
func AppendCells(b []byte, cells []Cell) []byte {
	for _, c := range cells {
		b = binary.LittleEndian.AppendUint64(b, uint64(c))
	}
	return b
}

// ParseCells reads back what [AppendCells] has written, at most [MaxCells]. The
// error is [ErrFormat].
func ParseCells(b []byte) ([]Cell, error) {
	if len(b)%CellLen != 0 || len(b)/CellLen > MaxCells {
		return nil, fmt.Errorf("%w: cells of %d bytes", ErrFormat, len(b))
	}
	cells := make([]Cell, len(b)/CellLen)
	for i := range cells {
		cells[i] = Cell(binary.LittleEndian.Uint64(b[i*CellLen:]))
	}
	return cells, nil
}

// coder maps ids to coded ids and to the cells they are in, under one key.
type coder struct{ k0, k1 uint64 }

func newCoder(key Key) coder {
	k0, k1 := key.halves()
	return coder{k0, k1}
}

// codedID is an id on its way through the cells it maps to.
type codedID struct {
	word  Cell
	state uint64 // of the generator of the cells' indices
	index uint32 // the cell it is at; the first is 0
}

// code puts an id at its first cell. Its check is the high 24 bits of
// mix64(mix64(id ⊕ k0) ⊕ k1), and the inner hash begins its sequence of cells.
func (c coder) code(id uint64) codedID {
	seed := mix64(id ^ c.k0)
	check := mix64(seed^c.k1) >> 40
	return codedID{word: Cell(check<<40 | id), state: seed}
}

// pure tells whether a cell at an index holds exactly one id, and gives it
// coded. A sum of several passes once in 2^24 times, and still has to be at
// one of the cells it would map to.
func (c coder) pure(cell Cell, index uint32) (codedID, bool) {
	id := uint64(cell) & maxID40
	if id == 0 {
		return codedID{}, false
	}
	coded := c.code(id)
	if coded.word != cell {
		return codedID{}, false
	}
	at := coded
	for at.index < index {
		at.next()
	}
	return coded, at.index == index
}

// next goes on to the next cell. An id is in cell i with probability
// 1/(1 + i/2); given a uniform u in (0, 1], the step from cell i is
// (i + 3/2)·(1/√u − 1), rounded up.
//
// Both sides must agree on every index. The square root and the quotient are
// correctly rounded on every platform, the conversions keep the compiler from
// fusing the rest, and the cap keeps the result in range of an integer.
func (c *codedID) next() {
	c.state += 0x9e3779b97f4a7c15 // SplitMix64
	u := float64(mix64(c.state)>>12 + 1)
	stretch := float64(1<<26) / math.Sqrt(u) // 1/√(u/2^52)
	step := float64(float64(float64(c.index)+1.5) * float64(stretch-1))
	c.index += uint32(min(int64(step), 1<<31-2)) + 1
}

// addTo adds the id to those of its cells that lie in cells, the first of
// which has the index start, and leaves it at the first cell after them.
func (c *codedID) addTo(cells []Cell, start int) {
	for int(c.index)-start < len(cells) {
		cells[int(c.index)-start] ^= c.word
		c.next()
	}
}
