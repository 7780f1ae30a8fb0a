package utxo

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxCached bounds the memory for outputs that exist, maxMissing that for
	// outpoints where there is none. They are kept apart, so that transactions
	// that spend nothing real do not displace what others spend.
	maxCached  = 64 << 20
	maxMissing = 4 << 20

	// maxMedians bounds that for the median times of blocks, of medianSize each.
	maxMedians = 2 << 20
	medianSize = 40

	// cachedOverhead is about what an entry takes besides its script.
	cachedOverhead = 160
)

// cache remembers answers. It has two generations: when the young one reaches
// half of the limit the old one is dropped for it.
type cache[K comparable, V any] struct {
	limit      int         // bytes
	cost       func(V) int // of an answer, in bytes
	size       int         // of the young generation
	young, old map[K]V
}

func newCache[K comparable, V any](limit int, cost func(V) int) cache[K, V] {
	return cache[K, V]{limit: limit, cost: cost, young: make(map[K]V)}
}

// newOutputCache is one for outputs.
func newOutputCache(limit int) cache[wire.OutPoint, mempool.PrevOut] {
	return newCache[wire.OutPoint](limit, func(out mempool.PrevOut) int { return cachedOverhead + len(out.PkScript) })
}

func (c *cache[K, V]) get(k K) (V, bool) {
	v, ok := c.young[k]
	if !ok {
		if v, ok = c.old[k]; ok {
			c.put(k, v) // of use, so it stays
		}
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if _, known := c.young[k]; known {
		return
	}
	c.young[k] = v
	c.size += c.cost(v)
	if c.size > c.limit/2 {
		c.old, c.young = c.young, make(map[K]V)
		c.size = 0
	}
}

func (c *cache[K, V]) forget(k K) {
	if v, ok := c.young[k]; ok {
		c.size -= c.cost(v)
		delete(c.young, k)
	}
	delete(c.old, k)
}

func (c *cache[K, V]) clear() {
	*c = newCache[K](c.limit, c.cost)
}
