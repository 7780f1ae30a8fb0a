package mempool

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool/sigcheck"
)

// proveKeySpend puts the signature of an input that a key alone spends, P2WPKH or the key path of P2TR, into sigs if it
// is good. The script engine, which judges the input, then finds it there and does not verify it again, at three times
// the cost. What these inputs may look like is the engine's affair: a signature that is put there under a hash that the
// engine does not compute is never found. It reports whether the signature is in sigs.
func proveKeySpend(tx *wire.MsgTx, i int, spent *PrevOut, hashes *txscript.TxSigHashes, previous txscript.PrevOutputFetcher, sigs *txscript.SigCache) bool {
	in := tx.TxIn[i]
	program := spent.PkScript
	if txscript.IsPayToScriptHash(program) {
		program, _, _ = lastPush(in.SignatureScript)
	}
	switch {
	case txscript.IsPayToWitnessPubKeyHash(program) && len(in.Witness) == 2:
		sig, key := in.Witness[0], in.Witness[1]
		if len(sig) == 0 {
			return false
		}
		der, hashType := sig[:len(sig)-1], txscript.SigHashType(sig[len(sig)-1])
		hash, err := txscript.CalcWitnessSigHash(program, hashes, hashType, tx, i, spent.Value)
		return err == nil && prove(hash, der, der, key, sigcheck.ECDSA, sigs)
	case txscript.IsPayToTaproot(program) && len(in.Witness) == 1:
		sig, key, hashType := in.Witness[0], program[2:], txscript.SigHashDefault
		if len(sig) == 65 {
			hashType = txscript.SigHashType(sig[64])
		} else if len(sig) != 64 {
			return false
		}
		hash, err := txscript.CalcTaprootSignatureHash(hashes, hashType, tx, i, previous)
		return err == nil && prove(hash, sig, sig[:64], key, sigcheck.Schnorr, sigs)
	}
	return false
}

// prove verifies a signature that goes by the name in the cache. What it puts there are copies, for the cache would keep
// the transactions in memory whose bytes they are a part of.
func prove(hash, name, sig, key []byte, valid func(*chainhash.Hash, []byte, []byte) bool, sigs *txscript.SigCache) bool {
	h := chainhash.Hash(hash)
	if sigs.Exists(h, name, key) {
		return true
	}
	if !valid(&h, sig, key) {
		return false
	}
	sigs.Add(h, bytes.Clone(name), bytes.Clone(key))
	return true
}
