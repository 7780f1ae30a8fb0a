package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Standardness limits: Core policy/policy.h.
const (
	minStandardVersion      = 1
	maxStandardVersion      = 3
	maxStandardTxWeight     = 400_000
	minStandardStrippedSize = 65    // bytes; 64 could be taken for a merkle tree node (CVE-2017-12842)
	maxStandardScriptSig    = 1_650 // bytes
	maxMultiSigKeys         = 3     // of a bare multisig output
	dustRelayFeeRate        = 3_000 // satoshi per kvB
	maxDustOutputs          = 1     // allowed in a transaction without a fee ("ephemeral dust")
)

// checkStandard applies the relay rules that need nothing but the transaction. Core's default limit of 100 000 bytes of
// OP_RETURN scripts ("datacarrier") is not among them: the standard weight is reached before it.
func checkStandard(tx *wire.MsgTx, strippedSize int) error {
	if tx.Version < minStandardVersion || tx.Version > maxStandardVersion {
		return reject(ErrNonStandard, "version")
	}
	for _, in := range tx.TxIn {
		if len(in.SignatureScript) > maxStandardScriptSig {
			return reject(ErrNonStandard, "scriptsig-size")
		}
		if !txscript.IsPushOnlyScript(in.SignatureScript) {
			return reject(ErrNonStandard, "scriptsig-not-pushonly")
		}
	}
	dust := 0
	for _, out := range tx.TxOut {
		if isDust(*out) {
			dust++
		}
		switch classify(out.PkScript) {
		case typeNonStandard:
			return reject(ErrNonStandard, "scriptpubkey")
		case typeMultiSig:
			if _, keys, _ := multiSig(out.PkScript); keys > maxMultiSigKeys {
				return reject(ErrNonStandard, "scriptpubkey")
			}
		}
	}
	if dust > maxDustOutputs {
		return reject(ErrNonStandard, "dust")
	}
	if strippedSize < minStandardStrippedSize {
		return reject(ErrNonStandard, "tx-size-small")
	}
	return nil
}

// isDust reports whether the output costs more to spend than it is worth.
func isDust(out wire.TxOut) bool { return out.Value < dustThreshold(out) }

func (e *Entry) hasDust() bool {
	for _, out := range e.Outputs() {
		if isDust(out) {
			return true
		}
	}
	return false
}

// dustThreshold is the fee, at the dust rate, of the output and of the input that will spend it: 148 bytes, or 67 for a
// witness program. 546 satoshi for P2PKH, 294 for P2WPKH, 330 for P2TR.
func dustThreshold(out wire.TxOut) int64 {
	if len(out.PkScript) > 0 && out.PkScript[0] == txscript.OP_RETURN {
		return 0 // unspendable
	}
	size := int64(out.SerializeSize())
	if _, _, ok := witnessProgram(out.PkScript); ok {
		size += 36 + 1 + 107/witnessScale + 4
	} else {
		size += 36 + 1 + 107 + 4
	}
	return feeFor(dustRelayFeeRate, size)
}

// feeFor is the fee for size virtual bytes at a rate in satoshi per 1000, rounded up.
func feeFor(rate, size int64) int64 { return (rate*size + 999) / 1000 }
