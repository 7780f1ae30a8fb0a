package mempool

import (
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// block holds a coinbase and the transactions.
func block(txs ...*wire.MsgTx) Block {
	coinbase := unsigned([]coin{{op: wire.OutPoint{Index: wire.MaxPrevOutIndex}}}, pay(coinValue, open()))
	return Block{Height: tipHeight + 1, Txs: append([]*wire.MsgTx{coinbase}, txs...)}
}

// byReason sorts out what a block removed.
func byReason(changes []Change) (confirmed, conflicting []*Entry) {
	for _, c := range changes {
		switch c.Reason {
		case ReasonBlock:
			confirmed = append(confirmed, c.Entry)
		case ReasonConflict:
			conflicting = append(conflicting, c.Entry)
		}
	}
	return confirmed, conflicting
}

func TestConfirmedTransactionsLeaveTheirChildren(t *testing.T) {
	b, l := newBench(t), open()
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
	child := b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-2000, l))
	grandchild := b.signed([]coin{coinOf(child, 0, l)}, pay(coinValue-3000, l))
	e, c, g := b.add(parent), b.add(child), b.add(grandchild)

	confirmed, conflicting := byReason(b.pool.Connect(block(parent, child)))
	if !slices.Equal(confirmed, []*Entry{e, c}) || len(conflicting) > 0 {
		t.Fatalf("confirmed %d, conflicting %d; want parent and child confirmed", len(confirmed), len(conflicting))
	}
	if left := b.pool.Snapshot(); !slices.Equal(left, []*Entry{g}) {
		t.Errorf("%d entries are left; want the grandchild", len(left))
	}
	if ancestors := b.pool.Ancestors(g); len(ancestors) > 0 {
		t.Errorf("the grandchild still has %d ancestors", len(ancestors))
	}
	if info := b.pool.Info(); info.Bytes != int64(len(g.Raw)) || info.VBytes != g.VSize || info.TotalFee != g.Fee {
		t.Errorf("totals %+v are not the grandchild's", info)
	}
	if spender := b.pool.Spender(parent.TxIn[0].PreviousOutPoint); spender != nil {
		t.Error("a confirmed transaction is still told as spender")
	}
}

// A block may hold a transaction with another witness than the pool's.
func TestConfirmedByTxID(t *testing.T) {
	b, l := newBench(t), open()
	tx := b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
	e := b.add(tx)
	other := tx.Copy()
	other.TxIn[0].Witness = wire.TxWitness{{1}}
	if confirmed, conflicting := byReason(b.pool.Connect(block(other))); !slices.Equal(confirmed, []*Entry{e}) || len(conflicting) > 0 {
		t.Errorf("confirmed %d, conflicting %d; want one confirmed", len(confirmed), len(conflicting))
	}
}

func TestConflictsOfABlockLeaveWithTheirChildren(t *testing.T) {
	b, l := newBench(t), open()
	disputed := b.coin(l)
	ours := b.signed([]coin{disputed, b.coin(l)}, pay(coinValue, l))
	child := b.signed([]coin{coinOf(ours, 0, l)}, pay(coinValue-1000, l))
	e, c, unrelated := b.add(ours), b.add(child), b.add(b.simple())
	theirs := b.signed([]coin{disputed}, pay(coinValue-5000, l))

	confirmed, conflicting := byReason(b.pool.Connect(block(theirs)))
	if len(confirmed) > 0 || !slices.Equal(conflicting, []*Entry{c, e}) {
		t.Errorf("confirmed %d, conflicting %d; want the child, then ours in conflict", len(confirmed), len(conflicting))
	}
	if left := b.pool.Snapshot(); !slices.Equal(left, []*Entry{unrelated}) {
		t.Errorf("%d entries are left; want the unrelated one", len(left))
	}
}

func TestConfirm(t *testing.T) {
	b, l := newBench(t), open()
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
	e := b.add(parent)
	c := b.add(b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-2000, l)))
	changes := b.pool.Confirm(e.WTxID)
	if confirmed, _ := byReason(changes); len(changes) != 1 || !slices.Equal(confirmed, []*Entry{e}) || b.pool.Get(e.WTxID) != nil || b.pool.Get(c.WTxID) != c {
		t.Error("the parent must leave and the child stay")
	}
	if b.pool.Confirm(chainhash.Hash{}) != nil {
		t.Error("an unknown transaction was confirmed")
	}
}

