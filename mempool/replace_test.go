package mempool

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"pgregory.net/rapid"
)

func replacementRejections() []rejection {
	l := open()
	held := func(b *bench, c coin, fee int64) *wire.MsgTx {
		tx := b.signed([]coin{c}, pay(c.value-fee, l))
		b.add(tx)
		return tx
	}
	rejecting := ", rejecting replacement TXID"
	return []rejection{
		{"pays less", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			return b.signed([]coin{c}, pay(coinValue-999, l))
		}, ErrConflict, "insufficient fee" + rejecting + ", less fees than conflicting txs; 0.00000999 < 0.00001"},
		{"pays less than the descendants too", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			parent := held(b, c, 1000)
			held(b, coinOf(parent, 0, l), 2000)
			return b.signed([]coin{c}, pay(coinValue-2500, l))
		}, ErrConflict, "insufficient fee" + rejecting + ", less fees than conflicting txs; 0.000025 < 0.00003"},
		{"pays the same", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			return b.signed([]coin{c}, pay(500, l), pay(coinValue-1500, l))
		}, ErrConflict, "insufficient fee" + rejecting + ", not enough additional fees to relay; 0.00 < 0.00000014"},
		{"does not pay its relay", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			return b.signed([]coin{c}, pay(coinValue-1009, l))
		}, ErrConflict, "insufficient fee" + rejecting + ", not enough additional fees to relay; 0.00000009 < 0.0000001"},
		{"pays more by being large", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			outs := []*wire.TxOut{pay(coinValue-33*400-3000, l)}
			for range 33 {
				outs = append(outs, pay(400, l))
			}
			return b.signed([]coin{c}, outs...)
		}, ErrConflict, "replacement-failed, insufficient feerate: does not improve feerate diagram"},
		{"has parents that pay more", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			grandparent := held(b, b.coin(l), 100)
			parent := held(b, coinOf(grandparent, 0, l), 3000)
			return b.signed([]coin{c, coinOf(parent, 0, l)}, pay(coinValue, l), pay(coinValue-4300, l))
		}, ErrConflict, "replacement-failed, insufficient feerate: does not improve feerate diagram"},
		{"spends what it replaces", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			parent := held(b, c, 1000)
			return b.signed([]coin{c, coinOf(parent, 0, l)}, pay(1000, l))
		}, ErrConsensus, "bad-txns-spends-conflicting-tx, TXID spends conflicting transaction PARENT"},
		{"spends what it replaces, and pays less", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			parent := held(b, c, 1000)
			return b.signed([]coin{c, coinOf(parent, 0, l)}, pay(c.value+parent.TxOut[0].Value-999, l))
		}, ErrConflict, "insufficient fee" + rejecting + ", less fees than conflicting txs; 0.00000999 < 0.00001"},
		{"101 clusters", func(b *bench) *wire.MsgTx {
			var coins []coin
			for range 101 {
				c := b.coin(l)
				held(b, c, 100)
				coins = append(coins, c)
			}
			return b.signed(coins, pay(1000, l))
		}, ErrConflict, "too many potential replacements" + rejecting + "; too many conflicting clusters (101 > 100)"},
		{"too large a cluster", func(b *bench) *wire.MsgTx {
			c := b.coin(l)
			held(b, c, 1000)
			return b.signed([]coin{c, coinOf(chainOf(b, 64, l), 0, l)}, pay(1000, l))
		}, ErrTopology, "too-large-cluster"},
	}
}

