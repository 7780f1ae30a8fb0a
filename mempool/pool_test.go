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

func TestAddEveryStandardInput(t *testing.T) {
	csv := p2wsh(script(int64(5), txscript.OP_CHECKSEQUENCEVERIFY))
	csv.sequence = 5
	locks := map[string]lock{
		"P2PK":                 p2pk(1),
		"P2PKH":                p2pkh(1),
		"P2SH multisig":        multiSigP2SH(),
		"P2SH-P2WPKH":          nested(1),
		"P2WPKH":               p2wpkh(1),
		"P2WSH, at its limits": p2wsh(script(bytesOf(75, 1), txscript.OP_2DROP, txscript.OP_1), make([]byte, 80)),
		"P2WSH timelock":       csv,
		"P2TR key":             p2tr(1),
		"P2TR script":          tapscriptKey(1),
		"P2A":                  anchor(),
	}
	b := newBench(t)
	var all []coin
	for name, l := range locks {
		tx := b.signed([]coin{b.coin(l)}, pay(coinValue-10_000, p2tr(1)))
		e, err := b.try(tx)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.Fee != 10_000 || e.Height != tipHeight || e.Time != now || e.Sequence == 0 || !bytes.Equal(e.Raw, raw(tx)) {
			t.Errorf("%s: entry %+v", name, e)
		}
		if want := int64(3*tx.SerializeSizeStripped() + tx.SerializeSize()); e.Weight != want || e.VSize < (want+3)/4 {
			t.Errorf("%s: weight %d, vsize %d, of a transaction of weight %d", name, e.Weight, e.VSize, want)
		}
		all = append(all, b.coin(l))
	}
	b.add(b.signed(all, pay(1000, p2tr(1)))) // all kinds in one transaction
}

func bytesOf(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

func TestSigOpCost(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name string
		lock lock
		want int64
	}{
		{"P2PKH", p2pkh(1), 0}, // counted where it was created
		{"P2SH 2-of-3", multiSigP2SH(), 12},
		{"P2SH-P2WPKH", nested(1), 1},
		{"P2WPKH", p2wpkh(1), 1},
		{"P2WSH 1-of-16", p2wsh(slices.Concat(script(txscript.OP_0, txscript.OP_IF), multiSigScript(1, 16), script(txscript.OP_ENDIF, txscript.OP_1))), 16},
		{"P2TR", p2tr(1), 0},
	} {
		e := b.add(b.signed([]coin{b.coin(c.lock)}, pay(1000, p2tr(1))))
		if e.SigOpCost != c.want {
			t.Errorf("%s: cost %d, want %d", c.name, e.SigOpCost, c.want)
		}
	}
	e := b.add(b.signed([]coin{b.coin(p2tr(1))}, pay(1000, p2pkh(1)), pay(1000, anyone(multiSigScript(1, 2)))))
	if e.SigOpCost != 84 || e.VSize != 84*5 {
		t.Errorf("outputs: cost %d, vsize %d", e.SigOpCost, e.VSize)
	}
}

// family adds a grandparent, two parents that spend it, and a child that spends both.
func family(b *bench) (grand, left, right, child *Entry) {
	l := p2wpkh(1)
	g := b.signed([]coin{b.coin(l)}, pay(400_000, l), pay(500_000, l))
	grand = b.add(g)
	p1 := b.signed([]coin{coinOf(g, 0, l)}, pay(390_000, l))
	left = b.add(p1)
	p2 := b.signed([]coin{coinOf(g, 1, l)}, pay(490_000, l))
	right = b.add(p2)
	child = b.add(b.signed([]coin{coinOf(p1, 0, l), coinOf(p2, 0, l)}, pay(870_000, l)))
	return grand, left, right, child
}

