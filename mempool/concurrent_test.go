package mempool

import (
	"errors"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

// Several goroutines race to spend the same coins, with children following and removals in between. Nobody pays enough
// more to replace another, so one side of each double spend wins, and the pool is sound at every moment a reader looks.
func TestConcurrentConflicts(t *testing.T) {
	const coins, sides, workers = 8, 4, 6
	l := p2wpkh(1)
	b := newBench(t, func(c *Config) { c.Workers = 3 })
	var families [coins][sides][2]*wire.MsgTx // parent and child
	for i := range coins {
		c := b.coin(l)
		for j := range sides {
			parent := b.signed([]coin{c}, pay(int64(500_000+j), l))
			families[i][j] = [2]*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted := make(map[int]int) // parents accepted, by coin
	for w := range workers {
		wg.Go(func() {
			for i := range coins {
				f := families[i][(w+i)%sides]
				_, err := b.try(f[0])
				if err == nil {
					mu.Lock()
					accepted[i]++
					mu.Unlock()
				} else if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrAlreadyInMempool) {
					t.Error(err)
				}
				if _, err := b.try(f[1]); err != nil && !errors.Is(err, ErrMissingInputs) && !errors.Is(err, ErrAlreadyInMempool) {
					t.Error(err)
				}
				for _, e := range b.pool.Snapshot() {
					b.pool.Ancestors(e)
				}
				b.pool.Info()
			}
		})
	}
	wg.Wait()
	for i := range coins {
		if accepted[i] != 1 {
			t.Errorf("coin %d was spent %d times", i, accepted[i])
		}
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Fatal(err)
	}

	for w := range workers { // now with removals
		wg.Go(func() {
			for i := range coins {
				for _, f := range families[(i+w)%coins] {
					if e, err := b.try(f[0]); err == nil || errors.Is(err, ErrAlreadyInMempool) {
						b.try(f[1])
						b.pool.Remove(e.WTxID, ReasonConflict)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.pool.Snapshot() {
		b.pool.Remove(e.WTxID, ReasonConflict)
	}
	if i := b.pool.Info(); i.Count != 0 || i.Bytes != 0 || i.VBytes != 0 || i.TotalFee != 0 || b.pool.spenders.len() != 0 {
		t.Errorf("an emptied pool holds %+v", i)
	}
}
