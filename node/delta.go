package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/storage"
)

// feeDeltas is what storage holds of the mempool's fee deltas.
type feeDeltas struct {
	mu     sync.Mutex // orders changes and their writes to storage
	stored map[chainhash.Hash]int64
	news   *mailbox[chainhash.Hash] // txids whose delta changed, for the loop
}

func newFeeDeltas() *feeDeltas {
	return &feeDeltas{stored: make(map[chainhash.Hash]int64), news: newMailbox[chainhash.Hash]()}
}

// Prioritise adds to the fee delta of the transaction with this txid, in the
// mempool or not, as [mempool.Pool.Prioritise] does, whose errors it returns. It
// returns when that is committed; with any other error nothing has changed.
func (n *Node) Prioritise(ctx context.Context, txid chainhash.Hash, delta int64) error {
	select {
	case <-n.ready:
	default:
		return ErrNotRunning
	}
	refused, err := n.addDeltas(ctx, map[chainhash.Hash]int64{txid: delta})
	if err == nil {
		err = refused[txid]
	}
	return err
}

// addDeltas is Prioritise for many. What the mempool refuses is left out.
func (n *Node) addDeltas(ctx context.Context, deltas map[chainhash.Hash]int64) (refused map[chainhash.Hash]error, err error) {
	n.deltas.mu.Lock()
	defer n.deltas.mu.Unlock()
	refused = make(map[chainhash.Hash]error)
	before := make(map[chainhash.Hash]int64, len(deltas))
	for txid, delta := range deltas {
		was := n.pool.FeeDelta(txid)
		if err := n.pool.Prioritise(txid, delta); err != nil {
			refused[txid] = err
		} else {
			before[txid] = was
		}
	}
	if err := n.storeDeltas(ctx); err != nil {
		for txid, was := range before {
			if undo := n.pool.Prioritise(txid, was-n.pool.FeeDelta(txid)); undo != nil {
				n.log.Warn("fee delta is in memory only", "txid", txid, "reason", undo)
			}
		}
		return nil, fmt.Errorf("the fee delta would not survive a restart: %w", err)
	}
	for txid := range before {
		n.deltas.news.put(txid)
	}
	return refused, nil
}

// storeDeltas makes storage hold the mempool's fee deltas. The caller holds the lock.
func (n *Node) storeDeltas(ctx context.Context) error {
	current, differ := n.pool.FeeDeltas(), make(map[chainhash.Hash]int64)
	for txid := range n.deltas.stored {
		if current[txid] == 0 {
			differ[txid] = 0
		}
	}
	for txid, delta := range current {
		if n.deltas.stored[txid] != delta {
			differ[txid] = delta
		}
	}
	if len(differ) == 0 {
		return nil
	}
	if err := n.db.Commit(ctx, storage.Batch{FeeDeltas: differ}); err != nil {
		return err
	}
	n.deltas.stored = current
	return nil
}

// forgetDeltas has storage forget the fee deltas that a block settled. What cannot
// be stored is tried again with the next change.
func (n *Node) forgetDeltas(ctx context.Context) {
	ctx, cancel := lingering(ctx)
	defer cancel()
	n.deltas.mu.Lock()
	defer n.deltas.mu.Unlock()
	if err := n.storeDeltas(ctx); err != nil {
		n.log.Debug("storage keeps fee deltas of confirmed transactions", "reason", err)
	}
}

// loadDeltas reads the fee deltas, by which the stored transactions are judged.
func (n *Node) loadDeltas() error {
	n.deltas.mu.Lock()
	defer n.deltas.mu.Unlock()
	stored, err := n.db.FeeDeltas()
	if err != nil {
		return err
	}
	n.deltas.stored = stored
	for txid, delta := range stored {
		if err := n.pool.Prioritise(txid, delta); err != nil {
			n.log.Warn("stored fee delta is not applied", "txid", txid, "reason", err)
		}
	}
	return nil
}

// repriced tells the engine what transactions pay with their new deltas, and
// tries again those that stand, or that they may have kept out.
func (n *Node) repriced(now time.Time) {
	changed := make(map[chainhash.Hash]bool)
	for _, txid := range n.deltas.news.take() {
		changed[txid] = true
		if e := n.pool.GetByTxID(txid); e != nil {
			n.reprice(now, e)
			n.retry(n.standing.lot.Blocked(e, n.pool)...)
		}
	}
	for _, s := range n.standing.lot.All() {
		if changed[s.TxID] {
			n.retry(s.WTxID)
		}
	}
}
