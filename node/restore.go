package node

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

const (
	// waveSize is how many stored transactions are judged before the engine hears
	// of them.
	waveSize = 512
	// progressSize is how many are judged between two lines in the log: some
	// seconds' worth.
	progressSize = 20_000
)

// restoreMany adds to the mempool those of the records that are valid by
// themselves, as of when they were first accepted, with as many workers as there
// are for validation. It returns the others in their order.
func (n *Node) restoreMany(ctx context.Context, records []storage.Record) (others []storage.Record) {
	done := 0
	for wave := range slices.Chunk(records, waveSize) {
		before := done
		done += len(wave)
		for again := true; again && ctx.Err() == nil; {
			rest := n.restoreWave(ctx, wave)
			again = len(rest) > 0 && len(rest) < len(wave) // what their parents were judged beside, is left
			wave = rest
		}
		others = append(others, wave...)
		if done/progressSize > before/progressSize && done < len(records) {
			n.log.Info("loading the mempool", "percent", 100*done/len(records), "judged", done)
		}
	}
	return others
}

// restoreWave judges the records at the same time, and then tells the engine of
// those that entered, in their order, and of what else this did to the mempool.
func (n *Node) restoreWave(ctx context.Context, wave []storage.Record) (others []storage.Record) {
	entries, changes := make([]*mempool.Entry, len(wave)), make([][]mempool.Change, len(wave))
	var taken atomic.Int64
	var group sync.WaitGroup
	for range workers() {
		group.Go(func() {
			for i := taken.Add(1) - 1; i < int64(len(wave)); i = taken.Add(1) - 1 {
				entries[i], changes[i] = n.judgeStored(wave[i])
			}
		})
	}
	group.Wait()
	for i, e := range entries {
		if e == nil {
			others = append(others, wave[i])
		} else {
			n.added(time.Now(), e, candidate{restored: true})
		}
	}
	n.restored(ctx, slices.Concat(changes...))
	return others
}

// judgeStored returns no entry for what does not enter, nor for what was stored
// without its place in the history.
func (n *Node) judgeStored(r storage.Record) (*mempool.Entry, []mempool.Change) {
	sequence, state := n.past.sequence(r), n.chainState.Load()
	if sequence == 0 {
		return nil, nil
	}
	e, changes, err := n.pool.Restore(r.Raw, r.Time, sequence)
	switch {
	case err != nil:
		return nil, changes
	case n.chainState.Load() != state && n.pool.Recheck(e) != nil:
		changes = append(changes, n.pool.Remove(e.WTxID, mempool.ReasonConflict)...)
	}
	return e, changes
}
