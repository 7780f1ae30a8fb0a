package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
)

// errNotStanding: a transaction was aborted, or expired, while it waited to be tried.
var errNotStanding = errors.New("transaction does not stand any more")

// standing is the transactions left standing, in memory and in storage.
type standing struct {
	lot     *mempool.ParkingLot
	writing sync.Mutex               // orders writes to storage
	gone    *mailbox[chainhash.Hash] // not standing any more, to be stored
}

func newStanding() *standing {
	return &standing{lot: mempool.NewParkingLot(), gone: newMailbox[chainhash.Hash]()}
}

// Stand submits like Submit. What the mempool does not take now but may take later
// (it pays too little, lacks a parent, conflicts with what is there) is left
// standing: kept in the data directory, and tried again when what it waits for may
// have changed, until the mempool takes it, refuses it for good, somebody aborts
// it, or two weeks have passed. Then the Standing is returned, and it is committed;
// a nil one without an error means that the mempool has the transaction.
//
// With a maxFeeRate above 0, in satoshi per kvB, one that pays more is refused with
// [mempool.ErrMaxFeeRate], now or when that turns out. Other errors are those of
// Submit, and [mempool.ErrLotFull].
func (n *Node) Stand(ctx context.Context, raw []byte, maxFeeRate int64) (*mempool.Standing, error) {
	s := mempool.Standing{Raw: raw, MaxFeeRate: maxFeeRate, Since: time.Now()}
	e, refusal := n.SubmitIf(ctx, raw, s.Allow)
	if refusal == nil || !mempool.MayStand(refusal) {
		return nil, refusal
	}
	_, stood := n.standing.lot.Get(chainhash.DoubleHashH(raw))
	s, err := n.standing.lot.Put(s)
	if err != nil {
		return nil, err
	}
	if err := n.storeStanding(ctx, s.WTxID); err != nil {
		if !stood {
			n.standing.lot.Remove(s.WTxID)
		}
		return nil, fmt.Errorf("left standing it would not survive a restart: %w", err)
	}
	n.stillStands(time.Now(), e, refusal)
	// What it waited for may have come since it was refused.
	n.retry(append(n.standing.lot.ChildrenOf(s.TxID), s.WTxID)...)
	if latest, ok := n.standing.lot.Get(s.WTxID); ok { // else what it waited for came while it was committed
		s = latest
	}
	s.Err = refusal
	return &s, nil
}

// Standing is what is left standing, the oldest first.
func (n *Node) Standing() []mempool.Standing { return n.standing.lot.All() }

// AbortStanding gives up what stands with this txid or wtxid, and returns it. What
// waits to be tried is not tried any more; what the mempool is taking already may
// still enter it. An error means that it may stand again after a restart.
func (n *Node) AbortStanding(ctx context.Context, id chainhash.Hash) ([]mempool.Standing, error) {
	removed := n.standing.lot.Remove(id)
	var ids []chainhash.Hash
	for _, s := range removed {
		ids = append(ids, s.WTxID)
	}
	return removed, n.storeStanding(ctx, ids...)
}

// storeStanding makes storage hold of these transactions what stands of them.
func (n *Node) storeStanding(ctx context.Context, wtxids ...chainhash.Hash) error {
	if len(wtxids) == 0 {
		return nil
	}
	n.standing.writing.Lock()
	defer n.standing.writing.Unlock()
	var b storage.Batch
	for _, id := range wtxids {
		if s, ok := n.standing.lot.Get(id); ok {
			b.Stand = append(b.Stand, storage.Standing{WTxID: s.WTxID, Raw: s.Raw, MaxFeeRate: s.MaxFeeRate, Since: s.Since})
		} else {
			b.Unstand = append(b.Unstand, id)
		}
	}
	return n.db.Commit(ctx, b)
}

// forgetStanding stores what does not stand any more. What cannot be stored is
// tried again after a restart, and found to be done with.
func (n *Node) forgetStanding(ctx context.Context) {
	ctx, cancel := lingering(ctx)
	defer cancel()
	if err := n.storeStanding(ctx, n.standing.gone.take()...); err != nil {
		n.log.Debug("storage keeps transactions as standing that are not", "reason", err)
	}
}

// loadStanding reads what stood when the node was stopped.
func (n *Node) loadStanding() error {
	return n.db.Standing(func(s storage.Standing) error {
		_, err := n.standing.lot.Put(mempool.Standing{Raw: s.Raw, MaxFeeRate: s.MaxFeeRate, Since: s.Since})
		if err != nil {
			n.log.Warn("stored transaction cannot be left standing", "wtxid", s.WTxID, "reason", err)
		}
		return nil
	})
}

// retryAll has everything that stands judged again.
func (n *Node) retryAll() {
	for _, s := range n.standing.lot.All() {
		n.retry(s.WTxID)
	}
}

