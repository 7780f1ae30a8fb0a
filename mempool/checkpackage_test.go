package mempool

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

func TestCheckPackageKeepsNothing(t *testing.T) {
	b := newBench(t)
	before := b.pool.Info()
	txs := b.heirs([]coin{b.coin(open())}, nil, 1000, 1000)
	for range 2 {
		results, err := b.pool.CheckPackage(raws(txs...), now)
		if err != nil || b.pool.Info() != before {
			t.Fatalf("%v, %+v", err, b.pool.Info())
		}
		for i, r := range results {
			if r.Err != nil || r.Entry.Sequence != 0 || !slices.Equal(r.Together, []*Entry{r.Entry}) {
				t.Errorf("%d: %+v", i, r)
			}
		}
	}
}

// The second of two fails: nothing is kept and nothing is told of the first.
func TestCheckPackageFails(t *testing.T) {
	l := open()
	for name, c := range map[string]struct {
		second func(b *bench) *wire.MsgTx
		want   string // a pattern
	}{
		"without a signature": {func(b *bench) *wire.MsgTx {
			tx := b.simple()
			tx.TxIn[0].Witness = nil
			return tx
		}, `mempool-script-verify-flag-failed \(.*`},
		"pays too little": {func(b *bench) *wire.MsgTx { return b.paying(9) }, "min relay fee not met, 9 < 10"},
		"in the mempool": {func(b *bench) *wire.MsgTx {
			tx := b.paying(1000)
			b.add(tx)
			return tx
		}, "txn-already-in-mempool"},
		"a replacement": {func(b *bench) *wire.MsgTx { return b.signed([]coin{b.rival(1000)}, pay(1000, l)) },
			"bip125-replacement-disallowed"},
		"a second TRUC child": {func(b *bench) *wire.MsgTx {
			parent := b.parentOf(3, l)
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(2000, l)))
			return b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l))
		}, `TRUC-violation, tx \w* \(wtxid=\w*\) would exceed descendant count limit`},
	} {
		b := newBench(t)
		txs := raws(b.paying(1000), c.second(b))
		before := b.pool.Info()
		results, err := b.pool.CheckPackage(txs, now)
		if !errors.Is(err, ErrPackage) || err.Error() != "transaction failed" || b.pool.Info() != before {
			t.Errorf("%s: %v, %+v", name, err, b.pool.Info())
			continue
		}
		if results[0].Entry != nil || results[1].Err == nil || !regexp.MustCompile("^"+c.want+"$").MatchString(results[1].Err.Error()) {
			t.Errorf("%s: %+v", name, results)
		}
	}
}

// Some faults are of the package.
func TestCheckPackageRefusesTheWhole(t *testing.T) {
	l := open()
	b := newBench(t)
	parent := b.versioned(2, []coin{b.coin(l)}, pay(coinValue/2, l))
	child := b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(1000, l))
	before := b.pool.Info()
	for want, txs := range map[string][]*wire.MsgTx{
		"package-not-sorted":            {child, parent},
		"TRUC-violation, version=3 tx ": {parent, child},
	} {
		results, err := b.pool.CheckPackage(raws(txs...), now)
		if !errors.Is(err, ErrPackage) || !strings.HasPrefix(err.Error(), want) || results != nil || b.pool.Info() != before {
			t.Errorf("%v, want %s; %+v", err, want, results)
		}
	}
}
