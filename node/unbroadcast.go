package node

import (
	"context"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// unbroadcast is the transactions submitted here that may not have reached the
// network. It is safe for concurrent use.
type unbroadcast struct {
	mu  sync.Mutex
	set map[chainhash.Hash]struct{}
}

func newUnbroadcast() *unbroadcast { return &unbroadcast{set: make(map[chainhash.Hash]struct{})} }

func (u *unbroadcast) add(wtxid chainhash.Hash) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set[wtxid] = struct{}{}
}

func (u *unbroadcast) remove(wtxid chainhash.Hash) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.set, wtxid)
}

func (u *unbroadcast) has(wtxid chainhash.Hash) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.set[wtxid]
	return ok
}

func (u *unbroadcast) len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.set)
}

// Unbroadcast reports whether the transaction was submitted here and is
// announced again and again until peers have shown that they hold it, also after
// a restart.
func (n *Node) Unbroadcast(wtxid chainhash.Hash) bool { return n.unbroadcast.has(wtxid) }

// UnbroadcastCount is how many transactions of the mempool that is.
func (n *Node) UnbroadcastCount() int { return n.unbroadcast.len() }

// submitted notes, before that is stored, that those of the transactions which are
// in the mempool are to be announced until they have arrived.
func (n *Node) submitted(wtxids []chainhash.Hash) {
	for _, wtxid := range wtxids {
		if n.pool.Get(wtxid) != nil {
			n.unbroadcast.add(wtxid)
		}
	}
}

// resubmitted has the engine announce again what was there already.
func (n *Node) resubmitted(now time.Time, wtxids []chainhash.Hash) {
	for _, wtxid := range wtxids {
		if n.relay.Resubmitted(now, wtxid); n.pool.Get(wtxid) == nil {
			n.unbroadcast.remove(wtxid)
		}
	}
}

// arrived notes that the transactions have reached the network.
func (n *Node) arrived(wtxids []chainhash.Hash) {
	for _, wtxid := range wtxids {
		n.unbroadcast.remove(wtxid)
		n.broadcast.put(wtxid)
	}
}

// forgetAfter is how long what arrived waits for others, to be stored together: each
// record is written once more for it.
const forgetAfter = 100 * time.Millisecond

// storeBroadcast has storage forget that transactions were unbroadcast or standing,
// until ctx ends.
func (n *Node) storeBroadcast(ctx context.Context) {
	var due <-chan time.Time
	for {
		select {
		case <-n.broadcast.wake:
			if due == nil {
				due = time.After(forgetAfter)
			}
		case <-due:
			due = nil
			n.forgetUnbroadcast(ctx)
		case <-n.standing.gone.wake:
			n.forgetStanding(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// forgetUnbroadcast stores what arrived. What cannot be stored is announced again
// after a restart.
func (n *Node) forgetUnbroadcast(ctx context.Context) {
	if err := n.persist(ctx, n.broadcast.take(), nil); err != nil {
		n.log.Debug("storage keeps transactions as unbroadcast that are not", "reason", err)
	}
}
