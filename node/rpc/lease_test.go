package rpc

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// richChain has every output there could be.
type richChain struct{ chain }

func (*richChain) Lookup(wire.OutPoint) (mempool.PrevOut, bool, error) {
	return mempool.PrevOut{Value: coinValue, PkScript: anyoneScript}, true, nil
}

// TestLargeMempool: two callers list a mempool of more than 10 000 transactions
// at once, the next waits for its turn but not for ever, and nobody waits for
// anything else.
func TestLargeMempool(t *testing.T) {
	n := newFakeNode()
	n.pool = mempool.New(mempool.Config{PrevOuts: &richChain{}})
	txids := make([]chainhash.Hash, largeMempool+1)
	for i := range txids {
		txids[i] = n.add(t, spend(wire.OutPoint{Index: uint32(i)}, coinValue-1000)).TxID
	}
	const list, listed = `{"method":"getrawmempool","id":1}`, `{"result":["`
	synctest.Test(t, func(t *testing.T) {
		h := restServer(n).(*handler)
		ask := func(body, want string) {
			t.Helper()
			if w := serve(h, newRequest("/", body)); !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: HTTP %d %.200s", body, w.Code, w.Body)
			}
		}
		for range maxLarge {
			h.large <- struct{}{}
		}
		began := time.Now()
		ask(list, "Others list the mempool, which is large; try again")
		if took := time.Since(began); took != maxDuration {
			t.Errorf("took %s", took)
		}
		ask(`{"method":"getmempoolinfo","id":1}`, `"size":10001`)
		time.AfterFunc(time.Second, func() { <-h.large })
		began = time.Now()
		ask(list, listed)
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %s", took)
		}
		ask("["+list+","+list+"]", listed) // one turn for both
		if len(h.large) != maxLarge-1 {
			t.Errorf("%d turns are taken", len(h.large))
		}
		<-h.large

		// REST has a turn of its own.
		h.restLarge <- struct{}{}
		if w := get(h, "/rest/mempool/contents.json?verbose=false"); w.Code != 503 {
			t.Errorf("HTTP %d %.200s", w.Code, w.Body)
		}
		ask(list, listed)
		<-h.restLarge
		if w := get(h, "/rest/mempool/contents.json?verbose=false"); w.Code != 200 || len(h.restLarge) > 0 {
			t.Errorf("HTTP %d %.200s", w.Code, w.Body)
		}

		// A turn lasts until the answer is written, and a small mempool needs none.
		w := &watchedWriter{ResponseRecorder: httptest.NewRecorder(), taken: func() int { return len(h.large) }}
		h.ServeHTTP(w, newRequest("/", list))
		if w.while != 1 || len(h.large) != 0 {
			t.Errorf("%d turns while writing, %d afterwards", w.while, len(h.large))
		}
		n.pool.Remove(n.pool.GetByTxID(txids[0]).WTxID, mempool.ReasonExpiry)
		h.ServeHTTP(w, newRequest("/", list))
		if w.while != 0 {
			t.Errorf("%d turns for a small mempool", w.while)
		}
	})
}

// watchedWriter notes how many turns were taken while it was written to.
type watchedWriter struct {
	*httptest.ResponseRecorder
	taken func() int
	while int
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	w.while = w.taken()
	return w.ResponseRecorder.Write(p)
}
