package sigcheck

import (
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// signed is a signature (r, s) of hash and the key for which the point that verification computes is the given one.
func signed(t *testing.T, hash *chainhash.Hash, r, s *big.Int, point btcec.JacobianPoint) (sig []byte, key *btcec.PublicKey) {
	sig, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	inverse := new(big.Int).ModInverse(r, btcec.S256().N)
	e := new(big.Int).SetBytes(hash[:])
	a, b := scalar(new(big.Int).Mul(s, inverse)), scalar(e.Neg(e).Mul(e, inverse))
	var multiple, base, sum btcec.JacobianPoint
	btcec.ScalarMultNonConst(&a, &point, &multiple)
	btcec.ScalarBaseMultNonConst(&b, &base)
	btcec.AddNonConst(&multiple, &base, &sum)
	sum.ToAffine()
	return sig, btcec.NewPublicKey(&sum.X, &sum.Y)
}

// What no random signature meets: points at infinity or with an x beyond the order, an s in the upper half and hashes
// beyond the order. Only for the x ECDSA differs from btcec.
func TestECDSAAtItsEdges(t *testing.T) {
	order := btcec.S256().N
	var full chainhash.Hash
	for i := range full {
		full[i] = 0xff
	}
	beyond := new(big.Int).Set(order)
	var far affine
	for ok := false; !ok; {
		beyond.Add(beyond, big.NewInt(1))
		far, ok = lift(beyond.Bytes(), false)
	}
	near := timesG(big.NewInt(5))
	for _, c := range []struct {
		name       string
		r          *big.Int
		point      btcec.JacobianPoint
		want, peer bool
	}{
		{"a point", near.x.integer(), foreign(&near), true, true},
		{"infinity", big.NewInt(1), btcec.JacobianPoint{}, false, false},
		{"an x beyond the order", new(big.Int).Sub(beyond, order), foreign(&far), false, true},
	} {
		for _, hash := range []chainhash.Hash{{31: 1}, chainhash.Hash(order.Bytes()), full, chainhash.HashH(nil)} {
			for _, s := range []*big.Int{big.NewInt(1), new(big.Int).Rsh(order, 1), new(big.Int).Sub(order, big.NewInt(1))} {
				sig, key := signed(t, &hash, c.r, s, c.point)
				if key.X().Sign() == 0 {
					continue // at infinity itself
				}
				parsed, err := ecdsa.ParseDERSignature(sig)
				if err != nil {
					t.Fatal(err)
				}
				if peer := parsed.Verify(hash[:], key); peer != c.peer {
					t.Errorf("%s, hash %s, s %x: btcec says %t", c.name, hash, s, peer)
				}
				if got := ECDSA(&hash, sig, key.SerializeCompressed()); got != c.want {
					t.Errorf("%s, hash %s, s %x: %t", c.name, hash, s, got)
				}
			}
		}
	}
}

// foreign is p in btcec's words.
func foreign(p *affine) (j btcec.JacobianPoint) {
	var bytes [32]byte
	j.X.SetByteSlice(p.x.integer().FillBytes(bytes[:]))
	j.Y.SetByteSlice(p.y.integer().FillBytes(bytes[:]))
	j.Z.SetInt(1)
	return j
}

// Of all encodings of a key for ECDSA only the compressed one will do, with the right parity; for Schnorr the lengths are
// fixed.
func TestEncodings(t *testing.T) {
	private, _ := btcec.PrivKeyFromBytes([]byte{7})
	hash := chainhash.HashH([]byte("message"))
	sig, key := ecdsa.Sign(private, hash[:]).Serialize(), private.PubKey().SerializeCompressed()
	whole := private.PubKey().SerializeUncompressed()
	for prefix := range 256 {
		for _, bytes := range [][]byte{key, whole, key[:1], key[:32], whole[:34]} {
			other := append([]byte{byte(prefix)}, bytes[1:]...)
			if want := string(other) == string(key); ECDSA(&hash, sig, other) != want {
				t.Errorf("key %x: %t", other, !want)
			}
		}
	}
	if ECDSA(&hash, sig, nil) {
		t.Error("no key: valid")
	}
	s, err := schnorr.Sign(private, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	good := s.Serialize()
	for _, other := range [][]byte{nil, good[:63], append(good[:64:64], 0)} {
		if Schnorr(&hash, other, key[1:]) {
			t.Errorf("a Schnorr signature of %d bytes: valid", len(other))
		}
	}
	for _, other := range [][]byte{nil, key[1:32], append(key[1:33:33], 0), key} {
		if Schnorr(&hash, good, other) {
			t.Errorf("a Schnorr key of %d bytes: valid", len(other))
		}
	}
}
