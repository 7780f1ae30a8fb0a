package mempool

import (
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Limits on what a standard transaction spends: Core policy/policy.h.
const (
	maxP2SHSigOps        = 15    // in one redeem script
	maxLegacySigOps      = 2_500 // executed outside witnesses, in one transaction (BIP 54)
	maxP2WSHScript       = 3_600 // bytes
	maxP2WSHItems        = 100   // witness items besides the script
	maxP2WSHItemSize     = 80    // bytes
	maxTapscriptItemSize = 80    // bytes
)

const (
	taprootAnnexTag     = 0x50 // BIP 341
	taprootLeafMask     = 0xfe // BIP 341
	taprootTapscript    = 0xc0 // leaf version, BIP 342
	maxScriptStackItems = 1000 // consensus; Core script/script.h
)

const (
	reasonInputs  = "bad-txns-nonstandard-inputs"
	reasonWitness = "bad-witness-nonstandard"
	reasonSigOps  = "bad-txns-too-many-sigops"
)

// A spentOutput is the previous output of one input.
type spentOutput struct {
	PrevOut
	unconfirmed bool // created by a transaction in the pool; Height is meaningless
}

// checkInputs applies the consensus rules on maturity and amounts in the next block, and returns the fee.
func checkInputs(tx *wire.MsgTx, spent []spentOutput, t tip) (fee int64, err error) {
	var in int64
	for i := range spent {
		if depth := t.height + 1 - spent[i].Height; spent[i].Coinbase && depth < coinbaseMaturity {
			return 0, rejectf(ErrPremature, "bad-txns-premature-spend-of-coinbase",
				"tried to spend coinbase at depth %d", depth)
		}
		value := spent[i].Value
		if value < 0 || value > maxMoney || in+value > maxMoney {
			return 0, reject(ErrConsensus, "bad-txns-inputvalues-outofrange")
		}
		in += value
	}
	var out int64
	for _, o := range tx.TxOut {
		out += o.Value
	}
	if in < out {
		return 0, rejectf(ErrConsensus, "bad-txns-in-belowout",
			"value in (%s) < value out (%s)", formatMoney(in), formatMoney(out))
	}
	return in - out, nil
}

// formatMoney writes satoshis as bitcoin the way Core does: at least two decimals, no further trailing zeros.
func formatMoney(satoshi int64) string {
	s := fmt.Sprintf("%d.%08d", satoshi/1e8, satoshi%1e8)
	for s[len(s)-1] == '0' && s[len(s)-3] != '.' {
		s = s[:len(s)-1]
	}
	return s
}

// checkInputsStandard refuses to spend what is unknown or expensive to verify.
func checkInputsStandard(tx *wire.MsgTx, spent []spentOutput) error {
	legacy := 0
	for i, in := range tx.TxIn {
		legacy += txscript.GetPreciseSigOpCount(nil, in.SignatureScript, true)
		legacy += txscript.GetPreciseSigOpCount(in.SignatureScript, spent[i].PkScript, true)
		if legacy > maxLegacySigOps {
			return rejectf(ErrNonStandard, reasonInputs, "non-witness sigops exceed bip54 limit")
		}
	}
	for i, in := range tx.TxIn {
		switch classify(spent[i].PkScript) {
		case typeNonStandard:
			return rejectf(ErrNonStandard, reasonInputs, "input %d script unknown", i)
		case typeWitnessUnknown:
			return rejectf(ErrNonStandard, reasonInputs, "input %d witness program is undefined", i)
		case typeScriptHash:
			redeem, ok, fault := lastPush(in.SignatureScript)
			if fault != "" {
				return rejectf(ErrNonStandard, reasonInputs, "p2sh scriptsig malformed (input %d: %s)", i, fault)
			}
			if !ok {
				return rejectf(ErrNonStandard, reasonInputs, "input %d P2SH redeemscript missing", i)
			}
			if n := txscript.GetPreciseSigOpCount(nil, redeem, true); n > maxP2SHSigOps {
				return rejectf(ErrNonStandard, reasonInputs,
					"p2sh redeemscript sigops exceed limit (input %d: %d > %d)", i, n, maxP2SHSigOps)
			}
		}
	}
	return nil
}

// lastPush is the item that script, known to be push-only, leaves on top of the stack; false if it pushes nothing. The
// fault, if any, is Core's word for why the script cannot run.
func lastPush(script []byte) (item []byte, ok bool, fault string) {
	t := txscript.MakeScriptTokenizer(0, script)
	for n := 1; t.Next(); n++ {
		switch op := t.Opcode(); {
		case op == txscript.OP_1NEGATE:
			item = []byte{0x81}
		case isPositiveSmallInt(op):
			item = []byte{byte(txscript.AsSmallInt(op))}
		case op > txscript.OP_PUSHDATA4:
			return nil, false, wordBadOpcode
		case len(t.Data()) > txscript.MaxScriptElementSize:
			return nil, false, wordPushSize
		default:
			item = t.Data()
		}
		if n > maxScriptStackItems {
			return nil, false, wordStackSize
		}
		ok = true
	}
	return item, ok, ""
}

// checkWitnessStandard refuses witnesses that are larger than relay allows, or that nothing asks for. Fault lies with
// the witness: another one for the same txid may be fine.
func checkWitnessStandard(tx *wire.MsgTx, spent []spentOutput) error {
	for i, in := range tx.TxIn {
		if len(in.Witness) > 0 && !isWitnessStandard(in, spent[i].PkScript) {
			return reject(ErrNonStandard, reasonWitness)
		}
	}
	return nil
}

func isWitnessStandard(in *wire.TxIn, pkScript []byte) bool {
	if txscript.IsPayToAnchorScript(pkScript) {
		return false
	}
	nested := txscript.IsPayToScriptHash(pkScript)
	if nested {
		pkScript, _, _ = lastPush(in.SignatureScript) // checkInputsStandard saw to it
	}
	version, program, ok := witnessProgram(pkScript)
	switch {
	case !ok:
		return false
	case version == 0 && len(program) == 32:
		return isP2WSHStandard(in.Witness)
	case version == 1 && len(program) == 32 && !nested:
		return isTaprootStandard(in.Witness)
	}
	return true
}

func isP2WSHStandard(witness wire.TxWitness) bool {
	script, items := witness[len(witness)-1], witness[:len(witness)-1]
	return len(script) <= maxP2WSHScript && len(items) <= maxP2WSHItems && itemsWithin(items, maxP2WSHItemSize)
}

func isTaprootStandard(witness wire.TxWitness) bool {
	if len(witness) < 2 {
		return true // key path
	}
	last := witness[len(witness)-1] // control block, or annex
	if len(last) == 0 || last[0] == taprootAnnexTag {
		return false
	}
	if last[0]&taprootLeafMask != taprootTapscript {
		return true // an undefined leaf version: the script engine refuses it
	}
	return itemsWithin(witness[:len(witness)-2], maxTapscriptItemSize)
}

func itemsWithin(items [][]byte, size int) bool {
	for _, item := range items {
		if len(item) > size {
			return false
		}
	}
	return true
}

// sigOpCost is the BIP 141 signature operation cost: legacy and P2SH operations count four times.
func sigOpCost(tx *wire.MsgTx, spent []spentOutput) int64 {
	base, witness := 0, 0
	for _, out := range tx.TxOut {
		base += txscript.GetSigOpCount(out.PkScript)
	}
	for i, in := range tx.TxIn {
		pkScript := spent[i].PkScript
		base += txscript.GetSigOpCount(in.SignatureScript)
		if txscript.IsPayToScriptHash(pkScript) {
			base += txscript.GetPreciseSigOpCount(in.SignatureScript, pkScript, true)
		}
		witness += txscript.GetWitnessSigOpCount(in.SignatureScript, pkScript, in.Witness)
	}
	return int64(base)*witnessScale + int64(witness)
}
