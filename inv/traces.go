package inv

import (
	"cmp"
	"slices"
)

// traces are in the order of age, the oldest first. Which is forgotten next is
// found without a look at all of them: a node without peers has thousands that
// nobody has got, and accepts many.
type traces struct {
	list    []*trace
	born    uint64 // how many there were
	awaited int    // so many of the oldest are unbroadcast
}

func (ts *traces) add(t *trace) {
	ts.born++
	t.born = ts.born
	ts.list = append(ts.list, t)
}

// ended notes that a trace is not unbroadcast any more.
func (ts *traces) ended(t *trace) {
	i, listed := slices.BinarySearchFunc(ts.list, t.born, func(t *trace, born uint64) int { return cmp.Compare(t.born, born) })
	if listed {
		ts.awaited = min(ts.awaited, i)
	}
}

// takeOldest takes out the oldest that is not unbroadcast or, if all are, the
// oldest. There must be one.
func (ts *traces) takeOldest() *trace {
	for ts.awaited < len(ts.list) && ts.list[ts.awaited].Unbroadcast {
		ts.awaited++
	}
	i := ts.awaited
	if i == len(ts.list) {
		i = 0
		ts.awaited--
	}
	t := ts.list[i]
	if i == 0 { // nothing to move
		ts.list[0] = nil
		ts.list = ts.list[1:]
	} else {
		ts.list = slices.Delete(ts.list, i, i+1)
	}
	return t
}

// remove takes out the trace of the transaction, if there is one.
func (ts *traces) remove(e *entry) {
	ts.list = slices.DeleteFunc(ts.list, func(t *trace) bool { return t.tx == e })
	ts.awaited = 0
}
