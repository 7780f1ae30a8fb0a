package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Core has no bound on what scripts cost but its limits on signature operations, under which a transaction may take more
// than a second here. These bounds are such that whatever spends by signatures of keys or in multisig, the widest
// included, stays within: see TestHonestWork.
const (
	// maxSigHashBytes bounds what signatures outside witnesses hash, each nearly the whole transaction: as much as
	// [maxLegacySigOps] of them do in a transaction of a thousand inputs.
	maxSigHashBytes = maxLegacySigOps * 1000 * blankInputSize
	// maxWorkPerWeight bounds [scriptWork.cost]: one signature check in 40 weight units. BIP 342 has one in 50 of a
	// tapscript's witness; a 1-of-20 multisig has one in 46.
	maxWorkPerWeight = costCheck / 40
)

// What scripts cost, in nanoseconds on a processor that checks a signature in 0.1 ms.
const (
	costCheck     = 100_000
	costHashed    = 2   // a byte
	costSerialize = 200 // an input or output, into what a signature signs
	costOp        = 100
)

// scriptWork counts what the scripts of a transaction do at the most, whichever branches they take.
type scriptWork struct {
	checks     int64 // of signatures
	sigHashed  int64 // bytes hashed for those outside witnesses
	serialized int64 // inputs and outputs among these
	hashed     int64 // all other bytes hashed
	ops        int64 // opcodes, pushes included
}

func (w *scriptWork) cost() int64 {
	return w.checks*costCheck + (w.sigHashed+w.hashed)*costHashed + w.serialized*costSerialize + w.ops*costOp
}

// checkWork refuses a transaction whose scripts could take more than their share of a processor, before any of them runs.
func checkWork(tx *wire.MsgTx, spent []spentOutput, weight int64) error {
	w := estimateWork(tx, spent)
	if w.sigHashed > maxSigHashBytes {
		return rejectf(ErrNonStandard, reasonInputs, "non-witness signature hashes exceed limit (%d > %d bytes)",
			w.sigHashed, maxSigHashBytes)
	}
	if cost, most := w.cost(), weight*maxWorkPerWeight; cost > most {
		return rejectf(ErrNonStandard, reasonSigOps, "script work exceeds limit (%d > %d)", cost, most)
	}
	return nil
}

// estimateWork looks at the scripts of a transaction that passed the rules on standard inputs. A script that does not
// parse runs up to the fault at the most.
func estimateWork(tx *wire.MsgTx, spent []spentOutput) scriptWork {
	e := workEstimate{tx: tx, blank: blankSize(tx)}
	for i, in := range tx.TxIn {
		e.ops += countOps(in.SignatureScript)
		script := spent[i].PkScript
		nested := txscript.IsPayToScriptHash(script)
		if nested {
			e.legacy(script) // its hash
			script, _, _ = lastPush(in.SignatureScript)
		}
		if version, program, ok := witnessProgram(script); ok {
			e.witness(i, version, program, nested)
		} else {
			e.legacy(script)
		}
	}
	return e.scriptWork
}

// A workEstimate is the work counted so far.
type workEstimate struct {
	scriptWork
	tx    *wire.MsgTx
	blank int64 // blankSize
}

const blankInputSize = 36 + 1 + 4 // outpoint, no script, sequence

// blankSize is how many bytes a signature outside a witness signs besides the script: the transaction without any.
func blankSize(tx *wire.MsgTx) int64 {
	size := 4 + 4 + 4 + wire.VarIntSerializeSize(uint64(len(tx.TxIn))) + wire.VarIntSerializeSize(uint64(len(tx.TxOut)))
	size += len(tx.TxIn) * blankInputSize
	for _, out := range tx.TxOut {
		size += out.SerializeSize()
	}
	return int64(size)
}

// legacy counts a script outside a witness.
func (e *workEstimate) legacy(script []byte) {
	checks := e.script(script)
	e.checks += checks
	e.sigHashed += checks * (e.blank + varBytes(script))
	e.serialized += checks * int64(len(e.tx.TxIn)+len(e.tx.TxOut))
}

// Sizes of what signatures in witnesses sign, besides the script and with SIGHASH_SINGLE the output: BIP 143, BIP 341.
const (
	sigHashSizeV0      = 156
	sigHashSizeTaproot = 64 + 1 + 206 + 37 // the tag included

	tapLeafHashed = 256 // for each script path, besides the script and its way to the root, by 128 bytes a node
)

// witness counts input i, whose witness runs.
func (e *workEstimate) witness(i, version int, program []byte, nested bool) {
	e.ops += 2 // of the program itself
	witness := e.tx.TxIn[i].Witness
	var checks, signed int64
	switch {
	case len(witness) == 0:
		return
	case version == 0 && len(program) == 20:
		checks, signed = 1, sigHashSizeV0+1+25
		e.ops += 5
		e.hashed += 2 * maxPushed // HASH160 of the key
	case version == 0 && len(program) == 32:
		script := witness[len(witness)-1]
		checks, signed = e.script(script), sigHashSizeV0+varBytes(script)
		e.hashed += int64(len(script))
	case version == 1 && len(program) == 32 && !nested && len(witness) == 1:
		checks, signed = 1, sigHashSizeTaproot
	case version == 1 && len(program) == 32 && !nested:
		script, control := witness[len(witness)-2], witness[len(witness)-1]
		budget := int64(50+witness.SerializeSize()) / 50 // BIP 342
		checks, signed = min(e.script(script), budget), sigHashSizeTaproot
		e.hashed += 2*varBytes(script) + 4*int64(len(control)) + tapLeafHashed
	}
	if i < len(e.tx.TxOut) {
		signed += int64(e.tx.TxOut[i].SerializeSize())
	}
	e.checks += checks
	e.hashed += checks * signed
}

// maxPushed is the largest stack item, which a hash opcode may hash: the consensus limit.
const maxPushed = txscript.MaxScriptElementSize

// script counts opcodes and what they hash, and returns how many signatures they check. A multisig may try each of its
// keys.
func (e *workEstimate) script(script []byte) (checks int64) {
	keys := int64(txscript.MaxPubKeysPerMultiSig)
	for t := txscript.MakeScriptTokenizer(0, script); t.Next(); {
		e.ops++
		op := t.Opcode()
		switch op {
		case txscript.OP_CHECKSIG, txscript.OP_CHECKSIGVERIFY, txscript.OP_CHECKSIGADD:
			checks++
		case txscript.OP_CHECKMULTISIG, txscript.OP_CHECKMULTISIGVERIFY:
			checks += keys
		case txscript.OP_RIPEMD160, txscript.OP_SHA1, txscript.OP_SHA256:
			e.hashed += maxPushed
		case txscript.OP_HASH160, txscript.OP_HASH256:
			e.hashed += maxPushed + 32
		}
		keys = txscript.MaxPubKeysPerMultiSig
		if isPositiveSmallInt(op) {
			keys = int64(txscript.AsSmallInt(op))
		}
	}
	return checks
}

func countOps(script []byte) (n int64) {
	for t := txscript.MakeScriptTokenizer(0, script); t.Next(); {
		n++
	}
	return n
}

// varBytes is the size of a script with its length.
func varBytes(script []byte) int64 {
	return int64(wire.VarIntSerializeSize(uint64(len(script))) + len(script))
}
