package sketch

// rootFinder finds the roots of one polynomial over the field by Berlekamp's
// trace algorithm. Here every polynomial is monic and without its leading
// coefficient, unless said otherwise, so its degree is its length.
type rootFinder struct {
	field   *field
	p       []uint32 // the product of all factors
	powers  [32]row  // powers[i] is x^(2^i) mod p
	divider divider
	a, b    []uint32 // scratch, two polynomials with their leading coefficients
	roots   []uint32
}

// findRoots returns the roots of the monic p, given without its leading
// coefficient, if it has as many distinct ones as its degree. Otherwise it
// notices before it splits anything. It overwrites p.
func findRoots(f *field, p []uint32) (roots []uint32, ok bool) {
	r := &rootFinder{field: f, p: p, roots: make([]uint32, 0, len(p))}
	if len(p) <= 2 {
		ok = r.solve(p)
		return r.roots, ok
	}
	if !r.splits() {
		return nil, false
	}
	r.split()
	return r.roots, len(r.roots) == len(p)
}

// splits fills powers and tells whether p is a product of distinct linear
// factors, which is whether x^(2^32) = x modulo p.
//
// Squaring is linear over GF(2): it squares the coefficients and doubles the
// exponents. So the powers x^(2k) mod p are computed once, and each squaring
// combines half of them.
func (r *rootFinder) splits() bool {
	f, degree := r.field, len(r.p)
	arena := make([]logs, (degree/2+len(r.powers)+2)*degree)
	newRow := func(v []uint32) (w row) {
		w.logs, arena = arena[:0:degree], arena[degree:]
		f.fill(&w, v)
		return w
	}
	p := newRow(r.p)
	r.divider = divider{field: f, lower: newRow(nil)}
	scratch := make([]uint32, 2*(degree+1))
	r.a, r.b = scratch[:degree+1:degree+1], scratch[degree+1:]

	even := make([]row, degree) // even[k] is x^(2k) mod p where 2k ≥ degree
	power := append(r.a[:0], r.p...)
	for e := degree; e <= 2*(degree-1); e++ {
		if e%2 == 0 {
			even[e/2] = newRow(power)
		}
		top := power[degree-1]
		copy(power[1:], power)
		power[0] = 0
		f.addScaled(power, top, p)
	}

	current, next := r.a[:degree], r.b[:degree]
	clear(current)
	current[1] = 1
	for i := range r.powers {
		r.powers[i] = newRow(current)
		clear(next)
		for k, c := range current {
			if 2*k < degree {
				next[2*k] ^= f.square.apply(c)
			} else {
				f.addScaled(next, f.square.apply(c), even[k])
			}
		}
		current, next = next, current
	}
	current[1] ^= 1
	return len(trim(current)) == 0
}

// split finds the roots of p, knowing that it splits.
//
// The trace of b·x, which is the sum of its powers 2^i for i < 32, is 0 or 1
// at every root. For some b of a basis it differs at two given roots, so after
// 32 greatest common divisors all are apart. The trace polynomial is computed
// modulo p once for each b, and then reduced modulo every factor left.
func (r *rootFinder) split() {
	b := r.firstMultiplier()
	trace := make([]uint32, len(r.p))
	factors, rest := [][]uint32{r.p}, [][]uint32(nil)
	for range r.powers {
		r.traceOf(trace, b)
		b = r.field.mul(b, root)
		for _, q := range factors {
			g, h := r.separate(q, trace)
			if !r.solve(g) {
				rest = append(rest, g)
			}
			if !r.solve(h) {
				rest = append(rest, h)
			}
		}
		if factors, rest = rest, factors[:0]; len(factors) == 0 {
			return
		}
	}
}

// firstMultiplier hashes p, so that roots with a linear structure meet a basis
// that has nothing to do with it. Whoever chooses p can still make the first
// multipliers separate nothing, which at most doubles the time.
func (r *rootFinder) firstMultiplier() uint32 {
	return uint32(mix64(uint64(r.p[0])<<32|uint64(r.p[len(r.p)-1]))) | 1
}

// traceOf sets trace to the trace of b·x modulo p.
func (r *rootFinder) traceOf(trace []uint32, b uint32) {
	clear(trace)
	for i := range r.powers {
		if k := uint(1) << i; k < uint(len(trace)) {
			trace[k] ^= b
		} else {
			r.field.addScaled(trace, b, r.powers[i])
		}
		b = r.field.square.apply(b)
	}
}

// separate splits q in two: where trace is 0 and where it is 1. The factors
// take q's place; the second is empty if trace is the same at all roots.
func (r *rootFinder) separate(q, trace []uint32) (g, h []uint32) {
	r.divider.set(q, 1)
	t := r.divider.divMod(append(r.b[:0], trace...))
	if len(t) <= 1 {
		return q, nil
	}
	g = r.divider.gcd(append(append(r.a[:0], q...), 1), t)
	r.divider.set(g, 1)
	r.field.addScaled(q[len(q)-len(g):], 1, r.divider.lower) // the step for q's leading 1
	r.divider.divMod(q)
	copy(q, g)
	return q[:len(g)], q[len(g):]
}

// solve finds the roots of p if its degree is at most 2 and it has as many
// distinct ones.
func (r *rootFinder) solve(p []uint32) bool {
	f := r.field
	switch {
	case len(p) == 0:
		return true
	case len(p) == 1:
		r.roots = append(r.roots, p[0])
		return true
	case len(p) == 2 && p[1] != 0:
		// x = p1·z turns x² + p1·x + p0 into z² + z + p0/p1².
		c := f.mul(p[0], f.square.apply(f.inv(p[1])))
		z := f.halve.apply(c)
		if f.square.apply(z)^z != c {
			return false
		}
		x := f.mul(z, p[1])
		r.roots = append(r.roots, x, x^p[1])
		return true
	}
	return false
}