func TestRelatives(t *testing.T) {
	b := newBench(t)
	grand, left, right, child := family(b)
	loner := b.add(b.simple())
	for _, c := range []struct {
		name      string
		got, want []*Entry
	}{
		{"parents of child", b.pool.Parents(child), []*Entry{left, right}},
		{"parents of grand", b.pool.Parents(grand), []*Entry{}},
		{"children of grand", b.pool.Children(grand), []*Entry{left, right}},
		{"ancestors of child", b.pool.Ancestors(child), []*Entry{grand, left, right}},
		{"descendants of grand", b.pool.Descendants(grand), []*Entry{left, right, child}},
		{"descendants of left", b.pool.Descendants(left), []*Entry{child}},
		{"ancestors of loner", b.pool.Ancestors(loner), []*Entry{}},
		{"snapshot", b.pool.Snapshot(), []*Entry{grand, left, right, child, loner}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
	for _, e := range []*Entry{grand, left, right, child} {
		if b.pool.Get(e.WTxID) != e || b.pool.GetByTxID(e.TxID) != e || b.pool.Spender(e.Tx().TxIn[0].PreviousOutPoint) != e {
			t.Errorf("%s is not indexed", e.TxID)
		}
	}
	if b.pool.Get(grand.TxID) != nil || b.pool.Spender(wire.OutPoint{Hash: child.TxID}) != nil {
		t.Error("found what is not there")
	}
}

func TestRemoveTakesDescendants(t *testing.T) {
	b := newBench(t)
	_, left, right, child := family(b)
	if got := b.pool.Remove(left.WTxID, ReasonConflict); !slices.Equal(entriesIn(got), []*Entry{child, left}) {
		t.Errorf("removed %v", got)
	}
	if got := b.pool.Remove(left.WTxID, ReasonConflict); got != nil {
		t.Errorf("removed again: %v", got)
	}
	if got := b.pool.Children(right); len(got) != 0 {
		t.Errorf("right kept children %v", got)
	}
	if got := b.pool.Ancestors(child); got != nil {
		t.Errorf("a removed entry has ancestors %v", got)
	}
	i := b.pool.Info()
	if i.Count != 2 || i.TotalFee != coinValue-900_000+10_000 || i.Sequence != 6 {
		t.Errorf("info %+v", i)
	}
	back, _, err := b.pool.Add(left.Raw, now) // what it spent is free again
	if err != nil || back.Sequence != 7 {
		t.Errorf("adding it again: %+v, %v", back, err)
	}
}

func TestAddKeepsNoReferenceToTheBytes(t *testing.T) {
	b := newBench(t)
	bytes := raw(b.simple())
	want := slices.Clone(bytes)
	e, _, err := b.pool.Add(bytes, now)
	if err != nil {
		t.Fatal(err)
	}
	clear(bytes)
	if !slices.Equal(e.Raw, want) || !slices.Equal(raw(e.Tx()), want) {
		t.Error("the entry changed with the caller's bytes")
	}
}

// A transaction whose witness somebody spoilt on the way has the same txid. It must not stand in the way of the good one.
func TestMalleatedWitnessDoesNotBlockTheGoodOne(t *testing.T) {
	b := newBench(t)
	good := b.simple()
	for i := range 60 {
		bad := good.Copy()
		bad.TxIn[0].Witness[0][5+i] ^= 1
		if _, err := b.try(bad); !errors.Is(err, ErrScript) {
			t.Fatalf("spoilt byte %d: %v", i, err)
		}
	}
	e := b.add(good)
	bad := good.Copy()
	bad.TxIn[0].Witness[0][5] ^= 1
	if _, err := b.try(bad); !errors.Is(err, ErrSameTxID) {
		t.Error(err)
	}
	if got, err := b.try(good); got != e || !errors.Is(err, ErrAlreadyInMempool) {
		t.Errorf("added again: %v, %v", got, err)
	}
}

func TestCheckLeavesThePoolAlone(t *testing.T) {
	b := newBench(t)
	tx := b.simple()
	for range 2 {
		e, err := b.pool.Check(raw(tx), now)
		if err != nil || e.Fee != 1000 || e.VSize != 110 || e.Sequence != 0 {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	if i := b.pool.Info(); i.Count != 0 || i.Sequence != 0 {
		t.Errorf("%+v", i)
	}
}

func TestPreviousOutputsUnavailable(t *testing.T) {
	b := newBench(t)
	tx := b.simple()
	b.chain.err = errors.New("connection refused")
	_, err := b.try(tx)
	if rule := (*RuleError)(nil); err == nil || errors.As(err, &rule) || !errors.Is(err, b.chain.err) {
		t.Errorf("%v is taken for a fault of the transaction", err)
	}
	b.chain.err = nil
	b.add(tx)
}

// 660 inputs that each spend 67 CHECKSIGs make a transaction of standard size whose scripts would take 20 s.
func TestSignatureBombIsRefusedBeforeScripts(t *testing.T) {
	b := newBench(t)
	bomb := anyone(bytesOf(67, txscript.OP_CHECKSIG))
	var coins []coin
	for range 660 {
		coins = append(coins, b.coin(bomb))
	}
	tx := unsigned(coins, pay(1000, p2wpkh(1)))
	sig := script(bytesOf(72, 0x30), pubKey(1))
	for _, in := range tx.TxIn {
		in.SignatureScript = sig
	}
	_, err := b.try(tx)
	if want := "bad-txns-nonstandard-inputs, non-witness sigops exceed bip54 limit"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestErrorKinds(t *testing.T) {
	for k := ErrDecode; k <= ErrPackage; k++ {
		err := error(&RuleError{Kind: k, Reason: "reason", Detail: "detail"})
		if !errors.Is(err, k) || err.Error() != "reason, detail" || strings.HasPrefix(k.Error(), "ErrorKind") {
			t.Errorf("kind %d: %v, %v", k, err, k)
		}
		if k.Transient() != (k == ErrMissingInputs || k == ErrFull) {
			t.Errorf("%v: transient %t", k, k.Transient())
		}
	}
	if got := ErrorKind(99).Error(); got != "ErrorKind(99)" {
		t.Error(got)
	}
}

func TestFeeRate(t *testing.T) {
	for _, c := range []struct{ fee, vsize, want int64 }{{0, 0, 0}, {110, 110, 1000}, {199, 110, 1809}} {
		if got := (&Entry{Fee: c.fee, VSize: c.vsize}).FeeRate(); got != c.want {
			t.Errorf("%d over %d: %d", c.fee, c.vsize, got)
		}
	}
}

func TestDustThresholds(t *testing.T) {
	for _, c := range []struct {
		name string
		l    lock
		want int64
	}{
		{"P2PKH", p2pkh(1), 546}, {"P2SH", nested(1), 540}, {"P2WPKH", p2wpkh(1), 294}, {"P2WSH", p2wsh(nil), 330},
		{"P2TR", p2tr(1), 330}, {"P2A", anchor(), 240}, {"OP_RETURN", anyone(script(txscript.OP_RETURN)), 0},
	} {
		if got := dustThreshold(*pay(0, c.l)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func BenchmarkAddKnown(b *testing.B) {
	f := newBench(b)
	tx := raw(f.simple())
	if _, _, err := f.pool.Add(tx, now); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.pool.Add(tx, now)
	}
}
