package sigcheck

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"math/big"
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// BIP 340's own vectors.
func TestBIP340(t *testing.T) {
	file, err := os.ReadFile("testdata/bip-0340.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		key, message, sig := unhex(t, row[2]), unhex(t, row[4]), unhex(t, row[5])
		if got := Schnorr((*chainhash.Hash)(message), sig, key); got != (row[6] == "TRUE") {
			t.Errorf("vector %s (%s): %t", row[0], row[7], got)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What combine adds up may meet on the way: the same point twice, a point and its negative, infinity, and scalars whose
// halves are 0, negative or as long as they can be. Each sum is compared with btcec's.
func TestCombine(t *testing.T) {
	lambda, _ := new(big.Int).SetString("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16)
	order := btcec.S256().N
	scalars := []*big.Int{lambda, new(big.Int).Mul(lambda, lambda), new(big.Int).Rsh(order, 1)}
	for i := range int64(20) {
		scalars = append(scalars, big.NewInt(i), new(big.Int).Sub(order, big.NewInt(i+1)))
	}
	for bit := uint(5); bit < 256; bit += 41 {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		scalars = append(scalars, power, new(big.Int).Sub(power, big.NewInt(1)), new(big.Int).Mul(power, lambda))
	}
	keys := []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(3), new(big.Int).Sub(order, big.NewInt(1)), lambda}
	for _, k := range keys {
		key := timesG(k)
		for _, a := range scalars {
			for _, b := range scalars {
				sa, sb := scalar(a), scalar(b)
				got := combine(&key, &sa, &sb)
				want := new(big.Int).Mul(b, k)
				want.Add(want, a).Mod(want, order)
				if !equal(&got, want) {
					t.Fatalf("%x·G + %x·(%x·G): not %x·G", a, b, k, want)
				}
			}
		}
	}
}

func scalar(k *big.Int) (s btcec.ModNScalar) {
	s.SetByteSlice(new(big.Int).Mod(k, btcec.S256().N).Bytes())
	return s
}

// timesG is k·G as btcec computes it.
func timesG(k *big.Int) affine {
	s := scalar(k)
	var p btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&s, &p)
	p.ToAffine()
	var a affine
	a.x.setBytes(p.X.Bytes()[:])
	a.y.setBytes(p.Y.Bytes()[:])
	return a
}

func equal(p *jacobian, k *big.Int) bool {
	if k.Sign() == 0 || p.z.isZero() {
		return k.Sign() == 0 && p.z.isZero()
	}
	got, want := p.toAffine(), timesG(k)
	return got.x.equal(&want.x) && got.y.equal(&want.y)
}

// FuzzECDSA compares ECDSA with btcec.
func FuzzECDSA(f *testing.F) {
	for i := range byte(4) {
		key, _ := btcec.PrivKeyFromBytes([]byte{i + 1})
		hash := chainhash.HashB([]byte{i})
		sig := ecdsa.Sign(key, hash).Serialize()
		f.Add(hash, sig, key.PubKey().SerializeCompressed())
		f.Add(hash, sig[:len(sig)-1], key.PubKey().SerializeCompressed())
		f.Add(hash[:31], sig, key.PubKey().SerializeUncompressed())
	}
	f.Fuzz(func(t *testing.T, hash, sig, pubKey []byte) {
		h := chainhash.Hash(append(hash, make([]byte, 32)...)[:32])
		key, err := btcec.ParsePubKey(pubKey)
		want := err == nil && len(pubKey) == 33
		if want {
			parsed, err := ecdsa.ParseDERSignature(sig)
			want = err == nil && parsed.Verify(h[:], key)
		}
		if got := ECDSA(&h, sig, pubKey); got != want {
			t.Errorf("hash %x, signature %x, key %x: %t, btcec says %t", h[:], sig, pubKey, got, want)
		}
	})
}

// FuzzSchnorr compares Schnorr with btcec.
func FuzzSchnorr(f *testing.F) {
	for i := range byte(4) {
		key, _ := btcec.PrivKeyFromBytes([]byte{i + 1})
		hash := chainhash.HashB([]byte{i})
		sig, err := schnorr.Sign(key, hash)
		if err != nil {
			f.Fatal(err)
		}
		pubKey := schnorr.SerializePubKey(key.PubKey())
		f.Add(hash, sig.Serialize(), pubKey)
		f.Add(hash, sig.Serialize()[1:], pubKey)
		f.Add(hash, sig.Serialize(), pubKey[1:])
	}
	f.Fuzz(func(t *testing.T, hash, sig, pubKey []byte) {
		h := chainhash.Hash(append(hash, make([]byte, 32)...)[:32])
		key, err := schnorr.ParsePubKey(pubKey)
		want := err == nil
		if want {
			parsed, err := schnorr.ParseSignature(sig)
			want = err == nil && parsed.Verify(h[:], key)
		}
		if got := Schnorr(&h, sig, pubKey); got != want {
			t.Errorf("hash %x, signature %x, key %x: %t, btcec says %t", h[:], sig, pubKey, got, want)
		}
	})
}

// A good signature is found valid, and none is with one bit of it, of its hash or of its key flipped.
func TestFlippedBits(t *testing.T) {
	for i := range 64 {
		key, _ := btcec.PrivKeyFromBytes(chainhash.HashB([]byte{byte(i), 1}))
		hash := chainhash.HashH([]byte{byte(i), 2})
		der, pub := ecdsa.Sign(key, hash[:]).Serialize(), key.PubKey().SerializeCompressed()
		s, err := schnorr.Sign(key, hash[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := s.Serialize()
		if !ECDSA(&hash, der, pub) || !Schnorr(&hash, sig, pub[1:]) {
			t.Fatalf("key %d: a good signature is not found valid", i)
		}
		for _, b := range [][]byte{hash[:], der, pub, sig} {
			bit := i * 37 % (8 * len(b))
			b[bit/8] ^= 1 << (bit % 8)
			if &b[0] != &sig[0] && ECDSA(&hash, der, pub) {
				t.Errorf("key %d: an ECDSA signature is found valid with bit %d flipped", i, bit)
			}
			if &b[0] != &der[0] && Schnorr(&hash, sig, pub[1:]) && !(&b[0] == &pub[0] && bit < 8) {
				t.Errorf("key %d: a Schnorr signature is found valid with bit %d flipped", i, bit)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func BenchmarkECDSA(b *testing.B) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	hash := chainhash.HashH([]byte("message"))
	der, pub := ecdsa.Sign(key, hash[:]).Serialize(), key.PubKey().SerializeCompressed()
	b.Run("sigcheck", func(b *testing.B) {
		for b.Loop() {
			if !ECDSA(&hash, der, pub) {
				b.Fatal("invalid")
			}
		}
	})
	b.Run("btcec", func(b *testing.B) {
		for b.Loop() {
			key, _ := btcec.ParsePubKey(pub)
			sig, _ := ecdsa.ParseDERSignature(der)
			if !sig.Verify(hash[:], key) {
				b.Fatal("invalid")
			}
		}
	})
}

func BenchmarkSchnorr(b *testing.B) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	hash := chainhash.HashH([]byte("message"))
	s, err := schnorr.Sign(key, hash[:])
	if err != nil {
		b.Fatal(err)
	}
	sig, pub := s.Serialize(), schnorr.SerializePubKey(key.PubKey())
	b.Run("sigcheck", func(b *testing.B) {
		for b.Loop() {
			if !Schnorr(&hash, sig, pub) {
				b.Fatal("invalid")
			}
		}
	})
	b.Run("btcec", func(b *testing.B) {
		for b.Loop() {
			key, _ := schnorr.ParsePubKey(pub)
			sig, _ := schnorr.ParseSignature(sig)
			if !sig.Verify(hash[:], key) {
				b.Fatal("invalid")
			}
		}
	})
}
