package sigcheck

// affine is a point of the curve y² = x³ + 7 that is not at infinity.
type affine struct{ x, y field }

// jacobian is the point (x/z², y/z³), at infinity if z is 0.
type jacobian struct{ x, y, z field }

var one = field{1}

// lift is the point with this x and an odd or an even y; false if there is none.
func lift(x []byte, odd bool) (p affine, ok bool) {
	if !p.x.setBytes(x) {
		return p, false
	}
	var square field
	square.square(&p.x)
	square.mul(&square, &p.x)
	square.add(&square, &field{7})
	if !p.y.sqrt(&square) {
		return p, false
	}
	if p.y.isOdd() != odd {
		p.y.negate(&p.y)
	}
	return p, true
}

// rescale makes (x, y) what stands for the same point with z multiplied by scale.
func (p *affine) rescale(scale *field) {
	var power field
	power.square(scale)
	p.x.mul(&p.x, &power)
	power.mul(&power, scale)
	p.y.mul(&p.y, &power)
}

// hasX compares x with that of a point that is not at infinity.
func (p *jacobian) hasX(x *field) bool {
	var scaled field
	scaled.square(&p.z)
	scaled.mul(&scaled, x)
	return scaled.equal(&p.x)
}

// toAffine converts a point that is not at infinity.
func (p *jacobian) toAffine() affine {
	var inverse field
	inverse.invert(&p.z)
	a := affine{p.x, p.y}
	a.rescale(&inverse)
	return a
}

// double sets p to 2p.
func (p *jacobian) double() {
	var l, s, t field
	p.z.mul(&p.y, &p.z)
	s.square(&p.y)
	l.square(&p.x)
	t.add(&l, &l)
	l.add(&l, &t)
	l.halve(&l) // 3/2 x²
	t.mul(&p.x, &s)
	p.x.square(&l)
	p.x.sub(&p.x, &t)
	p.x.sub(&p.x, &t)
	t.sub(&t, &p.x)
	p.y.mul(&l, &t)
	s.square(&s)
	p.y.sub(&p.y, &s)
}

// add sets p to p + q, and returns what p.z is multiplied by. If z is not 1, both are
// points of another curve, on which q would be (x·z², y·z³): so what is affine with
// one z for many points is added to without a division (libsecp256k1's
// gej_add_zinv_var).
func (p *jacobian) add(q *affine, z *field) (ratio field) {
	if p.z.isZero() {
		a := *q
		a.rescale(z)
		*p = jacobian{a.x, a.y, one}
		return one
	}
	at := p.z
	if z != &one {
		at.mul(&at, z)
	}
	scaled := *q
	scaled.rescale(&at)
	var h, r field
	h.sub(&scaled.x, &p.x)
	r.sub(&scaled.y, &p.y)
	if h.isZero() && r.isZero() {
		ratio = p.y
		p.double()
		return ratio
	}
	var hh, hhh, v field
	hh.square(&h)
	hhh.mul(&h, &hh)
	v.mul(&p.x, &hh)
	p.x.square(&r)
	p.x.sub(&p.x, &hhh)
	p.x.sub(&p.x, &v)
	p.x.sub(&p.x, &v)
	v.sub(&v, &p.x)
	v.mul(&v, &r)
	hhh.mul(&hhh, &p.y)
	p.y.sub(&v, &hhh)
	p.z.mul(&p.z, &h) // 0 if the points are opposite
	return h
}
