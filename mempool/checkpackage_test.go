package mempool

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
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
		first  bool   // counts
	}{
		"without a signature": {func(b *bench) *wire.MsgTx {
			tx := b.simple()
			tx.TxIn[0].Witness = nil
			return tx
		}, `mempool-script-verify-flag-failed \(.*`, true},
		"pays too little": {func(b *bench) *wire.MsgTx { return b.paying(9) }, "min relay fee not met, 9 < 10", false},
		"in the mempool": {func(b *bench) *wire.MsgTx {
			tx := b.paying(1000)
			b.add(tx)
			return tx
		}, "txn-already-in-mempool", false},
		"a replacement": {func(b *bench) *wire.MsgTx { return b.signed([]coin{b.rival(1000)}, pay(1000, l)) },
			"bip125-replacement-disallowed", false},
		"a second TRUC child": {func(b *bench) *wire.MsgTx {
			parent := b.parentOf(3, l)
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(2000, l)))
			return b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l))
		}, `TRUC-violation, tx \w* \(wtxid=\w*\) would exceed descendant count limit`, false},
	} {
		b := newBench(t)
		txs := raws(b.paying(1000), c.second(b))
		before := b.pool.Info()
		results, err := b.pool.CheckPackage(txs, now)
		if !errors.Is(err, ErrPackage) || err.Error() != "transaction failed" || b.pool.Info() != before {
			t.Errorf("%s: %v, %+v", name, err, b.pool.Info())
			continue
		}
		if (results[0].Entry != nil) != c.first || results[1].Err == nil || !regexp.MustCompile("^"+c.want+"$").MatchString(results[1].Err.Error()) {
			t.Errorf("%s: %+v", name, results)
		}
	}
}

// Scripts run when all else is in order with all.
func TestCheckPackageRunsScriptsLast(t *testing.T) {
	b := newBench(t)
	unsigned := b.simple()
	unsigned.TxIn[0].Witness = nil
	for want, second := range map[string]*wire.MsgTx{
		"min relay fee not met, 9 < 10":  b.paying(9),
		"bip125-replacement-disallowed":  b.signed([]coin{b.rival(1000)}, pay(1000, open())),
		"bad-txns-inputs-missingorspent": b.signed([]coin{coinOf(b.simple(), 0, open())}, pay(1000, open())),
	} {
		results, err := b.pool.CheckPackage(raws(unsigned, second), now)
		if err == nil || results[0].Entry != nil || results[1].Err == nil || results[1].Err.Error() != want {
			t.Errorf("want %s: %+v, %v", want, results, err)
		}
	}
	// Nothing is looked at for being a replacement, not even whether it could be spent.
	lost := b.signed([]coin{b.rival(1000), coinOf(b.simple(), 0, open())}, pay(1000, open()))
	if results, _ := b.pool.CheckPackage(raws(b.paying(1000), lost), now); results[1].Err.Error() != "bip125-replacement-disallowed" {
		t.Errorf("%+v", results)
	}
}

// Of what breaks the rules on TRUC together, the package is told in Core's order.
func TestCheckPackageTRUC(t *testing.T) {
	l := open()
	b := newBench(t)
	parent := b.versioned(3, []coin{b.coin(l)}, pay(400_000, l), pay(400_000, l))
	child := b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(300_000, l))
	sibling := b.versioned(2, []coin{coinOf(parent, 1, l)}, pay(300_000, l))
	grandchild := b.versioned(3, []coin{coinOf(child, 0, l)}, pay(1000, l))
	large := b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(1000, l), wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, 1000)...)))
	held := b.parentOf(3, l)
	b.add(b.versioned(3, []coin{coinOf(held, 0, l)}, pay(300_000, l)))
	for name, c := range map[string]struct {
		txs   []*wire.MsgTx
		fault *wire.MsgTx
		want  string
	}{
		"two children":   {[]*wire.MsgTx{parent, child, sibling}, parent, " would exceed descendant count limit"},
		"a grandchild":   {[]*wire.MsgTx{parent, child, grandchild}, grandchild, " would have too many ancestors"},
		"a large child":  {[]*wire.MsgTx{parent, large}, large, " is too big: "},
		"a plain child":  {[]*wire.MsgTx{parent, sibling}, sibling, " cannot spend from version=3 tx "},
		"in both places": {[]*wire.MsgTx{parent, b.versioned(3, []coin{coinOf(parent, 0, l), coinOf(held, 1, l)}, pay(1000, l))}, nil, " would exceed descendant count limit"},
	} {
		_, err := b.pool.CheckPackage(raws(c.txs...), now)
		if c.fault == nil { // of the transaction and the pool, before the package is looked at
			if err == nil || err.Error() != "transaction failed" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrPackage) || !strings.Contains(err.Error(), "tx "+c.fault.TxHash().String()) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
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
