package sketch

import "slices"

// CellDecoder finds the difference between its own set and that of a peer from
// a beginning of the peer's cells. It is not safe for concurrent use, but
// shares nothing, so that another goroutine may run it.
type CellDecoder struct {
	coder   coder
	own     *CellEncoder
	cells   []Cell // of what is still unknown of the difference
	nonzero int    // how many cells are not zero

	found   []codedID         // each at its first cell beyond cells
	known   map[Cell]struct{} // the words of found
	pending []uint32          // indices of cells that may have become pure
	queued  []bool            // whether a cell is in pending
	failed  bool
}

// NewCellDecoder returns the decoder of a set of [ID40] ids, as
// [NewCellEncoder] takes them.
func NewCellDecoder(key Key, ids []uint64) *CellDecoder {
	return &CellDecoder{coder: newCoder(key), own: NewCellEncoder(key, ids), known: make(map[Cell]struct{})}
}

// Cells is how many cells have been added, which is the index of the next.
func (d *CellDecoder) Cells() int { return len(d.cells) }

// Add takes the peer's next cells and tells whether the difference is now
// known. The error is [ErrCapacity], then and on all later calls, if there are
// more than [MaxCells], or if the cells are not those of any set: if an id
// shows twice, or more ids do than 2 for each cell and 64. Cells made to
// mislead so cost about 1 µs each, beside the work for the own set, which is
// that of [CellEncoder.Next].
func (d *CellDecoder) Add(cells []Cell) (complete bool, err error) {
	start := len(d.cells)
	if d.failed = d.failed || start+len(cells) > MaxCells; d.failed {
		return false, ErrCapacity
	}
	d.cells = append(d.cells, cells...)
	d.queued = append(d.queued, make([]bool, len(cells))...)
	added := d.cells[start:]
	d.own.addNext(added)
	for i := range d.found {
		d.found[i].addTo(added, start)
	}
	for i, c := range added {
		if c != 0 {
			d.nonzero++
			d.queue(uint32(start + i))
		}
	}
	if d.failed = !d.peel(); d.failed {
		return false, ErrCapacity
	}
	return d.nonzero == 0 && len(d.cells) > 0, nil
}

func (d *CellDecoder) queue(index uint32) {
	if !d.queued[index] {
		d.queued[index] = true
		d.pending = append(d.pending, index)
	}
}

// peel takes out of all cells what a pure one shows, for as long as there is
// one. It fails on what shows that the cells are not those of any set. Without
// that, taking out an id that is alone in only some of its cells would put it
// into the others, to be found there, and so on without end.
func (d *CellDecoder) peel() bool {
	for len(d.pending) > 0 {
		index := d.pending[len(d.pending)-1]
		d.pending = d.pending[:len(d.pending)-1]
		d.queued[index] = false
		id, ok := d.coder.pure(d.cells[index], index)
		if !ok {
			continue
		}
		if _, twice := d.known[id.word]; twice || len(d.found) == 2*len(d.cells)+64 {
			return false
		}
		d.known[id.word] = struct{}{}
		for int(id.index) < len(d.cells) {
			d.toggle(id.index, id.word)
			id.next()
		}
		d.found = append(d.found, id)
	}
	return true
}

func (d *CellDecoder) toggle(index uint32, word Cell) {
	cell := &d.cells[index]
	if *cell == 0 {
		d.nonzero++
	}
	if *cell ^= word; *cell == 0 {
		d.nonzero--
		return
	}
	d.queue(index)
}

// Difference is the ids found so far, ascending. Once Add has told that the
// difference is known, they are the ids that are in one of the sets but not in
// both; before, some may not be.
func (d *CellDecoder) Difference() []uint64 {
	ids := make([]uint64, len(d.found))
	for i, id := range d.found {
		ids[i] = uint64(id.word) & maxID40
	}
	slices.Sort(ids)
	return ids
}
