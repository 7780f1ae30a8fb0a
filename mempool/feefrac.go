package mempool

import (
	"cmp"
	"math/bits"
)

// A feeFrac is what a set of transactions pays and how large it is. As in Core (util/feefrac.h) size is not divided
// into virtual bytes, so that nothing is lost by rounding.
type feeFrac struct {
	fee  int64 // satoshi; below 0 by a fee delta
	size int64 // weight, sigop-adjusted
}

func (f feeFrac) plus(o feeFrac) feeFrac  { return feeFrac{f.fee + o.fee, f.size + o.size} }
func (f feeFrac) minus(o feeFrac) feeFrac { return feeFrac{f.fee - o.fee, f.size - o.size} }

// compareRate orders by fee per size, exactly: the products take 128 bits.
func (f feeFrac) compareRate(o feeFrac) int { return compareProducts(f.fee, o.size, o.fee, f.size) }

// perKvB is the fee rate in satoshi per 1000 virtual bytes, rounded down, but never below 0.
func (f feeFrac) perKvB() int64 {
	if f.size == 0 || f.fee <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(f.fee), 1000*witnessScale)
	rate, _ := bits.Div64(high, low, uint64(f.size))
	return int64(rate)
}

// compareProducts compares a*b with c*d. Only a and c may be negative.
func compareProducts(a, b, c, d int64) int {
	high1, low1 := bits.Mul64(uint64(a), uint64(b))
	high2, low2 := bits.Mul64(uint64(c), uint64(d))
	// As two's complement, a negative a reads 2^64 too much, and the product 2^64 times b.
	signed1, signed2 := int64(high1)-(a>>63)&b, int64(high2)-(c>>63)&d
	return cmp.Or(cmp.Compare(signed1, signed2), cmp.Compare(low1, low2))
}
