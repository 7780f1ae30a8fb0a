package mempool

import (
	"bytes"
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Smallest serializations: an outpoint, an empty script and a sequence; a value and an empty script. A claimed count
// is believed only if what remains could hold that many.
const (
	minInputSize  = 36 + 1 + 4
	minOutputSize = 8 + 1
)

const (
	reasonDecode = "TX decode failed" // Core answers RPC_DESERIALIZATION_ERROR (-22) with these words

	witnessScale = 4 // BIP 141: weight units per byte without witness
)

// What is wrong with bytes that are not a transaction. They are values so that refusing costs no allocation either.
var (
	errTruncated    = &RuleError{ErrDecode, reasonDecode, "truncated"}
	errCompactSize  = &RuleError{ErrDecode, reasonDecode, "non-canonical compact size"}
	errCount        = &RuleError{ErrDecode, reasonDecode, "count exceeds the remaining bytes"}
	errWitnessFlag  = &RuleError{ErrDecode, reasonDecode, "unknown flag, or no inputs"}
	errNoWitness    = &RuleError{ErrDecode, reasonDecode, "witness flag without any witness"}
	errTrailingData = &RuleError{ErrDecode, reasonDecode, "trailing bytes"}
)

// DecodeTx decodes raw, which must be exactly one canonically serialized transaction (BIP 144). Serializing the result
// gives raw again, so [chainhash.DoubleHashH](raw) is the wtxid.
//
// Counts are checked against the bytes that are there before anything is allocated, and a transaction over the
// standard weight of 400 000 is not decoded. The error is a [RuleError] of kind [ErrDecode], [ErrNonStandard] or
// [ErrConsensus]. While it runs, btcd's decoder holds a scratch buffer of 4 MiB: callers bound their concurrency.
func DecodeTx(raw []byte) (*wire.MsgTx, error) {
	l, err := scan(raw)
	if err != nil {
		return nil, err
	}
	if err := l.checkWeight(); err != nil {
		return nil, err
	}
	return decode(raw)
}

// decode is btcd's decoder behind a scan that already succeeded.
func decode(raw []byte) (*wire.MsgTx, error) {
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, rejectf(ErrDecode, reasonDecode, "%v", err)
	}
	return tx, nil
}

// A layout is what a scan learns of a serialized transaction.
type layout struct {
	size     int // all bytes
	stripped int // bytes without marker, flag and witnesses
	witness  int // offset of the witnesses; 0 when there are none
}

func (l layout) weight() int64 {
	return int64(l.stripped)*(witnessScale-1) + int64(l.size)
}

// checkWeight refuses what must not reach the decoder. Core decodes first and so may find another fault in a
// transaction of this size; here its memory decides.
func (l layout) checkWeight() error {
	if int64(l.stripped)*witnessScale > maxBlockWeight {
		return reject(ErrConsensus, "bad-txns-oversize")
	}
	if l.weight() > maxStandardTxWeight {
		return reject(ErrNonStandard, "tx-size")
	}
	return nil
}

// txid hashes raw without marker, flag and witnesses.
func (l layout) txid(raw []byte) chainhash.Hash {
	if l.witness == 0 {
		return chainhash.DoubleHashH(raw)
	}
	b := make([]byte, 0, l.stripped)
	b = append(b, raw[:4]...)
	b = append(b, raw[6:l.witness]...)
	b = append(b, raw[len(raw)-4:]...)
	return chainhash.DoubleHashH(b)
}

// TxSize is the length of the serialized transaction that b begins with, or 0 if b ends before it does. An error is of
// kind [ErrDecode]: no transaction begins like that. What the transaction claims to hold is not allocated.
func TxSize(b []byte) (int, error) {
	c := cursor{rest: b}
	switch err := c.walk(); err {
	case nil:
		return len(b) - len(c.rest), nil
	case errTruncated, errCount:
		return 0, nil
	default:
		return 0, err
	}
}

// scan walks a serialized transaction without allocating. It accepts what btcd's decoder accepts and encodes to the
// same bytes again, and additionally insists that nothing follows.
func scan(raw []byte) (layout, error) {
	c := cursor{rest: raw}
	if err := c.walk(); err != nil {
		return layout{}, err // a *RuleError that is not nil
	}
	if len(c.rest) > 0 {
		return layout{}, errTrailingData
	}
	l := layout{size: len(raw), stripped: len(raw), witness: c.witness}
	if c.witness > 0 {
		witnessBytes := len(raw) - 4 - c.witness
		l.stripped -= 2 + witnessBytes
	}
	return l, nil
}

