package sigcheck

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/btcsuite/btcd/btcec/v2"
)

// half is a number of either sign and of at most 128 bits, the lowest word first.
type half struct {
	words    [2]uint64
	negative bool
}

// words are those of a scalar, the lowest first.
func words(k *btcec.ModNScalar) (w [4]uint64) {
	b := k.Bytes()
	for i := range w {
		w[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return w
}

// cut cuts the binary digits of k in two: k = low + 2^128·high.
func cut(k *btcec.ModNScalar) (low, high half) {
	w := words(k)
	return half{words: [2]uint64(w[:2])}, half{words: [2]uint64(w[2:])}
}

// lambda and beta are cube roots of 1, modulo the order of the group and modulo p, so
// that λ(x, y) is (βx, y) (R. Gallant, R. Lambert, S. Vanstone, CRYPTO 2001). The
// others belong to the shortest vectors (a, b) for which a + bλ is 0: the b, and the a
// divided by the order, times 2^384. All are libsecp256k1's (scalar_impl.h, field.h).
const (
	minusLambda = "ac9c52b33fa3cf1f5ad9e3fd77ed9ba4a880b9fc8ec739c2e0cfc810b51283cf"
	minusB1     = "e4437ed6010e88286f547fa90abfe4c3"
	minusB2     = "fffffffffffffffffffffffffffffffe8a280ac50774346dd765cda83db1562c"
	g1          = "3086d221a7d46bcde86c90e49284eb153daa8a1471e8ca7fe893209a45dbb031"
	g2          = "e4437ed6010e88286f547fa90abfe4c4221208ac9df506c61571b4ae8ac47f71"
	beta        = "7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee"
)

// lattice splits scalars in halves.
type lattice struct {
	minusLambda, minusB1, minusB2 btcec.ModNScalar
	g1, g2                        [4]uint64
}

func newLattice() lattice {
	number := func(digits string) (s btcec.ModNScalar) {
		s.SetByteSlice(decoded(digits))
		return s
	}
	of1, of2 := number(g1), number(g2)
	return lattice{number(minusLambda), number(minusB1), number(minusB2), words(&of1), words(&of2)}
}

func decoded(digits string) []byte {
	b, _ := hex.DecodeString(digits)
	return b
}

// split finds a and b so that k = a + bλ.
func (l *lattice) split(k *btcec.ModNScalar) (a, b half) {
	w := words(k)
	c1, c2 := nearest(&w, &l.g1), nearest(&w, &l.g2)
	c1.Mul(&l.minusB1)
	c2.Mul(&l.minusB2)
	c1.Add(&c2)
	c2.Mul2(&c1, &l.minusLambda)
	c2.Add(k)
	return halfOf(&c2), halfOf(&c1)
}

// nearest is k·g / 2^384, rounded.
func nearest(k, g *[4]uint64) (c btcec.ModNScalar) {
	_, _, _, _, _, w5, w6, w7 := product(k, g)
	w6, carry := bits.Add64(w6, w5>>63, 0)
	var b [32]byte
	binary.BigEndian.PutUint64(b[16:], w7+carry)
	binary.BigEndian.PutUint64(b[24:], w6)
	c.SetBytes(&b)
	return c
}

// halfOf is k or k minus the order of the group, whichever is nearer to 0.
func halfOf(k *btcec.ModNScalar) (h half) {
	absolute := *k
	if h.negative = k.IsOverHalfOrder(); h.negative {
		absolute.Negate()
	}
	w := words(&absolute)
	h.words = [2]uint64(w[:2])
	return h
}

// bits are n binary digits from the given one on.
func (h *half) bits(from, n int) int {
	if from >= 128 {
		return 0
	}
	w := h.words[from/64] >> (from % 64)
	if from < 64 {
		w |= h.words[1] << (64 - from)
	}
	return int(w & (1<<n - 1))
}
