package mempool

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// chainOf adds n transactions that each spend the one before.
func chainOf(b *bench, n int, l lock) (last *wire.MsgTx) {
	last = b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
	b.add(last)
	for range n - 1 {
		last = b.signed([]coin{coinOf(last, 0, l)}, pay(last.TxOut[0].Value-1000, l))
		b.add(last)
	}
	return last
}

func TestClusterLimits(t *testing.T) {
	l := open()
	tooLarge := func(t *testing.T, b *bench, tx *wire.MsgTx) {
		t.Helper()
		if _, err := b.try(tx); !errors.Is(err, ErrTopology) || err.Error() != "too-large-cluster" {
			t.Error(err)
		}
	}
	t.Run("64 in a chain", func(t *testing.T) {
		b := newBench(t)
		last := chainOf(b, 64, l)
		tooLarge(t, b, b.signed([]coin{coinOf(last, 0, l)}, pay(1000, l)))
	})
	t.Run("siblings count", func(t *testing.T) {
		b := newBench(t)
		var outs []*wire.TxOut
		for range 64 {
			outs = append(outs, pay(10_000, l))
		}
		parent := b.signed([]coin{b.coin(l)}, outs...)
		b.add(parent)
		for i := range uint32(63) {
			b.add(b.signed([]coin{coinOf(parent, i, l)}, pay(9000, l)))
		}
		tooLarge(t, b, b.signed([]coin{coinOf(parent, 63, l)}, pay(9000, l)))
	})
	t.Run("two clusters may not join", func(t *testing.T) {
		b := newBench(t)
		one, two := chainOf(b, 32, l), chainOf(b, 32, l)
		tooLarge(t, b, b.signed([]coin{coinOf(one, 0, l), coinOf(two, 0, l)}, pay(1000, l)))
	})
	t.Run("101 kvB", func(t *testing.T) {
		b := newBench(t)
		heavy := append(script(txscript.OP_RETURN), make([]byte, 60_000)...)
		parent := b.signed([]coin{b.coin(l)}, pay(500_000, l), wire.NewTxOut(0, heavy))
		b.add(parent)
		c := coinOf(parent, 0, l)
		b.add(b.signed([]coin{b.coin(l)}, wire.NewTxOut(0, heavy))) // another cluster
		tooLarge(t, b, b.signed([]coin{c}, wire.NewTxOut(0, heavy)))
		b.add(b.signed([]coin{c}, wire.NewTxOut(0, heavy[:40_000])))
	})
}

// What is left of a cluster is in order again, whichever relative is found first.
func TestWhatStaysOfACluster(t *testing.T) {
	b := newBench(t)
	l := open()
	one, two := b.paying(1000), b.paying(100)
	b.add(one)
	b.add(two)
	child := b.signed([]coin{coinOf(one, 0, l), coinOf(two, 0, l)}, pay(1_000_000, l))
	b.add(child)
	last := b.add(b.signed([]coin{coinOf(child, 0, l)}, pay(1000, l)))
	b.pool.Remove(last.WTxID, ReasonConflict)
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
}

// versioned makes a signed transaction of this version.
func (b *bench) versioned(v int32, coins []coin, outs ...*wire.TxOut) *wire.MsgTx {
	tx := unsigned(coins, outs...)
	tx.Version = v
	b.sign(tx, coins)
	return tx
}

// parentOf adds a transaction of this version with two outputs.
func (b *bench) parentOf(v int32, l lock) *wire.MsgTx {
	tx := b.versioned(v, []coin{b.coin(l)}, pay(400_000, l), pay(400_000, l))
	b.add(tx)
	return tx
}

