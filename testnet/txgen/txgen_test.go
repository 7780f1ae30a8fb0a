package txgen_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/testnet/txgen"
)

func newGenerator(t testing.TB, c txgen.Config) *txgen.Generator {
	t.Helper()
	g, err := txgen.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func next(t testing.TB, g *txgen.Generator) *txgen.Tx {
	t.Helper()
	tx, err := g.Next()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// chain is what transactions spend: the test allocation, and each other.
type chain map[wire.OutPoint]*wire.TxOut

func newChain(t testing.TB, outputs int) chain {
	t.Helper()
	s, err := utxo.TestAllocation("regtest", outputs)
	if err != nil {
		t.Fatal(err)
	}
	c := make(chain)
	for i := range outputs {
		op := utxo.TestOutPoint("regtest", i)
		out, found, err := s.Lookup(op)
		if !found || err != nil {
			t.Fatalf("output %d: found %t, %v", i, found, err)
		}
		c[op] = wire.NewTxOut(out.Value, out.PkScript)
	}
	return c
}

// verify checks everything that tx claims and remembers its outputs.
func (c chain) verify(t *testing.T, tx *txgen.Tx, feeRate int64) {
	t.Helper()
	decoded := new(wire.MsgTx)
	r := bytes.NewReader(tx.Raw)
	if err := decoded.Deserialize(r); err != nil || r.Len() != 0 {
		t.Fatalf("decode: %v, %d bytes left", err, r.Len())
	}
	if decoded.TxHash() != tx.TxID || decoded.WitnessHash() != tx.WTxID {
		t.Errorf("ids %v, %v; the bytes have %v, %v", tx.TxID, tx.WTxID, decoded.TxHash(), decoded.WitnessHash())
	}
	if len(decoded.TxIn) != 1 || len(decoded.TxOut) != 2 {
		t.Errorf("%d inputs, %d outputs", len(decoded.TxIn), len(decoded.TxOut))
	}
	spent := c[decoded.TxIn[0].PreviousOutPoint]
	if spent == nil {
		t.Fatalf("%v spends an unknown output %v", tx.TxID, decoded.TxIn[0].PreviousOutPoint)
	}
	fetcher := txscript.NewCannedPrevOutputFetcher(spent.PkScript, spent.Value)
	engine, err := txscript.NewEngine(spent.PkScript, decoded, 0, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(decoded, fetcher), spent.Value, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Execute(); err != nil {
		t.Errorf("%v: %v", tx.TxID, err)
	}

	fee := spent.Value
	for i, out := range decoded.TxOut {
		fee -= out.Value
		c[wire.OutPoint{Hash: tx.TxID, Index: uint32(i)}] = out
	}
	vsize := int64(3*decoded.SerializeSizeStripped()+len(tx.Raw)+3) / 4
	if fee != tx.Fee || fee < feeRate*vsize || fee > feeRate*(vsize+1) {
		t.Errorf("fee %d, told %d, for %d vB at %d sat/vB", fee, tx.Fee, vsize, feeRate)
	}
	if len(tx.Raw) < 190 || len(tx.Raw) > 300 {
		t.Errorf("%d bytes", len(tx.Raw))
	}
}

func TestNext(t *testing.T) {
	for _, test := range []struct {
		feeRate int64
		n       int
	}{{1, 4}, {txgen.DefaultFeeRate, utxo.TestKeys}, {137, 4}, {txgen.MaxFeeRate, 4}} {
		t.Run(fmt.Sprint(test.feeRate), func(t *testing.T) {
			n, feeRate := test.n, test.feeRate
			chain := newChain(t, n)
			g := newGenerator(t, txgen.Config{Network: "regtest", To: n, FeeRate: feeRate})
			kinds := make(map[txscript.ScriptClass]int)
			for i := range n {
				if g.Remaining() != n-i {
					t.Errorf("%d remain after %d of %d", g.Remaining(), i, n)
				}
				tx := next(t, g)
				if want := utxo.TestOutPoint("regtest", i); tx.TxIn[0].PreviousOutPoint != want {
					t.Errorf("transaction %d spends %v; want %v", i, tx.TxIn[0].PreviousOutPoint, want)
				}
				kinds[txscript.GetScriptClass(chain[tx.TxIn[0].PreviousOutPoint].PkScript)]++
				chain.verify(t, tx, feeRate)
			}
			if kinds[txscript.WitnessV0PubKeyHashTy] != n/2 || kinds[txscript.WitnessV1TaprootTy] != n/2 {
				t.Errorf("spent %v; want as many P2WPKH as P2TR", kinds)
			}
			if _, err := g.Next(); !errors.Is(err, txgen.ErrExhausted) || !strings.Contains(err.Error(), fmt.Sprintf("[0,%d)", n)) {
				t.Errorf("after the last: %v", err)
			}
		})
	}
}

func TestChain(t *testing.T) {
	chain := newChain(t, 4)
	g := newGenerator(t, txgen.Config{Network: "regtest", From: 2, To: 4})
	for range 2 {
		txs, err := g.Chain(9)
		if err != nil {
			t.Fatal(err)
		}
		if len(txs) != 9 {
			t.Fatalf("%d transactions", len(txs))
		}
		for i, tx := range txs {
			if i > 0 && tx.TxIn[0].PreviousOutPoint.Hash != txs[i-1].TxID {
				t.Errorf("transaction %d does not spend its parent", i)
			}
			chain.verify(t, tx, txgen.DefaultFeeRate)
		}
	}
	if _, err := g.Chain(1); !errors.Is(err, txgen.ErrExhausted) {
		t.Errorf("after the last: %v", err)
	}
}

func TestChainRefuses(t *testing.T) {
	g := newGenerator(t, txgen.Config{Network: "regtest", To: 1, FeeRate: txgen.MaxFeeRate})
	if _, err := g.Chain(0); err == nil || g.Remaining() != 1 {
		t.Errorf("an empty chain: %v, %d remain", err, g.Remaining())
	}
	if _, err := g.Chain(1000); err == nil || !strings.Contains(err.Error(), "lower the fee rate or the chain's length") {
		t.Errorf("a chain worth more than its output: %v", err)
	}
}

func TestConflict(t *testing.T) {
	chain := newChain(t, 2)
	conflicts := newGenerator(t, txgen.Config{Network: "regtest", To: 2})
	independent := newGenerator(t, txgen.Config{Network: "regtest", To: 2})
	for range 2 {
		pair, err := conflicts.Conflict()
		if err != nil {
			t.Fatal(err)
		}
		a, b := pair[0], pair[1]
		if a.TxIn[0].PreviousOutPoint != b.TxIn[0].PreviousOutPoint || a.TxID == b.TxID {
			t.Errorf("%v and %v do not conflict", a.TxID, b.TxID)
		}
		if a.Fee != b.Fee {
			t.Errorf("fees %d and %d", a.Fee, b.Fee)
		}
		if first := next(t, independent); first.WTxID != a.WTxID {
			t.Errorf("the first is %v; Next makes %v", a.WTxID, first.WTxID)
		}
		chain.verify(t, a, txgen.DefaultFeeRate)
		chain.verify(t, b, txgen.DefaultFeeRate)
	}
	if _, err := conflicts.Conflict(); !errors.Is(err, txgen.ErrExhausted) {
		t.Errorf("after the last: %v", err)
	}
}

// Ranges split the work without changing it.
func TestDisjointRangesMakeTheSame(t *testing.T) {
	const n = 8
	var whole, split []chainhash.Hash
	g := newGenerator(t, txgen.Config{Network: "regtest", To: n})
	for range n {
		whole = append(whole, next(t, g).WTxID)
	}
	for from := 0; from < n; from += n / 2 {
		g := newGenerator(t, txgen.Config{Network: "regtest", From: from, To: from + n/2})
		for range n / 2 {
			split = append(split, next(t, g).WTxID)
		}
	}
	if !slices.Equal(whole, split) {
		t.Errorf("one generator made %v, two made %v", whole, split)
	}
}

// Data makes transactions larger, and they pay for it.
func TestData(t *testing.T) {
	plain := next(t, newGenerator(t, txgen.Config{Network: "regtest", To: 1}))
	tx := next(t, newGenerator(t, txgen.Config{Network: "regtest", To: 1, Data: txgen.MaxData}))
	grown := tx.SerializeSizeStripped() - plain.SerializeSizeStripped()
	if grown < txgen.MaxData || grown > txgen.MaxData+15 || tx.Fee-plain.Fee != int64(txgen.DefaultFeeRate*grown) {
		t.Errorf("%d bytes and a fee of %d more", grown, tx.Fee-plain.Fee)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []txgen.Config{
		{To: 1},
		{Network: "regtest"},
		{Network: "regtest", From: -1, To: 1},
		{Network: "regtest", From: 5, To: 5},
		{Network: "regtest", To: utxo.MaxOutputs + 1},
		{Network: "regtest", To: 1, FeeRate: -1},
		{Network: "regtest", To: 1, FeeRate: txgen.MaxFeeRate + 1},
		{Network: "regtest", To: 1, Data: -1},
		{Network: "regtest", To: 1, Data: txgen.MaxData + 1},
	} {
		if _, err := txgen.New(c); err == nil {
			t.Errorf("%+v was not refused", c)
		}
	}
}

// Golden ids: two releases, or two programs, must make the same transactions.
func Example() {
	g, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		tx, err := g.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tx.TxID, tx.WTxID, len(tx.Raw), "bytes, fee", tx.Fee)
	}
	chain, err := g.Chain(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("last of chain", chain[2].TxID, chain[2].WTxID)
	conflict, err := g.Conflict()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("conflict", conflict[0].TxID, conflict[1].TxID)
	_, err = g.Next()
	fmt.Println(err)
	// Output:
	// dc287ede0e82347c243455926fb7ac739afb225fd1dc6ef00986261c97691949 c8cceae626585b6d3f082a1009b322471f3ac3fed75e1bfd99ef21458bb545b3 235 bytes, fee 306
	// 6ab5594d023227f3a176459d146d0871e16db7bb137ba7ffdac251b17c319059 111563ec6f4730568a300b589391de10c851e26b4e2a4fc48429c259c3fd7da5 193 bytes, fee 284
	// last of chain 08ab46bb52487f4afc28cb55d6a986e98e7697c0f3ec365fd460d9edaa5efc07 816027e4dae80581841ef0ef09d997f78c41e2459af354a331642f8b6206ae27
	// conflict 005e42664cf63ae9b1f879f0c7fc08eea13615deec23a3b3fe73ce3c5c10db68 ee82e27440da341c3813fc465c893e4be8e46388494c1b8bf915c468a19637d6
	// every output of the generator's range is spent: outputs [0,4) of the test allocation; use another range, or restart the network to begin anew
}

func BenchmarkNext(b *testing.B) {
	g := newGenerator(b, txgen.Config{Network: "regtest", To: utxo.MaxOutputs})
	for b.Loop() {
		if g.Remaining() == 0 {
			g = newGenerator(b, txgen.Config{Network: "regtest", To: utxo.MaxOutputs})
		}
		next(b, g)
	}
}

// What is made is what a node with the test allocation admits.
func TestMempoolAdmits(t *testing.T) {
	allocation, err := utxo.TestAllocation("regtest", 4)
	if err != nil {
		t.Fatal(err)
	}
	pool := mempool.New(mempool.Config{PrevOuts: allocation})
	now := time.Unix(1_700_000_000, 0)
	admit := func(tx *txgen.Tx) error {
		entry, _, err := pool.Add(tx.Raw, now)
		if err == nil && (entry.WTxID != tx.WTxID || entry.TxID != tx.TxID || entry.Fee != tx.Fee) {
			t.Errorf("%v entered as %+v", tx.WTxID, entry)
		}
		return err
	}
	g := newGenerator(t, txgen.Config{Network: "regtest", To: 4})
	txs, err := g.Chain(5)
	if err != nil {
		t.Fatal(err)
	}
	txs = append(txs, next(t, g), next(t, g))
	for _, tx := range txs {
		if err := admit(tx); err != nil {
			t.Errorf("%v: %v", tx.TxID, err)
		}
	}
	pair, err := g.Conflict()
	if err != nil {
		t.Fatal(err)
	}
	if err := admit(pair[0]); err != nil {
		t.Error(err)
	}
	if err := admit(pair[1]); !errors.Is(err, mempool.ErrConflict) {
		t.Errorf("the second of a conflict: %v", err)
	}
}
