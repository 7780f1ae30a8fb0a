package mempool

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

func scriptRejections() (table []rejection) {
	spend := func(l lock) func(*bench) *wire.MsgTx {
		return func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(l)}, pay(coinValue/2, p2wpkh(1)))
		}
	}
	spoil := func(l lock, change func(in *wire.TxIn)) func(*bench) *wire.MsgTx {
		return func(b *bench) *wire.MsgTx {
			tx := spend(l)(b)
			change(tx.TxIn[0])
			return tx
		}
	}
	appendHashType := func(hashType byte) func(in *wire.TxIn) {
		return func(in *wire.TxIn) { in.Witness[0] = append(in.Witness[0], hashType) }
	}
	noPoint := anyone(script(txscript.OP_1, bytes.Repeat([]byte{0xff}, 32)))
	noPoint.unlock = func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
		tx.TxIn[i].Witness = wire.TxWitness{bytes.Repeat([]byte{1}, 64)}
	}
	nullFail := "Signature must be zero for failed CHECK(MULTI)SIG operation"
	cases := []struct {
		name string
		make func(*bench) *wire.MsgTx
		word string
	}{
		{"P2WPKH, output changed", func(b *bench) *wire.MsgTx {
			tx := spend(p2wpkh(1))(b)
			tx.TxOut[0].Value--
			return tx
		}, nullFail},
		{"P2PKH, output changed", func(b *bench) *wire.MsgTx {
			tx := spend(p2pkh(1))(b)
			tx.TxOut[0].Value--
			return tx
		}, nullFail},
		{"P2WPKH, other key", spoil(p2wpkh(1), func(in *wire.TxIn) { in.Witness[1] = pubKey(2) }), "Script failed an OP_EQUALVERIFY operation"},
		{"P2WPKH, stripped", spoil(p2wpkh(1), func(in *wire.TxIn) { in.Witness = nil }), "Witness program hash mismatch"},
		{"P2WSH, stripped", spoil(p2wsh(script(txscript.OP_1)), func(in *wire.TxIn) { in.Witness = nil }), "Witness program was passed an empty witness"},
		{"P2WSH, other script", spoil(p2wsh(script(txscript.OP_1)), func(in *wire.TxIn) { in.Witness = wire.TxWitness{script(txscript.OP_2)} }), "Witness program hash mismatch"},
		{"P2WPKH with a scriptSig", spoil(p2wpkh(1), func(in *wire.TxIn) { in.SignatureScript = script([]byte{1, 2}) }), "Witness requires empty scriptSig"},
		{"P2WPKH, not DER", spoil(p2wpkh(1), func(in *wire.TxIn) { in.Witness[0][0] = 0x31 }), "Non-canonical DER signature"},
		{"P2WPKH, a byte after the signature", spoil(p2wpkh(1), func(in *wire.TxIn) {
			sig := in.Witness[0]
			in.Witness[0] = slices.Insert(sig, len(sig)-1, 0)
		}), "Non-canonical DER signature"},
		{"P2WPKH, high S", spoil(p2wpkh(1), func(in *wire.TxIn) { in.Witness[0] = highS(in.Witness[0]) }),
			"Non-canonical signature: S value is unnecessarily high"},
		{"P2WPKH, hash type", spoil(p2wpkh(1), func(in *wire.TxIn) { in.Witness[0][len(in.Witness[0])-1] = 0x7f }), "Signature hash type missing or not understood"},
		{"P2TR key, output changed", func(b *bench) *wire.MsgTx {
			tx := spend(p2tr(1))(b)
			tx.TxOut[0].Value--
			return tx
		}, "Invalid Schnorr signature"},
		{"P2TR key, not a signature", spoil(p2tr(1), func(in *wire.TxIn) { in.Witness[0] = bytes.Repeat([]byte{0xff}, 64) }), "Invalid Schnorr signature"},
		{"P2TR key, 63 bytes", spoil(p2tr(1), func(in *wire.TxIn) { in.Witness[0] = in.Witness[0][:63] }), "Invalid Schnorr signature size"},
		{"P2TR key, unknown hash type", spoil(p2tr(1), appendHashType(4)), "Invalid Schnorr signature hash type"},
		{"P2TR key, default hash type", spoil(p2tr(1), appendHashType(0)), "Invalid Schnorr signature hash type"},
		{"P2TR key, other hash type", spoil(p2tr(1), appendHashType(1)), "Invalid Schnorr signature"},
		{"P2TR script, other script", spoil(tapscript(script(txscript.OP_1)), func(in *wire.TxIn) { in.Witness[0] = script(txscript.OP_2) }), "Witness program hash mismatch"},
		{"P2TR script, control block", spoil(tapscript(script(txscript.OP_1)), func(in *wire.TxIn) { in.Witness[1] = in.Witness[1][:32] }), "Invalid Taproot control block size"},
		{"P2TR key that is no point", spend(noPoint), "Invalid Schnorr signature"},
		{"P2TR script, key that is no point", spoil(noPoint, func(in *wire.TxIn) {
			in.Witness = wire.TxWitness{script(txscript.OP_1), append([]byte{0xc0}, pubKey(1)[1:]...)}
		}), "Witness program hash mismatch"},
		{"P2TR script, internal key that is no point", spoil(tapscript(script(txscript.OP_1)), func(in *wire.TxIn) {
			copy(in.Witness[1][1:], bytes.Repeat([]byte{0xff}, 32))
		}), "Witness program hash mismatch"},
		{"tapscript key that is no point", spend(tapscript(script(bytes.Repeat([]byte{0xff}, 32), txscript.OP_CHECKSIG), bytes.Repeat([]byte{1}, 64))), "Invalid Schnorr signature"},
		{"P2SH, other script", spoil(p2sh(script(txscript.OP_1)), func(in *wire.TxIn) { in.SignatureScript = script(script(txscript.OP_2)) }),
			"Script evaluated without error but finished with a false/empty top stack element"},
		{"P2SH, unclean stack", spend(p2sh(script(txscript.OP_1), []byte{7, 7})), "Stack size must be exactly one after execution"},
		{"P2WSH false", spend(p2wsh(script(txscript.OP_0))), "Script evaluated without error but finished with a false/empty top stack element"},
		{"P2WSH OP_RETURN", spend(p2wsh(script(txscript.OP_RETURN))), "OP_RETURN was encountered"},
		{"P2WSH OP_VERIFY", spend(p2wsh(script(txscript.OP_0, txscript.OP_VERIFY, txscript.OP_1))), "Script failed an OP_VERIFY operation"},
		{"P2WSH disabled opcode", spend(p2wsh(script(txscript.OP_1, txscript.OP_1, txscript.OP_CAT))), "Attempted to use a disabled opcode"},
		{"P2WSH NOP4", spend(p2wsh(script(txscript.OP_NOP4, txscript.OP_1))), "NOPx reserved for soft-fork upgrades"},
		{"P2WSH OP_IF", spend(p2wsh(script(txscript.OP_1, txscript.OP_IF))), "Invalid OP_IF construction"},
		{"P2WSH IF argument", spend(p2wsh(script(txscript.OP_2, txscript.OP_IF, txscript.OP_1, txscript.OP_ENDIF))), "OP_IF/NOTIF argument must be minimal"},
		{"P2WSH empty stack", spend(p2wsh(script(txscript.OP_DROP, txscript.OP_1))), "Operation not valid with the current stack size"},
		{"P2WSH CLTV", spend(p2wsh(script(int64(100), txscript.OP_CHECKLOCKTIMEVERIFY))), "Locktime requirement not satisfied"},
		{"P2WSH CLTV negative", spend(p2wsh(script(int64(-1), txscript.OP_CHECKLOCKTIMEVERIFY))), "Negative locktime"},
		{"P2WSH push", spend(p2wsh([]byte{txscript.OP_DATA_1, 1})), "Data push larger than necessary"},
		{"P2WSH key", spend(p2wsh(script(txscript.OP_0, []byte{5}, txscript.OP_CHECKSIG))), "Using non-compressed keys in segwit"},
		{"tapscript OP_SUCCESS", spend(tapscript([]byte{txscript.OP_RESERVED, txscript.OP_1})), "OP_SUCCESSx reserved for soft-fork upgrades"},
		{"taproot leaf version", spend(taprootLeaf(txscript.NewTapLeaf(0xc2, nil), make([]byte, 81))), "Taproot version reserved for soft-fork upgrades"},
		{"tapscript IF argument", spend(tapscript(script(txscript.OP_IF, txscript.OP_1, txscript.OP_ENDIF), []byte{2})), "OP_IF/NOTIF argument must be minimal in tapscript"},
		{"tapscript signature", spend(tapscript(script(pubKey(1)[1:], txscript.OP_CHECKSIG), bytes.Repeat([]byte{1}, 64))), "Invalid Schnorr signature"},
		{"P2SH, empty script", spend(p2sh(nil)), wordEvalFalse},
		{"tapscript CHECKMULTISIG", spend(tapscript(script(txscript.OP_0, txscript.OP_0, txscript.OP_CHECKMULTISIG))), "OP_CHECKMULTISIG(VERIFY) is not available in tapscript"},
	}
	for _, c := range cases {
		table = append(table, rejection{c.name, c.make, ErrScript,
			"mempool-script-verify-flag-failed (" + c.word + "), input 0 of TXID (wtxid WTXID), spending PARENT:INDEX"})
	}
	return table
}

// highS is a signature with its hash type, with the other S that is as good.
func highS(sig []byte) []byte {
	der, hashType := sig[:len(sig)-1], sig[len(sig)-1]
	parsed := must(ecdsa.ParseDERSignature(der))
	r, s := parsed.R(), parsed.S()
	s.Negate()
	rBytes, sBytes := r.Bytes(), s.Bytes()
	der = must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(rBytes[:]), new(big.Int).SetBytes(sBytes[:])}))
	return append(der, hashType)
}

func TestScriptWordFallsBack(t *testing.T) {
	for want, err := range map[string]error{
		"unknown error": errors.New("something else"),
		"ErrInternal":   txscript.Error{ErrorCode: txscript.ErrInternal},
	} {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(new(wire.TxIn))
		if got := scriptWord(err, tx, 0, nil); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
