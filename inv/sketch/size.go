package sketch

import "math"

// Of a large difference, whose part above sparing is meant, rather too few cells
// than too many are sent first: an estimate that is a quarter too high would cost
// more bytes than the answers that ask for more.
const sparing = 800

// CellsFor is how many cells to send first for an estimated difference. Cells
// suffice from 1.36 for each element of a large difference, 1.75 of a small one.
// Up to 800 the rest allows for the error of the estimate, so that one message is
// enough nine times in ten; for each element beyond, 1.15 are sent first, and the
// rest by [MoreCells]. It is at most [MaxCells].
func CellsFor(difference int) int {
	d := float64(max(difference, 0))
	few := min(d, sparing)
	return int(min(float64(float64(1.40*1.15)*few)+float64(1.15*(d-few))+float64(4*math.Sqrt(d))+8, MaxCells))
}

// MoreCells is how many cells to ask for after so many did not suffice.
func MoreCells(cells int) int {
	if cells > 8000 {
		return cells / 8
	}
	return max(cells/4, 16)
}

// CellLimit is after how many cells a comparison of sets of n and m elements
// goes on with a list of the m elements instead: when the cells are as large
// as the list, or are more than any difference of such sets needs.
func CellLimit(n, m int) int {
	return min(ListLen(m)/CellLen, 3*(n+m)/2+64, MaxCells)
}

// ListLen is the expected length, in bytes, of the list of n random ids by a
// [ListEncoder]. It is exact within 2 % for n ≥ 100.
func ListLen(n int) int {
	if n <= 0 {
		return 0
	}
	return int(math.Ceil(float64(n) * (40 - math.Log2(float64(n)) + 1.5) / 8))
}