func TestReplacement(t *testing.T) {
	b := newBench(t)
	l := open()
	c, other := b.coin(l), b.coin(l)
	tx := b.signed([]coin{c}, pay(coinValue-1000, l))
	parent := b.add(tx)
	child := b.add(b.signed([]coin{coinOf(tx, 0, l)}, pay(coinValue-2000, l)))
	second := b.add(b.signed([]coin{other}, pay(coinValue-500, l)))
	bystander := b.add(b.paying(500))

	replacement := b.signed([]coin{c, other}, pay(1000, l))
	if e, err := b.pool.Check(raw(replacement), now); err != nil || b.pool.Info().Count != 4 {
		t.Fatalf("%v, %v", e, err)
	}
	e, changes, err := b.pool.Add(raw(replacement), now)
	if err != nil || !slices.Equal(entriesIn(changes), []*Entry{second, child, parent, e}) {
		t.Fatalf("%+v, %v", changes, err)
	}
	for i, c := range changes {
		if c.Sequence != uint64(5+i) || i < 3 && (c.Reason != ReasonReplaced || c.ReplacedBy != e) {
			t.Errorf("%d: %+v", i, c)
		}
	}
	if !changes[3].Added() || e.Sequence != 8 || !slices.Equal(b.pool.Snapshot(), []*Entry{bystander, e}) {
		t.Errorf("%+v", b.pool.Snapshot())
	}
	if _, err := b.try(tx); !errors.Is(err, ErrConflict) { // whatever the order in which the two come
		t.Error(err)
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
}

// What stays of the cluster counts before and after.
func TestReplacesAChildOnly(t *testing.T) {
	b := newBench(t)
	l := open()
	parent := b.paying(2000)
	c := b.coin(l)
	kept := b.add(parent)
	b.add(b.signed([]coin{c, coinOf(parent, 0, l)}, pay(coinValue, l)))
	e := b.add(b.signed([]coin{c}, pay(1000, l)))
	if !slices.Equal(b.pool.Snapshot(), []*Entry{kept, e}) {
		t.Errorf("%+v", b.pool.Snapshot())
	}
}

// 100 clusters may be touched, however many transactions go with them.
func TestReplacesManyTransactions(t *testing.T) {
	b := newBench(t)
	l := open()
	var coins []coin
	for range 10 {
		c := b.coin(l)
		coins = append(coins, c)
		for range 12 {
			tx := b.signed([]coin{c}, pay(c.value-100, l))
			b.add(tx)
			c = coinOf(tx, 0, l)
		}
	}
	_, changes, err := b.pool.Add(raw(b.signed(coins, pay(1000, l))), now)
	if err != nil || len(changes) != 121 || b.pool.Info().Count != 1 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
}

// naiveAt is the height of a diagram at a size, as a fraction of den.
func naiveAt(d []feeFrac, at, den int64) int64 {
	var sum feeFrac
	for _, c := range d {
		if rest := at - sum.size; rest < c.size {
			return sum.fee*den + c.fee*rest*(den/c.size)
		}
		sum = sum.plus(c)
	}
	return sum.fee * den
}

func TestDiagramsAgainstEveryPoint(t *testing.T) {
	const den = 2 * 2 * 3 * 5 // of every chunk size up to 6
	rates := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) feeFrac {
		return feeFrac{rapid.Int64Range(-9, 9).Draw(t, "fee"), rapid.Int64Range(1, 6).Draw(t, "size")}
	}), 0, 6)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := newDiagram(rates.Draw(rt, "a")), newDiagram(rates.Draw(rt, "b"))
		below, above := false, false
		for at := range int64(6*6 + 1) {
			x, y := naiveAt(a, at, den), naiveAt(b, at, den)
			below, above = below || x < y, above || x > y
		}
		if got := a.improves(b); got != (above && !below) {
			rt.Fatalf("%v over %v: %t", a, b, got)
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	f := newBench(b)
	l := open()
	c := f.coin(l)
	var txs [][]byte
	for i := range int64(2000) {
		txs = append(txs, raw(f.signed([]coin{c}, pay(coinValue-100-100*i, l))))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(txs) == 0 {
			f.pool = New(f.pool.cfg)
		}
		if _, _, err := f.pool.Add(txs[i%len(txs)], now); err != nil {
			b.Fatal(err)
		}
	}
}

// The worst that judging a replacement can take: a hundred full clusters lose one transaction each.
func BenchmarkRejectLargeReplacement(b *testing.B) {
	f := newBench(b)
	l := open()
	var coins []coin
	for range maxReplacedClusters {
		c := f.coin(l)
		for range MaxClusterCount - 1 {
			tx := f.signed([]coin{c}, pay(c.value-100, l))
			f.add(tx)
			c = coinOf(tx, 0, l)
		}
		extra := f.coin(l)
		coins = append(coins, extra)
		f.add(f.signed([]coin{c, extra}, pay(c.value+extra.value-100, l)))
	}
	outs := []*wire.TxOut{pay(1000, l)}
	for range 1500 {
		outs = append(outs, pay(400, l))
	}
	var sum int64
	for _, c := range coins {
		sum += c.value
	}
	outs[0].Value = sum - 1500*400 - 20_000
	tx := raw(f.signed(coins, outs...))
	if _, err := f.pool.Check(tx, now); err == nil || err.Error() != "replacement-failed, insufficient feerate: does not improve feerate diagram" {
		b.Fatal(fmt.Sprint(err))
	}
	for b.Loop() {
		f.pool.Check(tx, now)
	}
}
