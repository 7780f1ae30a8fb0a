package mempool

import (
	"encoding/binary"
	"iter"

	"github.com/btcsuite/btcd/wire/v2"
)

// Tx decodes the transaction, anew at each call: the caller may change the result, and keeps it if it needs it twice.
// It is nil for what was refused for its weight, and without Raw. What [Entry.Inputs] and [Entry.Outputs] tell is had
// for less. [DecodeTx] says what it takes while it runs.
func (e *Entry) Tx() *wire.MsgTx {
	tx, err := DecodeTx(e.Raw)
	if err != nil {
		return nil
	}
	return tx
}

// Inputs ranges over the inputs, without their witnesses. It reads them from Raw, so that nothing is allocated; scripts
// are parts of it.
func (e *Entry) Inputs() iter.Seq[wire.TxIn] {
	return func(yield func(wire.TxIn) bool) {
		for _, in := range e.inputs() {
			if !yield(in) {
				return
			}
		}
	}
}

// inputs ranges over the inputs like Inputs and tells where in Raw each begins, with its outpoint.
func (e *Entry) inputs() iter.Seq2[uint32, wire.TxIn] {
	return func(yield func(uint32, wire.TxIn) bool) {
		c, count := e.atInputs()
		for range count {
			at := uint32(len(e.Raw) - len(c.rest))
			in, err := c.input()
			if err != nil || !yield(at, in) {
				return
			}
		}
	}
}

// Outputs ranges over the outputs and their indexes. It reads them from Raw, so that nothing is allocated; scripts are
// parts of it.
func (e *Entry) Outputs() iter.Seq2[uint32, wire.TxOut] {
	return func(yield func(uint32, wire.TxOut) bool) {
		c, inputs := e.atInputs()
		for range inputs {
			if _, err := c.input(); err != nil {
				return
			}
		}
		outputs, _ := c.count(minOutputSize)
		for i := range outputs {
			out, err := c.output()
			if err != nil || !yield(uint32(i), out) {
				return
			}
		}
	}
}

// atInputs is before the first input of how many there are, or at the end of bytes that do not get as far.
func (e *Entry) atInputs() (c cursor, inputs uint64) {
	c.rest = e.Raw
	_, err := c.header()
	if err == nil {
		inputs, err = c.count(minInputSize)
	}
	if err != nil {
		return cursor{}, 0
	}
	return c, inputs
}

// spends reports whether an input spends op.
func (e *Entry) spends(op wire.OutPoint) bool {
	for in := range e.Inputs() {
		if in.PreviousOutPoint == op {
			return true
		}
	}
	return false
}

func (e *Entry) spendsFrom(parent *Entry) bool {
	for in := range e.Inputs() {
		if in.PreviousOutPoint.Hash == parent.TxID {
			return true
		}
	}
	return false
}

func (e *Entry) inputCount() uint64 {
	_, inputs := e.atInputs()
	return inputs
}

func (e *Entry) version() uint32 { return binary.LittleEndian.Uint32(e.Raw) }
