package mempool

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

func entriesIn(changes []Change) (entries []*Entry) {
	for _, c := range changes {
		entries = append(entries, c.Entry)
	}
	return entries
}

// paying spends a new coin for this fee. All its transactions take the same memory.
func (b *bench) paying(fee int64) *wire.MsgTx {
	return b.signed([]coin{b.coin(open())}, pay(coinValue-fee, open()))
}

// roomFor is how much memory n entries of paying take, and a little for links between them.
func roomFor(n int64) int64 {
	b := newBench(nil)
	return n*memoryUsage(b.mustJudge(b.paying(1000)), 0) + 100
}

func (b *bench) mustJudge(tx *wire.MsgTx) *Entry { return must(b.pool.Check(raw(tx), now)) }

func TestEvictsTheWorstChunk(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(4) })
	l := open()
	worst := b.add(b.paying(300))
	poor := b.paying(200)
	parent := b.add(poor)
	child := b.add(b.signed([]coin{coinOf(poor, 0, l)}, pay(1000, l))) // pays for its parent
	b.add(b.paying(400))

	e, changes, err := b.pool.Add(raw(b.paying(500)), now)
	if err != nil || len(changes) != 2 || changes[0].Entry != e || changes[1].Entry != worst || changes[1].Reason != ReasonSizeLimit {
		t.Fatalf("%+v, %v", changes, err)
	}
	floor := worst.Fee*4000/worst.Weight + IncrementalRelayFeeRate
	if got := b.pool.Info().MinFeeRate; got != floor {
		t.Errorf("the floor is %d, want %d", got, floor)
	}
	if b.pool.Get(parent.WTxID) != parent || b.pool.Get(child.WTxID) != child {
		t.Error("a parent went whose child paid for it")
	}

	_, _, err = b.pool.Add(raw(b.paying(301)), now)
	want := fmt.Sprintf("mempool min fee not met, 301 < %d", feeFor(floor, worst.VSize))
	if !errors.Is(err, ErrFee) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	refused, changes, err := b.pool.Add(raw(b.paying(350)), now) // above the floor, but the worst there is
	if !errors.Is(err, ErrFull) || err.Error() != "mempool full" || len(changes) != 0 || refused.Sequence != 0 {
		t.Errorf("%+v, %v", changes, err)
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
}

func TestOfEqualsTheNewestGoes(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(4) })
	var equals []*Entry
	for range 4 {
		equals = append(equals, b.add(b.paying(500)))
	}
	for i := range 2 {
		e, changes, err := b.pool.Add(raw(b.paying(1000)), now)
		if want := []*Entry{e, equals[3-i]}; err != nil || !slices.Equal(entriesIn(changes), want) {
			t.Errorf("%d: %+v, %v", i, changes, err)
		}
	}
}

// A transaction may push out several, and a whole chunk goes at once.
func TestEvictsUntilThereIsRoom(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(4) })
	l := open()
	tx := b.paying(100)
	parent := b.add(tx)
	child := b.add(b.signed([]coin{coinOf(tx, 0, l)}, pay(tx.TxOut[0].Value-200, l)))
	third := b.add(b.paying(1000))
	var coins []coin
	for range 8 {
		coins = append(coins, b.coin(l))
	}
	e, changes, err := b.pool.Add(raw(b.signed(coins, pay(1000, l))), now)
	if err != nil || !slices.Equal(entriesIn(changes), []*Entry{e, child, parent}) {
		t.Errorf("%+v, %v", changes, err)
	}
	for i, c := range changes {
		if c.Sequence != uint64(4+i) {
			t.Errorf("change %d has sequence %d", i, c.Sequence)
		}
	}
	if !slices.Equal(b.pool.Snapshot(), []*Entry{third, e}) {
		t.Error("the wrong ones stayed")
	}
}

