// Package mempooldat reads and writes the file in which Bitcoin Core keeps its
// mempool, mempool.dat (node/mempool_persist.cpp). It is bytes only: what a file
// holds was validated by nobody.
//
// All integers are little-endian, a count is a compact size, and a transaction is
// serialized with its witnesses (BIP 144):
//
//	version      8 bytes: 2, or 1 where the key is missing
//	key          a count, which is 8, and as many bytes
//	transactions 8 bytes: how many there are; of each
//	               the transaction
//	               8 bytes: when it entered the mempool, Unix time
//	               8 bytes: its fee delta, in satoshi, signed
//	fee deltas   a count; of each, which is of a transaction that is not above
//	               32 bytes: its txid
//	               8 bytes: the fee delta
//	unbroadcast  a count; of each
//	               32 bytes: its txid
//
// What follows the key is obfuscated, lest a virus scanner believe to find
// something in there: the byte at offset i of the file is XORed with byte i modulo 8
// of the key. Core writes version 2 since 28.0, reads both, and ignores what comes
// after the end.
package mempooldat

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const (
	versionPlain      = 1 // Core's MEMPOOL_DUMP_VERSION_NO_XOR_KEY
	versionObfuscated = 2 // Core's MEMPOOL_DUMP_VERSION
)

// KeySize is the length of the key by which a file is obfuscated: Core's
// Obfuscation::KEY_SIZE.
const KeySize = 8

// Tx is a transaction of the mempool.
type Tx struct {
	Raw      []byte // serialized with its witnesses
	Time     int64  // when it entered the mempool, Unix time in seconds
	FeeDelta int64  // what prioritisetransaction added to its fee, in satoshi
}

// Dump is the content of a file.
type Dump struct {
	Txs         []Tx                     // parents before their children
	FeeDeltas   map[chainhash.Hash]int64 // by txid, of transactions that are not in Txs
	Unbroadcast []chainhash.Hash         // txids of those in Txs that may not have reached the network
}

// Size is how many bytes Write writes.
func (d *Dump) Size() int64 {
	size := 8 + 1 + KeySize + 8 +
		wire.VarIntSerializeSize(uint64(len(d.FeeDeltas))) + len(d.FeeDeltas)*(chainhash.HashSize+8) +
		wire.VarIntSerializeSize(uint64(len(d.Unbroadcast))) + len(d.Unbroadcast)*chainhash.HashSize
	for _, tx := range d.Txs {
		size += len(tx.Raw) + 8 + 8
	}
	return int64(size)
}

// Write writes a file of version 2. Txids come in Core's order.
func Write(w io.Writer, key [KeySize]byte, d *Dump) error {
	header := binary.LittleEndian.AppendUint64(nil, versionObfuscated)
	header = append(append(header, KeySize), key[:]...)
	if _, err := w.Write(header); err != nil {
		return err
	}
	// An error of it comes again with each write that follows, and with Flush.
	out := bufio.NewWriter(&obfuscated{to: w, key: key, offset: len(header)})
	number := func(n uint64) { out.Write(binary.LittleEndian.AppendUint64(out.AvailableBuffer(), n)) }
	count := func(n int) { wire.WriteVarInt(out, 0, uint64(n)) }

	number(uint64(len(d.Txs)))
	for _, tx := range d.Txs {
		out.Write(tx.Raw)
		number(uint64(tx.Time))
		number(uint64(tx.FeeDelta))
	}
	count(len(d.FeeDeltas))
	for _, txid := range slices.SortedFunc(maps.Keys(d.FeeDeltas), byBytes) {
		out.Write(txid[:])
		number(uint64(d.FeeDeltas[txid]))
	}
	count(len(d.Unbroadcast))
	for _, txid := range slices.SortedFunc(slices.Values(d.Unbroadcast), byBytes) {
		out.Write(txid[:])
	}
	return out.Flush()
}

func byBytes(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) }

// obfuscated applies the key to what is read or written, from an offset of the file on.
type obfuscated struct {
	from   io.Reader
	to     io.Writer
	key    [KeySize]byte
	offset int // modulo KeySize
}

// apply overwrites b.
func (o *obfuscated) apply(b []byte) {
	for i := range b {
		b[i] ^= o.key[(o.offset+i)%KeySize]
	}
	o.offset = (o.offset + len(b)) % KeySize
}

// Read implements [io.Reader].
func (o *obfuscated) Read(b []byte) (int, error) {
	n, err := o.from.Read(b)
	o.apply(b[:n])
	return n, err
}

// Write implements [io.Writer]. Nothing can be written after an error.
func (o *obfuscated) Write(b []byte) (int, error) {
	hidden := bytes.Clone(b)
	o.apply(hidden)
	return o.to.Write(hidden)
}
