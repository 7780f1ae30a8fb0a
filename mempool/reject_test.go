package mempool

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// A rejection is one way to be refused: how to make the transaction, and what Core says to it.
type rejection struct {
	name string
	make func(b *bench) *wire.MsgTx
	kind ErrorKind
	// RuleError.Error(); TXID and WTXID stand for those of the transaction, PARENT and INDEX for what its last input
	// spends, WPARENT for the wtxid of that.
	want string
}

// text is what b tells the transaction.
func (r rejection) text(b *bench, tx *wire.MsgTx) string {
	last := tx.TxIn[len(tx.TxIn)-1].PreviousOutPoint
	parent := ""
	if e := b.pool.GetByTxID(last.Hash); e != nil {
		parent = e.WTxID.String()
	}
	return strings.NewReplacer("WTXID", tx.WitnessHash().String(), "TXID", tx.TxHash().String(), "WPARENT", parent,
		"PARENT", last.Hash.String(), "INDEX", strconv.Itoa(int(last.Index))).Replace(r.want)
}

// rejections are all of them, one table per kind of rule.
func rejections() []rejection {
	return slices.Concat(contextFreeRejections(), nonStandardRejections(), lockRejections(), knownRejections(),
		amountRejections(), inputRejections(), scriptRejections(), replacementRejections(), trucRejections(), dustRejections())
}

func TestRejections(t *testing.T) {
	t.Run("context-free", func(t *testing.T) { runRejections(t, contextFreeRejections()) })
	t.Run("standardness", func(t *testing.T) { runRejections(t, nonStandardRejections()) })
	t.Run("locks", func(t *testing.T) { runRejections(t, lockRejections()) })
	t.Run("known", func(t *testing.T) { runRejections(t, knownRejections()) })
	t.Run("amounts", func(t *testing.T) { runRejections(t, amountRejections()) })
	t.Run("inputs", func(t *testing.T) { runRejections(t, inputRejections()) })
	t.Run("scripts", func(t *testing.T) { runRejections(t, scriptRejections()) })
	t.Run("replacement", func(t *testing.T) { runRejections(t, replacementRejections()) })
	t.Run("TRUC", func(t *testing.T) { runRejections(t, trucRejections()) })
	t.Run("dust", func(t *testing.T) { runRejections(t, dustRejections()) })
}

func runRejections(t *testing.T, table []rejection) {
	for _, r := range table {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tx := r.make(b)
			before := b.pool.Info()
			for _, judge := range []struct {
				name string
				call func() (*Entry, error)
			}{
				{"Check", func() (*Entry, error) { return b.pool.Check(raw(tx), now) }},
				{"Add", func() (*Entry, error) { return b.try(tx) }},
			} {
				e, err := judge.call()
				if want := r.text(b, tx); err == nil || err.Error() != want {
					t.Errorf("%s: %v\nwant %s", judge.name, err, want)
				}
				if !errors.Is(err, r.kind) {
					t.Errorf("%s: kind of %v is not %q", judge.name, err, r.kind)
				}
				if e == nil || e.TxID != tx.TxHash() || e.WTxID != tx.WitnessHash() {
					t.Errorf("%s: entry %+v does not name the transaction", judge.name, e)
				}
			}
			if after := b.pool.Info(); after != before {
				t.Errorf("a rejection changed the pool: %+v, was %+v", after, before)
			}
		})
	}
}

// of makes a table row's transaction from a valid one.
func of(change func(tx *wire.MsgTx)) func(*bench) *wire.MsgTx {
	return func(b *bench) *wire.MsgTx {
		tx := b.simple()
		change(tx)
		return tx
	}
}

