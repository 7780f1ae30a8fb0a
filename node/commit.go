package node

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxUncommitted bounds the results that wait for storage.
	maxUncommitted = 128
	// maxGroup bounds the transactions that are committed together, in bytes, so
	// that badger takes them at once.
	maxGroup = 256 << 10
)

// commitResults brings storage in line with what the validation workers changed,
// and hands their results to the loop, until the channel closes. All results that
// wait are committed together: each commit costs as much as validating one of
// them.
func (n *Node) commitResults(ctx context.Context) {
	longer, cancel := lingering(ctx)
	defer cancel()
	for r := range n.uncommitted {
		group := n.gather(r)
		n.commit(longer, group)
		for _, r := range group {
			n.deliver(ctx, r)
		}
	}
}

// gather takes the results that wait behind the first.
func (n *Node) gather(first result) []result {
	group := []result{first}
	for size := first.size(); size < maxGroup; {
		select {
		case r, ok := <-n.uncommitted:
			if !ok {
				return group
			}
			group = append(group, r)
			size += r.size()
		default:
			return group
		}
	}
	return group
}

// commit brings storage in line with what judging the candidates of the group
// changed, until ctx ends.
func (n *Node) commit(ctx context.Context, group []result) {
	var wtxids []chainhash.Hash
	var changes []mempool.Change
	for _, r := range group {
		if r.origin == local && !r.imported() {
			n.submitted(r.write)
		}
		wtxids = append(wtxids, r.write...)
		changes = append(changes, r.changes...)
	}
	stored := n.store(ctx, wtxids, changes)
	for i := range group {
		group[i].stored = stored
	}
}

// admit judges the candidate and commits what that changed.
func (n *Node) admit(ctx context.Context, c candidate) result {
	ctx, cancel := lingering(ctx)
	defer cancel()
	group := []result{n.judged(ctx, c)}
	n.commit(ctx, group)
	return group[0]
}

// deliver hands a result to the loop.
func (n *Node) deliver(ctx context.Context, r result) {
	select {
	case n.results <- r:
	case <-ctx.Done():
	}
}
