package mempool

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// PrevOut is a transaction output that can be spent.
type PrevOut struct {
	Value    int64 // satoshi
	PkScript []byte
	Height   int32 // of the block that contains it
	Coinbase bool  // created by a coinbase: immature for 100 blocks
}

// PrevOuts tells which confirmed outputs exist. Implementations are safe for concurrent use; the pool calls them
// without holding its lock.
type PrevOuts interface {
	// Lookup returns the unspent confirmed output at op; false when there is none. An error means the source could
	// not tell. The caller does not change PkScript.
	Lookup(op wire.OutPoint) (PrevOut, bool, error)
	// Tip is the height of the newest block and the median time of the last 11: what the next block's locks are
	// judged by.
	Tip() (height int32, medianTime time.Time)
	// Digest identifies the set of outputs, so that two nodes can tell whether they judge by the same one.
	Digest() [32]byte
}

// An Entry is a transaction in a [Pool], or one that was judged. It never changes once returned. It is kept as bytes:
// decoded, a usual transaction takes twice their memory, and one made for it 25 times.
type Entry struct {
	Raw    []byte         // canonical serialization, with witnesses; shared, read only
	TxID   chainhash.Hash // hash without witnesses
	WTxID  chainhash.Hash // hash with witnesses: the identity in relay and storage
	Weight int64          // weight units, BIP 141

	Fee       int64     // satoshi
	VSize     int64     // virtual bytes, at least 5 per unit of SigOpCost: the size fee rates are taken over
	SigOpCost int64     // BIP 141 signature operation cost
	Time      time.Time // the now given to Add
	Height    int32     // tip of the previous outputs when it was judged
	Sequence  uint64    // position in the pool's sequence of changes; 0 when not in the pool
}

// FeeRate is Fee over VSize in satoshi per 1000 virtual bytes, rounded down.
func (e *Entry) FeeRate() int64 {
	if e.VSize == 0 {
		return 0
	}
	return e.Fee * 1000 / e.VSize
}

// PaysMoreThan reports whether Fee is above a rate above 0, in satoshi per 1000 virtual bytes, for the size by weight alone
// (BIP 141), as Core's maxfeerate is judged: signature operations do not make a transaction larger (node/transaction.cpp,
// rpc/mempool.cpp).
func (e *Entry) PaysMoreThan(rate int64) bool {
	size := (e.Weight + witnessScale - 1) / witnessScale
	return (e.Fee-1)*1000/size >= rate // Fee > feeFor(rate, size), whose product could overflow
}