func contextFreeRejections() []rejection {
	return []rejection{
		{"no outputs", of(func(tx *wire.MsgTx) { tx.TxOut = nil }), ErrConsensus, "bad-txns-vout-empty"},
		{"over a block", of(func(tx *wire.MsgTx) {
			tx.TxOut[0].PkScript = append([]byte{txscript.OP_RETURN}, make([]byte, 1_000_000)...)
		}), ErrConsensus, "bad-txns-oversize"},
		{"negative output", of(func(tx *wire.MsgTx) { tx.TxOut[0].Value = -1 }), ErrConsensus, "bad-txns-vout-negative"},
		{"output over 21 million", of(func(tx *wire.MsgTx) { tx.TxOut[0].Value = maxMoney + 1 }), ErrConsensus, "bad-txns-vout-toolarge"},
		{"outputs over 21 million", of(func(tx *wire.MsgTx) {
			tx.TxOut = []*wire.TxOut{pay(maxMoney, p2wpkh(1)), pay(1, p2wpkh(1))}
		}), ErrConsensus, "bad-txns-txouttotal-toolarge"},
		{"same input twice", of(func(tx *wire.MsgTx) { tx.TxIn = append(tx.TxIn, tx.TxIn[0]) }), ErrConsensus, "bad-txns-inputs-duplicate"},
		{"null input among others", of(func(tx *wire.MsgTx) {
			tx.TxIn = append(tx.TxIn, wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, nil, nil))
		}), ErrConsensus, "bad-txns-prevout-null"},
		{"coinbase", of(func(tx *wire.MsgTx) {
			tx.TxIn = []*wire.TxIn{wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{1, 2}, nil)}
		}), ErrConsensus, "coinbase"},
		{"coinbase without a script", of(func(tx *wire.MsgTx) {
			tx.TxIn = []*wire.TxIn{wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, nil, nil)}
		}), ErrConsensus, "bad-cb-length"},
	}
}

func TestNoInputs(t *testing.T) {
	if err := checkSanity(wire.NewMsgTx(2)); err == nil || err.Error() != "bad-txns-vin-empty" {
		t.Errorf("no inputs: %v", err) // cannot be serialized: its input count would be the segwit marker
	}
}

func nonStandardRejections() []rejection {
	noDust := func(scripts ...[]byte) func(*bench) *wire.MsgTx {
		return of(func(tx *wire.MsgTx) {
			tx.TxOut = nil
			for _, s := range scripts {
				tx.AddTxOut(wire.NewTxOut(10_000, s))
			}
		})
	}
	return []rejection{
		{"version 0", of(func(tx *wire.MsgTx) { tx.Version = 0 }), ErrNonStandard, "version"},
		{"version 4", of(func(tx *wire.MsgTx) { tx.Version = 4 }), ErrNonStandard, "version"},
		{"version 0xffffffff", of(func(tx *wire.MsgTx) { tx.Version = -1 }), ErrNonStandard, "version"},
		{"weight 400 001", func(b *bench) *wire.MsgTx {
			tx := b.padded(2, 400_000)
			tx.TxIn[0].Witness[0] = []byte{7, 7}
			return tx
		}, ErrNonStandard, "tx-size"},
		{"64 bytes", of(func(tx *wire.MsgTx) {
			tx.TxOut[0].PkScript = script(txscript.OP_RETURN, []byte{1, 2})
		}), ErrNonStandard, "tx-size-small"},
		{"scriptSig 1651", of(func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = make([]byte, 1651) }), ErrNonStandard, "scriptsig-size"},
		{"scriptSig computes", of(func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = script(txscript.OP_DUP) }), ErrNonStandard, "scriptsig-not-pushonly"},
		{"no script", noDust(nil), ErrNonStandard, "scriptpubkey"},
		{"unknown script", noDust(script(txscript.OP_ADD)), ErrNonStandard, "scriptpubkey"},
		{"witness v0 program of 21 bytes", noDust(script(txscript.OP_0, make([]byte, 21))), ErrNonStandard, "scriptpubkey"},
		{"bare multisig of 4", noDust(multiSigScript(1, 4)), ErrNonStandard, "scriptpubkey"},
		{"bare multisig of junk", noDust(script(txscript.OP_1, make([]byte, 33), txscript.OP_1, txscript.OP_CHECKMULTISIG)), ErrNonStandard, "scriptpubkey"},
		{"OP_RETURN followed by code", noDust(script(txscript.OP_RETURN, txscript.OP_DUP)), ErrNonStandard, "scriptpubkey"},
		{"two dust outputs", of(func(tx *wire.MsgTx) {
			tx.TxOut = []*wire.TxOut{pay(293, p2wpkh(1)), pay(239, anchor())}
		}), ErrNonStandard, "dust"},
		{"one dust output and a fee", func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(p2wpkh(1))}, pay(329, p2tr(1)))
		}, ErrNonStandard, "dust, tx with dust output must be 0-fee"},
		{"one dust output without a fee", func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(p2wpkh(1))}, pay(coinValue-545, p2wpkh(1)), pay(545, p2pkh(1)))
		}, ErrFee, "min relay fee not met, 0 < 15"},
	}
}

