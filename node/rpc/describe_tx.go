package rpc

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/address/v2/bech32"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// describeTx takes a transaction apart for JSON, with addresses of the network.
func describeTx(tx *wire.MsgTx, network string) RawTransaction {
	stripped, size := int64(tx.SerializeSizeStripped()), int64(tx.SerializeSize())
	weight := 3*stripped + size // BIP 141
	t := RawTransaction{
		TxID:     tx.TxHash().String(),
		Hash:     tx.WitnessHash().String(),
		Version:  uint32(tx.Version),
		Size:     size,
		VSize:    bip141VSize(weight),
		Weight:   weight,
		LockTime: tx.LockTime,
		Vin:      make([]TxInput, len(tx.TxIn)),
		Vout:     make([]TxOutput, len(tx.TxOut)),
	}
	for i, in := range tx.TxIn {
		t.Vin[i] = describeInput(in)
	}
	params := paramsOf(network)
	for i, out := range tx.TxOut {
		t.Vout[i] = TxOutput{Value: Amount(out.Value), N: uint32(i), ScriptPubKey: describeScript(out.PkScript, params)}
	}
	return t
}

func describeInput(in *wire.TxIn) TxInput {
	d := TxInput{Sequence: in.Sequence}
	for _, item := range in.Witness {
		d.TxInWitness = append(d.TxInWitness, hex.EncodeToString(item))
	}
	if in.PreviousOutPoint == (wire.OutPoint{Hash: chainhash.Hash{}, Index: wire.MaxPrevOutIndex}) {
		d.Coinbase = hex.EncodeToString(in.SignatureScript)
		return d
	}
	d.TxID = in.PreviousOutPoint.Hash.String()
	d.Vout = &in.PreviousOutPoint.Index
	d.ScriptSig = &ScriptSig{Asm: disassemble(in.SignatureScript, true), Hex: hex.EncodeToString(in.SignatureScript)}
	return d
}

// describeScript leaves the address out where Core does: a bare key and a bare
// multisig have none of their own.
func describeScript(script []byte, params *chaincfg.Params) ScriptPubKey {
	class, addresses, _, err := txscript.ExtractPkScriptAddrs(script, params)
	d := ScriptPubKey{Asm: disassemble(script, false), Hex: hex.EncodeToString(script), Type: class.String()}
	bare := class == txscript.PubKeyTy || class == txscript.MultiSigTy
	if err == nil && !bare && len(addresses) == 1 {
		d.Address = addresses[0].EncodeAddress()
	}
	if version, program, err := txscript.ExtractWitnessProgramInfo(script); err == nil && class == txscript.NonStandardTy && version > 0 {
		d.Type, d.Address = "witness_unknown", witnessAddress(version, program, params)
		if bytes.Equal(script, payToAnchor) {
			d.Type = "anchor"
		}
	}
	d.Desc = descriptorOf(script, class, d.Address)
	return d
}

// payToAnchor is the script of BIP433.
var payToAnchor = []byte{txscript.OP_1, txscript.OP_DATA_2, 0x4e, 0x73}

// witnessAddress is the address of a witness program after version 0: BIP350.
func witnessAddress(version int, program []byte, params *chaincfg.Params) string {
	data, err := bech32.ConvertBits(program, 8, 5, true)
	if err != nil {
		return ""
	}
	address, err := bech32.EncodeM(params.Bech32HRPSegwit, append([]byte{byte(version)}, data...))
	if err != nil {
		return ""
	}
	return address
}

// disassemble shows a script as Core's ScriptToAsmStr does: what is pushed as
// number if it has up to four bytes, else in hex, and what follows a malformed push
// as [error]. With signatures, the sighash type of what looks like one is shown by
// name, as of inputs.
func disassemble(script []byte, signatures bool) string {
	const version = 0
	var words []string
	t := txscript.MakeScriptTokenizer(version, script)
	for t.Next() {
		switch op, data := t.Opcode(), t.Data(); {
		case op > txscript.OP_PUSHDATA4:
			words = append(words, opcodeName(op))
		case len(data) > 4 && signatures:
			words = append(words, describeSignature(data))
		case len(data) > 4:
			words = append(words, hex.EncodeToString(data))
		default:
			words = append(words, strconv.FormatInt(scriptNumber(data), 10))
		}
	}
	if t.Err() != nil {
		words = append(words, "[error]")
	}
	return strings.Join(words, " ")
}

// describeSignature is data in hex, or with the name of its sighash type if it is an
// ECDSA signature.
func describeSignature(data []byte) string {
	last := len(data) - 1
	name, known := map[byte]string{1: "ALL", 2: "NONE", 3: "SINGLE"}[data[last]&^0x80]
	if _, err := ecdsa.ParseDERSignature(data[:last]); err != nil || !known {
		return hex.EncodeToString(data)
	}
	if data[last]&0x80 != 0 {
		name += "|ANYONECANPAY"
	}
	return hex.EncodeToString(data[:last]) + "[" + name + "]"
}

func opcodeName(op byte) string {
	name, err := txscript.DisasmString([]byte{op})
	if err != nil || strings.HasPrefix(name, "OP_UNKNOWN") {
		return "OP_UNKNOWN"
	}
	return name
}

// scriptNumber is the number that bytes are to a script: little-endian, with a
// sign bit.
func scriptNumber(data []byte) (n int64) {
	for i, b := range data {
		n |= int64(b) << (8 * i)
	}
	if len(data) > 0 && data[len(data)-1]&0x80 != 0 {
		return -(n &^ (0x80 << (8 * (len(data) - 1))))
	}
	return n
}

// paramsOf are the address prefixes of a network; unknown networks use regtest's.
func paramsOf(network string) *chaincfg.Params {
	switch network {
	case "main":
		return &chaincfg.MainNetParams
	case "test":
		return &chaincfg.TestNet3Params
	case "testnet4":
		return &chaincfg.TestNet4Params
	case "signet":
		return &chaincfg.SigNetParams
	}
	return &chaincfg.RegressionNetParams
}

// burns reports whether nobody can ever spend an output with this script: Core's
// CScript::IsUnspendable, or no CScript::HasValidOps.
func burns(script []byte) bool {
	if txscript.IsUnspendable(script) {
		return true
	}
	const version = 0
	for t := txscript.MakeScriptTokenizer(version, script); t.Next(); {
		if t.Opcode() > txscript.OP_NOP10 || len(t.Data()) > txscript.MaxScriptElementSize {
			return true
		}
	}
	return false // a script that does not parse is unspendable already
}
