package sigcheck

import (
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
)

// A sum is right and z grows by the ratio, be the points at infinity, equal or opposite, on the curve or on another one.
func TestAdd(t *testing.T) {
	scales := []*field{&one, {1}, {modulus[0] + 1, modulus[1], modulus[2], modulus[3]}, {2}, {1, 2, 3, 4}}
	for _, a := range []int64{0, 1, -1, 2, 5, -5, 77} {
		for _, b := range []int64{1, -1, 2, 5, -77} {
			for i, z := range scales {
				for j, scale := range scales {
					p, q := jacobian{z: modulus}, timesG(big.NewInt(b))
					if a != 0 {
						first := timesG(big.NewInt(a))
						first.rescale(scale)
						first.rescale(z)
						p = jacobian{first.x, first.y, *z}
					}
					want := p.z
					ratio := p.add(&q, scale)
					want.mul(&want, &ratio)
					if a != 0 && !p.z.equal(&want) {
						t.Errorf("%d·G + %d·G, z %d, scale %d: not the ratio", a, b, i, j)
					}
					p.z.mul(&p.z, scale)
					if !equal(&p, new(big.Int).Mod(big.NewInt(a+b), btcec.S256().N)) {
						t.Errorf("%d·G + %d·G, z %d, scale %d: not the sum", a, b, i, j)
					}
				}
			}
		}
	}
}

// The two forms of one x are told to be the same: x = 1 is on the curve.
func TestAddOfBothForms(t *testing.T) {
	low, ok := lift(big.NewInt(1).FillBytes(make([]byte, 32)), false)
	if !ok {
		t.Fatal("no point with x = 1")
	}
	high := affine{field{modulus[0] + 1, modulus[1], modulus[2], modulus[3]}, low.y}
	opposite := high
	opposite.y.negate(&opposite.y)
	sum, twice := jacobian{low.x, low.y, one}, jacobian{low.x, low.y, one}
	sum.add(&high, &one)
	twice.double()
	if got, want := sum.toAffine(), twice.toAffine(); !got.x.equal(&want.x) || !got.y.equal(&want.y) {
		t.Error("the sum of equal points is not the double of one")
	}
	sum = jacobian{low.x, low.y, one}
	if sum.add(&opposite, &one); !sum.z.isZero() {
		t.Error("the sum of opposite points is not infinity")
	}
}

// A coordinate of p or more is none, even if there is a point with what it is modulo p.
func TestLift(t *testing.T) {
	p := btcec.S256().P
	for i := range int64(30) {
		x := big.NewInt(i).FillBytes(make([]byte, 32))
		_, err := btcec.ParsePubKey(append([]byte{2}, x...))
		if _, ok := lift(x, false); ok != (err == nil) {
			t.Errorf("x = %d: %t", i, ok)
		}
		if _, ok := lift(new(big.Int).Add(p, big.NewInt(i)).Bytes(), false); ok {
			t.Errorf("x = p + %d: a point", i)
		}
	}
}
