package utxo

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

func TestCacheIsBoundedByBytes(t *testing.T) {
	const limit = 100_000
	c := newOutputCache(limit)
	held := func() (bytes int) {
		for _, generation := range []map[wire.OutPoint]mempool.PrevOut{c.young, c.old} {
			for _, out := range generation {
				bytes += cachedOverhead + len(out.PkScript)
			}
		}
		return bytes
	}
	script := make([]byte, 10_000)
	for i := range uint32(10_000) {
		c.put(wire.OutPoint{Index: i}, mempool.PrevOut{PkScript: script[:i%10_000]})
		if held() > limit+2*len(script) {
			t.Fatalf("%d bytes after %d entries; the limit is %d", held(), i+1, limit)
		}
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newOutputCache(100 * cachedOverhead)
	used := wire.OutPoint{Index: 1 << 20}
	c.put(used, mempool.PrevOut{Value: 7})
	for i := range uint32(1000) {
		c.put(wire.OutPoint{Index: i}, mempool.PrevOut{})
		if out, ok := c.get(used); !ok || out.Value != 7 {
			t.Fatalf("gone after %d others, though asked for each time", i+1)
		}
	}
	if _, ok := c.get(wire.OutPoint{}); ok {
		t.Error("what nobody asked for is still there")
	}
	c.forget(used)
	if _, ok := c.get(used); ok {
		t.Error("forgotten, and still there")
	}
	if c.clear(); len(c.young)+len(c.old) > 0 || c.size != 0 {
		t.Error("cleared, and not empty")
	}
}

func TestForgettingMakesRoom(t *testing.T) {
	c := newOutputCache(100 * cachedOverhead)
	kept := wire.OutPoint{Index: 1 << 20}
	c.put(kept, mempool.PrevOut{})
	for i := range uint32(1000) {
		op := wire.OutPoint{Index: i}
		c.put(op, mempool.PrevOut{})
		c.forget(op)
	}
	if _, ok := c.young[kept]; !ok || c.size != cachedOverhead {
		t.Errorf("%d bytes counted for one entry", c.size)
	}
}

// Whatever a server answers, each call gets an answer, or all get an error.
func FuzzDistribute(f *testing.F) {
	f.Add(200, []byte(`[{"id":1,"result":null},{"id":2,"result":{"bestblock":"00","value":1e-8}}]`))
	f.Add(200, []byte(`[{"id":2,"error":{"code":-28,"message":"Loading"}}]`))
	f.Add(500, []byte(`{"id":null,"error":{"code":-32700,"message":"Parse error"}}`))
	f.Add(401, []byte(``))
	f.Fuzz(func(t *testing.T, status int, answer []byte) {
		var out *txOut
		var text string
		calls := []*call{
			{method: "gettxout", limit: maxTxOut, result: &out},
			{method: "getblockhash", limit: maxHeader, result: &text},
		}
		c := &client{url: "http://127.0.0.1"}
		if err := c.distribute(calls, status, answer); err == nil && calls[1].err == nil && len(text) > maxHeader {
			t.Errorf("a result of %d bytes", len(text))
		}
	})
}
