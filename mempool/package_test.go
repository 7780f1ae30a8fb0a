package mempool

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// pair is a parent that pays nothing and a child that pays fee.
func (b *bench) pair(fee int64) (parent, child *wire.MsgTx) {
	l := open()
	parent = b.paying(0)
	return parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-fee, l))
}

func raws(txs ...*wire.MsgTx) (list [][]byte) {
	for _, tx := range txs {
		list = append(list, raw(tx))
	}
	return list
}

func TestChildPaysForParent(t *testing.T) {
	b := newBench(t)
	parent, child := b.pair(1000)
	if _, err := b.try(parent); !errors.Is(err, ErrFee) {
		t.Fatal(err)
	}
	if checked, err := b.pool.CheckPackage(raws(parent, child), now); !errors.Is(err, ErrPackage) || !errors.Is(checked[0].Err, ErrFee) || checked[1].Entry != nil {
		t.Errorf("each has to pay for itself when they are tested: %+v, %v", checked, err)
	}
	list := raws(parent, child)
	results, changes, err := b.pool.AddPackage(list, now)
	if err != nil || len(results) != 2 || results[0].Err != nil || results[1].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if clear(list[0]); !bytes.Equal(results[0].Entry.Raw, raw(parent)) {
		t.Error("the pool keeps the caller's bytes")
	}
	both := []*Entry{results[0].Entry, results[1].Entry}
	if !slices.Equal(entriesIn(changes), both) || changes[1].Sequence != 2 {
		t.Errorf("%+v", changes)
	}
	if !slices.Equal(results[0].Together, both) || !slices.Equal(results[1].Together, both) {
		t.Errorf("judged together: %v, %v", results[0].Together, results[1].Together)
	}
	if b.pool.GetByTxID(parent.TxHash()) != results[0].Entry || results[1].Entry.Sequence != 2 {
		t.Error("the parent is not in the pool")
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
	results, changes, err = b.pool.AddPackage(raws(parent, child), now)
	if err != nil || changes != nil || !errors.Is(results[0].Err, ErrAlreadyInMempool) {
		t.Errorf("again: %+v, %v", results, err)
	}
}

// Each member that can stand alone is judged alone.
func TestMembersThatStandAlone(t *testing.T) {
	l := p2wsh(script(txscript.OP_DROP, txscript.OP_1), []byte{7})
	b := newBench(t)
	c := b.coin(l)
	rival := b.add(b.signed([]coin{c}, pay(coinValue-1000, l)))
	parent := b.signed([]coin{c}, pay(coinValue-2000, l))
	child := b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))
	results, _, err := b.pool.AddPackage(raws(parent, child), now)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil || !slices.Equal(r.Together, []*Entry{r.Entry}) || !slices.Equal(r.Replaced, []*Entry{rival}[:1-i]) {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if _, _, err := b.pool.AddPackage(raws(b.paying(1000)), now); err != nil {
		t.Errorf("a transaction that comes alone: %v", err)
	}
	// One that is there with another witness is as good.
	parent.TxIn[0].Witness[0] = []byte{8}
	child = b.signed([]coin{coinOf(parent, 0, l)}, pay(900, l))
	results, _, err = b.pool.AddPackage(raws(parent, child), now)
	if err != nil || !errors.Is(results[0].Err, ErrSameTxID) || results[0].Entry.WTxID != parent.WitnessHash() || results[1].Err != nil {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestPackagePaysForRoom(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBytes = roomFor(4) })
	for range 5 {
		b.try(b.paying(1000))
	}
	floor := b.pool.Info().MinFeeRate
	parent, child := b.pair(1000)
	results, changes, err := b.pool.AddPackage(raws(parent, child), now)
	if err == nil || !errors.Is(results[1].Err, ErrFee) || changes != nil {
		t.Errorf("%+v, %v", results, err)
	}
	parent, child = b.pair(3000)
	_, changes, err = b.pool.AddPackage(raws(parent, child), now)
	if err != nil || len(changes) != 4 || changes[3].Reason != ReasonSizeLimit || b.pool.Info().MinFeeRate < floor {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestFloorFallsForPackages(t *testing.T) {
	b := newBench(t)
	b.pool.floor.raise(100_000, now)
	each, together := raws(b.heirs([]coin{b.coin(open())}, nil, 1000, 1000)...), raws(b.heirs([]coin{b.coin(open())}, nil, 0, 1000)...)
	if _, err := b.pool.CheckPackage(each, now); err == nil {
		t.Error("checked below the floor")
	}
	if _, err := b.pool.CheckPackage(each, now.Add(10*floorHalfLife)); err != nil {
		t.Errorf("checked later: %v", err)
	}
	b.pool.floor.raise(100_000, now)
	if _, _, err := b.pool.AddPackage(together, now); err == nil {
		t.Error("added below the floor")
	}
	if _, _, err := b.pool.AddPackage(together, now.Add(20*floorHalfLife)); err != nil {
		t.Errorf("added later: %v", err)
	}
}

// Who adds a package has a say in each member, also of those that are judged together.
func TestPackageThatIsNotAllowed(t *testing.T) {
	b := newBench(t)
	parent, child := b.pair(1000)
	refused := errors.New("not this one")
	for i, tx := range []*wire.MsgTx{parent, child} {
		results, changes, err := b.pool.AddPackageIf(raws(parent, child), now, func(e *Entry) error {
			if e.TxID == tx.TxHash() {
				return refused
			}
			return nil
		})
		if !errors.Is(err, ErrPackage) || changes != nil || results[i].Err != refused || b.pool.Info().Count != 0 {
			t.Errorf("%d: %+v, %v", i, results, err)
		}
	}
}

func TestPackagesAreAllOrNothing(t *testing.T) {
	l := open()
	for name, c := range map[string]struct {
		make func(b *bench) []*wire.MsgTx
		want []string // of the transactions, then of the package if it is not "transaction failed"
	}{
		"pays too little": {func(b *bench) []*wire.MsgTx {
			parent, child := b.pair(10)
			return []*wire.MsgTx{parent, child}
		}, []string{"min relay fee not met, 0 < 10", "min relay fee not met, 10 < 20"}},
		"child without a signature": {func(b *bench) []*wire.MsgTx {
			parent := b.signed([]coin{b.coin(l)}, pay(coinValue, p2wpkh(1)))
			child := b.signed([]coin{coinOf(parent, 0, p2wpkh(1))}, pay(1000, l))
			child.TxIn[0].Witness[0][9] ^= 1
			return []*wire.MsgTx{parent, child}
		}, []string{"min relay fee not met, 0 < 9", "mempool-script-verify-flag-failed ("}},
		"parent without a signature": {func(b *bench) []*wire.MsgTx {
			parent := b.signed([]coin{b.coin(p2wpkh(1))}, pay(coinValue, l))
			parent.TxIn[0].Witness = nil
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"mempool-script-verify-flag-failed (", "bad-txns-inputs-missingorspent"}},
		"poor, and a parent without a signature": {func(b *bench) []*wire.MsgTx {
			parent := b.signed([]coin{b.coin(p2wpkh(1))}, pay(coinValue, l))
			parent.TxIn[0].Witness[0][9] ^= 1
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-10, l))}
		}, []string{"min relay fee not met, 0 < 13", "min relay fee not met, 10 < 22"}},
		"too large a cluster, and a parent without a signature": {func(b *bench) []*wire.MsgTx {
			last := chainOf(b, 63, l)
			parent := b.signed([]coin{b.coin(p2wpkh(1))}, pay(coinValue, l))
			parent.TxIn[0].Witness[0][9] ^= 1
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(last, 0, l), coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"min relay fee not met, 0 < 13", "bad-txns-inputs-missingorspent", "too-large-cluster"}},
		"more clusters to replace than may be": {func(b *bench) []*wire.MsgTx {
			var coins []coin
			for range 101 {
				coins = append(coins, b.rival(100))
			}
			parent := b.signed(coins, pay(101*coinValue, l))
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"min relay fee not met, 0 < ", "bad-txns-inputs-missingorspent", "package RBF failed: too many potential replacements, "}},
		"more clusters to replace than may be, alone": {func(b *bench) []*wire.MsgTx {
			var coins []coin
			for range 101 {
				coins = append(coins, b.rival(100))
			}
			parent := b.signed(coins, pay(100*coinValue, l))
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"too many potential replacements, ", "bad-txns-inputs-missingorspent"}},
		"dust that stays": {func(b *bench) []*wire.MsgTx {
			parent := b.signed([]coin{b.coin(l)}, pay(coinValue, l), pay(0, anchor()))
			return []*wire.MsgTx{parent, b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"min relay fee not met, 0 < 11", "missing-ephemeral-spends, tx TXID (wtxid=WTXID) did not spend parent's ephemeral dust", "unspent-dust"}},
		"TRUC child of another version": {func(b *bench) []*wire.MsgTx {
			parent := b.paying(0)
			return []*wire.MsgTx{parent, b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(1000, l))}
		}, []string{"min relay fee not met, 0 < 10", "bad-txns-inputs-missingorspent", "TRUC-violation, version=3 tx TXID (wtxid=WTXID) cannot spend from non-version=3 tx "}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			txs := c.make(b)
			before := b.pool.Info()
			results, changes, err := b.pool.AddPackage(raws(txs...), now)
			child := txs[len(txs)-1]
			named := strings.NewReplacer("WTXID", child.WitnessHash().String(), "TXID", child.TxHash().String())
			if want := append(c.want, "transaction failed")[len(txs)]; !errors.Is(err, ErrPackage) || !strings.HasPrefix(err.Error(), named.Replace(want)) ||
				changes != nil || b.pool.Info() != before {
				t.Errorf("%v, %+v", err, changes)
			}
			for i := range txs {
				want := named.Replace(c.want[i])
				if results[i].Err == nil || !strings.HasPrefix(results[i].Err.Error(), want) {
					t.Errorf("%d: %v, want %s", i, results[i].Err, want)
				}
			}
			if err := checkInvariants(b.pool, b.chain.coins); err != nil {
				t.Error(err)
			}
		})
	}
}

