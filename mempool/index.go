package mempool

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// An index finds what is in a pool by a hash. It keeps values under 8 bytes of their keys, which takes less than half the
// memory that whole keys do, for values know what they stand under. Of two whose 8 bytes are the same, the second is kept
// under its whole key: making such pairs up, 2^32 hashes each, takes from the pool no more than that.
type index[K comparable, V any] struct {
	short func(K) uint64
	is    func(V, K) bool // whether the value stands under the key
	most  map[uint64]V
	rest  map[K]V
}

func newIndex[K comparable, V any](short func(K) uint64, is func(V, K) bool) index[K, V] {
	return index[K, V]{short: short, is: is, most: make(map[uint64]V), rest: make(map[K]V)}
}

// get returns the zero value if there is none.
func (x *index[K, V]) get(k K) V {
	if v, ok := x.most[x.short(k)]; ok && x.is(v, k) {
		return v
	}
	return x.rest[k]
}

// put adds the value of a key that has none.
func (x *index[K, V]) put(k K, v V) {
	s := x.short(k)
	if _, taken := x.most[s]; taken {
		x.rest[k] = v
	} else {
		x.most[s] = v
	}
}

func (x *index[K, V]) remove(k K) {
	s := x.short(k)
	if v, ok := x.most[s]; ok && x.is(v, k) {
		delete(x.most, s)
	} else {
		delete(x.rest, k)
	}
}

func (x *index[K, V]) len() int { return len(x.most) + len(x.rest) }

// all ranges over the values.
func (x *index[K, V]) all(yield func(V) bool) {
	for _, v := range x.most {
		if !yield(v) {
			return
		}
	}
	for _, v := range x.rest {
		if !yield(v) {
			return
		}
	}
}

// A spender is an input: where its outpoint is in the bytes of its transaction.
type spender struct {
	*node
	at uint32
}

func (s spender) outPoint() wire.OutPoint { return outPointFrom(s.entry.Raw[s.at:]) }

func shortHash(h chainhash.Hash) uint64 { return binary.LittleEndian.Uint64(h[:]) }

func shortOutPoint(op wire.OutPoint) uint64 { return shortHash(op.Hash) + uint64(op.Index) }

func newWTxIDIndex() index[chainhash.Hash, *node] {
	return newIndex(shortHash, func(n *node, id chainhash.Hash) bool { return n.entry.WTxID == id })
}

func newTxIDIndex() index[chainhash.Hash, *node] {
	return newIndex(shortHash, func(n *node, id chainhash.Hash) bool { return n.entry.TxID == id })
}

func newSpenderIndex() index[wire.OutPoint, spender] {
	return newIndex(shortOutPoint, func(s spender, op wire.OutPoint) bool { return s.outPoint() == op })
}
