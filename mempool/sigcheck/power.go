package sigcheck

// squares squares x n times.
func (z *field) squares(x *field, n int) {
	*z = *x
	for range n {
		z.square(z)
	}
}

// ones returns x to the powers of 2^2−1, 2^22−1 and 2^223−1. Both exponents below
// begin with the last of them in binary, 223 ones, and end with parts of the others
// (libsecp256k1's field_impl.h).
func (x *field) ones() (x2, x22, x223 field) {
	// grow returns the power with n more ones, given that with these n.
	grow := func(a *field, n int, b *field) (z field) {
		z.squares(a, n)
		z.mul(&z, b)
		return z
	}
	x2 = grow(x, 1, x)
	x3 := grow(&x2, 1, x)
	x6 := grow(&x3, 3, &x3)
	x9 := grow(&x6, 3, &x3)
	x11 := grow(&x9, 2, &x2)
	x22 = grow(&x11, 11, &x11)
	x44 := grow(&x22, 22, &x22)
	x88 := grow(&x44, 44, &x44)
	x176 := grow(&x88, 88, &x88)
	x220 := grow(&x176, 44, &x44)
	x223 = grow(&x220, 3, &x3)
	return x2, x22, x223
}

// sqrt sets z to a square root of x, and reports whether there is one: x to the
// power of (p+1)/4, as p is 3 modulo 4.
func (z *field) sqrt(x *field) bool {
	x2, x22, r := x.ones()
	r.squares(&r, 23)
	r.mul(&r, &x22)
	r.squares(&r, 6)
	r.mul(&r, &x2)
	r.squares(&r, 2)
	var square field
	square.square(&r)
	ok := square.equal(x)
	*z = r
	return ok
}

// invert sets z to 1/x, and to 0 if x is 0: x to the power of p−2.
func (z *field) invert(x *field) {
	x2, x22, r := x.ones()
	r.squares(&r, 23)
	r.mul(&r, &x22)
	r.squares(&r, 5)
	r.mul(&r, x)
	r.squares(&r, 3)
	r.mul(&r, &x2)
	r.squares(&r, 2)
	z.mul(&r, x)
}
