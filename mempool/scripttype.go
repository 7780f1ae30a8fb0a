package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
)

// A scriptType is what an output script looks like (Core script/solver.h). btcd's txscript has a classifier of its own,
// but it knows OP_RETURN outputs of 80 bytes only and takes anything for a public key in a multisig.
type scriptType uint8

const (
	typeNonStandard scriptType = iota
	typePubKey
	typePubKeyHash
	typeScriptHash
	typeMultiSig
	typeNullData
	typeAnchor
	typeWitnessV0 // P2WPKH or P2WSH
	typeTaproot
	typeWitnessUnknown
)

func classify(script []byte) scriptType {
	if txscript.IsPayToScriptHash(script) {
		return typeScriptHash
	}
	if version, program, ok := witnessProgram(script); ok {
		switch {
		case version == 0 && (len(program) == 20 || len(program) == 32):
			return typeWitnessV0
		case version == 1 && len(program) == 32:
			return typeTaproot
		case txscript.IsPayToAnchorScript(script):
			return typeAnchor
		case version != 0:
			return typeWitnessUnknown
		}
		return typeNonStandard
	}
	if len(script) > 0 && script[0] == txscript.OP_RETURN && txscript.IsPushOnlyScript(script[1:]) {
		return typeNullData
	}
	if txscript.IsPayToPubKey(script) {
		return typePubKey
	}
	if txscript.IsPayToPubKeyHash(script) {
		return typePubKeyHash
	}
	if _, _, ok := multiSig(script); ok {
		return typeMultiSig
	}
	return typeNonStandard
}

// witnessProgram splits a version opcode and a single push of 2 to 40 bytes (BIP 141).
func witnessProgram(script []byte) (version int, program []byte, ok bool) {
	if len(script) < 4 || len(script) > 42 || int(script[1])+2 != len(script) || !txscript.IsSmallInt(script[0]) {
		return 0, nil, false
	}
	return txscript.AsSmallInt(script[0]), script[2:], true
}

// multiSig recognises required, keys, number of keys, OP_CHECKMULTISIG. Core also knows numbers above 16, pushed as
// data; both callers treat those scripts like any other nonstandard one.
func multiSig(script []byte) (required, keys int, ok bool) {
	if len(script) < 3 || script[len(script)-1] != txscript.OP_CHECKMULTISIG {
		return 0, 0, false
	}
	t := txscript.MakeScriptTokenizer(0, script)
	if !t.Next() || !isPositiveSmallInt(t.Opcode()) {
		return 0, 0, false
	}
	required = txscript.AsSmallInt(t.Opcode())
	for t.Next() && isPubKeySize(t.Data()) {
		keys++
	}
	if t.Err() != nil || !isPositiveSmallInt(t.Opcode()) || txscript.AsSmallInt(t.Opcode()) != keys || required > keys {
		return 0, 0, false
	}
	return required, keys, int(t.ByteIndex())+1 == len(script)
}

func isPositiveSmallInt(op byte) bool { return op >= txscript.OP_1 && op <= txscript.OP_16 }

// isPubKeySize reports whether the first byte of a public key and its length agree, which is all Core asks of it here.
func isPubKeySize(key []byte) bool {
	switch len(key) {
	case 33:
		return key[0] == 2 || key[0] == 3
	case 65:
		return key[0] == 4 || key[0] == 6 || key[0] == 7
	}
	return false
}
