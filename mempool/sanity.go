package mempool

import (
	"math"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Consensus constants: Core consensus/consensus.h and consensus/amount.h.
const (
	maxBlockWeight   = 4_000_000
	maxMoney         = 21_000_000 * 100_000_000 // satoshi
	coinbaseMaturity = 100                      // blocks
)

// checkSanity applies the consensus rules that need nothing but the transaction, and refuses a coinbase, which is valid
// only in a block. Its size was checked before it was decoded.
func checkSanity(tx *wire.MsgTx) error {
	if len(tx.TxIn) == 0 {
		return reject(ErrConsensus, "bad-txns-vin-empty")
	}
	if len(tx.TxOut) == 0 {
		return reject(ErrConsensus, "bad-txns-vout-empty")
	}
	var total int64
	for _, out := range tx.TxOut {
		if out.Value < 0 {
			return reject(ErrConsensus, "bad-txns-vout-negative")
		}
		if out.Value > maxMoney {
			return reject(ErrConsensus, "bad-txns-vout-toolarge")
		}
		if total += out.Value; total > maxMoney {
			return reject(ErrConsensus, "bad-txns-txouttotal-toolarge")
		}
	}
	seen := make(map[wire.OutPoint]struct{}, len(tx.TxIn))
	for _, in := range tx.TxIn {
		if _, twice := seen[in.PreviousOutPoint]; twice {
			return reject(ErrConsensus, "bad-txns-inputs-duplicate")
		}
		seen[in.PreviousOutPoint] = struct{}{}
	}
	if len(tx.TxIn) == 1 && isNull(tx.TxIn[0].PreviousOutPoint) {
		if n := len(tx.TxIn[0].SignatureScript); n < 2 || n > 100 {
			return reject(ErrConsensus, "bad-cb-length")
		}
		return reject(ErrConsensus, "coinbase")
	}
	for _, in := range tx.TxIn {
		if isNull(in.PreviousOutPoint) {
			return reject(ErrConsensus, "bad-txns-prevout-null")
		}
	}
	return nil
}

func isNull(op wire.OutPoint) bool {
	return op.Index == math.MaxUint32 && op.Hash == chainhash.Hash{}
}
