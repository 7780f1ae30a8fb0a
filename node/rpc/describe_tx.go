package rpc

import (
	"encoding/hex"

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
	d.ScriptSig = &ScriptSig{Asm: disassemble(in.SignatureScript), Hex: hex.EncodeToString(in.SignatureScript)}
	return d
}

// describeScript leaves the address out where Core does: a bare key and a bare
// multisig have none of their own.
func describeScript(script []byte, params *chaincfg.Params) ScriptPubKey {
	class, addresses, _, err := txscript.ExtractPkScriptAddrs(script, params)
	d := ScriptPubKey{Asm: disassemble(script), Hex: hex.EncodeToString(script), Type: class.String()}
	bare := class == txscript.PubKeyTy || class == txscript.MultiSigTy
	if err == nil && !bare && len(addresses) == 1 {
		d.Address = addresses[0].EncodeAddress()
	}
	return d
}

// disassemble is total: what follows a malformed push is shown as [error].
func disassemble(script []byte) string {
	asm, _ := txscript.DisasmString(script)
	return asm
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
