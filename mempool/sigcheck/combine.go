package sigcheck

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"sync"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

// Widths of the windows, in bits: of the generator, whose multiples are computed
// once, and of a key, for which each verification computes them.
const (
	baseWidth = 10
	keyWidth  = 5
)

// curve is what all verifications share.
type curve struct {
	lattice ecc.Lattice // to halve scalars by
	beta    fp.Element
	base    [2][]secp256k1.G1Affine // odd multiples of the generator G and of λG
}

// lambda and beta are cube roots of 1, modulo the order of the group and modulo that of
// the field: λ(x, y) is (βx, y) (R. Gallant, R. Lambert, S. Vanstone, CRYPTO 2001; the
// constants are in libsecp256k1's scalar_impl.h and field.h).
const (
	lambda = "0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72"
	beta   = "0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee"
)

// theCurve computes it at the first use: about 0.3 ms.
var theCurve = sync.OnceValue(func() *curve {
	c := new(curve)
	l, _ := new(big.Int).SetString(lambda, 0)
	ecc.PrecomputeLattice(fr.Modulus(), l, &c.lattice)
	c.beta.SetString(beta)
	_, g := secp256k1.Generators()
	points := make([]secp256k1.G1Jac, 1<<(baseWidth-2))
	oddMultiples(&g, points)
	c.base[0] = secp256k1.BatchJacobianToAffineG1(points)
	c.base[1] = make([]secp256k1.G1Affine, len(c.base[0]))
	c.endomorphism(c.base[0], c.base[1])
	return c
})

// combine returns a·G + b·key.
func combine(key *secp256k1.G1Affine, a, b *fr.Element) (sum secp256k1.G1Jac) {
	c := theCurve()
	var multiples, rotated keyMultiples
	multiples.set(key)
	c.endomorphism(multiples[:], rotated[:])

	ofBase, ofKey := ecc.SplitScalar(regular(a), &c.lattice), ecc.SplitScalar(regular(b), &c.lattice)
	var terms [4]term
	terms[0].set(&ofBase[0], baseWidth, c.base[0])
	terms[1].set(&ofBase[1], baseWidth, c.base[1])
	terms[2].set(&ofKey[0], keyWidth, multiples[:])
	terms[3].set(&ofKey[1], keyWidth, rotated[:])

	sum.X.SetOne() // infinity
	sum.Y.SetOne()
	for i := max(terms[0].n, terms[1].n, terms[2].n, terms[3].n) - 1; i >= 0; i-- {
		sum.DoubleAssign()
		for t := range terms {
			terms[t].addTo(&sum, i)
		}
	}
	return sum
}

// keyMultiples are odd multiples of a key.
type keyMultiples [1 << (keyWidth - 2)]secp256k1.G1Affine

// set fills in p, 3p, 5p, …, with one inversion for all of them. It does without the
// heap, as the library's own way from Jacobian to affine coordinates does not.
func (m *keyMultiples) set(p *secp256k1.G1Affine) {
	var points [len(m)]secp256k1.G1Jac
	oddMultiples(p, points[:])
	var products [len(m)]fp.Element // of the Z up to here
	products[0].SetOne()
	for i := 1; i < len(points); i++ {
		products[i].Mul(&products[i-1], &points[i].Z)
	}
	var inverse fp.Element // of the product up to i
	inverse.Inverse(&products[len(products)-1])
	for i := len(points) - 1; i > 0; i-- {
		var z, zz fp.Element
		z.Mul(&inverse, &products[i-1])
		inverse.Mul(&inverse, &points[i].Z)
		zz.Square(&z)
		m[i].X.Mul(&points[i].X, &zz)
		m[i].Y.Mul(&points[i].Y, &zz).Mul(&m[i].Y, &z)
	}
	m[0] = *p
}

// oddMultiples fills in p, whose Z is 1, 3p, 5p, ….
func oddMultiples(p *secp256k1.G1Affine, points []secp256k1.G1Jac) {
	var twice secp256k1.G1Jac
	twice.FromAffine(p)
	twice.DoubleAssign()
	points[0].FromAffine(p)
	for i := range points[1:] {
		points[i+1] = points[i]
		points[i+1].AddAssign(&twice)
	}
}

// endomorphism multiplies points by λ.
func (c *curve) endomorphism(points, rotated []secp256k1.G1Affine) {
	for i := range points {
		rotated[i].X.Mul(&points[i].X, &c.beta)
		rotated[i].Y = points[i].Y
	}
}

// term is a scalar in windowed non-adjacent form, the digit of 2^0 first, and the
// odd multiples of the point that it multiplies.
type term struct {
	digits    [128 + 2 + baseWidth]int16 // half a scalar may have 128 bits and a carry
	n         int
	multiples []secp256k1.G1Affine
}

// set recodes k, of either sign: digits are 0 or odd, less than 2^(width-1), and of
// width neighbours at most one is not 0.
func (t *term) set(k *big.Int, width uint, multiples []secp256k1.G1Affine) {
	t.multiples = multiples
	sign := int16(k.Sign())
	var rest uint192
	rest.set(k)
	for ; rest != (uint192{}); t.n++ {
		if rest[0]&1 == 1 {
			digit := int64(rest[0] & (1<<width - 1))
			if digit >= 1<<(width-1) {
				digit -= 1 << width
			}
			rest.subtract(digit)
			t.digits[t.n] = sign * int16(digit)
		}
		rest.halve()
	}
}

// addTo adds the multiple that digit i stands for.
func (t *term) addTo(sum *secp256k1.G1Jac, i int) {
	switch digit := t.digits[i]; {
	case digit > 0:
		sum.AddMixed(&t.multiples[digit/2])
	case digit < 0:
		negative := t.multiples[-digit/2]
		negative.Y.Neg(&negative.Y)
		sum.AddMixed(&negative)
	}
}

// uint192 is the absolute value of half a scalar, the lowest word first.
type uint192 [3]uint64

func (x *uint192) set(k *big.Int) {
	var b [24]byte
	k.FillBytes(b[:])
	for i := range x {
		x[i] = binary.BigEndian.Uint64(b[16-8*i:])
	}
}

// subtract takes away d, which may be negative, and is not larger than x.
func (x *uint192) subtract(d int64) {
	var carry uint64
	x[0], carry = bits.Sub64(x[0], uint64(d), 0)
	sign := uint64(d >> 63)
	x[1], carry = bits.Sub64(x[1], sign, carry)
	x[2], _ = bits.Sub64(x[2], sign, carry)
}

func (x *uint192) halve() {
	x[0] = x[0]>>1 | x[1]<<63
	x[1] = x[1]>>1 | x[2]<<63
	x[2] >>= 1
}
