package mempool

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// checkScripts runs the script of every input. It is by far the most expensive check, at about 0.04 ms per signature of
// the commonest inputs and 0.12 ms per other signature; sigs remembers good ones of the commonest inputs.
func checkScripts(c *candidate, flags txscript.ScriptFlags, sigs *txscript.SigCache) error {
	tx, spent := c.tx, c.spent
	previous := txscript.NewMultiPrevOutFetcher(nil)
	for i, in := range tx.TxIn {
		previous.AddPrevOut(in.PreviousOutPoint, &wire.TxOut{Value: spent[i].Value, PkScript: spent[i].PkScript})
	}
	hashes := txscript.NewTxSigHashes(tx, previous)
	for i, in := range tx.TxIn {
		known := sigs
		if !proveKeySpend(tx, i, &spent[i].PrevOut, hashes, previous, sigs) {
			known = nil // the engine would have it keep all of tx in memory
		}
		vm, err := txscript.NewEngine(spent[i].PkScript, tx, i, flags, known, hashes, spent[i].Value, previous)
		if err == nil {
			err = vm.Execute()
		}
		if err != nil {
			return rejectf(ErrScript, "mempool-script-verify-flag-failed ("+scriptWord(err, tx, i, spent[i].PkScript)+")",
				"input %d of %s (wtxid %s), spending %s", i, c.entry.TxID, c.entry.WTxID, in.PreviousOutPoint)
		}
	}
	return nil
}
