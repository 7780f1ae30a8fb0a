package mempool

import (
	"errors"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// scriptWord is what Core (script/script_error.cpp) says for an error of txscript about input i of tx, which spends
// pkScript. Where txscript does not tell two of Core's errors apart, nor the input, it is the likelier one. An error that
// Core has no word for keeps btcd's name: better a strange word than a wrong one.
func scriptWord(err error, tx *wire.MsgTx, i int, pkScript []byte) string {
	taproot := txscript.IsPayToTaproot(pkScript)
	if taproot && hashTypeFault(tx, i) {
		return wordSchnorrHashType
	}
	if e := (txscript.Error{}); errors.As(err, &e) {
		switch {
		case e.ErrorCode == txscript.ErrMinimalData && strings.HasPrefix(e.Description, "numeric value"):
			return scriptWords[txscript.ErrNumberTooBig] // a number that is read, not data that is pushed
		case e.ErrorCode == txscript.ErrCleanStack && strings.HasSuffix(e.Description, "(contains 0)"):
			return wordEvalFalse
		case taproot && e.ErrorCode == txscript.ErrMinimalIf:
			return wordTapscriptMinimalIf
		case taproot && e.ErrorCode == txscript.ErrNullFail:
			return wordSchnorr
		}
		if word, ok := scriptWords[e.ErrorCode]; ok {
			return word
		}
		return e.ErrorCode.String()
	}
	if e := (schnorr.Error{}); errors.As(err, &e) { // the signature is not a point and a scalar
		return wordSchnorr
	}
	if taproot { // a public key is no point
		if !commits(tx.TxIn[i].Witness, pkScript) {
			return wordMismatch
		}
		return wordSchnorr
	}
	return "unknown error" // Core's own fallback
}

// commits reports whether the keys that the commitment to a script is made of, if one is revealed, are points.
func commits(witness wire.TxWitness, pkScript []byte) bool {
	if len(witness) < 2 {
		return true
	}
	control, err := txscript.ParseControlBlock(witness[len(witness)-1])
	if err != nil || control.InternalKey == nil {
		return false
	}
	_, err = schnorr.ParsePubKey(pkScript[2:])
	return err == nil
}

// hashTypeFault reports whether input i is a taproot key spend whose signature says how it signs in a way that BIP 341
// does not know.
func hashTypeFault(tx *wire.MsgTx, i int) bool {
	witness := tx.TxIn[i].Witness
	if len(witness) != 1 || len(witness[0]) != 65 {
		return false
	}
	hashType := txscript.SigHashType(witness[0][64])
	switch hashType &^ txscript.SigHashAnyOneCanPay {
	case txscript.SigHashAll, txscript.SigHashNone:
		return false
	case txscript.SigHashSingle:
		return i >= len(tx.TxOut)
	}
	return true
}

// Words that a check outside the script engine uses too.
const (
	wordBadOpcode = "Opcode missing or not understood"
	wordPushSize  = "Push value size limit exceeded"
	wordStackSize = "Stack size limit exceeded"
)

const (
	wordEvalFalse = "Script evaluated without error but finished with a false/empty top stack element"
	wordDER       = "Non-canonical DER signature"
	wordMismatch  = "Witness program hash mismatch"
	wordControl   = "Invalid Taproot control block size"

	wordSchnorr            = "Invalid Schnorr signature"
	wordSchnorrHashType    = "Invalid Schnorr signature hash type"
	wordTapscriptMinimalIf = "OP_IF/NOTIF argument must be minimal in tapscript"
)

var scriptWords = map[txscript.ErrorCode]string{
	txscript.ErrEarlyReturn:                         "OP_RETURN was encountered",
	txscript.ErrEmptyStack:                          wordEvalFalse,
	txscript.ErrEvalFalse:                           wordEvalFalse,
	txscript.ErrScriptTooBig:                        "Script is too big",
	txscript.ErrElementTooBig:                       wordPushSize,
	txscript.ErrTooManyOperations:                   "Operation limit exceeded",
	txscript.ErrStackOverflow:                       wordStackSize,
	txscript.ErrInvalidPubKeyCount:                  "Pubkey count negative or limit exceeded",
	txscript.ErrInvalidSignatureCount:               "Signature count negative or greater than pubkey count",
	txscript.ErrNumberTooBig:                        "Script number overflowed or is non-minimally encoded",
	txscript.ErrVerify:                              "Script failed an OP_VERIFY operation",
	txscript.ErrEqualVerify:                         "Script failed an OP_EQUALVERIFY operation",
	txscript.ErrNumEqualVerify:                      "Script failed an OP_NUMEQUALVERIFY operation",
	txscript.ErrCheckSigVerify:                      "Script failed an OP_CHECKSIGVERIFY operation",
	txscript.ErrCheckMultiSigVerify:                 "Script failed an OP_CHECKMULTISIGVERIFY operation",
	txscript.ErrDisabledOpcode:                      "Attempted to use a disabled opcode",
	txscript.ErrReservedOpcode:                      wordBadOpcode,
	txscript.ErrMalformedPush:                       wordBadOpcode,
	txscript.ErrInvalidStackOperation:               "Operation not valid with the current stack size",
	txscript.ErrUnbalancedConditional:               "Invalid OP_IF construction",
	txscript.ErrMinimalData:                         "Data push larger than necessary",
	txscript.ErrInvalidSigHashType:                  "Signature hash type missing or not understood",
	txscript.ErrSigTooShort:                         wordDER,
	txscript.ErrSigTooLong:                          wordDER,
	txscript.ErrSigInvalidSeqID:                     wordDER,
	txscript.ErrSigInvalidDataLen:                   wordDER,
	txscript.ErrSigMissingSTypeID:                   wordDER,
	txscript.ErrSigMissingSLen:                      wordDER,
	txscript.ErrSigInvalidSLen:                      wordDER,
	txscript.ErrSigInvalidRIntID:                    wordDER,
	txscript.ErrSigZeroRLen:                         wordDER,
	txscript.ErrSigNegativeR:                        wordDER,
	txscript.ErrSigTooMuchRPadding:                  wordDER,
	txscript.ErrSigInvalidSIntID:                    wordDER,
	txscript.ErrSigZeroSLen:                         wordDER,
	txscript.ErrSigNegativeS:                        wordDER,
	txscript.ErrSigTooMuchSPadding:                  wordDER,
	txscript.ErrSigHighS:                            "Non-canonical signature: S value is unnecessarily high",
	txscript.ErrNotPushOnly:                         "Only push operators allowed in signatures",
	txscript.ErrSigNullDummy:                        "Dummy CHECKMULTISIG argument must be zero",
	txscript.ErrPubKeyType:                          "Public key is neither compressed or uncompressed",
	txscript.ErrCleanStack:                          "Stack size must be exactly one after execution",
	txscript.ErrNullFail:                            "Signature must be zero for failed CHECK(MULTI)SIG operation",
	txscript.ErrMinimalIf:                           "OP_IF/NOTIF argument must be minimal",
	txscript.ErrDiscourageUpgradableNOPs:            "NOPx reserved for soft-fork upgrades",
	txscript.ErrNegativeLockTime:                    "Negative locktime",
	txscript.ErrUnsatisfiedLockTime:                 "Locktime requirement not satisfied",
	txscript.ErrNonConstScriptCode:                  "Signature is found in scriptCode",
	txscript.ErrCodeSeparator:                       "Using OP_CODESEPARATOR in non-witness script",
	txscript.ErrWitnessMalleated:                    "Witness requires empty scriptSig",
	txscript.ErrWitnessMalleatedP2SH:                "Witness requires only-redeemscript scriptSig",
	txscript.ErrWitnessProgramEmpty:                 "Witness program was passed an empty witness",
	txscript.ErrWitnessProgramMismatch:              wordMismatch,
	txscript.ErrTaprootMerkleProofInvalid:           wordMismatch,
	txscript.ErrTaprootOutputKeyParityMismatch:      wordMismatch,
	txscript.ErrWitnessProgramWrongLength:           "Witness program has incorrect length",
	txscript.ErrWitnessUnexpected:                   "Witness provided for non-witness script",
	txscript.ErrWitnessPubKeyType:                   "Using non-compressed keys in segwit",
	txscript.ErrDiscourageUpgradableWitnessProgram:  "Witness version reserved for soft-fork upgrades",
	txscript.ErrDiscourageUpgradeableTaprootVersion: "Taproot version reserved for soft-fork upgrades",
	txscript.ErrDiscourageOpSuccess:                 "OP_SUCCESSx reserved for soft-fork upgrades",
	txscript.ErrDiscourageUpgradeablePubKeyType:     "Public key version reserved for soft-fork upgrades",
	txscript.ErrTapscriptCheckMultisig:              "OP_CHECKMULTISIG(VERIFY) is not available in tapscript",
	txscript.ErrTaprootSigInvalid:                   wordSchnorr,
	txscript.ErrInvalidTaprootSigLen:                "Invalid Schnorr signature size",
	txscript.ErrControlBlockTooSmall:                wordControl,
	txscript.ErrControlBlockTooLarge:                wordControl,
	txscript.ErrControlBlockInvalidLength:           wordControl,
	txscript.ErrTaprootPubkeyIsEmpty:                "Empty public key in tapscript",
	txscript.ErrTaprootMaxSigOps:                    "Too much signature validation relative to witness weight",
}
