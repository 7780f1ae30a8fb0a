package sigcheck

import (
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Widths of the windows, in bits: of the generator, whose multiples are computed
// once, and of a key, for which each verification computes them.
const (
	baseWidth = 10
	keyWidth  = 5
)

// curve is what all verifications share.
type curve struct {
	lattice lattice
	beta    field
	base    [2][1 << (baseWidth - 2)]affine // odd multiples of the generator G and of 2^128·G
}

// theCurve computes it at the first use: about 0.3 ms.
var theCurve = sync.OnceValue(func() *curve {
	c := &curve{lattice: newLattice()}
	c.beta.setBytes(decoded(beta))
	var generator btcec.JacobianPoint
	btcec.GeneratorJacobian(&generator)
	var p jacobian
	p.x.setBytes(generator.X.Bytes()[:])
	p.y.setBytes(generator.Y.Bytes()[:])
	p.z = one
	c.base[0] = baseMultiples(p.toAffine())
	for range 128 {
		p.double()
	}
	c.base[1] = baseMultiples(p.toAffine())
	return c
})

func baseMultiples(p affine) (multiples [1 << (baseWidth - 2)]affine) {
	var ratios [len(multiples)]field
	z := oddMultiples(&p, multiples[:], ratios[:])
	z.invert(&z)
	for i := range multiples {
		multiples[i].rescale(&z)
	}
	return multiples
}

// oddMultiples fills in p, 3p, 5p, …: points of the curve on which the one that it
// returns is the z of each of them, as if all were (x/z², y/z³). It needs as many
// ratios to work with.
func oddMultiples(p *affine, multiples []affine, ratios []field) (z field) {
	twice := jacobian{p.x, p.y, one}
	twice.double()
	// Where z is twice.z, 2p is affine.
	step, first := affine{twice.x, twice.y}, *p
	first.rescale(&twice.z)
	last := jacobian{first.x, first.y, one}
	multiples[0] = first
	for i := 1; i < len(multiples); i++ {
		ratios[i] = last.add(&step, &one)
		multiples[i] = affine{last.x, last.y}
	}
	z.mul(&last.z, &twice.z)
	scale := one
	for i := len(multiples) - 2; i >= 0; i-- {
		scale.mul(&scale, &ratios[i+1])
		multiples[i].rescale(&scale)
	}
	return z
}

// combine returns a·G + b·key.
func combine(key *affine, a, b *btcec.ModNScalar) (sum jacobian) {
	c := theCurve()
	var multiples, rotated [1 << (keyWidth - 2)]affine
	var ratios [len(multiples)]field
	z := oddMultiples(key, multiples[:], ratios[:])
	for i := range multiples {
		rotated[i].x.mul(&multiples[i].x, &c.beta)
		rotated[i].y = multiples[i].y
	}

	var terms [4]term
	low, high := cut(a)
	terms[0].set(&low, baseWidth, c.base[0][:], &z)
	terms[1].set(&high, baseWidth, c.base[1][:], &z)
	plain, turned := c.lattice.split(b)
	terms[2].set(&plain, keyWidth, multiples[:], &one)
	terms[3].set(&turned, keyWidth, rotated[:], &one)
	for i := max(terms[0].n, terms[1].n, terms[2].n, terms[3].n) - 1; i >= 0; i-- {
		sum.double()
		for t := range terms {
			terms[t].addTo(&sum, i)
		}
	}
	sum.z.mul(&sum.z, &z)
	return sum
}

// term is a scalar in windowed non-adjacent form, the digit of 2^0 first, and the
// odd multiples of the point that it multiplies, which scale brings to the curve
// that the sum is on.
type term struct {
	digits    [128 + 1]int16
	n         int // digits, none of them 0 beyond
	multiples []affine
	scale     *field
}

// set recodes k: digits are 0 or odd, less than 2^(width-1), and of width neighbours
// at most one is not 0.
func (t *term) set(k *half, width int, multiples []affine, scale *field) {
	t.multiples, t.scale = multiples, scale
	for i, carry := 0, 0; i < 128 || carry == 1; {
		if k.bits(i, 1) == carry {
			i++
			continue
		}
		digit := k.bits(i, width) + carry
		carry = digit >> (width - 1)
		digit -= carry << width
		if k.negative {
			digit = -digit
		}
		t.digits[i] = int16(digit)
		t.n = i + 1
		i += width
	}
}

// addTo adds the multiple that digit i stands for.
func (t *term) addTo(sum *jacobian, i int) {
	switch digit := t.digits[i]; {
	case digit > 0:
		sum.add(&t.multiples[digit/2], t.scale)
	case digit < 0:
		negative := t.multiples[-digit/2]
		negative.y.negate(&negative.y)
		sum.add(&negative, t.scale)
	}
}
