package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// A step is a change on its way to the engine and to observers.
type step struct {
	change mempool.Change
	result *pending
}

// pending is a result some of whose changes have not been told.
type pending struct {
	result
	left int
}

// settle takes in what became of a candidate, or of the mempool without one.
//
// Workers finish in any order, but the engine and all observers must hear of
// the mempool's changes in the order in which they happened, or a removal could
// be undone by the addition before it. The pool's sequence has no gaps: a change
// that is early waits until those before it have come, and whoever waits for a
// result is answered after the last of its changes.
func (n *Node) settle(r result) {
	if len(r.changes) == 0 {
		n.conclude(r)
		return
	}
	p := &pending{r, len(r.changes)}
	for _, c := range r.changes {
		n.early[c.Sequence] = step{c, p}
	}
	for {
		next, ok := n.early[n.applied+1]
		if !ok {
			return
		}
		delete(n.early, n.applied+1)
		n.applied++
		n.apply(next.change, next.result.candidate)
		if next.result.left--; next.result.left == 0 {
			n.conclude(next.result.result)
		}
	}
}

// apply tells the engine and observers of a change that the candidate made.
func (n *Node) apply(change mempool.Change, c candidate) {
	now, e := time.Now(), change.Entry
	told := Event{Time: now, Kind: EventAdded, Sequence: change.Sequence, WTxID: e.WTxID, TxID: e.TxID}
	if len(e.Raw) > 0 {
		told.Entry = e
	}
	if change.Added() {
		n.added(now, e, c)
		told.Local, told.Peer = c.origin == local, n.peers[c.origin]
	} else {
		n.removed(now, change)
		told.Kind, told.Reason = EventRemoved, change.Reason
		if change.ReplacedBy != nil {
			told.ReplacedBy = change.ReplacedBy.WTxID
		}
	}
	n.tell(told)
	n.changedStanding(change)
	if n.past != nil {
		n.past.tell(e.WTxID, e.TxID, change.Added())
	}
}

// conclude tells the engine and everybody who waits what became of a candidate
// whose changes are told.
func (n *Node) conclude(r result) {
	now := time.Now()
	switch {
	case r.stored != nil:
		n.storageFailed(r.stored)
	case len(r.changes) > 0:
		n.unwritten.Store(nil)
	}
	n.relay.FeeFloorChanged(now, uint64(n.pool.Info().MinFeeRate))
	if r.done != nil {
		n.answers = append(n.answers, r)
	}
	if r.stood {
		n.judgedStanding(now, r)
	}
	if r.origin == local {
		n.resubmitted(now, r.again)
	} else {
		n.concludeMembers(now, r)
	}
	if r.err != nil {
		n.decided(r.wtxid, false)
	}
	switch {
	case r.err == nil || r.imported():
	case errors.Is(r.err, mempool.ErrAlreadyInMempool):
		n.relay.Rejected(now, r.wtxid, false)
	case errors.Is(r.err, mempool.ErrMissingInputs) && r.origin != local:
		n.orphaned(now, r)
	case r.returned || r.stood:
	case errors.As(r.err, new(declined)):
	default:
		if r.origin != local {
			n.rejected(now, r.chain, r.wtxid, r.err)
			n.refusals.add(r.wtxid, r.err)
			n.refusedForFee(r)
		}
		n.tell(Event{Time: now, Kind: EventRejected, WTxID: r.wtxid, Err: r.err, Local: r.origin == local, Peer: n.peers[r.origin]})
	}
}

// rejected tells the engine of a verdict on what a peer sent, by a state of the
// chain. It does not hold if that changed, for the engine may have forgotten such
// verdicts already. What pays too little alone may come again with a child.
func (n *Node) rejected(now time.Time, chain uint64, wtxid chainhash.Hash, err error) {
	holds := chain == n.chainState.Load()
	if holds && mempool.Reconsiderable(err) {
		n.relay.RejectedForFee(now, wtxid)
	} else {
		n.relay.Rejected(now, wtxid, holds && forGood(err))
	}
}

