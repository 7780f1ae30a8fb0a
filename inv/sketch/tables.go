package sketch

import (
	"math/bits"
	"sync"
)

// Constants of the field. Any irreducible polynomials give isomorphic fields;
// root is what ties this one to BIP330's, element by element.
const (
	poly16 = 1<<16 | 1<<12 | 1<<3 | 1<<1 | 1 // x^16 + x^12 + x^3 + x + 1: primitive
	delta  = 0x2000                          // y² + y + delta is irreducible over GF(2^16)
	root   = 0x0121_9aca                     // of BIP330's x^32 + x^7 + x^3 + x^2 + 1
)

// gf32 is the one field of the process, built on first use in about half a
// millisecond. It has no input and is never written again, so it is a
// constant in all but syntax.
var gf32 = sync.OnceValue(newField)

func newField() *field {
	f := &field{}
	for i, a := 0, uint32(1); i < order; i++ {
		f.exp[i], f.exp[i+order] = uint16(a), uint16(a)
		f.log[a] = uint16(i)
		if a <<= 1; a > order {
			a ^= poly16
		}
	}
	f.log[0] = order
	f.logDelta = f.log[delta]

	var square, quadratic, basis [32]uint32
	power := uint32(1)
	for i := range 32 {
		e := uint32(1) << i
		square[i] = f.mul(e, e)
		quadratic[i] = square[i] ^ e
		basis[i] = power
		power = f.mul(power, root)
	}
	f.square.set(square)
	f.halve.set(rightInverse(quadratic))
	f.toTower.set(basis)
	f.toBIP330.set(rightInverse(basis))
	return f
}

// linearMap is a GF(2)-linear map of 32-bit vectors, tabulated by byte.
type linearMap [4][256]uint32

// set makes m the map that takes bit i to images[i].
func (m *linearMap) set(images [32]uint32) {
	for b := range m {
		for v := 1; v < 256; v++ {
			m[b][v] = m[b][v&(v-1)] ^ images[8*b+bits.TrailingZeros(uint(v))]
		}
	}
}

func (m *linearMap) apply(a uint32) uint32 {
	return m[0][byte(a)] ^ m[1][byte(a>>8)] ^ m[2][byte(a>>16)] ^ m[3][a>>24]
}

// rightInverse is a linear map that takes every vector in the image of the
// given map to one of its preimages, by Gaussian elimination.
func rightInverse(images [32]uint32) (inverse [32]uint32) {
	var pivots, preimages [32]uint32 // pivots[b], if not 0, has b as its highest bit
	reduce := func(v, preimage uint32) (uint32, uint32) {
		for b := 31; b >= 0; b-- {
			if v>>b&1 == 1 && pivots[b] != 0 {
				v ^= pivots[b]
				preimage ^= preimages[b]
			}
		}
		return v, preimage
	}
	for i, image := range images {
		if v, preimage := reduce(image, 1<<i); v != 0 {
			b := bits.Len32(v) - 1
			pivots[b], preimages[b] = v, preimage
		}
	}
	for i := range inverse {
		_, inverse[i] = reduce(1<<i, 0)
	}
	return inverse
}
