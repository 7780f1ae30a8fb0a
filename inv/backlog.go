package inv

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

const (
	// sendBurst is for how long at [Config.SendRate] the transactions of a burst
	// may be told at once (Core: 30 s).
	sendBurst = 30 * time.Second
	// sendBytes of transactions may be told at once, and sendBytesPerTx more for
	// each at SendRate (Core: 12 MB; 20 kB/s at 14 transactions per second).
	sendBytes      = 12_000_000
	sendBytesPerTx = 1430
	// backlogPause is how often the backlog is looked at (Core:
	// INVENTORY_BUCKET_CHECK_DELAY).
	backlogPause = 100 * time.Millisecond
)

// backlog is the accepted transactions that nobody is told of yet because too
// many came before, and the buckets that say so. One that leaves the mempool
// meanwhile is dropped at the next look.
type backlog struct {
	waiting    []*entry
	count      bucket
	bytes      bucket
	releasedAt time.Time // zero: nothing waits
}

func newBacklog(rate int) backlog {
	return backlog{
		count: newBucket(sendBurst.Seconds()*float64(rate), float64(rate)),
		bytes: newBucket(sendBytes, sendBytesPerTx*float64(rate)),
	}
}

// take takes what telling of the transaction costs, if the buckets have it.
func (b *backlog) take(now time.Time, e *entry) bool {
	b.bytes.refill(now)
	if b.bytes.tokens < float64(e.Size) || !b.count.take(now, 1) {
		return false
	}
	return b.bytes.take(now, float64(e.Size))
}

// mayTell reports whether the transaction may be told of now. If not, it waits in
// the backlog.
func (r *Relay) mayTell(e *entry) bool {
	b := &r.backlog
	if r.cfg.SendRate == 0 || len(b.waiting) == 0 && b.take(r.now, e) {
		return true
	}
	if len(b.waiting) == 0 {
		b.releasedAt = r.now.Add(backlogPause)
	}
	b.waiting = append(b.waiting, e)
	return false
}

// releaseBacklog queues of the backlog what may be told now, parents first, then
// what pays the most. It is too late for pushing it.
func (r *Relay) releaseBacklog() {
	b := &r.backlog
	if !r.due(b.releasedAt) {
		return
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(e *entry) bool { return e.gone })
	sortParentsFirst(b.waiting)
	n := 0
	for _, e := range b.waiting {
		if !b.take(r.now, e) {
			break
		}
		for _, p := range r.awaiting(e) {
			r.enqueue(p, e)
		}
		n++
	}
	b.waiting = slices.Delete(b.waiting, 0, n)
	b.releasedAt = time.Time{}
	if len(b.waiting) > 0 {
		b.releasedAt = r.now.Add(backlogPause)
	}
}

// FeeRateChanged tells the fee rate of the chunk that a transaction of the mempool
// is in now, which a child of it may have raised. It is announced to those whose
// fee floor that meets, so that a parent which pays too little alone travels with
// the child that pays for it; tell it before that child's Accepted.
func (r *Relay) FeeRateChanged(now time.Time, wtxid chainhash.Hash, rate uint64) {
	r.advance(now)
	e := r.pool.get(wtxid)
	if e == nil || e.FeeRate == rate {
		return
	}
	before := e.FeeRate
	e.FeeRate = rate
	for _, p := range r.order {
		if before < p.FeeFloor && r.inAudience(p) && p.wants(e) {
			r.enqueue(p, e)
		}
	}
}
