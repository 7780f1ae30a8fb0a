// Package sigcheck verifies signatures over secp256k1 in a third of the time of btcec,
// which the script engine uses.
//
// What it finds valid, the mempool puts into the engine's cache of good
// signatures. So the engine runs every script and applies every rule on
// encodings, and only does not repeat the arithmetic; what is not found valid
// here, it judges itself.
//
// Scalars are btcec's. The field, points and the order of the operations are ours:
// four words of 64 bits where btcec has ten of 26, and Strauss's trick, halved
// scalars, windowed non-adjacent forms and points of a common z as in
// libsecp256k1's ecmult. Nothing is secret here, so nothing takes constant time.
// Tests compare each operation with math/big, and each result with btcec's.
package sigcheck

import (
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// ECDSA reports whether sig, in DER without the hash type, is a signature of hash
// by pubKey (SEC 1, 4.1.4). It may be wrong about a valid one: it knows
// compressed keys only, and no signature whose point has an x beyond the order of
// the group, of which there is one in 2^128. It takes an s of either half, and bytes
// after the signature, as btcec's parser does.
func ECDSA(hash *chainhash.Hash, sig, pubKey []byte) bool {
	if len(pubKey) != 33 || pubKey[0] != 2 && pubKey[0] != 3 {
		return false
	}
	key, ok := lift(pubKey[1:], pubKey[0] == 3)
	if !ok {
		return false
	}
	parsed, err := ecdsa.ParseDERSignature(sig)
	if err != nil {
		return false
	}
	r, s := parsed.R(), parsed.S()
	rBytes := r.Bytes()
	var x field
	x.setBytes(rBytes[:])

	var u1, u2 btcec.ModNScalar
	u1.SetByteSlice(hash[:])
	s.InverseNonConst()
	u1.Mul(&s)
	u2.Mul2(&r, &s)

	point := combine(&key, &u1, &u2)
	return !point.z.isZero() && point.hasX(&x)
}

// Schnorr reports whether sig, of 64 bytes, is a signature of hash by the key with
// the x coordinate pubKey (BIP 340).
func Schnorr(hash *chainhash.Hash, sig, pubKey []byte) bool {
	if len(sig) != 64 || len(pubKey) != 32 {
		return false
	}
	key, ok := lift(pubKey, false)
	if !ok {
		return false
	}
	var x field
	var s, e btcec.ModNScalar
	if !x.setBytes(sig[:32]) || s.SetByteSlice(sig[32:]) {
		return false
	}
	challenge := chainhash.TaggedHash(chainhash.TagBIP0340Challenge, sig[:32], pubKey, hash[:])
	e.SetByteSlice(challenge[:])
	e.Negate()

	point := combine(&key, &s, &e)
	if point.z.isZero() || !point.hasX(&x) {
		return false
	}
	a := point.toAffine()
	return !a.y.isOdd()
}