func TestRollingFloor(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		name  string
		after time.Duration
		usage int64
		want  int64
	}{
		{"at once", 0, 1000, 1000},
		{"full", 12 * hour, 1000, 500},
		{"half full", 12 * hour, 500, 500},
		{"less than half full", 6 * hour, 499, 500},
		{"a quarter full", 6 * hour, 250, 500},
		{"less than a quarter full", 3 * hour, 249, 500},
		{"not below the increment", 42 * hour, 1000, 100}, // 88
		{"gone below half of it", 53 * hour, 1000, 0},     // 47
		{"backwards", -hour, 1000, 1000},
	} {
		var f rollingFloor
		f.raise(900, now)
		f.raise(800, now) // lowers nothing
		steps := f
		f.decay(now.Add(c.after), c.usage, 1000)
		if got := f.perKvB(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		for i := range time.Duration(4) {
			steps.decay(now.Add(c.after*(i+1)/4), c.usage, 1000)
		}
		if got := steps.perKvB(); got != c.want {
			t.Errorf("%s, in steps: %d, want %d", c.name, got, c.want)
		}
	}
	var f rollingFloor
	f.raise(0, now)
	if f.decay(now.Add(12*hour), 1000, 1000); f.perKvB() != 100 {
		t.Errorf("just half of the increment: %d", f.perKvB())
	}
	f.raise(900, now.Add(-hour)) // which is not when it was last looked at
	if f.decay(now.Add(24*hour), 1000, 1000); f.perKvB() != 500 {
		t.Errorf("raised in the past: %d", f.perKvB())
	}
}

func TestFloorFallsWithTime(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(2) })
	for fee := range int64(3) {
		b.add(b.paying(1000 + fee))
	}
	tx := b.paying(600)
	if _, err := b.try(tx); !errors.Is(err, ErrFee) {
		t.Fatal(err)
	}
	later := now.Add(12 * time.Hour)
	if _, err := b.pool.Check(raw(tx), later); err != nil {
		t.Error(err)
	}
	before := b.pool.Info().MinFeeRate
	b.pool.Expire(later)
	if after := b.pool.Info().MinFeeRate; after != (before+1)/2 {
		t.Errorf("%d after %d", after, before)
	}
}

func TestExpire(t *testing.T) {
	b := newBench(t)
	at := func(hours time.Duration, tx *wire.MsgTx) *Entry {
		e, _, err := b.pool.Add(raw(tx), now.Add(hours*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	l := open()
	tx := b.paying(1000)
	parent := at(0, tx)
	child := at(300, b.signed([]coin{coinOf(tx, 0, l)}, pay(1000, l)))
	young := at(1, b.paying(1000))
	if changes := b.pool.Expire(now.Add(DefaultExpiry)); changes != nil {
		t.Errorf("a second early: %+v", changes)
	}
	changes := b.pool.Expire(now.Add(DefaultExpiry + 1))
	if !slices.Equal(entriesIn(changes), []*Entry{child, parent}) || changes[0].Reason != ReasonExpiry || changes[1].Sequence != 5 {
		t.Errorf("%+v", changes)
	}
	if !slices.Equal(b.pool.Snapshot(), []*Entry{young}) {
		t.Error("the young one did not stay")
	}
}

// The figure that bounds the pool must be what the process pays for it, within a fifth.
func TestUsageIsWhatTheHeapGrowsBy(t *testing.T) {
	warm := newBench(t)
	warm.add(warm.simple()) // first, what verification allocates once per process
	l := open()
	for _, c := range []struct {
		name      string
		ins, outs int
		chain     int
		entries   int
	}{{"usual", 1, 2, 1, 1300}, {"chains", 1, 1, 8, 2000}, {"many inputs", 12, 1, 1, 300}, {"many outputs", 1, 40, 1, 100}, {"large", 1, 1, 1, 200}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			var raws [][]byte
			for len(raws) < c.entries {
				var coins []coin
				for range c.ins {
					coins = append(coins, b.coin(l))
				}
				for range c.chain {
					var outs []*wire.TxOut
					for range c.outs {
						outs = append(outs, pay(coinValue/100, l))
					}
					outs[0].Value = coins[0].value - coinValue/2 // the rest but half is fee enough
					if c.name == "large" {
						outs[0].PkScript = append(script(0x6a), make([]byte, 3000)...)
					}
					if c.chain > 1 {
						outs[0].Value = coins[0].value - 1000
					}
					tx := b.signed(coins, outs...)
					raws = append(raws, raw(tx))
					coins = []coin{coinOf(tx, 0, l)}
				}
			}
			before := heapInUse()
			for _, r := range raws {
				if _, _, err := b.pool.Add(r, now); err != nil {
					t.Fatal(err)
				}
			}
			grown := heapInUse() - before
			usage := b.pool.Info().Usage
			t.Logf("%d entries: usage %d bytes each, heap %d", len(raws), usage/int64(len(raws)), grown/int64(len(raws)))
			if usage < grown*8/10 || usage > grown*12/10 {
				t.Errorf("usage %d, the heap grew by %d", usage, grown)
			}
			runtime.KeepAlive(b)
			runtime.KeepAlive(raws)
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
