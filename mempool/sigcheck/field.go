package sigcheck

import (
	"encoding/binary"
	"math/bits"
)

// field is an integer modulo p = 2^256 − fold, the lowest word first. A residue
// below fold has two forms: itself and itself plus p. Results may overwrite
// operands.
type field [4]uint64

// fold is 2^256 modulo p: what overflows 256 bits comes back multiplied by it.
const fold = 1<<32 + 977

var modulus = field{-fold & (1<<64 - 1), 1<<64 - 1, 1<<64 - 1, 1<<64 - 1}

// setBytes reads 32 bytes, the highest first, and reports whether they are below p.
func (z *field) setBytes(b []byte) bool {
	for i := range z {
		z[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return *z == z.reduced()
}

// reduced is the form of x that is below p.
func (x *field) reduced() field {
	if x[3]&x[2]&x[1] == 1<<64-1 && x[0] >= modulus[0] {
		return field{x[0] - modulus[0]}
	}
	return *x
}

func (x *field) isZero() bool { return *x == field{} || *x == modulus }

func (x *field) isOdd() bool {
	r := x.reduced()
	return r[0]&1 == 1
}

func (x *field) equal(y *field) bool { return x.reduced() == y.reduced() }

func (z *field) add(x, y *field) {
	r0, carry := bits.Add64(x[0], y[0], 0)
	r1, carry := bits.Add64(x[1], y[1], carry)
	r2, carry := bits.Add64(x[2], y[2], carry)
	r3, carry := bits.Add64(x[3], y[3], carry)
	r0, carry = bits.Add64(r0, -carry&fold, 0)
	r1, carry = bits.Add64(r1, 0, carry)
	r2, carry = bits.Add64(r2, 0, carry)
	r3, carry = bits.Add64(r3, 0, carry)
	*z = field{r0 + -carry&fold, r1, r2, r3} // after a second carry the rest is below fold
}

func (z *field) sub(x, y *field) {
	r0, borrow := bits.Sub64(x[0], y[0], 0)
	r1, borrow := bits.Sub64(x[1], y[1], borrow)
	r2, borrow := bits.Sub64(x[2], y[2], borrow)
	r3, borrow := bits.Sub64(x[3], y[3], borrow)
	r0, borrow = bits.Sub64(r0, -borrow&fold, 0)
	r1, borrow = bits.Sub64(r1, 0, borrow)
	r2, borrow = bits.Sub64(r2, 0, borrow)
	r3, borrow = bits.Sub64(r3, 0, borrow)
	*z = field{r0 - -borrow&fold, r1, r2, r3} // after a second borrow the rest is at least 2^256 − fold
}

func (z *field) negate(x *field) { z.sub(&field{}, x) }

// halve divides by 2, which for an odd x is to halve x + p.
func (z *field) halve(x *field) {
	odd := -(x[0] & 1)
	r0, carry := bits.Add64(x[0], odd&modulus[0], 0)
	r1, carry := bits.Add64(x[1], odd, carry)
	r2, carry := bits.Add64(x[2], odd, carry)
	r3, carry := bits.Add64(x[3], odd, carry)
	*z = field{r0>>1 | r1<<63, r1>>1 | r2<<63, r2>>1 | r3<<63, r3>>1 | carry<<63}
}

func (z *field) mul(x, y *field) { z.reduce(product((*[4]uint64)(x), (*[4]uint64)(y))) }

// product is x·y, of eight words.
func product(x, y *[4]uint64) (w0, w1, w2, w3, w4, w5, w6, w7 uint64) {
	// One row for each word of y, added to those before it:
	// first the lower halves, then the higher ones, one word further up.
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	h0, r0 := bits.Mul64(x0, y[0])
	h1, r1 := bits.Mul64(x1, y[0])
	h2, r2 := bits.Mul64(x2, y[0])
	h3, r3 := bits.Mul64(x3, y[0])
	r1, carry := bits.Add64(r1, h0, 0)
	r2, carry = bits.Add64(r2, h1, carry)
	r3, carry = bits.Add64(r3, h2, carry)
	r4 := h3 + carry

	h0, l0 := bits.Mul64(x0, y[1])
	h1, l1 := bits.Mul64(x1, y[1])
	h2, l2 := bits.Mul64(x2, y[1])
	h3, l3 := bits.Mul64(x3, y[1])
	r1, carry = bits.Add64(r1, l0, 0)
	r2, carry = bits.Add64(r2, l1, carry)
	r3, carry = bits.Add64(r3, l2, carry)
	r4, r5 := bits.Add64(r4, l3, carry)
	r2, carry = bits.Add64(r2, h0, 0)
	r3, carry = bits.Add64(r3, h1, carry)
	r4, carry = bits.Add64(r4, h2, carry)
	r5 += h3 + carry

	h0, l0 = bits.Mul64(x0, y[2])
	h1, l1 = bits.Mul64(x1, y[2])
	h2, l2 = bits.Mul64(x2, y[2])
	h3, l3 = bits.Mul64(x3, y[2])
	r2, carry = bits.Add64(r2, l0, 0)
	r3, carry = bits.Add64(r3, l1, carry)
	r4, carry = bits.Add64(r4, l2, carry)
	r5, r6 := bits.Add64(r5, l3, carry)
	r3, carry = bits.Add64(r3, h0, 0)
	r4, carry = bits.Add64(r4, h1, carry)
	r5, carry = bits.Add64(r5, h2, carry)
	r6 += h3 + carry

	h0, l0 = bits.Mul64(x0, y[3])
	h1, l1 = bits.Mul64(x1, y[3])
	h2, l2 = bits.Mul64(x2, y[3])
	h3, l3 = bits.Mul64(x3, y[3])
	r3, carry = bits.Add64(r3, l0, 0)
	r4, carry = bits.Add64(r4, l1, carry)
	r5, carry = bits.Add64(r5, l2, carry)
	r6, r7 := bits.Add64(r6, l3, carry)
	r4, carry = bits.Add64(r4, h0, 0)
	r5, carry = bits.Add64(r5, h1, carry)
	r6, carry = bits.Add64(r6, h2, carry)
	r7 += h3 + carry

	return r0, r1, r2, r3, r4, r5, r6, r7
}

func (z *field) square(x *field) {
	// The products of different words, doubled, and the squares of each.
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	r2, r1 := bits.Mul64(x0, x1)
	h02, l02 := bits.Mul64(x0, x2)
	h03, l03 := bits.Mul64(x0, x3)
	h12, l12 := bits.Mul64(x1, x2)
	h13, l13 := bits.Mul64(x1, x3)
	h23, l23 := bits.Mul64(x2, x3)
	r2, carry := bits.Add64(r2, l02, 0)
	r3, carry := bits.Add64(h02, l03, carry)
	r4, carry := bits.Add64(h03, l13, carry)
	r5, carry := bits.Add64(h13, l23, carry)
	r6 := h23 + carry
	r3, carry = bits.Add64(r3, l12, 0)
	r4, carry = bits.Add64(r4, h12, carry)
	r5, carry = bits.Add64(r5, 0, carry)
	r6 += carry

	r7 := r6 >> 63
	r6 = r6<<1 | r5>>63
	r5 = r5<<1 | r4>>63
	r4 = r4<<1 | r3>>63
	r3 = r3<<1 | r2>>63
	r2 = r2<<1 | r1>>63
	r1 <<= 1

	h0, r0 := bits.Mul64(x0, x0)
	h1, l1 := bits.Mul64(x1, x1)
	h2, l2 := bits.Mul64(x2, x2)
	h3, l3 := bits.Mul64(x3, x3)
	r1, carry = bits.Add64(r1, h0, 0)
	r2, carry = bits.Add64(r2, l1, carry)
	r3, carry = bits.Add64(r3, h1, carry)
	r4, carry = bits.Add64(r4, l2, carry)
	r5, carry = bits.Add64(r5, h2, carry)
	r6, carry = bits.Add64(r6, l3, carry)
	r7 += h3 + carry

	z.reduce(r0, r1, r2, r3, r4, r5, r6, r7)
}

// reduce sets z to a number of eight words: the upper four are folded onto the
// lower, what that overflows (less than 2^34) is folded again, and the last carry
// once more, when what is left is below 2^68.
func (z *field) reduce(r0, r1, r2, r3, r4, r5, r6, r7 uint64) {
	h0, l0 := bits.Mul64(r4, fold)
	h1, l1 := bits.Mul64(r5, fold)
	h2, l2 := bits.Mul64(r6, fold)
	h3, l3 := bits.Mul64(r7, fold)
	r0, carry := bits.Add64(r0, l0, 0)
	r1, carry = bits.Add64(r1, l1, carry)
	r2, carry = bits.Add64(r2, l2, carry)
	r3, carry = bits.Add64(r3, l3, carry)
	over := h3 + carry
	r1, carry = bits.Add64(r1, h0, 0)
	r2, carry = bits.Add64(r2, h1, carry)
	r3, carry = bits.Add64(r3, h2, carry)
	over += carry

	h0, l0 = bits.Mul64(over, fold)
	r0, carry = bits.Add64(r0, l0, 0)
	r1, carry = bits.Add64(r1, h0, carry)
	r2, carry = bits.Add64(r2, 0, carry)
	r3, carry = bits.Add64(r3, 0, carry)

	r0, carry = bits.Add64(r0, -carry&fold, 0)
	*z = field{r0, r1 + carry, r2, r3}
}