func dustRejections() []rejection {
	l := open()
	return []rejection{{"dust of a parent left", func(b *bench) *wire.MsgTx {
		parent := b.signed([]coin{b.coin(l)}, pay(coinValue, l), pay(0, anchor()))
		child := b.signed([]coin{coinOf(parent, 1, anchor()), b.coin(l)}, pay(1000, l))
		if _, _, err := b.pool.AddPackage(raws(parent, child), now); err != nil {
			b.t.Fatal(err)
		}
		return b.signed([]coin{coinOf(parent, 0, l)}, pay(1000, l))
	}, ErrNonStandard, "missing-ephemeral-spends, tx TXID (wtxid=WTXID) did not spend parent's ephemeral dust"}}
}

func TestRejectPackages(t *testing.T) {
	b := newBench(t)
	l := open()
	parent, child := b.pair(1000)
	stranger := b.paying(1000)
	c := b.coin(l)
	first, second := b.signed([]coin{c}, pay(5000, l)), b.signed([]coin{c}, pay(6000, l))
	heavy := func() *wire.MsgTx {
		return b.signed([]coin{b.coin(l)}, wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, 60_000)...)))
	}
	for want, txs := range map[string][]*wire.MsgTx{
		"package-too-many-transactions":  slices.Repeat([]*wire.MsgTx{parent}, 26),
		"package-too-large":              {heavy(), heavy()},
		"package-contains-duplicates":    {parent, parent, child},
		"conflict-in-package":            {first, b.signed([]coin{c, coinOf(first, 0, l)}, pay(4000, l))},
		"package-not-child-with-parents": {stranger, parent, child},
		// That is looked at first, but for the size.
		"package-not-child-with-parents ":   {child, parent},
		"package-not-child-with-parents  ":  {first, second},
		"package-not-child-with-parents   ": {parent, child, child},
	} {
		results, _, err := b.pool.AddPackage(raws(txs...), now)
		if !errors.Is(err, ErrPackage) || err.Error() != strings.TrimSpace(want) || results != nil {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, list := range [][][]byte{nil, raws(parent), {raw(parent), {1, 2, 3}}, {raw(parent), append(raw(child), 0)}} {
		if results, _, err := b.pool.AddPackage(list, now); err == nil || results != nil && len(list) != 1 {
			t.Errorf("%d transactions: %+v, %v", len(list), results, err)
		}
	}
	twice := b.signed([]coin{c, c}, pay(5000, l))
	if results, _, _ := b.pool.AddPackage(raws(twice), now); results == nil || results[0].Err.Error() != "bad-txns-inputs-duplicate" {
		t.Errorf("what spends twice: %+v", results)
	}
	if b.pool.Info().Sequence != 0 {
		t.Error("a malformed package changed the pool")
	}
}