func trucRejections() []rejection {
	l := p2wpkh(1)
	padding := func(n int) *wire.TxOut {
		return wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, n)...))
	}
	violation := func(detail string) string { return "TRUC-violation, " + detail }
	return []rejection{
		{"child of version 2", func(b *bench) *wire.MsgTx {
			return b.versioned(3, []coin{coinOf(b.parentOf(2, l), 0, l)}, pay(1000, l))
		}, ErrTopology, violation("version=3 tx TXID (wtxid=WTXID) cannot spend from non-version=3 tx PARENT (wtxid=WPARENT)")},
		{"version 2 child", func(b *bench) *wire.MsgTx {
			return b.versioned(2, []coin{coinOf(b.parentOf(3, l), 0, l)}, pay(1000, l))
		}, ErrTopology, violation("non-version=3 tx TXID (wtxid=WTXID) cannot spend from version=3 tx PARENT (wtxid=WPARENT)")},
		{"TRUC too big", func(b *bench) *wire.MsgTx {
			return b.versioned(3, []coin{b.coin(l)}, padding(9_990))
		}, ErrTopology, violation("version=3 tx TXID (wtxid=WTXID) is too big: 10081 > 10000 virtual bytes")},
		{"TRUC child too big", func(b *bench) *wire.MsgTx {
			return b.versioned(3, []coin{coinOf(b.parentOf(3, l), 0, l)}, padding(1_000))
		}, ErrTopology, violation("version=3 child tx TXID (wtxid=WTXID) is too big: 1091 > 1000 virtual bytes")},
		{"two TRUC parents", func(b *bench) *wire.MsgTx {
			return b.versioned(3, []coin{coinOf(b.parentOf(3, l), 0, l), coinOf(b.parentOf(3, l), 0, l)}, pay(1000, l))
		}, ErrTopology, violation("tx TXID (wtxid=WTXID) would have too many ancestors")},
		{"TRUC grandchild", func(b *bench) *wire.MsgTx {
			child := b.versioned(3, []coin{coinOf(b.parentOf(3, l), 0, l)}, pay(300_000, l))
			b.add(child)
			return b.versioned(3, []coin{coinOf(child, 0, l)}, pay(1000, l))
		}, ErrTopology, violation("tx TXID (wtxid=WTXID) would have too many ancestors")},
		{"second TRUC child", func(b *bench) *wire.MsgTx {
			parent := b.parentOf(3, l)
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(1000, l)))
			return b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(10_000, l))
		}, ErrConflict, "insufficient fee (including sibling eviction), rejecting replacement TXID, less fees than conflicting txs; 0.0039 < 0.00399"},
	}
}