// A parent that a reorganization brings back is younger than the children that stayed, and still their parent.
func TestParentComesBack(t *testing.T) {
	b, l := newBench(t), open()
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue/2-1000, l), pay(coinValue/2, l))
	child := b.signed([]coin{coinOf(parent, 0, l), coinOf(parent, 1, l)}, pay(coinValue-5000, l))
	e := b.add(parent)
	c := b.add(child)
	g := b.add(b.signed([]coin{coinOf(child, 0, l)}, pay(coinValue-6000, l)))
	before := b.pool.Info()

	b.pool.Connect(block(parent))
	again := b.add(parent)
	after := b.pool.Info()
	before.Sequence, after.Sequence = 0, 0
	if again == e || after != before {
		t.Errorf("totals %+v; want %+v", after, before)
	}
	if got := b.pool.Descendants(again); !slices.Equal(got, []*Entry{c, g}) {
		t.Errorf("%d descendants; want child and grandchild", len(got))
	}
	if got := b.pool.Parents(c); !slices.Equal(got, []*Entry{again}) {
		t.Errorf("the child has %d parents", len(got))
	}
	if got := b.pool.ChunkOf(again); !slices.Equal(got.Entries, []*Entry{again, c}) {
		t.Errorf("a chunk of %d; want the parent and the child that pays for it", len(got.Entries))
	}
	changes := b.pool.Remove(again.WTxID, ReasonReorg)
	if !slices.Equal(entriesIn(changes), []*Entry{g, c, again}) {
		t.Errorf("%d left; want the grandchild first and the parent last", len(changes))
	}
	if left := b.pool.Info(); left.Count != 0 || left.Usage != 0 || len(b.pool.clusters) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// What was mined comes back although it could not come anew: what only its child paid for, dust that was left, a second
// child of a TRUC parent. The other rules hold.
func TestReturnedTransactionsAreWelcome(t *testing.T) {
	l := open()
	b := newBench(t)
	poor, _ := b.pair(1000)
	dusty := b.signed([]coin{b.coin(l)}, pay(coinValue, l), pay(0, anchor()))
	truc := b.parentOf(3, l)
	b.add(b.versioned(3, []coin{coinOf(truc, 0, l)}, pay(300_000, l)))
	for i, tx := range []*wire.MsgTx{
		poor, dusty, b.signed([]coin{coinOf(dusty, 0, l)}, pay(1000, l)),
		b.versioned(3, []coin{coinOf(truc, 1, l)}, pay(399_000, l)),
	} {
		if _, err := b.pool.Check(raw(tx), now); err == nil {
			t.Errorf("%d is welcome anew", i)
		}
		e, changes, err := b.pool.AddReturned(raw(tx), now)
		if err != nil || e.Sequence == 0 || len(changes) != 1 || !changes[0].Added() {
			t.Errorf("%d: %v, %+v", i, err, changes)
		}
	}
	if _, _, err := b.pool.AddReturned(raw(b.signed([]coin{b.rival(1000)}, pay(coinValue-1001, l))), now); !errors.Is(err, ErrConflict) {
		t.Errorf("%v; want not enough for a replacement", err)
	}
	if err := checkInvariants(b.pool, b.chain.coins); err != nil {
		t.Error(err)
	}
}

// Together with its children it must not make too large a cluster.
func TestParentOfTooManyComesBack(t *testing.T) {
	b, l := newBench(t), open()
	var outs []*wire.TxOut
	for range MaxClusterCount {
		outs = append(outs, pay(10_000, l))
	}
	parent := b.signed([]coin{b.coin(l)}, outs...)
	b.add(parent)
	var last *wire.MsgTx
	for i := range MaxClusterCount {
		if i == MaxClusterCount-1 {
			b.pool.Connect(block(parent))
			b.chain.coins[wire.OutPoint{Hash: parent.TxHash(), Index: uint32(i)}] = PrevOut{Value: 10_000, PkScript: l.pkScript}
		}
		last = b.signed([]coin{coinOf(parent, uint32(i), l)}, pay(9_000, l))
		b.add(last)
	}
	if _, err := b.try(parent); !errors.Is(err, ErrTopology) {
		t.Errorf("%v; want too-large-cluster", err)
	}
	b.pool.Remove(last.WitnessHash(), ReasonConflict)
	if _, err := b.try(parent); err != nil {
		t.Error(err)
	}
}

