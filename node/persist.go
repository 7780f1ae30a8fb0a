package node

import (
	"context"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// persist is store for a while longer than ctx lasts, so that what is in the
// mempool when the node is told to stop is there when it starts again.
func (n *Node) persist(ctx context.Context, wtxids []chainhash.Hash, changes []mempool.Change) error {
	ctx, cancel := lingering(ctx)
	defer cancel()
	return n.store(ctx, wtxids, changes)
}

// store makes storage hold of the named transactions what the mempool holds
// of them, adds the changes to the log of events, and returns when that is
// committed.
//
// Workers add and remove the same transaction in quick succession, and their
// writes may overtake each other. So a write is not the change that caused it:
// one transaction is written by one worker at a time, who then looks what has
// become of it. Whoever comes last finds, and writes, how it ended.
//
// So an event may be committed before another worker's write of what it tells. A
// crash between the two leaves the log ahead of the records, or behind them, and
// the next start adds to it what is missing.
func (n *Node) store(ctx context.Context, wtxids []chainhash.Hash, changes []mempool.Change) error {
	if len(wtxids) == 0 {
		return nil
	}
	n.writes.acquire(wtxids)
	defer n.writes.release(wtxids)
	b := storage.Batch{Events: logged(changes)}
	for _, id := range wtxids {
		if e := n.pool.Get(id); e != nil {
			b.Put = append(b.Put, n.record(e))
		} else {
			b.Delete = append(b.Delete, id)
		}
	}
	return n.db.Commit(ctx, b)
}

// stopGrace is how long a node that is told to stop goes on writing.
const stopGrace = 2 * time.Second

// lingering is a context that ends some time after ctx does.
func lingering(ctx context.Context) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return longer, func() { stop(); cancel() }
}

// record is what storage keeps of an entry.
func (n *Node) record(e *mempool.Entry) storage.Record {
	return storage.Record{
		WTxID: e.WTxID, Raw: e.Raw, Time: e.Time, Sequence: e.Sequence,
		Unbroadcast: n.unbroadcast.has(e.WTxID),
	}
}

// wtxidsOf names each transaction that changed once.
func wtxidsOf(changes []mempool.Change) []chainhash.Hash {
	var ids []chainhash.Hash
	seen := make(map[chainhash.Hash]struct{}, len(changes))
	for _, c := range changes {
		if _, twice := seen[c.Entry.WTxID]; !twice {
			seen[c.Entry.WTxID] = struct{}{}
			ids = append(ids, c.Entry.WTxID)
		}
	}
	return ids
}

// writing is the set of transactions that some worker is writing to storage.
type writing struct {
	mu   sync.Mutex
	done sync.Cond
	busy map[chainhash.Hash]struct{}
}

func newWriting() *writing {
	w := &writing{busy: make(map[chainhash.Hash]struct{})}
	w.done.L = &w.mu
	return w
}

// acquire waits until nobody writes any of the transactions and then takes them
// all, so that two who want the same never wait for each other.
func (w *writing) acquire(wtxids []chainhash.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.anyBusy(wtxids) {
		w.done.Wait()
	}
	for _, id := range wtxids {
		w.busy[id] = struct{}{}
	}
}

func (w *writing) anyBusy(wtxids []chainhash.Hash) bool {
	for _, id := range wtxids {
		if _, busy := w.busy[id]; busy {
			return true
		}
	}
	return false
}

func (w *writing) release(wtxids []chainhash.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range wtxids {
		delete(w.busy, id)
	}
	w.done.Broadcast()
}
