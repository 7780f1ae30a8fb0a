package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// load re-validates what storage kept and forgets what is no longer valid. It
// runs before the loop, which owns the relay engine afterwards.
func (n *Node) load(ctx context.Context) error {
	if err := n.loadDeltas(); err != nil {
		return fmt.Errorf("node: reading the fee deltas: %w", err)
	}
	start := time.Now()
	records, past, damaged, err := n.readStored(ctx)
	if err != nil {
		return err
	}
	n.past = past
	for _, r := range records {
		if r.Unbroadcast {
			n.unbroadcast.add(r.WTxID)
		}
	}
	n.pool.Resume(n.past.last)
	n.feed.resume(n.past.last)
	n.applied = n.past.last
	waiting, stale := n.restoreMany(ctx, records), 0
	low := make(map[chainhash.Hash]storage.Record) // pay too little alone, by txid
	// Records come in the order of acceptance, so one pass places parents
	// before children; further passes only serve stores whose order was lost.
	for progress := true; progress && len(waiting) > 0; {
		var orphans []storage.Record
		progress = false
		for _, r := range waiting {
			switch entry, err := n.restore(ctx, r, low); {
			case ctx.Err() != nil:
				return ctx.Err()
			case err == nil:
				progress = true
			case mempool.Reconsiderable(err):
				low[entry.TxID] = r
			case errors.Is(err, mempool.ErrMissingInputs):
				orphans = append(orphans, r)
			default:
				stale++
				n.log.Info("stored transaction is no longer valid", "wtxid", r.WTxID, "reason", err)
			}
		}
		waiting = orphans
	}
	n.restored(ctx, n.pool.Expire(time.Now()))
	if err := n.loadStanding(); err != nil {
		return fmt.Errorf("node: reading the standing transactions: %w", err)
	}
	n.leavePast(ctx, records)
	n.publish(nil)
	n.log.Info("mempool loaded", "transactions", n.pool.Info().Count, "took", time.Since(start).Round(time.Millisecond),
		"invalid", stale+len(low), "orphans", len(waiting), "damaged", damaged)
	return nil
}

// restore adds a record to the mempool, as of when it was first accepted,
// together with those of its parents that are in low: it may have entered as a
// package with them. A source of previous outputs that cannot tell now is waited
// for: what was acknowledged is not given up for it.
func (n *Node) restore(ctx context.Context, r storage.Record, low map[chainhash.Hash]storage.Record) (*mempool.Entry, error) {
	var entry *mempool.Entry
	err := n.patiently(ctx, func() (changes []mempool.Change, err error) {
		sequence, state := n.past.sequence(r), n.chainState.Load()
		entry, changes, err = n.pool.Restore(r.Raw, r.Time, sequence)
		if err == nil && sequence > 0 {
			n.added(time.Now(), entry, candidate{restored: true})
			if n.chainState.Load() != state && n.pool.Recheck(entry) != nil {
				changes = append(changes, n.pool.Remove(entry.WTxID, mempool.ReasonConflict)...)
			}
		}
		return changes, err
	})
	if !errors.Is(err, mempool.ErrMissingInputs) {
		return entry, err
	}
	var parents []chainhash.Hash
	var pack [][]byte
	for in := range entry.Inputs() {
		id := in.PreviousOutPoint.Hash
		if parent, ok := low[id]; ok && !slices.Contains(parents, id) {
			parents = append(parents, id)
			pack = append(pack, parent.Raw)
		}
	}
	if len(pack) == 0 {
		return entry, err
	}
	packErr := n.patiently(ctx, func() ([]mempool.Change, error) {
		_, changes, err := n.addPackage(candidate{pack: append(pack, r.Raw)}, r.Time)
		return changes, err
	})
	if packErr != nil {
		return entry, err
	}
	for _, id := range parents {
		delete(low, id)
	}
	return entry, nil
}

// patiently judges until the source of previous outputs can tell.
func (n *Node) patiently(ctx context.Context, add func() ([]mempool.Change, error)) error {
	for warned := false; ; warned = true {
		changes, err := n.judge(ctx, add)
		n.restored(ctx, changes)
		if err == nil || refused(err) || ctx.Err() != nil {
			return err
		}
		if !warned {
			n.log.Warn("loading the mempool waits for the previous outputs", "reason", err)
		}
		wait(ctx, retryInterval)
	}
}

// restored takes in changes made while the mempool is loaded, and those that
// blocks make meanwhile.
func (n *Node) restored(ctx context.Context, changes []mempool.Change) {
	stored := n.persist(ctx, wtxidsOf(changes), changes)
	n.settle(result{candidate: candidate{restored: true}, changes: changes, stored: stored})
	for _, c := range n.chain.take() {
		n.chainChanged(c)
	}
}