// A cursor consumes serialized bytes. Its methods return what is wrong, if anything; what they take are parts of the
// bytes.
type cursor struct {
	rest    []byte
	witness int
}

func (c *cursor) walk() *RuleError {
	size := len(c.rest)
	segwit, err := c.header()
	if err != nil {
		return err
	}
	inputs, err := c.count(minInputSize)
	if err != nil {
		return err
	}
	for range inputs {
		if _, err := c.input(); err != nil {
			return err
		}
	}
	outputs, err := c.count(minOutputSize)
	if err != nil {
		return err
	}
	for range outputs {
		if _, err := c.output(); err != nil {
			return err
		}
	}
	if segwit {
		c.witness = size - len(c.rest)
		if err := c.witnesses(inputs); err != nil {
			return err
		}
	}
	_, err = c.take(4) // lock time
	return err
}

// header skips what comes before the inputs, and reports whether witnesses follow the outputs.
func (c *cursor) header() (segwit bool, err *RuleError) {
	if _, err := c.take(4); err != nil { // version
		return false, err
	}
	segwit = len(c.rest) > 0 && c.rest[0] == wire.TxFlagMarker
	if segwit {
		if len(c.rest) < 2 {
			return false, errTruncated
		}
		if c.rest[1] != byte(wire.WitnessFlag) {
			return false, errWitnessFlag
		}
		c.rest = c.rest[2:]
	}
	return segwit, nil
}

// input reads an input but for its witness.
func (c *cursor) input() (in wire.TxIn, err *RuleError) {
	outPoint, err := c.take(36)
	if err != nil {
		return in, err
	}
	script, err := c.bytes()
	if err != nil {
		return in, err
	}
	sequence, err := c.take(4)
	if err != nil {
		return in, err
	}
	in.PreviousOutPoint = outPointFrom(outPoint)
	in.SignatureScript = script
	in.Sequence = binary.LittleEndian.Uint32(sequence)
	return in, nil
}

func outPointFrom(b []byte) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.Hash(b[:32]), Index: binary.LittleEndian.Uint32(b[32:36])}
}

func (c *cursor) output() (out wire.TxOut, err *RuleError) {
	value, err := c.take(8)
	if err != nil {
		return out, err
	}
	script, err := c.bytes()
	return wire.TxOut{Value: int64(binary.LittleEndian.Uint64(value)), PkScript: script}, err
}

func (c *cursor) witnesses(inputs uint64) *RuleError {
	found := false
	for range inputs {
		items, err := c.count(1)
		if err != nil {
			return err
		}
		found = found || items > 0
		for range items {
			if _, err := c.bytes(); err != nil {
				return err
			}
		}
	}
	if !found {
		return errNoWitness
	}
	return nil
}

func (c *cursor) take(n uint64) ([]byte, *RuleError) {
	if n > uint64(len(c.rest)) {
		return nil, errTruncated
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken, nil
}

// bytes reads a length and takes as many bytes.
func (c *cursor) bytes() ([]byte, *RuleError) {
	n, err := c.compactSize()
	if err != nil {
		return nil, err
	}
	return c.take(n)
}

// count reads the number of items of at least size bytes each.
func (c *cursor) count(size uint64) (uint64, *RuleError) {
	n, err := c.compactSize()
	if err != nil {
		return 0, err
	}
	if n > uint64(len(c.rest))/size {
		return 0, errCount
	}
	return n, nil
}

// compactSize reads Bitcoin's variable length integer in its shortest form.
func (c *cursor) compactSize() (uint64, *RuleError) {
	if len(c.rest) == 0 {
		return 0, errTruncated
	}
	first := c.rest[0]
	c.rest = c.rest[1:]
	var n, least uint64
	var width int
	switch first {
	case 0xfd:
		width, least = 2, 0xfd
	case 0xfe:
		width, least = 4, 0x10000
	case 0xff:
		width, least = 8, 0x100000000
	default:
		return uint64(first), nil
	}
	if len(c.rest) < width {
		return 0, errTruncated
	}
	switch width {
	case 2:
		n = uint64(binary.LittleEndian.Uint16(c.rest))
	case 4:
		n = uint64(binary.LittleEndian.Uint32(c.rest))
	case 8:
		n = binary.LittleEndian.Uint64(c.rest)
	}
	c.rest = c.rest[width:]
	if n < least {
		return 0, errCompactSize
	}
	return n, nil
}
