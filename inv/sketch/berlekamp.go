package sketch

import "slices"

// locator finds the polynomial whose roots are the elements of the set with
// the given odd power sums, s[i] = Σ x^(2i+1), if there are at most limit of
// them: x^n + p[n-1]·x^(n-1) + … + p[0], where n is their number. That it has
// n distinct roots is left to find out.
//
// This is the Berlekamp–Massey algorithm for binary codes: an even power sum
// is the square of another, so at every other step the discrepancy is zero
// and the step is skipped.
func locator(f *field, s []uint32, limit int) (p []uint32, ok bool) {
	sums := make([]uint32, 2*len(s)) // sums[i] = Σ x^(i+1)
	for i := range sums {
		if i%2 == 0 {
			sums[i] = s[i/2]
		} else {
			sums[i] = f.square.apply(sums[i/2])
		}
	}

	current := make([]uint32, 1, 2*len(s)+2) // connection polynomial of a shift register
	current[0] = 1
	length := 0                    // of the register, which generates all sums seen so far
	previous, next := row{}, row{} // the connection polynomial before the length last grew
	f.fill(&previous, current)     //
	shift, scale := 1, uint32(1)   // steps since then, and the inverse of the discrepancy then
	for n := 0; n < len(sums); n, shift = n+2, shift+2 {
		discrepancy := sums[n]
		for i, c := range current[1:min(len(current), n+1)] {
			discrepancy ^= f.mul(c, sums[n-1-i])
		}
		if discrepancy == 0 {
			continue
		}
		grows := 2*length <= n
		if grows {
			if length = n + 1 - length; length > limit {
				return nil, false
			}
			f.fill(&next, current)
		}
		for len(current) < shift+len(previous.logs) {
			current = append(current, 0)
		}
		f.addScaled(current[shift:], f.mul(discrepancy, scale), previous)
		if grows {
			previous, next = next, previous
			shift, scale = 0, f.inv(discrepancy)
		}
	}

	// The roots of the connection polynomial are the inverses of the elements:
	// reversed, it has the elements as roots. A register longer than its
	// polynomial has no such reading.
	if current = trim(current); len(current)-1 != length {
		return nil, false
	}
	slices.Reverse(current)
	return current[:length], true
}
