package recon

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Digest is an order-independent fingerprint of a set of transactions: the sum
// modulo 2^256 of SHA-256(wtxid). It tells honest nodes whether they agree.
// Whoever can choose transactions freely can find colliding sets (generalised
// birthday problem), so nothing safety-relevant may rest on it. The zero value
// is the empty set.
type Digest struct {
	sum   [4]uint64 // least significant first
	count int
}

// Add adds a transaction that is not in the set.
func (d *Digest) Add(wtxid chainhash.Hash) {
	var carry uint64
	for i, v := range limbs(wtxid) {
		d.sum[i], carry = bits.Add64(d.sum[i], v, carry)
	}
	d.count++
}

// Sub removes a transaction that is in the set.
func (d *Digest) Sub(wtxid chainhash.Hash) {
	var borrow uint64
	for i, v := range limbs(wtxid) {
		d.sum[i], borrow = bits.Sub64(d.sum[i], v, borrow)
	}
	d.count--
}

// Count is the number of transactions in the set.
func (d *Digest) Count() int { return d.count }

// Sum is the digest as a big-endian integer.
func (d *Digest) Sum() (sum [32]byte) {
	for i, v := range d.sum {
		binary.BigEndian.PutUint64(sum[24-8*i:], v)
	}
	return sum
}

// limbs is SHA-256(wtxid) read as a big-endian integer, least significant limb first.
func limbs(wtxid chainhash.Hash) (l [4]uint64) {
	h := sha256.Sum256(wtxid[:])
	for i := range l {
		l[i] = binary.BigEndian.Uint64(h[24-8*i:])
	}
	return l
}