// concludeMembers tells of the members of a peer's package that did not enter. The
// orphan of one that is no package, such as one too large, waits on.
func (n *Node) concludeMembers(now time.Time, r result) {
	if refused(r.packErr) && r.members == nil && r.announcers != nil {
		for _, c := range n.bequeath([]candidate{r.candidate}) {
			n.relay.Abandoned(now, c.wtxid)
		}
	}
	for _, m := range r.members {
		switch {
		case m.Err == nil || errors.Is(m.Err, mempool.ErrAlreadyInMempool):
		case errors.Is(m.Err, mempool.ErrMissingInputs):
			announcers := []uint64{uint64(r.origin)}
			if m.Entry.WTxID == r.wtxid {
				announcers = append(r.announcers, announcers...)
			}
			n.keepOrphan(now, m.Entry, announcers...)
		default:
			n.rejected(now, r.chain, m.Entry.WTxID, m.Err)
		}
	}
}

// refusedForFee judges a transaction that pays too little once more, with each
// child of it that waits.
func (n *Node) refusedForFee(r result) {
	if !mempool.Reconsiderable(r.err) {
		return
	}
	n.low.add(r.entry.TxID, r.raw)
	for _, o := range n.orphans.TakeChildren(r.entry.TxID) {
		n.again(o, candidate{origin: n.admission.idlest(o.Announcers), pack: [][]byte{r.raw, o.Raw}})
	}
}

func (n *Node) added(now time.Time, e *mempool.Entry, c candidate) {
	source := inv.SourcePeer
	switch {
	case c.origin == local && !c.restored && !c.imported() || n.unbroadcast.has(e.WTxID):
		source = inv.SourceLocal
	case c.restored:
		source = inv.SourceRestored
	}
	n.reprice(now, e)
	n.relay.Accepted(now, n.announcement(e), source)
	if !c.restored {
		n.publishOnTopic(e)
	}
	n.orphans.Remove(e.WTxID)
	n.adopt(n.orphans.TakeChildren(e.TxID))
}

// removed also keeps the engine from fetching the transaction back at once from
// a peer who still has it: one that has not seen the block, or who had room.
// What a block decided against another may allow again, so that is judged anew.
func (n *Node) removed(now time.Time, change mempool.Change) {
	e := change.Entry
	n.relay.Removed(now, e.WTxID)
	n.unbroadcast.remove(e.WTxID)
	switch change.Reason {
	case mempool.ReasonConflict, mempool.ReasonReorg:
	case mempool.ReasonSizeLimit, mempool.ReasonExpiry:
		n.relay.RejectedForFee(now, e.WTxID) // a child may pay for it
	default:
		n.relay.Rejected(now, e.WTxID, true)
	}
}

// orphaned keeps a transaction until its parents come, and judges it together
// with one that was refused for its fee. It is judged again alone at once only
// when one came since the pool looked for it: a parent that was there then does
// not make up for the one that is missing.
func (n *Node) orphaned(now time.Time, r result) {
	announcers := append(r.announcers, uint64(r.origin))
	for _, id := range n.relay.Orphaned(now, r.wtxid) {
		announcers = append(announcers, uint64(id))
	}
	if !n.keepOrphan(now, r.entry, announcers...) {
		return
	}
	for in := range r.entry.Inputs() {
		if parent := n.pool.GetByTxID(in.PreviousOutPoint.Hash); parent != nil && parent.Sequence > r.since {
			n.adopt(n.orphans.TakeChildren(parent.TxID))
		}
	}
	for _, raw := range n.low.parentsOf(r.entry) {
		n.admission.push(candidate{origin: r.origin, pack: [][]byte{raw, r.raw}})
	}
}

