package mempool

import (
	"bytes"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// padded is a transaction of this weight, a multiple of 4, and version.
func (b *bench) padded(version int32, weight int64, coins ...coin) *wire.MsgTx {
	l := p2wsh(script(txscript.OP_DROP, txscript.OP_1), []byte{7}) // whose witness weighs 8
	if len(coins) == 0 {
		coins = []coin{b.coin(l)}
	}
	size := 0
	for range 9 {
		tx := b.versioned(version, coins, wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, size)...)))
		missing := weight - int64(3*tx.SerializeSizeStripped()+tx.SerializeSize())
		if missing == 0 {
			return tx
		}
		size += int(missing / 4)
	}
	b.t.Fatalf("no transaction has weight %d", weight)
	return nil
}

// What is refused one step further is accepted at each limit.
func TestAcceptAtTheLimits(t *testing.T) {
	l, drop := open(), script(txscript.OP_DROP, txscript.OP_1)
	one := func(l lock) func(b *bench) *wire.MsgTx {
		return func(b *bench) *wire.MsgTx { return b.signed([]coin{b.coin(l)}, pay(coinValue/2, p2wpkh(1))) }
	}
	checkSigs := func(n int) []byte { // none of them runs
		return slices.Concat(script(txscript.OP_0, txscript.OP_IF), bytes.Repeat([]byte{txscript.OP_CHECKSIG}, n), script(txscript.OP_ENDIF, txscript.OP_1))
	}
	for name, build := range map[string]func(b *bench) *wire.MsgTx{
		"weight 400 000": func(b *bench) *wire.MsgTx { return b.padded(2, 400_000) },
		"65 bytes": func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(l)}, wire.NewTxOut(0, script(txscript.OP_RETURN, make([]byte, 3))))
		},
		"version 1": func(b *bench) *wire.MsgTx { return b.versioned(1, []coin{b.coin(l)}, pay(1000, l)) },
		"scriptSig 1650": one(p2sh(script(txscript.OP_2DROP, txscript.OP_2DROP, txscript.OP_1),
			make([]byte, 500), make([]byte, 500), make([]byte, 500), make([]byte, 135))),
		"bare multisig of 3": func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(l)}, pay(coinValue/2, anyone(multiSigScript(1, 3))))
		},
		"P2SH 15 sigops": func(b *bench) *wire.MsgTx { // with room for the work that they could be
			return b.signed([]coin{b.coin(p2sh(checkSigs(15)))}, wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, 400)...)))
		},
		"sigop cost 16 000": func(b *bench) *wire.MsgTx {
			var outs []*wire.TxOut
			for range 200 {
				outs = append(outs, wire.NewTxOut(1000, multiSigScript(1, 1)))
			}
			return b.signed([]coin{b.coin(l)}, outs...)
		},
		"P2WSH script 3600": func(b *bench) *wire.MsgTx {
			long := slices.Concat(script(make([]byte, 449), txscript.OP_DROP), bytes.Repeat(script(make([]byte, 520), txscript.OP_DROP), 6), script(txscript.OP_1))
			if len(long) != 3598 {
				b.t.Fatalf("%d bytes", len(long))
			}
			return one(p2wsh(append([]byte{txscript.OP_NOP, txscript.OP_NOP}, long...)))(b)
		},
		"P2WSH 100 items of 80": one(p2wsh(append(bytes.Repeat([]byte{txscript.OP_DROP}, 100), txscript.OP_1), slices.Repeat([][]byte{make([]byte, 80)}, 100)...)),
		"tapscript item 80":     one(tapscript(drop, make([]byte, 80))),
		"TRUC 10 000":           func(b *bench) *wire.MsgTx { return b.padded(3, 40_000) },
		"TRUC child 1000": func(b *bench) *wire.MsgTx {
			heir := p2wsh(drop, []byte{7})
			return b.padded(3, 4000, coinOf(b.parentOf(3, heir), 0, heir))
		},
		"101 kvB in a cluster": func(b *bench) *wire.MsgTx {
			heir := p2wsh(drop, []byte{7})
			parent := b.signed([]coin{b.coin(heir)}, pay(coinValue/2, heir), wire.NewTxOut(0, append(script(txscript.OP_RETURN), make([]byte, 59_999)...)))
			e := b.add(parent)
			return b.padded(2, (4*101_000-e.Weight)/4*4, coinOf(parent, 0, heir))
		},
		"64 in a cluster, one of them replaced": func(b *bench) *wire.MsgTx {
			last := chainOf(b, 63, l)
			b.add(b.signed([]coin{coinOf(last, 0, l)}, pay(2000, l)))
			return b.signed([]coin{coinOf(last, 0, l)}, pay(1000, l))
		},
		"100 clusters replaced": func(b *bench) *wire.MsgTx {
			var coins []coin
			for range 100 {
				coins = append(coins, b.rival(100))
			}
			return b.signed(coins, pay(1000, l))
		},
		"replacement that pays its relay": func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.rival(1000)}, pay(coinValue-1010, l)) // 97 virtual bytes
		},
	} {
		b := newBench(t)
		if _, err := b.try(build(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPackageAtTheLimits(t *testing.T) {
	b := newBench(t)
	l := p2wsh(script(txscript.OP_DROP, txscript.OP_1), []byte{7})
	var parents []*wire.MsgTx
	var coins []coin
	for range 24 {
		tx := b.signed([]coin{b.coin(l)}, pay(coinValue, l))
		parents, coins = append(parents, tx), append(coins, coinOf(tx, 0, l))
	}
	if _, _, err := b.pool.AddPackage(raws(append(parents, b.signed(coins, pay(1000, l)))...), now); err != nil {
		t.Errorf("25 transactions: %v", err)
	}
	parent := b.signed([]coin{b.coin(l)}, pay(coinValue, l))
	child := b.padded(2, 404_000-int64(3*parent.SerializeSizeStripped()+parent.SerializeSize()), coinOf(parent, 0, l))
	if _, _, err := b.pool.AddPackage(raws(parent, child), now); err == nil || err.Error() == "package-too-large" {
		t.Errorf("weight 404 000: %v", err) // whose child alone is too large
	}
	parent.TxIn[0].Witness[0] = []byte{7, 7}
	if _, _, err := b.pool.AddPackage(raws(parent, child), now); err == nil || err.Error() != "package-too-large" {
		t.Errorf("weight 404 001: %v", err)
	}
}
