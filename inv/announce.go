package inv

import (
	"cmp"
	"slices"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// MaxUnannounced bounds how many of the transactions accepted while there was
// nobody to announce them to are announced to the first links that appear.
const MaxUnannounced = 5000

func (r *Relay) inAudience(p *peer) bool {
	return r.cfg.Audience == AudienceAll || (r.cfg.Audience == AudienceMesh && p.mesh)
}

// joinedAudience announces to the peer what nobody has been told yet. The rest
// is for reconciliation.
func (r *Relay) joinedAudience(p *peer) {
	r.unannounced = slices.DeleteFunc(r.unannounced, settled)
	for _, e := range r.unannounced[max(0, len(r.unannounced)-MaxUnannounced):] {
		if p.wants(e) {
			r.enqueue(p, e)
		}
	}
}

// settled reports that the transaction needs no first announcement any more.
func settled(e *entry) bool { return e.announced || e.gone }

// announce pushes the transaction to its audience or queues it for that, and
// reports whether anybody in it awaits it.
func (r *Relay) announce(e *entry, hop uint8, own bool) (awaited bool) {
	if r.cfg.Audience.Topic() {
		return r.published(e)
	}
	r.unannounced = append(r.unannounced, e)
	if len(r.unannounced) >= 2*MaxUnannounced {
		live := slices.DeleteFunc(r.unannounced, settled)
		r.unannounced = slices.Clone(live[max(0, len(live)-MaxUnannounced):])
	}
	if !r.mayTell(e) {
		return true
	}
	to := r.awaiting(e)
	if len(to) == 0 {
		return false
	}
	edge := to[r.cfg.Rand.IntN(len(to))]
	for _, p := range to {
		if own {
			hop = uint8(r.cfg.Rand.IntN(2))
		}
		if !r.eager(hop, p == edge) || !r.push(p, e, hop+1) {
			r.enqueue(p, e)
		}
	}
	return true
}

// published offers every peer what the caller publishes, and reports whether there
// are any.
func (r *Relay) published(e *entry) bool {
	for _, p := range r.order {
		r.announceTo(p, e)
		r.announcedTo(p, e, false)
	}
	return len(r.order) > 0
}

// awaiting is everybody in the audience who is not known to have the
// transaction and whose fee floor it meets.
func (r *Relay) awaiting(e *entry) (to []*peer) {
	for _, p := range r.order {
		if r.inAudience(p) && p.wants(e) {
			to = append(to, p)
		}
	}
	return to
}

func (r *Relay) enqueue(p *peer, e *entry) {
	if len(p.waiting) == 0 {
		p.invAt = r.tick(p)
	}
	p.waiting = append(p.waiting, e)
}

const (
	// trickleOutbound and trickleInbound are the mean times between the ticks of
	// an outbound link and of all inbound links together, which so learn nothing
	// from each other (Core: OUTBOUND_INVENTORY_BROADCAST_INTERVAL,
	// INBOUND_INVENTORY_BROADCAST_INTERVAL).
	trickleOutbound = 2 * time.Second
	trickleInbound  = 5 * time.Second
)

// tick is when the link's next tick is. A Poisson process has no memory, so that
// it can be drawn when it is needed.
func (r *Relay) tick(p *peer) time.Time {
	after := func(mean time.Duration) time.Time {
		return r.now.Add(time.Duration(r.cfg.Rand.ExpFloat64() * float64(mean)))
	}
	switch {
	case !r.cfg.Trickle:
		return r.now.Add(r.cfg.InvInterval)
	case p.Outbound:
		return after(trickleOutbound)
	case !r.inboundTick.After(r.now):
		r.inboundTick = after(trickleInbound)
	}
	return r.inboundTick
}

// flushInvs announces what waits for a peer if its tick is due, or if
// something else is sent to it anyway.
func (r *Relay) flushInvs() {
	for _, p := range r.order {
		if len(p.waiting) > 0 && (r.due(p.invAt) || p.addressed && !r.cfg.Trickle) {
			r.flushInv(p)
		}
		p.addressed = false
	}
}

// acknowledged notes that something came from the peer. The acknowledgement costs
// a packet anyway, which takes along what waits. At most three times in an
// interval: when much is announced, the packets would become too many.
func (r *Relay) acknowledged(p *peer) {
	if len(p.waiting) > 0 && r.due(p.toldAt.Add(r.cfg.InvInterval/3)) {
		p.addressed = true
	}
}

func (r *Relay) flushInv(p *peer) {
	waiting := p.waiting
	p.waiting, p.invAt, p.toldAt = nil, time.Time{}, r.now
	sortParentsFirst(waiting)
	var ids []relaymsg.ShortID
	for _, e := range waiting {
		if !p.wants(e) { // not any more
			if p.knows(e.id) {
				r.pool.list(e) // as it would be if the peer had not been faster
			}
			continue
		}
		ids = append(ids, r.announceTo(p, e))
		r.announcedTo(p, e, false)
	}
	for chunk := range slices.Chunk(ids, relaymsg.MaxInvIDs) {
		r.send(p, &relaymsg.Inv{IDs: chunk})
	}
}

// announceTo offers the transaction to the peer. From then on others may learn
// of it in rounds.
func (r *Relay) announceTo(p *peer, e *entry) relaymsg.ShortID {
	e.announced = true
	r.pool.list(e)
	return p.offer(e)
}

// sortParentsFirst puts parents before children and, among equals, what pays more
// first. The rest is decided by our own ids: an order that tells nothing about
// that of arrival.
func sortParentsFirst(txs []*entry) {
	slices.SortFunc(txs, func(a, b *entry) int {
		return cmp.Or(
			cmp.Compare(a.Ancestors, b.Ancestors),
			cmp.Compare(b.FeeRate, a.FeeRate),
			cmp.Compare(a.id, b.id),
		)
	})
}
