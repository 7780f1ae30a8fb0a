package mempool

import (
	"bytes"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// FuzzWork runs scripts one opcode at a time, counts what they do, and asserts that the estimate made before is no less.
// Code is the script where the kind of output leaves it free; each byte of items names an item that unlocks it; of further
// inputs and outputs there are so many.
func FuzzWork(f *testing.F) {
	compressed, xOnly := pubKey(1), schnorr.SerializePubKey(key(1).PubKey())
	hash := script(txscript.OP_2DUP, txscript.OP_HASH160, txscript.OP_HASH256, txscript.OP_SHA1, txscript.OP_DROP, txscript.OP_CHECKSIG)
	adds := script(txscript.OP_2DUP, txscript.OP_CHECKSIGVERIFY, txscript.OP_DROP, txscript.OP_1, xOnly, txscript.OP_CHECKSIGADD)
	branches := script(txscript.OP_IF, txscript.OP_2, txscript.OP_CHECKMULTISIG, txscript.OP_ELSE, compressed, txscript.OP_ENDIF, txscript.OP_CHECKSIG)
	for kind := range workKinds {
		for _, seed := range []struct{ code, items []byte }{
			{script(compressed, txscript.OP_CHECKSIG), []byte{itemAll}},
			{dense(4), []byte{itemSingle, itemKey}},
			{dense(4), []byte{itemSchnorr, itemXOnly}},
			{dense(4), []byte{itemSchnorrSingle, itemXOnly}},
			{hash, []byte{itemAll, itemKey}},
			{multiSigScript(1, 3), []byte{0, itemNone}},
			{append(sameKey(), txscript.OP_1), []byte{0, itemAll}},
			{adds, []byte{itemSchnorr, itemSchnorr, itemXOnly}},
			{branches, []byte{itemAll, 0}},
		} {
			f.Add(byte(kind), seed.code, seed.items, byte(0), byte(1))
			f.Add(byte(kind), seed.code, seed.items, byte(40), byte(30))
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, code, items []byte, inputs, outputs byte) {
		c := newWorkCase(workKind(kind)%workKinds, code, items, int(inputs), int(outputs))
		w, real := estimateWork(c.tx, c.spent), c.count()
		if real.checks > w.checks || real.sigHashed > w.sigHashed || real.serialized > w.serialized ||
			real.hashed > w.hashed || real.ops > w.ops {
			t.Fatalf("estimate %+v, real work %+v", w, real)
		}
		refused := w.sigHashed > maxSigHashBytes || w.cost() > weightOf(c.tx)*maxWorkPerWeight
		if err := checkWork(c.tx, c.spent, weightOf(c.tx)); (err != nil) != refused {
			t.Fatalf("work %+v for weight %d: %v", w, weightOf(c.tx), err)
		}
	})
}

type workKind byte

const (
	workP2PKH workKind = iota
	workBareMultiSig
	workP2SH
	workP2WPKH
	workP2WSH
	workNestedP2WSH
	workTaprootKey
	workTapscript
	workKinds
)

// A workCase is a transaction whose first input is to run.
type workCase struct {
	kind   workKind
	tx     *wire.MsgTx
	spent  []spentOutput
	code   []byte // that signatures commit to
	hashes *txscript.TxSigHashes
	outs   *txscript.MultiPrevOutFetcher
}

func newWorkCase(kind workKind, code, items []byte, inputs, outputs int) *workCase {
	l := anyone(nil)
	switch kind {
	case workP2PKH:
		code = p2pkhScript(1)
		l = anyone(code)
	case workBareMultiSig:
		code = multiSigScript(1, 3)
		l = anyone(code)
	case workP2SH:
		code = code[:min(len(code), maxPushed)]
		l = p2sh(code)
	case workP2WPKH:
		l, code = p2wpkh(1), p2pkhScript(1)
	case workP2WSH:
		l = p2wsh(code)
	case workNestedP2WSH:
		l = p2sh(p2wsh(code).pkScript)
	case workTaprootKey:
		l = p2tr(1)
	case workTapscript:
		l = tapscript(code)
	}
	idle := anyone(p2tr(2).pkScript)
	coins := []coin{{lock: l}}
	for i := range inputs {
		coins = append(coins, coin{op: wire.OutPoint{Index: uint32(i + 1)}, lock: idle})
	}
	c := &workCase{kind: kind, tx: unsigned(coins), code: code, outs: txscript.NewMultiPrevOutFetcher(nil)}
	for _, coin := range coins {
		c.spent = append(c.spent, spentOutput{PrevOut: PrevOut{PkScript: coin.lock.pkScript}})
		c.outs.AddPrevOut(coin.op, pay(0, coin.lock))
	}
	for i := range outputs {
		c.tx.AddTxOut(pay(1, anyone(make([]byte, 7*i))))
	}
	c.hashes = txscript.NewTxSigHashes(c.tx, c.outs)
	c.unlock(l, items)
	return c
}

func (c *workCase) unlock(l lock, names []byte) {
	var items [][]byte
	for _, name := range names {
		items = append(items, c.item(name))
	}
	in := c.tx.TxIn[0]
	switch c.kind {
	case workP2PKH, workBareMultiSig:
		in.SignatureScript = spendP2SH(nil, items...).scriptSig
	case workP2SH:
		in.SignatureScript = spendP2SH(c.code, items...).scriptSig
	case workP2WPKH, workTaprootKey:
		in.Witness = items
	case workP2WSH:
		in.Witness = append(items, c.code)
	case workNestedP2WSH:
		in.SignatureScript = script(p2wsh(c.code).pkScript)
		in.Witness = append(items, c.code)
	case workTapscript:
		l.unlock(c.tx, 0, 0, c.hashes)
		in.Witness = append(items, in.Witness...)
	}
}

// Items that unlock; any other byte is an item itself, and 0 an empty one.
const (
	itemAll byte = iota + 100
	itemSingle
	itemNone // and any other input
	itemSchnorr
	itemSchnorrSingle
	itemKey
	itemXOnly
)

// item is empty where a signature cannot be made.
func (c *workCase) item(name byte) (item []byte) {
	switch name {
	case 0:
	case itemAll:
		item = c.sign(txscript.SigHashAll)
	case itemSingle:
		item = c.sign(txscript.SigHashSingle)
	case itemNone:
		item = c.sign(txscript.SigHashNone | txscript.SigHashAnyOneCanPay)
	case itemSchnorr:
		item = c.signSchnorr(txscript.SigHashDefault)
	case itemSchnorrSingle:
		item = c.signSchnorr(txscript.SigHashSingle)
	case itemKey:
		item = pubKey(1)
	case itemXOnly:
		item = schnorr.SerializePubKey(key(1).PubKey())
	default:
		item = []byte{name}
	}
	return item
}

func (c *workCase) sign(hashType txscript.SigHashType) (sig []byte) {
	if c.kind < workP2WPKH {
		sig, _ = txscript.RawTxInSignature(c.tx, 0, c.code, hashType, key(1))
	} else {
		sig, _ = txscript.RawTxInWitnessSignature(c.tx, c.hashes, 0, 0, c.code, hashType, key(1))
	}
	return sig
}

func (c *workCase) signSchnorr(hashType txscript.SigHashType) []byte {
	sig, _ := txscript.RawTxInTapscriptSignature(c.tx, c.hashes, 0, 0, c.spent[0].PkScript,
		txscript.NewBaseTapLeaf(c.code), hashType, key(1))
	return sig
}

// count runs the first input and counts what that does. The others stop short of their witnesses.
func (c *workCase) count() (w scriptWork) {
	w.ops = 2 * int64(len(c.tx.TxIn)-1)
	vm, err := txscript.NewEngine(c.spent[0].PkScript, c.tx, 0, txscript.StandardVerifyFlags, nil, c.hashes, 0, c.outs)
	if err != nil {
		return w
	}
	switch witness := c.tx.TxIn[0].Witness; {
	case c.kind == workTaprootKey && len(witness) == 1:
		c.countCheck(&w, witness[0])
	case c.kind == workTapscript:
		leaf := 64 + 1 + varBytes(c.code)
		w.hashed += 2*leaf + 128 // the leaf twice, and the tweak of the key
	case c.kind == workP2WSH, c.kind == workNestedP2WSH:
		w.hashed += int64(len(c.code))
	}
	for done := false; !done && err == nil; {
		var at string
		if at, err = vm.DisasmPC(); err != nil {
			break
		}
		before := vm.GetStack()
		done, err = vm.Step()
		w.ops++
		c.countOp(&w, strings.Fields(at)[1], before, vm.GetStack(), err)
	}
	return w
}

// countOp counts an opcode by what it did to the stack: nothing, if it is in a branch not taken or not allowed.
func (c *workCase) countOp(w *scriptWork, op string, before, after [][]byte, err error) {
	n := len(before)
	forbidden := txscript.IsErrorCode(err, txscript.ErrTaprootMaxSigOps) || txscript.IsErrorCode(err, txscript.ErrTapscriptCheckMultisig)
	ran := !forbidden && (err != nil || len(after) < n)
	switch op {
	case "OP_CHECKSIG", "OP_CHECKSIGVERIFY":
		if n >= 2 && ran {
			c.countCheck(w, before[n-2])
		}
	case "OP_CHECKSIGADD":
		if n >= 3 && ran {
			c.countCheck(w, before[n-3])
		}
	case "OP_CHECKMULTISIG", "OP_CHECKMULTISIGVERIFY":
		if ran {
			c.countMultiSig(w, before)
		}
	case "OP_RIPEMD160", "OP_SHA1", "OP_SHA256", "OP_HASH160", "OP_HASH256":
		if n > 0 && len(after) == n && !bytes.Equal(before[n-1], after[n-1]) {
			w.hashed += int64(len(before[n-1]))
		}
		if op == "OP_HASH160" || op == "OP_HASH256" {
			w.hashed += 32
		}
	}
}

// countMultiSig counts a check by each key, for any may be tried.
func (c *workCase) countMultiSig(w *scriptWork, stack [][]byte) {
	number := func() (v int, ok bool) {
		if len(stack) == 0 || len(stack[len(stack)-1]) > 1 {
			return 0, false
		}
		if top := stack[len(stack)-1]; len(top) == 1 {
			v = int(top[0])
		}
		stack = stack[:len(stack)-1]
		return v, v <= len(stack) && v <= txscript.MaxPubKeysPerMultiSig
	}
	keys, ok := number()
	if !ok {
		return
	}
	stack = stack[:len(stack)-keys]
	sigs, ok := number()
	if !ok || sigs == 0 || sigs > keys {
		return
	}
	for range keys {
		c.countCheck(w, stack[len(stack)-1])
	}
}

// countCheck counts a signature check that need not succeed, if there is a signature.
func (c *workCase) countCheck(w *scriptWork, sig []byte) {
	if len(sig) == 0 {
		return
	}
	w.checks++
	hashType := txscript.SigHashType(sig[len(sig)-1])
	switch {
	case c.kind < workP2WPKH:
		signed := naivePreimage(c.tx, c.code, hashType)
		w.sigHashed += int64(signed.SerializeSizeStripped() + 4)
		w.serialized += int64(len(signed.TxIn) + len(signed.TxOut))
		return
	case c.kind >= workTaprootKey:
		w.hashed += 64 + 2 + 8 + 4*32 + 32 + 1 + 4 + 37 // all of BIP 341 and 342 that does not depend on the type
	default:
		w.hashed += 4 + 2*32 + 36 + varBytes(c.code) + 8 + 4 + 32 + 4 + 4 // BIP 143
	}
	if hashType&0x1f == txscript.SigHashSingle && len(c.tx.TxOut) > 0 {
		w.hashed += int64(c.tx.TxOut[0].SerializeSize())
	}
}

// naivePreimage is what the first input's signature signs outside witnesses, but for the hash type.
func naivePreimage(tx *wire.MsgTx, code []byte, hashType txscript.SigHashType) *wire.MsgTx {
	signed := tx.Copy()
	for i, in := range signed.TxIn {
		in.SignatureScript = nil
		if i == 0 {
			in.SignatureScript = code
		}
	}
	switch hashType & 0x1f {
	case txscript.SigHashNone:
		signed.TxOut = nil
	case txscript.SigHashSingle:
		signed.TxOut = signed.TxOut[:min(len(signed.TxOut), 1)]
	}
	if hashType&txscript.SigHashAnyOneCanPay != 0 {
		signed.TxIn = signed.TxIn[:1]
	}
	return signed
}
