package node

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// retryInterval is how long to wait for a source that could not tell.
const retryInterval = time.Second

// chainChange is what the loop has to know of a change of the chain.
type chainChange struct {
	result result           // what it did to the mempool
	txids  []chainhash.Hash // whose outputs exist now: orphans may wait for them
}

// observer takes out of the mempool what blocks decide. It runs on the source's
// goroutine and never waits for the loop, nor for lookups: the source may have
// to find its node again before it can answer any.
func (n *Node) observer(ctx context.Context) mempool.ChainObserver {
	return mempool.ChainObserver{
		Connected: func(b mempool.Block) {
			n.chainState.Add(1)
			changes := n.pool.Connect(b)
			n.decidedStanding(b)
			change := chainChange{result: result{changes: changes, stored: n.persist(ctx, wtxidsOf(changes), changes)}}
			for _, tx := range b.Txs {
				change.txids = append(change.txids, tx.TxHash())
			}
			n.forgetDeltas(ctx)
			n.chain.put(change)
			n.log.Info("new block", "height", b.Height, "hash", b.Hash, "transactions", len(b.Txs), "removed", len(changes))
		},
		Reorganized: func(txs []*wire.MsgTx) {
			n.chainState.Add(1)
			n.log.Info("the chain was reorganized", "returned transactions", len(txs))
			n.reorganized.Add(1)
			n.returned.put(txs)
		},
	}
}

// chainChanged tells the engine and observers.
func (n *Node) chainChanged(c chainChange) {
	n.relay.ChainChanged(time.Now())
	n.settle(c.result)
	for _, txid := range c.txids {
		n.adopt(n.orphans.TakeChildren(txid))
	}
	n.retryAll()
}

// judge adds to the mempool. What was judged while the chain changed is judged
// again: by what had been looked up it may have slipped in after the observer
// removed what the block decides. The changes are all that happened on the way.
func (n *Node) judge(ctx context.Context, add func() ([]mempool.Change, error)) (changes []mempool.Change, err error) {
	for ctx.Err() == nil {
		state := n.chainState.Load()
		made, err := add()
		changes = append(changes, made...)
		if n.chainState.Load() == state {
			return changes, err
		}
		removed, sound := n.reconsider(made)
		changes = append(changes, removed...)
		if err == nil && sound {
			return changes, nil
		}
	}
	return changes, ctx.Err()
}

// reconsider removes again what was added if any of it is not valid by the chain
// as it is now, and reports whether all is: of a package all or nothing stays. What
// a block contains takes nothing with it that spends from it. Amid a
// reorganization, inputs may be missing for the moment, so all stays until
// everything is checked.
func (n *Node) reconsider(made []mempool.Change) (removed []mempool.Change, sound bool) {
	added := slices.DeleteFunc(slices.Clone(made), func(c mempool.Change) bool { return !c.Added() })
	verdicts, sound := make([]error, len(added)), true
	for i, c := range added {
		verdicts[i] = n.pool.Recheck(c.Entry)
		sound = sound && verdicts[i] == nil
	}
	if sound || n.reorganized.Load() != n.reviewed.Load() {
		return nil, true
	}
	for i, c := range added {
		if errors.Is(verdicts[i], mempool.ErrAlreadyKnown) {
			removed = append(removed, n.pool.Confirm(c.Entry.WTxID)...)
		} else {
			removed = append(removed, n.pool.Remove(c.Entry.WTxID, mempool.ReasonConflict)...)
		}
	}
	return removed, false
}

// review offers transactions of blocks that left the chain to the mempool again,
// then checks all that is in there. What a later reorganization returned may be the
// parents of what an earlier one did, never the other way round.
func (n *Node) review(ctx context.Context) {
	var early []*wire.MsgTx // returned before their parents
	var taken uint64        // reorganizations
	for {
		select {
		case <-n.returned.wake:
		case <-ctx.Done():
			return
		}
		reorganizations := n.returned.take()
		if len(reorganizations) == 0 {
			continue
		}
		taken += uint64(len(reorganizations))
		slices.Reverse(reorganizations)
		returned := append(slices.Concat(reorganizations...), early...)
		early = nil
		for _, tx := range returned {
			if n.readmit(ctx, tx) {
				early = append(early, tx)
			}
		}
		if n.returned.empty() {
			early = nil // their parents are gone
			n.reviewed.Store(taken)
			n.recheck(ctx)
			n.retryAll() // blocks may have left and none come in their place
		}
	}
}

// readmit judges a transaction that a block contained, and reports whether it lacks
// its inputs. Nobody waits to hear of a refusal.
func (n *Node) readmit(ctx context.Context, tx *wire.MsgTx) (lacking bool) {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return false
	}
	c := candidate{origin: local, wtxid: chainhash.DoubleHashH(raw.Bytes()), raw: raw.Bytes(), returned: true}
	for ctx.Err() == nil {
		r := n.admit(ctx, c)
		if r.err == nil || refused(r.err) {
			n.deliver(ctx, r)
			return errors.Is(r.err, mempool.ErrMissingInputs)
		}
		n.deliver(ctx, result{changes: r.changes, stored: r.stored})
		wait(ctx, retryInterval)
	}
	return false
}

// recheck removes what is not valid any more. When more blocks have left the
// chain meanwhile it stops: what they return, others may spend, and all is
// checked once that is back.
func (n *Node) recheck(ctx context.Context) {
	for _, e := range n.pool.Snapshot() {
		switch err := n.verdict(ctx, e); {
		case !n.returned.empty():
			return
		case errors.Is(err, mempool.ErrAlreadyKnown):
			n.report(ctx, n.pool.Confirm(e.WTxID))
		case refused(err):
			n.report(ctx, n.pool.Remove(e.WTxID, mempool.ReasonReorg))
		}
	}
}

// verdict is Recheck's by one and the same chain, once the source can tell.
func (n *Node) verdict(ctx context.Context, e *mempool.Entry) error {
	for ctx.Err() == nil {
		state := n.chainState.Load()
		err := n.pool.Recheck(e)
		switch {
		case n.chainState.Load() != state:
		case err == nil || refused(err):
			return err
		default:
			wait(ctx, retryInterval)
		}
	}
	return ctx.Err()
}

// refused reports whether err is a verdict, and not a failure to judge.
func refused(err error) bool {
	var rule *mempool.RuleError
	return errors.As(err, &rule)
}

// wait lasts d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
