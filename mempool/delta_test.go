package mempool

import (
	"errors"
	"maps"
	"math"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Deltas add up, end at 0, and are bounded in size and number.
func TestFeeDeltasAreBounded(t *testing.T) {
	p := newBench(t).pool
	id := chainhash.Hash{1}
	for _, step := range []struct{ add, want int64 }{
		{5, 5}, {-7, -2}, {math.MaxInt64, maxFeeDelta - 2}, {math.MaxInt64, maxFeeDelta}, {math.MinInt64, 0}, {math.MinInt64, -maxFeeDelta},
	} {
		if err := p.Prioritise(id, step.add); err != nil || p.FeeDelta(id) != step.want {
			t.Errorf("%d added: %d, %v, want %d", step.add, p.FeeDelta(id), err, step.want)
		}
	}
	for i := range MaxFeeDeltas - 1 {
		if err := p.Prioritise(chainhash.Hash{2, byte(i), byte(i >> 8)}, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Prioritise(chainhash.Hash{3}, 1); !errors.Is(err, ErrFeeDeltasFull) {
		t.Errorf("one too many: %v", err)
	}
	if err := p.Prioritise(chainhash.Hash{2}, 1); err != nil {
		t.Errorf("of one that has a delta: %v", err)
	}
	if err := errors.Join(p.Prioritise(id, maxFeeDelta), p.Prioritise(chainhash.Hash{3}, 1)); err != nil {
		t.Errorf("in the place of one that is 0: %v", err)
	}
}

// What pays nothing enters by its delta, and a delta keeps dust out even if it cancels the fee out.
func TestFeeDeltaDecidesAdmission(t *testing.T) {
	b := newBench(t)
	free := b.signed([]coin{b.coin(open())}, pay(coinValue, open()))
	if _, _, err := b.pool.Add(raw(free), now); !errors.Is(err, ErrFee) {
		t.Fatal(err)
	}
	if err := b.pool.Prioritise(free.TxHash(), 1000); err != nil {
		t.Fatal(err)
	}
	e, _, err := b.pool.Add(raw(free), now)
	if err != nil || e.Fee != 0 || b.pool.ChunkOf(e).Fee != 1000 || b.pool.Info().TotalFee != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	dusty := b.signed([]coin{b.coin(open())}, pay(coinValue-500, open()), pay(500-400, open()))
	if err := b.pool.Prioritise(dusty.TxHash(), -400); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.pool.Add(raw(dusty), now); !errors.Is(err, ErrNonStandard) {
		t.Errorf("dust with a fee and a delta: %v", err)
	}
}

// What carries dust must not pay for itself, so it gets no delta once it is in the pool; its child, which pays, may.
func TestDustHasNoFeeDelta(t *testing.T) {
	b, l := newBench(t), open()
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue, l), pay(0, anchor()))
	child := b.signed([]coin{coinOf(parent, 0, l), coinOf(parent, 1, anchor())}, pay(coinValue-1000, l))
	if _, _, err := b.pool.AddPackage(raws(parent, child), now); err != nil {
		t.Fatal(err)
	}
	if err := b.pool.Prioritise(parent.TxHash(), 1); !errors.Is(err, ErrDustDelta) || len(b.pool.FeeDeltas()) != 0 {
		t.Errorf("%v, %v", err, b.pool.FeeDeltas())
	}
	if err := b.pool.Prioritise(child.TxHash(), 1); err != nil {
		t.Error(err)
	}
}

// A block ends the deltas of what it confirms and of what it is in conflict with, as Core's removeForBlock does. What
// spends from the latter leaves the pool and keeps its delta, as after any other removal.
func TestBlockEndsFeeDeltas(t *testing.T) {
	b, l := newBench(t), open()
	rival, c := b.coin(l), b.coin(l)
	confirmed, spender := b.signed([]coin{c}, pay(coinValue-1000, l)), b.signed([]coin{rival}, pay(coinValue-1000, l))
	child := b.signed([]coin{coinOf(spender, 0, l)}, pay(coinValue-2000, l))
	bystander, unknown := b.paying(1000), b.paying(1000)
	for _, tx := range []*wire.MsgTx{confirmed, spender, child, bystander} {
		b.add(tx)
	}
	for _, tx := range []*wire.MsgTx{confirmed, spender, child, bystander, unknown} {
		if err := b.pool.Prioritise(tx.TxHash(), 7); err != nil {
			t.Fatal(err)
		}
	}
	b.pool.Connect(block(confirmed, unknown, b.signed([]coin{rival}, pay(coinValue, l))))
	want := map[chainhash.Hash]int64{child.TxHash(): 7, bystander.TxHash(): 7}
	if got := b.pool.FeeDeltas(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNegativeRates(t *testing.T) {
	for _, test := range []struct {
		a, b feeFrac
		want int
	}{
		{feeFrac{-1, 2}, feeFrac{0, 9}, -1}, {feeFrac{-1, 2}, feeFrac{-1, 3}, -1}, {feeFrac{-2, 4}, feeFrac{-1, 2}, 0},
		{feeFrac{1, 1000}, feeFrac{-maxFeeDelta, 1}, 1}, {feeFrac{-maxFeeDelta, 404_000}, feeFrac{-maxFeeDelta + 1, 404_000}, -1},
	} {
		if got := test.a.compareRate(test.b); got != test.want || test.b.compareRate(test.a) != -got {
			t.Errorf("%v and %v compare as %d", test.a, test.b, got)
		}
	}
	if got := (feeFrac{-9, 4}).perKvB(); got != 0 {
		t.Errorf("a negative fee rate is %d", got)
	}
}
