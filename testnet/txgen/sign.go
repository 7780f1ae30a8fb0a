package txgen

import (
	"bytes"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool/utxo"
)

const (
	// maxECDSASig is the largest witness signature of a P2WPKH spend: DER with
	// a 33-byte R and a low S, and the sighash byte.
	maxECDSASig = 72

	// schnorrSig is the size of a key path spend's signature with
	// SIGHASH_DEFAULT (BIP 341).
	schnorrSig = 64
)

// signer holds the test keys, each derived when it is first used.
type signer struct {
	keys    [utxo.TestKeys]*btcec.PrivateKey // ready to sign with: for P2TR tweaked (BIP 341)
	scripts [utxo.TestKeys][]byte
}

// taproot tells whether key i's script is P2TR; else it is P2WPKH.
func taproot(i int) bool { return i%2 == 1 }

func (s *signer) script(i int) []byte {
	script := &s.scripts[i%utxo.TestKeys]
	if *script == nil {
		*script = utxo.TestScript(i)
	}
	return *script
}

func (s *signer) key(i int) *btcec.PrivateKey {
	key := &s.keys[i%utxo.TestKeys]
	if *key == nil {
		*key = utxo.TestKey(i)
		if taproot(i) {
			*key = txscript.TweakTaprootPrivKey(**key, nil)
		}
	}
	return *key
}

// maxVSize is the virtual size (BIP 141) of msg, whose only input spends a
// script of the given key, once it carries the largest signature it can.
func maxVSize(msg *wire.MsgTx, key int) int64 {
	witness := wire.TxWitness{make([]byte, maxECDSASig), make([]byte, btcec.PubKeyBytesLenCompressed)}
	if taproot(key) {
		witness = wire.TxWitness{make([]byte, schnorrSig)}
	}
	const marker = 2 // segwit marker and flag
	weight := 4*msg.SerializeSizeStripped() + marker + witness.SerializeSize()
	return int64(weight+3) / 4
}

// sign puts the witness that spends c into msg's only input, and serializes.
func (s *signer) sign(msg *wire.MsgTx, c coin) ([]byte, error) {
	script, key := s.script(c.key), s.key(c.key)
	prevOut := txscript.NewCannedPrevOutputFetcher(script, c.value)
	sigHashes := txscript.NewTxSigHashes(msg, prevOut)
	if taproot(c.key) {
		hash, err := txscript.CalcTaprootSignatureHash(sigHashes, txscript.SigHashDefault, msg, 0, prevOut)
		if err != nil {
			return nil, err
		}
		sig, err := schnorr.Sign(key, hash, schnorr.CustomNonce([32]byte{}), schnorr.FastSign())
		if err != nil {
			return nil, err
		}
		msg.TxIn[0].Witness = wire.TxWitness{sig.Serialize()}
	} else {
		witness, err := txscript.WitnessSignature(msg, sigHashes, 0, c.value, script, txscript.SigHashAll, key, true)
		if err != nil {
			return nil, err
		}
		msg.TxIn[0].Witness = witness
	}
	var raw bytes.Buffer
	raw.Grow(msg.SerializeSize())
	if err := msg.Serialize(&raw); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}