// retry has what stands judged again, together with standing parents that it may
// pay for.
func (n *Node) retry(wtxids ...chainhash.Hash) {
	for _, id := range wtxids {
		s, pack := n.standing.lot.Take(id)
		if len(pack) == 0 {
			continue
		}
		c := candidate{origin: local, wtxid: id, stood: true, allow: n.allowStanding}
		if len(pack) > 1 {
			c.pack = pack
		} else {
			c.raw = s.Raw
		}
		n.admission.push(c)
	}
}

// allowStanding is the condition of those that stand: each has its own.
func (n *Node) allowStanding(e *mempool.Entry) error {
	s, stands := n.standing.lot.Get(e.WTxID)
	if !stands {
		return errNotStanding
	}
	return s.Allow(e)
}

// changedStanding retries what may have waited for a change of the mempool, and
// lets go what entered it.
func (n *Node) changedStanding(change mempool.Change) {
	if change.Added() {
		n.unstand(n.standing.lot.Remove(change.Entry.WTxID))
	}
	n.retry(n.standing.lot.Changed(change, n.pool)...)
}

// decidedStanding notes what a block has decided against. It stands on, for a
// reorganization may undo that.
func (n *Node) decidedStanding(b mempool.Block) {
	for _, s := range n.standing.lot.Connect(b) {
		n.log.Info("a block spends what a standing transaction spends", "wtxid", s.WTxID, "by", s.Rival)
	}
}

// unstand has storage forget what does not stand any more.
func (n *Node) unstand(removed []mempool.Standing) {
	for _, s := range removed {
		n.standing.gone.put(s.WTxID)
	}
}

// judgedStanding takes in what became of a transaction that stood, alone or as the
// last of a package.
func (n *Node) judgedStanding(now time.Time, r result) {
	e, err := r.entry, r.err
	if r.pack != nil {
		e, err = n.judgedPackage(now, r)
	}
	again := false
	var own declined
	switch {
	case err == nil || errors.Is(err, mempool.ErrAlreadyInMempool):
		n.unstand(n.standing.lot.Remove(r.wtxid))
	case errors.As(err, &own) && errors.Is(own.error, errNotStanding): // or it was left standing anew, and tried then
	case errors.As(err, &own):
		n.unstandForGood(now, r.wtxid, own.error)
	case e == nil || !refused(err):
		again = n.stillStands(now, &mempool.Entry{WTxID: r.wtxid}, err)
	case mempool.MayStand(err):
		again = n.stillStands(now, e, err)
	default:
		n.unstandForGood(now, r.wtxid, err)
	}
	if again {
		n.retry(r.wtxid)
	}
}

// judgedPackage is what became of the last of a package. It notes why the others
// of it still stand.
func (n *Node) judgedPackage(now time.Time, r result) (*mempool.Entry, error) {
	if r.packErr != nil && !refused(r.packErr) || len(r.members) == 0 {
		return nil, r.packErr
	}
	last := len(r.members) - 1
	for _, parent := range r.members[:last] {
		if mempool.MayStand(parent.Err) {
			n.standing.lot.RefusedParent(n.paid(parent.Entry), parent.Err, n.pool.Info().MinFeeRate, now)
		}
	}
	return r.members[last].Entry, r.members[last].Err
}

// stillStands notes why the mempool did not take what stands, as
// [mempool.ParkingLot.Refused] does.
func (n *Node) stillStands(now time.Time, e *mempool.Entry, why error) (again bool) {
	return n.standing.lot.Refused(n.paid(e), why, n.pool.Info().MinFeeRate, now)
}

// paid is the entry of what stands with its fee delta in its fee.
func (n *Node) paid(e *mempool.Entry) *mempool.Entry {
	paid := *e
	paid.Fee += n.pool.FeeDelta(e.TxID)
	return &paid
}

// unstandForGood lets go what the mempool will never take, and says so.
func (n *Node) unstandForGood(now time.Time, wtxid chainhash.Hash, why error) {
	n.unstand(n.standing.lot.Remove(wtxid))
	n.log.Info("a standing transaction is refused for good", "wtxid", wtxid, "reason", why)
	n.tell(Event{Time: now, Kind: EventRejected, WTxID: wtxid, Err: why, Local: true})
}

// sweepStanding tries what the minimum fee has fallen for, and gives up what has
// stood for too long.
func (n *Node) sweepStanding(now time.Time) {
	expired, due := n.standing.lot.Sweep(n.pool.Info().MinFeeRate, now)
	for _, s := range expired {
		n.log.Info("a standing transaction is given up after two weeks", "wtxid", s.WTxID, "reason", s.Err)
	}
	n.unstand(expired)
	n.retry(due...)
}
