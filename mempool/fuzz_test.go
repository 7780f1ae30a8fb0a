package mempool

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// FuzzAdd feeds bytes to a pool whose previous outputs are of every kind, some of them hostile. Whatever is accepted
// must leave the pool sound, and whatever is refused must be refused with a rule.
func FuzzAdd(f *testing.F) {
	setup := newBench(f)
	drop := script(txscript.OP_DROP, txscript.OP_1)
	for _, l := range []lock{
		p2pk(1), p2pkh(1), multiSigP2SH(), nested(1), p2wpkh(1), p2wsh(drop, []byte{1}), p2tr(1), tapscriptKey(1), anchor(),
		tapscript(drop, []byte{1}), p2sh(drop, []byte{1}), anyone(script(txscript.OP_1)), anyone(nil),
		anyone(bytes.Repeat([]byte{txscript.OP_CHECKMULTISIG}, 200)), anyone([]byte{txscript.OP_PUSHDATA4, 1}),
	} {
		f.Add(raw(setup.signed([]coin{setup.coin(l)}, pay(coinValue/2, p2wpkh(1)), pay(coinValue/4, anchor()))))
		f.Add(raw(setup.signed([]coin{setup.coin(l), setup.coin(p2tr(2))}, pay(coinValue/2, p2tr(1)))))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := New(Config{PrevOuts: setup.chain, SigCache: setup.pool.cfg.SigCache})
		checked, checkErr := p.Check(b, now)
		e, _, err := p.Add(b, now)
		if (err == nil) != (checkErr == nil) || err != nil && err.Error() != checkErr.Error() {
			t.Fatalf("Add: %v, Check: %v", err, checkErr)
		}
		var rule *RuleError
		switch {
		case err == nil:
			if !bytes.Equal(raw(e.Tx()), b) || e.WTxID != checked.WTxID || p.Info().Count != 1 {
				t.Fatal("accepted something else")
			}
			if err := checkInvariants(p, setup.chain.coins); err != nil {
				t.Fatal(err)
			}
		case !errors.As(err, &rule):
			t.Fatalf("not a rule: %v", err)
		case e != nil:
			tx := new(wire.MsgTx)
			if err := tx.Deserialize(bytes.NewReader(b)); err != nil || tx.WitnessHash() != e.WTxID || tx.TxHash() != e.TxID {
				t.Fatalf("the entry of a refused transaction is not it: %v", err)
			}
		}
	})
}
