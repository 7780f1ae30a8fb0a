package sigcheck

import (
	"math/big"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// integer is x as it is, which may be p or more.
func (x *field) integer() *big.Int {
	i := new(big.Int)
	for _, w := range slices.Backward(x[:]) {
		i.Lsh(i, 64).Or(i, new(big.Int).SetUint64(w))
	}
	return i
}

// checkOp applies op and compares the result with math/big's.
func checkOp(t *testing.T, name string, op func(z *field), want *big.Int) {
	t.Helper()
	var z field
	op(&z)
	p := btcec.S256().P
	want = new(big.Int).Mod(want, p)
	if new(big.Int).Mod(z.integer(), p).Cmp(want) != 0 {
		t.Errorf("%s: %x, want %x", name, z.integer(), want)
	}
	if r := z.reduced(); r.integer().Cmp(want) != 0 || z.isOdd() != (want.Bit(0) == 1) || z.isZero() != (want.Sign() == 0) {
		t.Errorf("%s: %x is reduced to %x, odd %t, zero %t", name, z.integer(), r.integer(), z.isOdd(), z.isZero())
	}
}

// checkField compares what is done with one number with math/big.
func checkField(t *testing.T, x field) {
	t.Helper()
	p, a := btcec.S256().P, x.integer()
	inverse := new(big.Int)
	if inverse.ModInverse(a, p) == nil {
		inverse.SetInt64(0)
	}
	half := new(big.Int).ModInverse(big.NewInt(2), p)
	square := new(big.Int).Mul(a, a)
	name := a.Text(16)
	checkOp(t, name+" reduced", func(z *field) { *z = x.reduced() }, a)
	checkOp(t, name+" negated", func(z *field) { z.negate(&x) }, new(big.Int).Neg(a))
	checkOp(t, name+" halved", func(z *field) { z.halve(&x) }, new(big.Int).Mul(a, half))
	checkOp(t, name+" squared", func(z *field) { z.square(&x) }, square)
	checkOp(t, name+" times itself in place", func(z *field) { *z = x; z.mul(z, z) }, square)
	checkOp(t, name+" inverted", func(z *field) { z.invert(&x) }, inverse)

	var root, again field
	if ok := root.sqrt(&x); ok != (new(big.Int).ModSqrt(new(big.Int).Mod(a, p), p) != nil) {
		t.Errorf("%x has a square root: %t", a, ok)
	} else if again.square(&root); ok && !again.equal(&x) {
		t.Errorf("square root of %x: %x", a, root.integer())
	}
	var read field
	var bytes [32]byte
	if ok := read.setBytes(a.FillBytes(bytes[:])); ok != (a.Cmp(p) < 0) || read != x {
		t.Errorf("reading %x: %x, %t", a, read.integer(), ok)
	}
}

// checkPair does so with two.
func checkPair(t *testing.T, x, y field) {
	t.Helper()
	p, a, b := btcec.S256().P, x.integer(), y.integer()
	name := a.Text(16) + " and " + b.Text(16)
	checkOp(t, "add "+name, func(z *field) { z.add(&x, &y) }, new(big.Int).Add(a, b))
	checkOp(t, "sub "+name, func(z *field) { z.sub(&x, &y) }, new(big.Int).Sub(a, b))
	checkOp(t, "mul "+name, func(z *field) { z.mul(&x, &y) }, new(big.Int).Mul(a, b))
	if x.equal(&y) != (new(big.Int).Mod(a, p).Cmp(new(big.Int).Mod(b, p)) == 0) {
		t.Errorf("%s are equal: %t", name, x.equal(&y))
	}
}

// What may carry once or twice: numbers of which words are full or empty, and those around p.
func TestFieldAtItsEdges(t *testing.T) {
	const full = 1<<64 - 1
	var edges []field
	for pattern := range 16 {
		var x field
		for i := range x {
			x[i] = -uint64(pattern >> i & 1)
		}
		for _, low := range []uint64{x[0], 1, 2, fold - 1, fold, fold + 1, full - fold, full - fold + 1, full - fold + 2, full - 1} {
			x[0] = low
			edges = append(edges, x)
		}
	}
	for _, x := range edges {
		checkField(t, x)
		for _, y := range edges {
			checkPair(t, x, y)
		}
	}
}

// FuzzField compares the field with math/big, for numbers in both forms.
func FuzzField(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(3), uint64(4), uint64(5), uint64(6), uint64(7), uint64(8))
	f.Add(modulus[0], modulus[1], modulus[2], modulus[3], modulus[0]-1, modulus[1], modulus[2], modulus[3])
	f.Fuzz(func(t *testing.T, x0, x1, x2, x3, y0, y1, y2, y3 uint64) {
		x, y := field{x0, x1, x2, x3}, field{y0, y1, y2, y3}
		checkField(t, x)
		checkPair(t, x, y)
	})
}

// value is h as a signed number.
func (h *half) value() *big.Int {
	v := new(big.Int).SetUint64(h.words[1])
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(h.words[0]))
	if h.negative {
		v.Neg(v)
	}
	return v
}

// checkScalar takes a scalar apart in every way and puts it together again.
func checkScalar(t *testing.T, k *big.Int) {
	t.Helper()
	c := theCurve()
	s := scalar(k)
	lambda := new(big.Int).Neg(new(big.Int).SetBytes(decoded(minusLambda)))
	joined := func(low, high *half, factor *big.Int) bool {
		sum := new(big.Int).Mul(high.value(), factor)
		sum.Add(sum, low.value()).Sub(sum, k)
		return sum.Mod(sum, btcec.S256().N).Sign() == 0
	}
	low, high := cut(&s)
	a, b := c.lattice.split(&s)
	if !joined(&low, &high, new(big.Int).Lsh(big.NewInt(1), 128)) || !joined(&a, &b, lambda) {
		t.Errorf("%x: cut into %x and %x, split into %x and %x", k, low.value(), high.value(), a.value(), b.value())
	}
	for _, h := range []half{low, high, a, b} {
		for width := 2; width <= 12; width++ {
			var form term
			form.set(&h, width, nil, nil)
			sum, last := new(big.Int), -width
			for i, digit := range form.digits {
				if digit == 0 {
					continue
				}
				if digit%2 == 0 || max(digit, -digit) >= 1<<(width-1) || i-last < width || i >= form.n {
					t.Errorf("%x with a window of %d: %d at %d, %d digits", h.value(), width, digit, i, form.n)
				}
				last = i
				sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(digit)), uint(i)))
			}
			if sum.Cmp(h.value()) != 0 {
				t.Errorf("%x with a window of %d is recoded as %x", h.value(), width, sum)
			}
		}
	}
}

func TestScalars(t *testing.T) {
	order := btcec.S256().N
	for i := range int64(100) {
		hash := chainhash.HashH([]byte{byte(i)})
		checkScalar(t, new(big.Int).Mod(new(big.Int).SetBytes(hash[:]), order))
		checkScalar(t, big.NewInt(i))
		checkScalar(t, new(big.Int).Sub(order, big.NewInt(i+1)))
	}
	for bit := range uint(256) {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		checkScalar(t, power.Mod(power, order))
		power.Sub(power, big.NewInt(1))
		checkScalar(t, power.Mod(power, order))
	}
}

// FuzzScalar takes arbitrary scalars apart.
func FuzzScalar(f *testing.F) {
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		k := new(big.Int).SetBytes(b[:min(len(b), 32)])
		checkScalar(t, k.Mod(k, btcec.S256().N))
	})
}
