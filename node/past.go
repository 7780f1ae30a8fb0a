package node

import (
	"context"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// past is what observers were told before the node started, and are told while it
// loads. Whoever applied all events holds what is in held.
type past struct {
	last uint64                            // number of the latest event before
	held map[chainhash.Hash]chainhash.Hash // txids by wtxid; zero if only the record tells
	gone map[chainhash.Hash]bool           // wtxids
}

func newPast() *past {
	return &past{held: make(map[chainhash.Hash]chainhash.Hash), gone: make(map[chainhash.Hash]bool)}
}

// readStored reads the records that storage kept and, at the same time, the log of
// events. With records damaged, the log begins anew.
func (n *Node) readStored(ctx context.Context) (records []storage.Record, p *past, damaged int, err error) {
	var group sync.WaitGroup
	var logErr error
	group.Go(func() { p, logErr = n.readEvents() })
	records, damaged, err = n.db.Load(ctx)
	group.Wait()
	if err != nil {
		return nil, nil, 0, fmt.Errorf("node: reading the stored mempool: %w", err)
	}
	if damaged > 0 && n.db.Deferred() == nil {
		p = newPast()
		if logErr = n.db.BeginEvents(); logErr != nil {
			logErr = fmt.Errorf("node: beginning the log of events anew: %w", logErr)
		}
	}
	if logErr != nil {
		return nil, nil, 0, logErr
	}
	for _, r := range records {
		if _, held := p.held[r.WTxID]; !held && !p.gone[r.WTxID] {
			p.held[r.WTxID] = chainhash.Hash{}
		}
	}
	_, p.last = n.db.EventRange()
	return records, p, damaged, nil
}

func (n *Node) readEvents() (*past, error) {
	p := newPast()
	if n.db.Deferred() != nil {
		return p, nil
	}
	for e, err := range n.db.EventsAfter(0) {
		if err != nil {
			return nil, fmt.Errorf("node: reading the log of events: %w", err)
		}
		p.tell(e.WTxID, e.TxID, e.Reason == "")
	}
	return p, nil
}

func (p *past) tell(wtxid, txid chainhash.Hash, added bool) {
	if added {
		p.held[wtxid] = txid
		delete(p.gone, wtxid)
	} else {
		p.gone[wtxid] = true
		delete(p.held, wtxid)
	}
}

// sequence is that of a record which observers know of, or 0.
func (p *past) sequence(r storage.Record) uint64 {
	if p.gone[r.WTxID] || r.Sequence > p.last {
		return 0
	}
	return r.Sequence
}

// leavePast ends the time in which the mempool is loaded: observers are told that
// what they believe to be there is not, because it is no longer valid or a kill
// left no trace of it, and other records that are not there are deleted.
func (n *Node) leavePast(ctx context.Context, records []storage.Record) {
	var changes []mempool.Change
	for wtxid, txid := range n.past.held {
		if n.pool.Get(wtxid) == nil {
			changes = append(changes, n.pool.Drop(wtxid, txid, mempool.ReasonReorg))
		}
	}
	var left []chainhash.Hash
	for _, r := range records {
		if _, held := n.past.held[r.WTxID]; !held && n.pool.Get(r.WTxID) == nil {
			n.unbroadcast.remove(r.WTxID)
			left = append(left, r.WTxID)
		}
	}
	n.past = nil
	n.restored(ctx, changes)
	if err := n.persist(ctx, left, nil); err != nil {
		n.log.Warn("stored transactions were not deleted", "transactions", len(left), "reason", err)
	}
}