func TestRecheck(t *testing.T) {
	l := open()
	away := errors.New("away")
	for name, test := range map[string]struct {
		change func(*chain, *wire.MsgTx)
		want   error
	}{
		"nothing changed": {func(*chain, *wire.MsgTx) {}, nil},
		"output gone": {func(c *chain, tx *wire.MsgTx) {
			delete(c.coins, tx.TxIn[0].PreviousOutPoint)
		}, ErrMissingInputs},
		"confirmed": {func(c *chain, tx *wire.MsgTx) {
			delete(c.coins, tx.TxIn[0].PreviousOutPoint)
			c.coins[wire.OutPoint{Hash: tx.TxHash()}] = PrevOut{}
		}, ErrAlreadyKnown},
		"immature now": {func(c *chain, tx *wire.MsgTx) {
			c.coins[tx.TxIn[0].PreviousOutPoint] = PrevOut{Value: coinValue, Height: tipHeight, Coinbase: true}
		}, ErrPremature},
		"source away": {func(c *chain, _ *wire.MsgTx) { c.err = away }, away},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tx := b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
			e := b.add(tx)
			child := b.add(b.signed([]coin{coinOf(tx, 0, l)}, pay(coinValue-2000, l)))
			test.change(b.chain, tx)
			if err := b.pool.Recheck(e); !errors.Is(err, test.want) {
				t.Errorf("Recheck: %v; want %v", err, test.want)
			}
			if err := b.pool.Recheck(child); err != nil {
				t.Errorf("the child of an entry in the pool: %v", err)
			}
		})
	}
}

// prefetching counts what it is asked for at once.
type prefetching struct {
	*chain
	asked [][]wire.OutPoint
}

func (p *prefetching) Prefetch(ops []wire.OutPoint) error {
	p.asked = append(p.asked, ops)
	return p.err
}

func TestManyOutputsAreLookedUpAtOnce(t *testing.T) {
	l := open()
	source := &prefetching{}
	b := newBench(t, func(c *Config) {
		source.chain = c.PrevOuts.(*chain)
		c.PrevOuts = source
	})
	many := b.signed([]coin{b.coin(l), b.coin(l), b.coin(l)}, pay(coinValue, l))
	b.add(many)
	if len(source.asked) != 1 || len(source.asked[0]) != 3 {
		t.Errorf("asked for %v; want the three inputs at once", source.asked)
	}
	source.asked = nil
	b.add(b.simple())
	if len(source.asked) != 0 {
		t.Errorf("asked for %v; a single lookup needs no announcement", source.asked)
	}
}

// How many outputs a transaction has is for its author to say, what they cost is not.
func TestFewOwnOutputsAreLookedUp(t *testing.T) {
	l := open()
	source := &prefetching{}
	b := newBench(t, func(c *Config) {
		source.chain = c.PrevOuts.(*chain)
		c.PrevOuts = source
	})
	outs := make([]*wire.TxOut, 1000)
	for i := range outs {
		outs[i] = pay(1000, l)
	}
	orphan := b.signed([]coin{{op: wire.OutPoint{Hash: chainhash.HashH([]byte("unknown"))}, value: coinValue, lock: l}}, outs...)
	if _, _, err := b.pool.Add(raw(orphan), now); !errors.Is(err, ErrMissingInputs) {
		t.Fatal(err)
	}
	if len(source.asked) != 1 || len(source.asked[0]) != maxOwnOutputs {
		t.Errorf("%d requests; want one for %d outputs", len(source.asked), maxOwnOutputs)
	}
}

func TestSourceAwayIsNoVerdict(t *testing.T) {
	l := open()
	away := errors.New("away")
	source := &prefetching{}
	b := newBench(t, func(c *Config) {
		source.chain = c.PrevOuts.(*chain)
		c.PrevOuts = source
	})
	tx := b.signed([]coin{b.coin(l), b.coin(l)}, pay(coinValue, l))
	source.err = away
	_, _, err := b.pool.Add(raw(tx), now)
	var rule *RuleError
	if !errors.Is(err, away) || errors.As(err, &rule) {
		t.Errorf("Add: %v; want the source's error, and no rule", err)
	}
}