// locked makes a transaction with an absolute lock, relative one that spends an output of height with a relative lock.
func locked(lockTime, sequence uint32) func(*bench) *wire.MsgTx {
	return of(func(tx *wire.MsgTx) { tx.LockTime, tx.TxIn[0].Sequence = lockTime, sequence })
}

func relative(sequence uint32, height int32) func(*bench) *wire.MsgTx {
	return func(b *bench) *wire.MsgTx {
		l := p2wpkh(1)
		l.sequence = sequence
		return b.signed([]coin{b.coinAs(l, PrevOut{Value: coinValue, Height: height})}, pay(coinValue-1000, l))
	}
}

func lockRejections() []rejection {
	return []rejection{
		{"height", locked(tipHeight+1, 0), ErrPremature, "non-final"},
		{"time", locked(uint32(tipTime.Unix()), 0), ErrPremature, "non-final"},
		{"blocks", relative(10, tipHeight-8), ErrPremature, "non-BIP68-final"},
		{"seconds", relative(wire.SequenceLockTimeIsSeconds|1, 1), ErrPremature, "non-BIP68-final"},
		{"unconfirmed parent", func(b *bench) *wire.MsgTx {
			l := p2wpkh(1)
			l.sequence = 1
			parent := b.simple()
			b.add(parent)
			return b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-2000, l))
		}, ErrPremature, "non-BIP68-final"},
	}
}

func TestAcceptLockTimes(t *testing.T) {
	accepted := map[string]func(*bench) *wire.MsgTx{
		"height reached":  locked(tipHeight, 0),
		"first time":      locked(txscript.LockTimeThreshold, 0), // which is no height
		"time reached":    locked(uint32(tipTime.Unix()-1), 0),
		"final sequence":  locked(tipHeight+1, wire.MaxTxInSequenceNum),
		"blocks reached":  relative(10, tipHeight-9),
		"BIP 68 disabled": relative(wire.SequenceLockTimeDisabled|100, tipHeight),
		"unconfirmed, no lock": func(b *bench) *wire.MsgTx {
			l := p2wpkh(1)
			parent := b.signed([]coin{b.coinAs(l, PrevOut{Value: coinValue + 1000})}, pay(coinValue, l))
			b.add(parent)
			l.sequence = 1 << 16 // a bit without a meaning
			return b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-1000, l))
		},
		"zero seconds":        relative(wire.SequenceLockTimeIsSeconds, tipHeight),
		"replaceable, final":  relative(wire.MaxTxInSequenceNum-2, tipHeight),
		"version 1, not lock": func(b *bench) *wire.MsgTx { tx := relative(100, tipHeight)(b); tx.Version = 1; return tx },
	}
	for name, build := range accepted {
		b := newBench(t)
		tx := build(b)
		b.sign(tx, []coin{{op: tx.TxIn[0].PreviousOutPoint, value: coinValue, lock: p2wpkh(1)}})
		if _, err := b.try(tx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// history is a chain whose blocks were ten minutes apart.
type history struct{ *chain }

func (history) MedianTime(height int32) (time.Time, error) {
	if 0 < height && height < 50 {
		return time.Time{}, errors.New("pruned")
	}
	return tipTime.Add(-10 * time.Minute * time.Duration(tipHeight-height)), nil
}

// A lock of n units of 512 seconds counts from the block before the one that holds the output.
func TestRelativeLocksByTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		height int32
		units  uint32
		want   ErrorKind // 0: accepted
	}{
		{"75 blocks are 45000 s, 87 units", tipHeight - 74, 87, 0},
		{"and not 88", tipHeight - 74, 88, ErrPremature},
		{"of the newest block", tipHeight, 1, 0},
		{"of the newest block, two units", tipHeight, 2, ErrPremature},
		{"nothing is waited for", 20, 0, 0},
		{"200 blocks are 120000 s, 234 units", 1, 234, 0},
		{"and not 235", 1, 235, ErrPremature},
		{"before the first block is none", 0, 234, 0},
	} {
		b := newBench(t, func(cfg *Config) { cfg.PrevOuts = history{cfg.PrevOuts.(*chain)} })
		_, err := b.try(relative(wire.SequenceLockTimeIsSeconds|c.units, c.height)(b))
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	b := newBench(t, func(cfg *Config) { cfg.PrevOuts = history{cfg.PrevOuts.(*chain)} })
	if _, err := b.try(relative(wire.SequenceLockTimeIsSeconds|1, 20)(b)); err == nil || errors.As(err, new(*RuleError)) {
		t.Errorf("judged without knowing the time: %v", err)
	}
	parent := b.simple()
	b.add(parent)
	l := p2wpkh(1)
	l.sequence = wire.SequenceLockTimeIsSeconds | 1
	if _, err := b.try(b.signed([]coin{coinOf(parent, 0, l)}, pay(coinValue-2000, l))); !errors.Is(err, ErrPremature) {
		t.Errorf("of an unconfirmed parent: %v", err)
	}
}

func knownRejections() []rejection {
	missing := "bad-txns-inputs-missingorspent"
	return []rejection{
		{"held already", func(b *bench) *wire.MsgTx {
			tx := b.simple()
			b.add(tx)
			return tx
		}, ErrAlreadyInMempool, "txn-already-in-mempool"},
		{"other witness", func(b *bench) *wire.MsgTx {
			tx := b.simple()
			b.add(tx)
			tx = tx.Copy()
			tx.TxIn[0].Witness[0][10] ^= 1
			return tx
		}, ErrSameTxID, "txn-same-nonwitness-data-in-mempool"},
		{"unknown parent", of(func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Hash[0] ^= 1 }), ErrMissingInputs, missing},
		{"no such output of a known transaction", of(func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index += 9 }), ErrMissingInputs, missing},
		{"no such output of a held transaction", func(b *bench) *wire.MsgTx {
			parent := b.simple()
			b.add(parent)
			child := unsigned([]coin{coinOf(parent, 0, p2wpkh(1))}, pay(coinValue-2000, p2wpkh(1)))
			child.TxIn[0].PreviousOutPoint.Index = 1
			return child
		}, ErrMissingInputs, missing},
		{"confirmed", func(b *bench) *wire.MsgTx {
			tx := b.simple()
			delete(b.chain.coins, tx.TxIn[0].PreviousOutPoint)
			b.made = append(b.made, wire.OutPoint{Hash: tx.TxHash()})
			b.chain.coins[wire.OutPoint{Hash: tx.TxHash()}] = PrevOut{Value: tx.TxOut[0].Value}
			return tx
		}, ErrAlreadyKnown, "txn-already-known"},
	}
}

