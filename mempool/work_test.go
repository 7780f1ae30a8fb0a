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

// A spend is how one input looks, its signatures being of the right size only.
type spend struct {
	pkScript, scriptSig []byte
	witness             [][]byte
}

var aSignature, aSchnorr = make([]byte, 72), make([]byte, 64)

func spendP2SH(redeem []byte, items ...[]byte) spend {
	var parts []any
	for _, item := range items {
		parts = append(parts, item)
	}
	return spend{p2sh(redeem).pkScript, script(append(parts, redeem)...), nil}
}

func spendP2WSH(witnessScript []byte, items ...[]byte) spend {
	return spend{p2wsh(witnessScript).pkScript, nil, append(items, witnessScript)}
}

func spendTapscript(leaf []byte, items ...[]byte) spend {
	return spend{p2tr(1).pkScript, nil, append(items, leaf, append([]byte{taprootTapscript}, make([]byte, 32)...))}
}

// bulk has limit such inputs or as many as are standard, and an OP_RETURN output of the given size.
func (s spend) bulk(limit, output int) (tx *wire.MsgTx, spent []spentOutput) {
	tx = wire.NewMsgTx(2)
	tx.AddTxOut(wire.NewTxOut(1000, append([]byte{txscript.OP_RETURN}, make([]byte, output)...)))
	for weightOf(tx) <= maxStandardTxWeight && len(tx.TxIn) <= limit {
		in := wire.NewTxIn(&wire.OutPoint{Index: uint32(len(tx.TxIn))}, s.scriptSig, s.witness)
		tx.AddTxIn(in)
		spent = append(spent, spentOutput{PrevOut: PrevOut{PkScript: s.pkScript}})
	}
	n := len(spent) - 1
	tx.TxIn = tx.TxIn[:n]
	return tx, spent[:n]
}

func weightOf(tx *wire.MsgTx) int64 {
	return int64(tx.SerializeSizeStripped()*(witnessScale-1) + tx.SerializeSize())
}

// checkSigAdds asks for signatures of n keys in a tapscript.
func checkSigAdds(n int) []byte {
	s := []byte{txscript.OP_0}
	for range n {
		s = append(append(append(s, txscript.OP_DATA_32), make([]byte, 32)...), txscript.OP_CHECKSIGADD)
	}
	return s
}

// Whatever spends by ordinary signatures stays within the bounds, in any number.
func TestHonestWork(t *testing.T) {
	key := pubKey(1)
	empty := make([][]byte, 19) // of 20 signatures
	honest := map[string]spend{
		"P2PK":           {p2pk(1).pkScript, script(aSignature), nil},
		"P2PKH":          {p2pkhScript(1), script(aSignature, key), nil},
		"P2WPKH":         {p2wpkh(1).pkScript, nil, [][]byte{aSignature, key}},
		"P2SH-P2WPKH":    {p2sh(p2wpkh(1).pkScript).pkScript, script(p2wpkh(1).pkScript), [][]byte{aSignature, key}},
		"P2TR":           {p2tr(1).pkScript, nil, [][]byte{aSchnorr}},
		"bare 1 of 3":    {multiSigScript(1, 3), script(txscript.OP_0, aSignature), nil},
		"bare 3 of 3":    {multiSigScript(3, 3), script(txscript.OP_0, aSignature, aSignature, aSignature), nil},
		"P2SH 1 of 2":    spendP2SH(multiSigScript(1, 2), nil, aSignature),
		"P2SH 2 of 3":    spendP2SH(multiSigScript(2, 3), nil, aSignature, aSignature),
		"P2SH 1 of 15":   spendP2SH(multiSigScript(1, 15), nil, aSignature),
		"P2WSH 2 of 3":   spendP2WSH(multiSigScript(2, 3), nil, aSignature, aSignature),
		"P2WSH 1 of 20":  spendP2WSH(multiSigScript(1, 20), nil, aSignature),
		"tapscript 1":    spendTapscript(checkSigAdds(1), aSchnorr),
		"tapscript 1/20": spendTapscript(checkSigAdds(20), append(slices.Clone(empty), aSchnorr)...),
	}
	for name, s := range honest {
		for _, c := range []struct{ limit, output int }{{1, 0}, {2, 0}, {1000, 0}, {10_000, 0}, {10_000, 30_000}, {10_000, 60_000}} {
			tx, spent := s.bulk(c.limit, c.output)
			for checkInputsStandard(tx, spent) != nil { // more operations than Core allows
				tx.TxIn, spent = tx.TxIn[1:], spent[1:]
			}
			if err := checkWork(tx, spent, weightOf(tx)); err != nil {
				t.Errorf("%d inputs of %s beside %d bytes: %v", len(tx.TxIn), name, c.output, err)
			}
		}
	}
}

