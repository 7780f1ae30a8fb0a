package mempool

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// rival adds a transaction that pays fee, and returns what it spends.
func (b *bench) rival(fee int64) coin {
	c := b.coin(open())
	b.add(b.signed([]coin{c}, pay(c.value-fee, open())))
	return c
}

// heirs are a parent and a child that spend these coins and pay these fees.
func (b *bench) heirs(parents, children []coin, parentFee, childFee int64) []*wire.MsgTx {
	l := open()
	sum := func(coins []coin) (value int64) {
		for _, c := range coins {
			value += c.value
		}
		return value
	}
	parent := b.signed(parents, pay(sum(parents)-parentFee, l))
	children = append([]coin{coinOf(parent, 0, l)}, children...)
	return []*wire.MsgTx{parent, b.signed(children, pay(sum(children)-childFee, l))}
}

func TestPairReplaces(t *testing.T) {
	for name, build := range map[string]func(b *bench) (txs []*wire.MsgTx, gone int){
		"by its parent": func(b *bench) ([]*wire.MsgTx, int) {
			return b.heirs([]coin{b.rival(1000)}, nil, 0, 2000), 1
		},
		"by its parent, which pays for itself": func(b *bench) ([]*wire.MsgTx, int) {
			return b.heirs([]coin{b.rival(1000)}, nil, 500, 2000), 1
		},
		"by its child": func(b *bench) ([]*wire.MsgTx, int) {
			return b.heirs([]coin{b.coin(open())}, []coin{b.rival(1000)}, 0, 4000), 1
		},
		"by both, with descendants": func(b *bench) ([]*wire.MsgTx, int) {
			c := b.coin(open())
			first := b.heirs([]coin{c}, nil, 500, 500)
			b.add(first[0])
			b.add(first[1])
			return b.heirs([]coin{c}, []coin{b.rival(500)}, 0, 5000), 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			bystander := b.add(b.paying(1000))
			txs, gone := build(b)
			if _, err := b.try(txs[0]); err == nil {
				t.Fatal("the parent needs no child")
			}
			copied := replica{held: make(map[chainhash.Hash]uint64), sequence: b.pool.Info().Sequence}
			for _, e := range b.pool.Snapshot() {
				copied.held[e.WTxID] = e.Sequence
			}
			results, changes, err := b.pool.AddPackage(raws(txs...), now)
			if err != nil {
				t.Fatalf("%v: %+v", err, results)
			}
			copied.apply(t, changes)
			copied.compare(t, b.pool)
			var replaced []*Entry
			for i, r := range results {
				if r.Err != nil || len(r.Together) != 2 || r.Entry != b.pool.GetByTxID(txs[i].TxHash()) {
					t.Errorf("%+v", r)
				}
				replaced = append(replaced, r.Replaced...)
			}
			if len(replaced) != gone || len(changes) != gone+2 || reasonsOf(changes)[ReasonReplaced] != gone {
				t.Errorf("%d replaced, want %d: %+v", len(replaced), gone, changes)
			}
			if b.pool.Get(bystander.WTxID) != bystander || b.pool.Info().Count != 3 {
				t.Error("others left")
			}
			if err := checkInvariants(b.pool, b.chain.coins); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPairsThatMayNotReplace(t *testing.T) {
	l := open()
	rbf := "package RBF failed: "
	for name, c := range map[string]struct {
		build func(b *bench) []*wire.MsgTx
		want  string
	}{
		"pays less": {func(b *bench) []*wire.MsgTx { return b.heirs([]coin{b.rival(1000)}, nil, 0, 999) },
			rbf + "insufficient anti-DoS fees, rejecting replacement TXID, less fees than conflicting txs; 0.00000999 < 0.00001"},
		"does not pay the relay of both": {func(b *bench) []*wire.MsgTx { return b.heirs([]coin{b.rival(1000)}, nil, 0, 1010) },
			rbf + "insufficient anti-DoS fees, rejecting replacement TXID, not enough additional fees to relay; 0.0000001 < 0.0000002"},
		"the child pays at a lower rate": {func(b *bench) []*wire.MsgTx { return b.heirs([]coin{b.rival(1000)}, nil, 1001, 100) },
			rbf + "package feerate is less than or equal to parent feerate, package feerate 0.00005734 BTC/kvB <= parent feerate is 0.00010427 BTC/kvB"},
		"the child pays at the same rate": {func(b *bench) []*wire.MsgTx { return b.heirs([]coin{b.rival(1000)}, nil, 900, 900) },
			rbf + "package feerate is less than or equal to parent feerate"},
		"lower rates": {func(b *bench) []*wire.MsgTx { return b.heirs([]coin{b.rival(1000)}, nil, 0, 1100) }, rbf + worseDiagram},
		"other relatives": {func(b *bench) []*wire.MsgTx {
			held := b.paying(1000)
			b.add(held)
			return b.heirs([]coin{b.rival(1000)}, []coin{coinOf(held, 0, l)}, 0, 5000)
		}, rbf + "new transaction cannot have mempool ancestors"},
		"two parents": {func(b *bench) []*wire.MsgTx {
			other := b.paying(0)
			txs := b.heirs([]coin{b.rival(1000)}, []coin{coinOf(other, 0, l)}, 0, 5000)
			return []*wire.MsgTx{other, txs[0], txs[1]}
		}, rbf + "package must be 1-parent-1-child"},
		"101 clusters": {func(b *bench) []*wire.MsgTx {
			var coins []coin
			for range 101 {
				coins = append(coins, b.rival(100))
			}
			return b.heirs(coins[:50], coins[50:], 100, 90_000)
		}, rbf + "too many potential replacements, rejecting replacement TXID; too many conflicting clusters (101 > 100)"},
		"too large a cluster": {func(b *bench) []*wire.MsgTx { // for its signature operations
			outs := slices.Repeat([]*wire.TxOut{wire.NewTxOut(1000, multiSigScript(1, 1))}, 130)
			parent := b.signed([]coin{b.rival(1000)}, append(outs, pay(coinValue-130_000, l))...)
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 130, l)}, append(outs, pay(100_000, l))...)}
		}, "too-large-cluster"},
		"a TRUC parent of another version": {func(b *bench) []*wire.MsgTx {
			parent := b.versioned(3, []coin{b.rival(1000)}, pay(coinValue, l))
			return []*wire.MsgTx{parent, b.versioned(2, []coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, "TRUC-violation, non-version=3 tx TXID (wtxid=WTXID) cannot spend from version=3 tx "},
		"dust that stays": {func(b *bench) []*wire.MsgTx {
			parent := b.signed([]coin{b.rival(1000)}, pay(coinValue, l), pay(0, anchor()))
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, "unspent-dust"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			txs := c.build(b)
			before := b.pool.Info()
			results, changes, err := b.pool.AddPackage(raws(txs...), now)
			child := txs[len(txs)-1]
			want := strings.NewReplacer("WTXID", child.WitnessHash().String(), "TXID", child.TxHash().String()).Replace(c.want)
			if err == nil || !errors.Is(err, ErrPackage) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v\nwant %s", err, want)
			}
			if changes != nil || b.pool.Info() != before || slices.ContainsFunc(results, func(r PackageResult) bool { return r.Err == nil }) {
				t.Errorf("%+v, %+v", changes, results)
			}
		})
	}
}

// Members may have to leave for the rest of their package, however they came in.
func TestMembersThatLeaveAgain(t *testing.T) {
	l := open()
	for name, c := range map[string]struct {
		fee     int64 // of the parent
		held    bool  // it is in the pool before
		changes int
	}{
		"the parent stood alone": {300, false, 2},
		"the parent was there":   {300, true, 1},
		"the two came as one":    {0, false, 0},
	} {
		b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(3) })
		b.add(b.paying(9000))
		b.add(b.paying(9000))
		parent := b.paying(c.fee)
		if c.held {
			b.add(parent)
		}
		coins := []coin{coinOf(parent, 0, l)}
		for range 12 {
			coins = append(coins, b.coin(l))
		}
		child := b.signed(coins, pay(13*coinValue-c.fee-6000, l))
		results, changes, err := b.pool.AddPackage(raws(parent, child), now) // the two are the worst chunk
		if !errors.Is(err, ErrPackage) || b.pool.GetByTxID(parent.TxHash()) != nil || len(changes) != c.changes {
			t.Errorf("%s: %v, %+v", name, err, changes)
		}
		for i, r := range results {
			if !errors.Is(r.Err, ErrFull) || r.Together != nil {
				t.Errorf("%s: %d: %+v", name, i, r)
			}
		}
	}
}