// spendOf makes a transaction that spends out and pays value.
func spendOf(out PrevOut, value int64) func(*bench) *wire.MsgTx {
	return func(b *bench) *wire.MsgTx {
		return b.signed([]coin{b.coinAs(p2wpkh(1), out)}, pay(value, p2wpkh(1)))
	}
}

func amountRejections() []rejection {
	return []rejection{
		{"immature", spendOf(PrevOut{Value: coinValue, Height: tipHeight - 98, Coinbase: true}, 1000),
			ErrPremature, "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 99"},
		{"more out than in", spendOf(PrevOut{Value: 150_000_000}, 150_000_001),
			ErrConsensus, "bad-txns-in-belowout, value in (1.50) < value out (1.50000001)"},
		{"absurd previous output", spendOf(PrevOut{Value: maxMoney + 1}, 1000), ErrConsensus, "bad-txns-inputvalues-outofrange"},
		{"fee one short", spendOf(PrevOut{Value: coinValue}, coinValue-10), ErrFee, "min relay fee not met, 10 < 11"},
	}
}

func TestFeesAreRoundedUp(t *testing.T) {
	for _, c := range []struct{ rate, size, want int64 }{{100, 0, 0}, {1, 1, 1}, {1, 1000, 1}, {1, 1001, 2}, {100, 110, 11}, {3000, 98, 294}} {
		if got := feeFor(c.rate, c.size); got != c.want {
			t.Errorf("%d bytes at %d: %d, want %d", c.size, c.rate, got, c.want)
		}
	}
}

func TestAcceptAmounts(t *testing.T) {
	b := newBench(t)
	for _, tx := range []*wire.MsgTx{
		spendOf(PrevOut{Value: coinValue, Height: tipHeight - 99, Coinbase: true}, 1000)(b),
		spendOf(PrevOut{Value: coinValue}, coinValue-11)(b), // 110 virtual bytes
	} {
		b.add(tx)
	}
}

