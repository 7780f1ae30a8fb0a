package sketch

// The field GF(2^32) as the quadratic extension y² + y + delta of
// GF(2^16) = GF(2)[x] / (x^16 + x^12 + x^3 + x + 1). An element is a uint32
// whose high half is the coefficient of y and whose low half is the constant
// term; addition is XOR. Products go through logarithms of the halves.

// order is the order of the multiplicative group of GF(2^16). As a logarithm,
// which is otherwise below it, it marks the half 0, which has none.
const order = 1<<16 - 1

// field holds the tables of GF(2^32), about 400 KiB. It is immutable.
type field struct {
	exp      [1 << 17]uint16 // exp[i] = x^i, so that a sum of two logarithms needs no reduction
	log      [1 << 16]uint16
	logDelta uint16

	square   linearMap // z → z²
	halve    linearMap // c → one z with z² + z = c, if there is any
	toTower  linearMap // BIP330 basis → tower basis
	toBIP330 linearMap // tower basis → BIP330 basis
}

// logs is an element by the logarithms of what Karatsuba's product of it needs:
// its low half, its high half and their sum.
type logs struct{ low, high, sum uint16 }

func (f *field) logs(a uint32) logs {
	low, high := uint16(a), uint16(a>>16)
	return logs{f.log[low], f.log[high], f.log[low^high]}
}

func (l logs) hasZero() bool { return l.low == order || l.high == order || l.sum == order }

// timesDelta is the logarithm of delta times the half whose logarithm is l.
func (f *field) timesDelta(l uint16) uint16 {
	if l == order {
		return order
	}
	return uint16((uint32(l) + uint32(f.logDelta)) % order)
}

// mul16 multiplies two halves given by their logarithms.
func (f *field) mul16(a, b uint16) uint32 {
	if a == order || b == order {
		return 0
	}
	return uint32(f.exp[uint32(a)+uint32(b)])
}

func (f *field) mul(a, b uint32) uint32 {
	x := f.logs(a)
	x.high = f.timesDelta(x.high)
	return f.mulLogs(x, f.logs(b))
}

// mulLogs multiplies a and b. The high logarithm of a must have gone through
// timesDelta; of the three partial products only the high one is multiplied by
// delta, and with one fixed factor that can be done once for many products:
//
//	low  = a.low·b.low + delta·a.high·b.high
//	high = (a.low + a.high)·(b.low + b.high) + a.low·b.low
func (f *field) mulLogs(a, b logs) uint32 {
	low := f.mul16(a.low, b.low)
	return (f.mul16(a.sum, b.sum)^low)<<16 | (low ^ f.mul16(a.high, b.high))
}

// inv is the inverse of a, which is not 0: the conjugate of a, which has
// y + 1 in place of y, over the norm, the product of the two.
func (f *field) inv(a uint32) uint32 {
	conjugate := a ^ a>>16
	norm := f.log[uint16(f.mul(a, conjugate))]
	scale := (order - norm) % order
	return f.mul16(f.log[conjugate>>16], scale)<<16 | f.mul16(f.log[uint16(conjugate)], scale)
}

// row is a vector of elements kept as logarithms, because it takes part in
// many products.
type row struct {
	logs    []logs
	hasZero bool // some half or sum is 0, which is rare
}

// fill makes r the vector v, reusing what r has allocated.
func (f *field) fill(r *row, v []uint32) {
	r.logs = r.logs[:0]
	r.hasZero = false
	for _, a := range v {
		l := f.logs(a)
		r.hasZero = r.hasZero || l.hasZero()
		r.logs = append(r.logs, l)
	}
}

// addScaled adds c·r to dst, which is as long as r or longer. Decoding spends
// nearly all of its time here.
func (f *field) addScaled(dst []uint32, c uint32, r row) {
	if c == 0 {
		return
	}
	cl := f.logs(c)
	cl.high = f.timesDelta(cl.high)
	dst = dst[:len(r.logs)]
	if r.hasZero || cl.hasZero() {
		for j, l := range r.logs {
			dst[j] ^= f.mulLogs(cl, l)
		}
		return
	}
	low := (*[1 << 16]uint16)(f.exp[cl.low:])
	high := (*[1 << 16]uint16)(f.exp[cl.high:])
	sum := (*[1 << 16]uint16)(f.exp[cl.sum:])
	for j, l := range r.logs {
		p := uint32(low[l.low])
		dst[j] ^= (uint32(sum[l.sum])^p)<<16 | (p ^ uint32(high[l.high]))
	}
}
