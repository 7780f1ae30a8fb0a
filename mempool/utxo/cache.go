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

	// cachedOverhead is about what an entry takes besides its script.
	cachedOverhead = 160
)

// cache remembers answers. It has two generations: when the young one reaches
// half of the limit the old one is dropped for it.
type cache struct {
	limit      int // bytes
	size       int // of the young generation
	young, old map[wire.OutPoint]mempool.PrevOut
}

func newCache(limit int) cache {
	return cache{limit: limit, young: make(map[wire.OutPoint]mempool.PrevOut)}
}

func (c *cache) get(op wire.OutPoint) (mempool.PrevOut, bool) {
	out, ok := c.young[op]
	if !ok {
		if out, ok = c.old[op]; ok {
			c.put(op, out) // of use, so it stays
		}
	}
	return out, ok
}

func (c *cache) put(op wire.OutPoint, out mempool.PrevOut) {
	if _, known := c.young[op]; known {
		return
	}
	c.young[op] = out
	c.size += cachedOverhead + len(out.PkScript)
	if c.size > c.limit/2 {
		c.old, c.young = c.young, make(map[wire.OutPoint]mempool.PrevOut)
		c.size = 0
	}
}

func (c *cache) forget(op wire.OutPoint) {
	if out, ok := c.young[op]; ok {
		c.size -= cachedOverhead + len(out.PkScript)
		delete(c.young, op)
	}
	delete(c.old, op)
}

func (c *cache) clear() {
	*c = newCache(c.limit)
}
