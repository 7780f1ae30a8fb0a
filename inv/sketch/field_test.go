package sketch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// mulBIP330 multiplies in the basis of x^32 + x^7 + x^3 + x^2 + 1, bit by bit.
func mulBIP330(a, b uint32) (product uint32) {
	for ; b != 0; b >>= 1 {
		if b&1 == 1 {
			product ^= a
		}
		carry := a >> 31
		a = a<<1 ^ carry*(1<<7|1<<3|1<<2|1)
	}
	return product
}

// elements are some of the field, with all kinds of zero halves and sums.
func elements(rng *rand.Rand, n int) []uint32 {
	es := []uint32{0, 1, 2, 0xffff, 0x10000, 0x10001, 0xffff0000, 0xffffffff, delta, delta << 16, root}
	for range n {
		e := rng.Uint32()
		es = append(es, e, e&0xffff, e&0xffff0000, e>>16|e&0xffff0000)
	}
	return es
}

func TestFieldIsBIP330s(t *testing.T) {
	f := gf32()
	es := elements(rand.New(rand.NewPCG(1, 1)), 40)
	for _, a := range es {
		if got := f.toBIP330.apply(f.toTower.apply(a)); got != a {
			t.Fatalf("%#x there and back is %#x", a, got)
		}
		for _, b := range es {
			got := f.toBIP330.apply(f.mul(f.toTower.apply(a), f.toTower.apply(b)))
			if want := mulBIP330(a, b); got != want {
				t.Fatalf("%#x · %#x = %#x, want %#x", a, b, got, want)
			}
		}
	}
}

func TestFieldInverse(t *testing.T) {
	f := gf32()
	for _, a := range elements(rand.New(rand.NewPCG(1, 2)), 10_000) {
		if a == 0 {
			continue
		}
		if got := f.mul(a, f.inv(a)); got != 1 {
			t.Fatalf("%#x · %#x = %#x", a, f.inv(a), got)
		}
	}
}

func TestFieldHalve(t *testing.T) {
	f := gf32()
	for _, z := range elements(rand.New(rand.NewPCG(1, 3)), 1000) {
		c := f.square.apply(z) ^ z
		if got := f.halve.apply(c); got != z && got != z^1 {
			t.Fatalf("z² + z = %#x has the solution %#x, got %#x", c, z, got)
		}
	}
}

func TestAddScaled(t *testing.T) {
	f := gf32()
	es := elements(rand.New(rand.NewPCG(1, 4)), 20)
	for _, v := range [][]uint32{es, es[20:], {0x12345678, 0x9abcdef1}, {}} {
		var r row
		f.fill(&r, v)
		for _, c := range es {
			dst := slices.Clone(es)
			f.addScaled(dst, c, r)
			for i, e := range es {
				want := e
				if i < len(v) {
					want ^= f.mul(c, v[i])
				}
				if dst[i] != want {
					t.Fatalf("%#x + %#x·row[%d] = %#x, want %#x", e, c, i, dst[i], want)
				}
			}
		}
	}
}

// product is the monic polynomial with these roots, its leading coefficient
// left out.
func product(f *field, roots []uint32) []uint32 {
	p := []uint32{1}
	for _, r := range roots {
		p = append([]uint32{0}, p...)
		for i := range len(p) - 1 {
			p[i] ^= f.mul(p[i+1], r)
		}
	}
	return p[:len(roots)]
}

func TestFindRoots(t *testing.T) {
	f := gf32()
	rng := rand.New(rand.NewPCG(1, 5))
	for degree := range 70 {
		want := make([]uint32, degree)
		for i := range want {
			want[i] = rng.Uint32()
		}
		slices.Sort(want)
		got, ok := findRoots(f, product(f, want))
		slices.Sort(got)
		if !ok || !slices.Equal(got, want) {
			t.Fatalf("degree %d: %x, %v, want %x", degree, got, ok, want)
		}
	}
}

func TestFindRootsRefuses(t *testing.T) {
	f := gf32()
	irreducible := uint32(0) // x² + x + this
	for c := uint32(1); irreducible == 0; c <<= 1 {
		if z := f.halve.apply(c); f.square.apply(z)^z != c {
			irreducible = c
		}
	}
	for _, tt := range []struct {
		name string
		p    []uint32
	}{
		{"a double root", product(f, []uint32{5, 5})},
		{"a double root among others", product(f, []uint32{5, 6, 7, 5})},
		{"a double root 0", []uint32{0, 0}},
		{"an irreducible quadratic", []uint32{irreducible, 1}},
		{"an irreducible quadratic's square", []uint32{f.square.apply(irreducible), 0, 1, 0}},
		{"a cubic that does not split", []uint32{0x12345, 0x77, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if roots, ok := findRoots(f, tt.p); ok {
				t.Errorf("has roots %x", roots)
			}
		})
	}
}