// 1000 P2PKH inputs are more than standard in size, but no more work than their size allows.
func TestConsolidationWork(t *testing.T) {
	tx, spent := spend{p2pkhScript(1), script(aSignature, pubKey(1)), nil}.bulk(500, 0)
	tx.TxIn, spent = append(tx.TxIn, tx.TxIn...), append(spent, spent...)
	if err := checkWork(tx, spent, weightOf(tx)); err != nil || len(tx.TxIn) != 1000 {
		t.Errorf("%d P2PKH inputs: %v", len(tx.TxIn), err)
	}
}

func TestConsolidationAccepted(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		lock   lock
		inputs int
	}{{p2wpkh(1), 150}, {p2pkh(1), 100}} {
		var coins []coin
		for range c.inputs {
			coins = append(coins, b.coin(c.lock))
		}
		b.add(b.signed(coins, pay(coinValue, p2wpkh(1))))
	}
}

// dense checks one signature n times with a byte or two each.
func dense(n int) []byte {
	return append(bytes.Repeat([]byte{txscript.OP_2DUP, txscript.OP_CHECKSIGVERIFY}, n-1), txscript.OP_CHECKSIG)
}

// sameKey is a 1-of-20 multisig of one key.
func sameKey() []byte {
	parts := []any{txscript.OP_1, pubKey(1), txscript.OP_DUP}
	for range 6 {
		parts = append(parts, txscript.OP_3DUP)
	}
	return script(append(parts, int64(20), txscript.OP_CHECKMULTISIGVERIFY)...)
}

// What passes all limits of Core and would take up to 1.5 seconds is refused before a script runs: the signatures are not
// even valid.
func TestBombsRefused(t *testing.T) {
	const hashes = reasonInputs + ", non-witness signature hashes exceed limit"
	const work = reasonSigOps + ", script work exceeds limit"
	for _, b := range []struct {
		name          string
		spend         spend
		limit, output int
		want          string
	}{
		{"2500 operations on 70 kB", spendP2SH(dense(15), aSignature, pubKey(1)), 166, 70_000, hashes},
		{"2500 operations", spendP2SH(dense(15), aSignature, pubKey(1)), 166, 0, work},
		{"multisig of one key", spendP2WSH(bytes.Repeat(sameKey(), 7), nil, aSignature), 80, 0, work},
		{"P2WSH, small", spendP2WSH(dense(100), aSignature, pubKey(1)), 1, 0, work},
	} {
		tx, spent := b.spend.bulk(b.limit, b.output)
		if err := checkInputsStandard(tx, spent); err != nil {
			t.Errorf("%s: Core has a limit: %v", b.name, err)
		}
		if cost := sigOpCost(tx, spent); cost > maxStandardSigOpCost {
			t.Errorf("%s: Core has a limit: sigop cost %d", b.name, cost)
		}
		w := estimateWork(tx, spent)
		t.Logf("%s: weight %d, %+v, %d ms", b.name, weightOf(tx), w, w.cost()/1e6)
		if err := checkWork(tx, spent, weightOf(tx)); err == nil || !strings.HasPrefix(err.Error(), b.want) {
			t.Errorf("%s: %v, want %s", b.name, err, b.want)
		}
	}
}

// The pool applies the bounds before it runs scripts, to a package as well.
func TestPoolRefusesWork(t *testing.T) {
	b := newBench(t)
	bomb := b.signed([]coin{b.coin(p2wsh(dense(100), aSignature, pubKey(1)))}, pay(coinValue/2, p2wpkh(1)))
	const want = "bad-txns-too-many-sigops, script work exceeds limit (10097898 > 1595000)"
	if _, err := b.try(bomb); err == nil || err.Error() != want {
		t.Errorf("alone: %v, want %s", err, want)
	}
	child := b.signed([]coin{coinOf(bomb, 0, p2wpkh(1))}, pay(coinValue/3, p2wpkh(1)))
	members, _, err := b.pool.AddPackage([][]byte{raw(bomb), raw(child)}, now)
	if err == nil || members[0].Err == nil || members[0].Err.Error() != want {
		t.Errorf("in a package: %v, %+v", err, members)
	}
}

// BenchmarkBomb is what it takes to refuse the largest transaction whose scripts do too much.
func BenchmarkBomb(b *testing.B) {
	bench := newBench(b)
	tx, spent := spendP2SH(dense(15), aSignature, pubKey(1)).bulk(166, 70_000)
	for i, in := range tx.TxIn {
		bench.chain.coins[in.PreviousOutPoint] = PrevOut{Value: coinValue, PkScript: spent[i].PkScript}
	}
	bomb := raw(tx)
	for b.Loop() {
		if _, err := bench.pool.Check(bomb, now); !errors.Is(err, ErrNonStandard) {
			b.Fatal(err)
		}
	}
}
