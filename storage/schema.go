package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// MaxRawSize bounds a record's transaction, in bytes: one of the standard
// weight limit, 400 000 weight units (Bitcoin Core's MAX_STANDARD_TX_WEIGHT),
// is at most as many bytes long.
const MaxRawSize = 400_000

const (
	schema = 1

	recordVersion   = 1
	recordHeader    = 1 + 1 + 8 + 8 // version, flags, time, sequence
	flagUnbroadcast = 1
)

var (
	keySchema   = []byte("meta/schema")
	keyNetwork  = []byte("meta/network")
	keyPrevOuts = []byte("meta/prevouts")
	txPrefix    = []byte("tx/")
)

// Record is a transaction of the mempool as it is stored.
type Record struct {
	WTxID       chainhash.Hash
	Raw         []byte    // canonical serialization; 1 to MaxRawSize bytes
	Time        time.Time // of acceptance; kept to the microsecond
	Sequence    uint64    // order of acceptance
	Unbroadcast bool      // submitted here and not yet known to have reached a peer
}

func txKey(wtxid chainhash.Hash) []byte { return append(bytes.Clone(txPrefix), wtxid[:]...) }

func (r *Record) encode() []byte {
	b := make([]byte, 0, recordHeader+len(r.Raw))
	var flags byte
	if r.Unbroadcast {
		flags |= flagUnbroadcast
	}
	b = append(b, recordVersion, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Time.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, r.Sequence)
	return append(b, r.Raw...)
}

// decodeRecord is the inverse of encode. It refuses every value that encode
// does not make and every key that is not the hash of the transaction. The
// record keeps value.
func decodeRecord(key, value []byte) (Record, error) {
	id, isTx := bytes.CutPrefix(key, txPrefix)
	switch {
	case !isTx || len(id) != chainhash.HashSize:
		return Record{}, fmt.Errorf("key %.40q is not that of a transaction", key)
	case len(value) <= recordHeader || len(value) > recordHeader+MaxRawSize:
		return Record{}, fmt.Errorf("value has %d bytes", len(value))
	case value[0] != recordVersion:
		return Record{}, fmt.Errorf("version %d is unknown", value[0])
	case value[1]&^flagUnbroadcast != 0:
		return Record{}, fmt.Errorf("flags %#x are unknown", value[1])
	}
	r := Record{
		WTxID:       chainhash.Hash(id),
		Raw:         value[recordHeader:],
		Time:        time.UnixMicro(int64(binary.LittleEndian.Uint64(value[2:]))),
		Sequence:    sequence(value),
		Unbroadcast: value[1]&flagUnbroadcast != 0,
	}
	if hash := chainhash.DoubleHashH(r.Raw); hash != r.WTxID {
		return Record{}, fmt.Errorf("transaction hashes to %v", hash)
	}
	return r, nil
}

// sequence reads the sequence of an encoded record of at least recordHeader
// bytes.
func sequence(value []byte) uint64 { return binary.LittleEndian.Uint64(value[10:]) }
