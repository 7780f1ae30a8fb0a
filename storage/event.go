package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

const (
	eventVersion = 1
	eventHeader  = 1 + 8 + 3*chainhash.HashSize // version, time, wtxid, txid, wtxid of the replacement
	maxReason    = 32
)

var (
	eventPrefix = []byte("event/")
	keyEvents   = []byte("meta/events")
)

// Event is a change of the mempool as the log keeps it.
type Event struct {
	Sequence   uint64 // from 1 on
	Time       time.Time
	WTxID      chainhash.Hash
	TxID       chainhash.Hash
	Reason     string         // why it left, in at most 32 bytes; "": it came
	ReplacedBy chainhash.Hash // wtxid; zero: nothing replaced it
}

func eventKey(sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{}, eventPrefix...), sequence)
}

func (e *Event) encode() []byte {
	b := make([]byte, 0, eventHeader+len(e.Reason))
	b = append(b, eventVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Time.UnixMicro()))
	b = append(b, e.WTxID[:]...)
	b = append(b, e.TxID[:]...)
	b = append(b, e.ReplacedBy[:]...)
	return append(b, e.Reason...)
}

// decodeEvent is the inverse of eventKey and encode.
func decodeEvent(key, value []byte) (Event, error) {
	switch {
	case len(key) != len(eventPrefix)+8:
		return Event{}, fmt.Errorf("key %.40q is not that of an event", key)
	case len(value) < eventHeader || len(value) > eventHeader+maxReason:
		return Event{}, fmt.Errorf("an event of %d bytes", len(value))
	case value[0] != eventVersion:
		return Event{}, fmt.Errorf("version %d of an event is unknown", value[0])
	}
	e := Event{
		Sequence: binary.BigEndian.Uint64(key[len(eventPrefix):]),
		Time:     time.UnixMicro(int64(binary.LittleEndian.Uint64(value[1:]))),
		Reason:   string(value[eventHeader:]),
	}
	hashes := value[9:]
	for _, h := range []*chainhash.Hash{&e.WTxID, &e.TxID, &e.ReplacedBy} {
		hashes = hashes[copy(h[:], hashes):]
	}
	return e, nil
}