// keepOrphan keeps an orphan for those of its announcers that are still there,
// for nobody would remove it for the others, and reports whether there are any.
func (n *Node) keepOrphan(now time.Time, e *mempool.Entry, announcers ...uint64) bool {
	for _, announcer := range announcers {
		if _, linked := n.peers[p2p.PeerID(announcer)]; linked {
			n.orphans.Add(e, announcer, now)
		}
	}
	return n.orphans.Has(e.WTxID)
}

// adopt judges orphans again whose parent is in the mempool now, each in the line of
// that announcer of it who has the least waiting: no other can delay it.
func (n *Node) adopt(orphans []mempool.Orphan) {
	for _, o := range orphans {
		n.again(o, candidate{origin: n.admission.idlest(o.Announcers), raw: o.Raw})
	}
}

// again has an orphan judged once more, in the line of the candidate's origin. If there
// is no room, it is forgotten and asked for again.
func (n *Node) again(o mempool.Orphan, c candidate) {
	c.wtxid, c.announcers = o.WTxID, o.Announcers
	if !n.admission.push(c) {
		n.relay.Abandoned(time.Now(), o.WTxID)
	}
}

// bequeath has orphans judged again, each without what it was to be judged with, in the
// line of one of those who announced it and are still there, and returns what nobody
// like that announced.
func (n *Node) bequeath(waiting []candidate) (left []candidate) {
	for _, c := range waiting {
		heirs := slices.DeleteFunc(slices.Clone(c.announcers), func(id uint64) bool {
			_, linked := n.peers[p2p.PeerID(id)]
			return !linked
		})
		if len(heirs) == 0 {
			left = append(left, c)
			continue
		}
		if c.pack != nil {
			c.raw = c.pack[len(c.pack)-1]
		}
		n.adopt([]mempool.Orphan{{WTxID: c.wtxid, Raw: c.raw, Announcers: heirs}})
	}
	return left
}

// orphansAnnounced keeps orphans for those who announced them later as well.
func (n *Node) orphansAnnounced(announcements []inv.Announcement) {
	for _, a := range announcements {
		if _, linked := n.peers[p2p.PeerID(a.Peer)]; linked {
			n.orphans.AddAnnouncer(a.WTxID, uint64(a.Peer))
		}
	}
}

// reprice tells the engine what the relatives of a new entry pay with it.
func (n *Node) reprice(now time.Time, e *mempool.Entry) {
	for _, chunk := range n.pool.Cluster(e) {
		for _, relative := range chunk.Entries {
			n.relay.FeeRateChanged(now, relative.WTxID, uint64(chunk.FeeRate()))
		}
	}
}

// announcement is what the engine needs to order and bound announcements.
func (n *Node) announcement(e *mempool.Entry) inv.Tx {
	tx := inv.Tx{WTxID: e.WTxID, FeeRate: uint64(n.pool.ChunkOf(e).FeeRate()), Size: len(e.Raw), Ancestors: len(n.pool.Ancestors(e))}
	if tx.Ancestors == 0 {
		return tx
	}
	for in := range e.Inputs() {
		if parent := n.pool.GetByTxID(in.PreviousOutPoint.Hash); parent != nil {
			tx.Parents = append(tx.Parents, parent.WTxID)
		}
	}
	return tx
}

// forGood reports whether the transaction need not be asked for again. What is
// premature by the tip of the previous outputs stays so as long as they do.
func forGood(err error) bool {
	var rule *mempool.RuleError
	return errors.As(err, &rule) && !rule.Kind.Transient()
}

// expirySweep is how often the mempool is asked what has expired.
const expirySweep = time.Minute

// expire removes what has been in the mempool for too long, until ctx ends.
func (n *Node) expire(ctx context.Context) {
	sweep := time.NewTicker(expirySweep)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
		}
		n.report(ctx, n.pool.Expire(time.Now()))
	}
}

// report commits changes that no candidate made and hands them to the loop.
func (n *Node) report(ctx context.Context, changes []mempool.Change) {
	if len(changes) > 0 {
		n.deliver(ctx, result{changes: changes, stored: n.persist(ctx, wtxidsOf(changes), changes)})
	}
}