func TestAcceptTRUC(t *testing.T) {
	l := p2wpkh(1)
	for name, build := range map[string]func(b *bench) *wire.MsgTx{
		"second child that pays more": func(b *bench) *wire.MsgTx {
			parent := b.parentOf(3, l)
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(2000, l)))
			return b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l))
		},
		"second child in place of the first": func(b *bench) *wire.MsgTx {
			parent := b.parentOf(3, l)
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(2000, l)))
			return b.versioned(3, []coin{coinOf(parent, 0, l), coinOf(parent, 1, l)}, pay(1000, l))
		},
		"only child": func(b *bench) *wire.MsgTx {
			return b.versioned(3, []coin{coinOf(b.parentOf(3, l), 0, l), b.coin(l)}, pay(1000, l))
		},
	} {
		b := newBench(t)
		if _, err := b.try(build(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// lastMinute is a PrevOuts that changes the pool after the candidate was resolved and before it is committed.
type lastMinute struct {
	*chain
	once func()
}

func (l *lastMinute) Lookup(op wire.OutPoint) (PrevOut, bool, error) {
	if f := l.once; f != nil {
		l.once = nil
		f()
	}
	return l.chain.Lookup(op)
}

func TestCommitRepeatsWhatMayHaveChanged(t *testing.T) {
	l := open()
	setup := func() (*bench, *lastMinute) {
		late := &lastMinute{}
		b := newBench(t, func(c *Config) {
			late.chain = c.PrevOuts.(*chain)
			c.PrevOuts = late
			c.Workers = 2
		})
		return b, late
	}
	t.Run("a conflict came in", func(t *testing.T) {
		b, late := setup()
		c := b.coin(l)
		first, second := b.signed([]coin{c}, pay(2000, l)), b.signed([]coin{c}, pay(2001, l))
		late.once = func() { b.add(first) }
		if _, err := b.try(second); !errors.Is(err, ErrConflict) {
			t.Error(err)
		}
	})
	t.Run("the parent left", func(t *testing.T) {
		b, late := setup()
		parent := b.signed([]coin{b.coin(l)}, pay(9000, l))
		e := b.add(parent)
		child := b.signed([]coin{coinOf(parent, 0, l), b.coin(l)}, pay(1000, l))
		late.once = func() { b.pool.Remove(e.WTxID, ReasonConflict) }
		if _, err := b.try(child); !errors.Is(err, ErrMissingInputs) {
			t.Error(err)
		}
	})
	t.Run("the same came in", func(t *testing.T) {
		b, late := setup()
		tx := b.simple()
		var held *Entry
		late.once = func() { held = b.add(tx) }
		if e, err := b.try(tx); !errors.Is(err, ErrAlreadyInMempool) || e != held {
			t.Errorf("%v, %v", e, err)
		}
	})
	t.Run("the cluster filled up", func(t *testing.T) {
		b, late := setup()
		root := b.signed([]coin{b.coin(l)}, pay(400_000, l), pay(300_000, l))
		b.add(root)
		last := root
		for range 62 {
			last = b.signed([]coin{coinOf(last, 0, l)}, pay(last.TxOut[0].Value-1000, l))
			b.add(last)
		}
		other := b.signed([]coin{coinOf(last, 0, l)}, pay(1000, l))
		late.once = func() { b.add(other) } // the 64th
		tx := b.signed([]coin{coinOf(root, 1, l), b.coin(l)}, pay(1000, l))
		if _, err := b.try(tx); !errors.Is(err, ErrTopology) {
			t.Error(err)
		}
	})
	t.Run("what a pair spends left", func(t *testing.T) {
		b, _ := setup()
		parent := b.paying(9000)
		e := b.add(parent)
		pair := b.heirs([]coin{b.rival(1000), coinOf(parent, 0, l)}, nil, 0, 5000)
		leave := func(*Entry) error { b.pool.Remove(e.WTxID, ReasonConflict); return nil }
		results, _, err := b.pool.AddPackageIf(raws(pair...), now, leave)
		if !errors.Is(err, ErrPackage) || !errors.Is(results[0].Err, ErrMissingInputs) {
			t.Error(results[0].Err, err)
		}
	})
	t.Run("the floor rose", func(t *testing.T) {
		b, late := setup()
		tx := b.simple()
		late.once = func() {
			b.pool.mu.Lock()
			b.pool.floor.raise(10_000, now)
			b.pool.mu.Unlock()
		}
		if _, err := b.try(tx); !errors.Is(err, ErrFee) || err.Error() != "mempool min fee not met, 1000 < 1111" {
			t.Error(err)
		}
	})
}

// Of several parents of another version, the one with the lowest txid is named, as by Core, which keeps them sorted.
func TestNamedTRUCParent(t *testing.T) {
	l := open()
	b := newBench(t)
	first, second := b.parentOf(2, l), b.parentOf(2, l)
	if a, c := first.TxHash(), second.TxHash(); bytes.Compare(a[:], c[:]) > 0 {
		first, second = second, first
	}
	_, err := b.try(b.versioned(3, []coin{coinOf(second, 0, l), coinOf(first, 0, l)}, pay(1000, l)))
	if err == nil || !strings.Contains(err.Error(), "non-version=3 tx "+first.TxHash().String()) {
		t.Error(err)
	}
}

// A reorganization may leave a TRUC parent with more than one descendant. Any child may be replaced then, but none is
// evicted for another one's sake (Core's SingleTRUCChecks).
func TestTRUCParentComesBack(t *testing.T) {
	l := p2wpkh(1)
	withParentBack := func(t *testing.T, add func(b *bench, parent *wire.MsgTx)) (b *bench, parent *wire.MsgTx) {
		b = newBench(t)
		parent = b.versioned(3, []coin{b.coin(l)}, pay(300_000, l), pay(300_000, l), pay(300_000, l))
		b.add(parent)
		b.pool.Connect(block(parent))
		for i, out := range parent.TxOut {
			b.chain.coins[coinOf(parent, uint32(i), l).op] = PrevOut{Value: out.Value, PkScript: out.PkScript}
		}
		add(b, parent)
		for i := range parent.TxOut {
			delete(b.chain.coins, coinOf(parent, uint32(i), l).op)
		}
		b.add(parent)
		return b, parent
	}
	t.Run("the younger child is replaced", func(t *testing.T) {
		b, parent := withParentBack(t, func(b *bench, parent *wire.MsgTx) {
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(2000, l)))
			b.add(b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(2000, l)))
		})
		if _, err := b.try(b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l))); err != nil {
			t.Error(err)
		}
	})
	t.Run("neither of two children is evicted", func(t *testing.T) {
		b, parent := withParentBack(t, func(b *bench, parent *wire.MsgTx) {
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(290_000, l)))
			b.add(b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(290_000, l)))
		})
		_, err := b.try(b.versioned(3, []coin{coinOf(parent, 2, l)}, pay(1000, l)))
		if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "would exceed descendant count limit") {
			t.Error(err)
		}
	})
	t.Run("a child with another parent is not evicted", func(t *testing.T) {
		b, parent := withParentBack(t, func(b *bench, parent *wire.MsgTx) {
			b.add(b.versioned(3, []coin{coinOf(parent, 0, l), coinOf(b.parentOf(3, l), 0, l)}, pay(600_000, l)))
		})
		_, err := b.try(b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l)))
		if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "would exceed descendant count limit") {
			t.Error(err)
		}
	})
	t.Run("a child with a child is not evicted", func(t *testing.T) {
		b, parent := withParentBack(t, func(b *bench, parent *wire.MsgTx) {
			child := b.versioned(3, []coin{coinOf(parent, 0, l)}, pay(100_000, l))
			b.add(child)
			b.add(b.versioned(3, []coin{coinOf(child, 0, l)}, pay(90_000, l)))
		})
		_, err := b.try(b.versioned(3, []coin{coinOf(parent, 1, l)}, pay(1000, l)))
		if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "would exceed descendant count limit") {
			t.Error(err)
		}
	})
}
