package node

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

// Bounds on what is kept of transactions that paid too little.
const (
	maxLowFee      = 100
	maxLowFeeBytes = 1 << 20
	maxLowFeeTries = 4 // for one child
)

// lowFee keeps the latest of peers' transactions that were refused for their
// fee alone: a child that pays for one of them may be next. Anybody can push
// them out, so this serves packages that travel together, not a promise.
type lowFee struct {
	txs   []lowFeeTx // oldest first
	bytes int
}

type lowFeeTx struct {
	txid chainhash.Hash
	raw  []byte
}

func (l *lowFee) add(txid chainhash.Hash, raw []byte) {
	l.txs = append(l.txs, lowFeeTx{txid, raw})
	l.bytes += len(raw)
	for len(l.txs) > maxLowFee || l.bytes > maxLowFeeBytes {
		l.bytes -= len(l.txs[0].raw)
		l.txs = l.txs[1:]
	}
}

// parentsOf are the bodies of parents of e, latest first, few at the most. Their
// witnesses were not verified: of several with one txid, one may be the good one.
func (l *lowFee) parentsOf(e *mempool.Entry) (raws [][]byte) {
	parents := make(map[chainhash.Hash]struct{})
	for in := range e.Inputs() {
		parents[in.PreviousOutPoint.Hash] = struct{}{}
	}
	for _, low := range slices.Backward(l.txs) {
		if _, ok := parents[low.txid]; ok && len(raws) < maxLowFeeTries {
			raws = append(raws, low.raw)
		}
	}
	return raws
}
