package sketch

// A polynomial is the slice of its coefficients, the constant term first and
// without leading zeros; the zero polynomial is empty. A monic one may leave
// out its leading coefficient, and says so.

func trim(a []uint32) []uint32 {
	for len(a) > 0 && a[len(a)-1] == 0 {
		a = a[:len(a)-1]
	}
	return a
}

// divider divides by one polynomial, many times.
type divider struct {
	field   *field
	lower   row    // all coefficients but the leading one
	leadInv uint32 // inverse of the leading coefficient
}

// set makes d divide by the polynomial with these lower and leading
// coefficients.
func (d *divider) set(lower []uint32, lead uint32) {
	d.field.fill(&d.lower, lower)
	d.leadInv = 1
	if lead != 1 {
		d.leadInv = d.field.inv(lead)
	}
}

// divMod divides a in place: as many low coefficients as the divisor's degree
// become the remainder, which is returned trimmed, the others the quotient.
func (d *divider) divMod(a []uint32) (remainder []uint32) {
	degree := len(d.lower.logs)
	for i := len(a) - 1; i >= degree; i-- {
		if d.leadInv != 1 {
			a[i] = d.field.mul(a[i], d.leadInv)
		}
		d.field.addScaled(a[i-degree:], a[i], d.lower)
	}
	return trim(a[:min(len(a), degree)])
}

// gcd is the monic greatest common divisor of a and b, without its leading
// coefficient. Both are overwritten; b is not zero.
func (d *divider) gcd(a, b []uint32) []uint32 {
	for len(b) > 0 {
		top := len(b) - 1
		d.set(b[:top], b[top])
		a, b = b, d.divMod(a)
	}
	top := len(a) - 1
	if a[top] != 1 {
		inv := d.field.inv(a[top])
		for i, c := range a[:top] {
			a[i] = d.field.mul(c, inv)
		}
	}
	return a[:top]
}