func inputRejections() []rejection {
	spend := func(l lock) func(*bench) *wire.MsgTx {
		return func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(l)}, pay(coinValue/2, p2wpkh(1)))
		}
	}
	withScriptSig := func(l lock, sig []byte) lock {
		return lock{pkScript: l.pkScript, unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			tx.TxIn[i].SignatureScript = sig
		}}
	}
	withWitness := func(l lock, w ...[]byte) lock {
		return lock{pkScript: l.pkScript, unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			tx.TxIn[i].Witness = w
		}}
	}
	checkSigs := func(n int) []byte { return bytes.Repeat([]byte{txscript.OP_CHECKSIG}, n) }
	anyP2SH := p2sh([]byte{txscript.OP_1})
	drop := script(txscript.OP_DROP, txscript.OP_1)
	p := "bad-txns-nonstandard-inputs, "
	w := "bad-witness-nonstandard"
	return []rejection{
		{"2501 legacy sigops", spend(anyone(checkSigs(2501))), ErrNonStandard, p + "non-witness sigops exceed bip54 limit"},
		{"2500 legacy sigops", spend(anyone(checkSigs(2500))), ErrNonStandard, p + "input 0 script unknown"}, // the limit is not in the way
		{"unknown script", spend(anyone(script(txscript.OP_1))), ErrNonStandard, p + "input 0 script unknown"},
		{"unknown witness version", spend(anyone(script(txscript.OP_2, make([]byte, 32)))), ErrNonStandard, p + "input 0 witness program is undefined"},
		{"P2SH push over 520", spend(withScriptSig(anyP2SH, append([]byte{txscript.OP_PUSHDATA2, 0x09, 0x02}, make([]byte, 521)...))),
			ErrNonStandard, p + "p2sh scriptsig malformed (input 0: Push value size limit exceeded)"},
		{"P2SH OP_RESERVED", spend(withScriptSig(anyP2SH, []byte{txscript.OP_RESERVED})),
			ErrNonStandard, p + "p2sh scriptsig malformed (input 0: Opcode missing or not understood)"},
		{"P2SH 1001 items", spend(withScriptSig(anyP2SH, make([]byte, 1001))),
			ErrNonStandard, p + "p2sh scriptsig malformed (input 0: Stack size limit exceeded)"},
		{"P2SH without redeem script", spend(withScriptSig(anyP2SH, nil)), ErrNonStandard, p + "input 0 P2SH redeemscript missing"},
		{"P2SH 16 sigops", spend(p2sh(checkSigs(16))), ErrNonStandard, p + "p2sh redeemscript sigops exceed limit (input 0: 16 > 15)"},
		{"P2WSH script 3601", spend(p2wsh(append(drop, make([]byte, 3599)...))), ErrNonStandard, w},
		{"P2WSH 101 items", spend(p2wsh(drop, make([][]byte, 101)...)), ErrNonStandard, w},
		{"P2WSH item 81", spend(p2wsh(drop, make([]byte, 81))), ErrNonStandard, w},
		{"tapscript item 81", spend(tapscript(drop, make([]byte, 81))), ErrNonStandard, w},
		{"annex", spend(withWitness(p2tr(1), make([]byte, 64), []byte{taprootAnnexTag})), ErrNonStandard, w},
		{"empty control block", spend(withWitness(p2tr(1), drop, nil)), ErrNonStandard, w},
		{"anchor with a witness", spend(withWitness(anchor(), []byte{1})), ErrNonStandard, w},
		{"P2PKH with a witness", spend(withWitness(p2pkh(1), []byte{1})), ErrNonStandard, w},
		{"sigop cost 16 080", func(b *bench) *wire.MsgTx {
			var outs []*wire.TxOut
			for range 201 { // at 20 x 4 each: an output script counts as if it were legacy
				outs = append(outs, wire.NewTxOut(1000, multiSigScript(1, 1)))
			}
			return b.signed([]coin{b.coin(p2tr(1))}, outs...)
		}, ErrNonStandard, "bad-txns-too-many-sigops, 16080"},
		{"fee too low for the sigops", func(b *bench) *wire.MsgTx {
			return b.signed([]coin{b.coin(p2tr(1))}, pay(coinValue-30, anyone(multiSigScript(1, 1))))
		}, ErrFee, "min relay fee not met, 30 < 40"}, // 80 x 5 virtual bytes
	}
}
