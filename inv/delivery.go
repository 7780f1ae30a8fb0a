package inv

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

const (
	// MaxTracedLocal bounds the transactions submitted here whose delivery is
	// remembered. Beyond it the oldest is forgotten, one that has been delivered
	// rather than one that has not, which from then on is left to reconciliation.
	MaxTracedLocal = 2000
	// MaxWitnesses bounds the peers remembered for one transaction: the latest
	// links, those that are gone first to be forgotten. More than that many
	// peers are not linked.
	MaxWitnesses = 128

	// witnessesWanted peers must have shown that they hold a transaction without
	// having it from us until it counts as broadcast (Core is content with one
	// that requested it, who may keep it to itself).
	witnessesWanted = 2
	// reannounceAfter is how long at least a transaction waits for that before
	// it is announced once more, and at most half as long again. It takes a round
	// with each of eight outbound peers. The wait doubles up to reannounceMax
	// (Core: 10 to 15 minutes always).
	reannounceAfter = time.Minute
	reannounceMax   = 10 * time.Minute
)

// Delivery is what is known of a transaction's way into the network. It is what
// peers told us, not proof: a peer that lies can show anything about itself.
type Delivery struct {
	WTxID       chainhash.Hash
	Local       bool      // submitted here
	Accepted    time.Time // into the mempool, or submitted here again
	Removed     time.Time // from the mempool; zero: it is there
	Unbroadcast bool      // it is announced again until enough peers have shown that they hold it
	Announced   int       // how often all who had not shown that were told of it again
	Next        time.Time // when that is due; zero: not any more
	Peers       []Evidence
}

// Evidence is what one peer has shown about one transaction. A zero time says
// that it has not.
type Evidence struct {
	Peer     PeerID
	Name     string // as [Peer] gave it
	Linked   bool   // still connected
	Outbound bool

	Announced  time.Time // first announced, pushed or offered in a round to it
	Pushed     bool      // the body went along
	Requested  time.Time // it first asked us for the body
	Told       time.Time // it announced or pushed it to us; no sooner than Accepted
	Reconciled time.Time // a round that we initiated, or with equal digests, found that it holds it

	// Independent: it showed that it holds the transaction before it had the body
	// from us.
	Independent bool
	// BelowFloor: the peer takes nothing that pays so little, so it is not told.
	BelowFloor bool
}

// Holds reports whether the peer has shown that it holds the transaction.
func (e *Evidence) Holds() bool { return !e.Told.IsZero() || !e.Reconciled.IsZero() }

// delivery is the memory of how transactions reach the network.
type delivery struct {
	byWTxID  map[chainhash.Hash]*trace
	local    traces // submitted here
	others   traces
	again    time.Time // no announcement is repeated before; zero: none at all
	revision uint64
}

// trace is the delivery of one transaction. Its evidence outlives the links, as
// a receipt must, within the bounds of the package.
type trace struct {
	Delivery
	tx    *entry
	born  uint64        // the later the larger, in its traces
	wait  time.Duration // before the random part of the time until the next announcement
	drawn bool          // Next includes that
}

// Delivery tells what is known of the transaction's way, and whether anything
// is: of those submitted here, and of the latest [Config.Trace] others.
func (r *Relay) Delivery(wtxid chainhash.Hash) (d Delivery, ok bool) {
	t := r.delivery.byWTxID[wtxid]
	if t == nil {
		return Delivery{}, false
	}
	d = t.Delivery
	d.Peers = slices.Clone(d.Peers)
	for i := range d.Peers {
		e := &d.Peers[i]
		p := r.peers[e.Peer]
		e.Linked = p != nil
		e.BelowFloor = p != nil && t.tx.FeeRate < p.FeeFloor
	}
	for _, p := range r.order {
		if t.find(p.id) == nil { // it was not told yet, or is not to be
			d.Peers = append(d.Peers, Evidence{Peer: p.id, Name: p.Name, Linked: true, Outbound: p.Outbound, BelowFloor: t.tx.FeeRate < p.FeeFloor})
		}
	}
	return d, true
}

// DeliveryRevision changes whenever what [Relay.Delivery] tells may have
// changed.
func (r *Relay) DeliveryRevision() uint64 { return r.delivery.revision }

// Resubmitted tells that a transaction of the mempool was submitted here, maybe
// not for the first time: it is announced again to all who have not shown that
// they hold it.
func (r *Relay) Resubmitted(now time.Time, wtxid chainhash.Hash) {
	r.advance(now)
	e := r.pool.get(wtxid)
	if e == nil {
		return
	}
	if e.trace == nil || !e.trace.Local {
		r.delivery.others.remove(e)
		r.trace(e, true)
	}
	t := e.trace
	t.Unbroadcast = true
	t.wait = reannounceAfter
	if !r.broadcast(t) {
		r.announceAgain(t)
	}
}

// trace begins to remember the delivery of the transaction, and what peers have
// shown about it already.
func (r *Relay) trace(e *entry, local bool) {
	d := &r.delivery
	traces, limit := &d.others, r.cfg.Trace
	if local {
		traces, limit = &d.local, MaxTracedLocal
	}
	if limit <= 0 {
		return
	}
	if len(traces.list) >= limit {
		r.forgetOldest(traces)
	}
	t := &trace{tx: e, wait: reannounceAfter}
	t.Delivery = Delivery{WTxID: e.WTxID, Local: local, Accepted: r.now, Unbroadcast: local}
	if e.trace != nil {
		t.Peers = e.trace.Peers
	}
	e.trace = t
	d.byWTxID[e.WTxID] = t
	traces.add(t)
	for _, p := range r.order {
		if _, ours := p.granted.get(p.Salt.ShortID(e.WTxID)); !ours && p.knows(e.id) {
			r.told(p, e)
		}
	}
	if t.Unbroadcast {
		r.announceLater(t)
	}
}

func (r *Relay) forgetOldest(traces *traces) {
	t := traces.takeOldest()
	if t.tx.trace == t {
		t.tx.trace = nil
	}
	if r.delivery.byWTxID[t.WTxID] == t {
		delete(r.delivery.byWTxID, t.WTxID)
	}
	r.delivered(t)
}

// untrace notes that the transaction left the mempool.
func (r *Relay) untrace(e *entry) {
	if t := e.trace; t != nil {
		t.Removed = r.now
		r.endAnnouncing(t)
		r.delivery.revision++
	}
}

func (t *trace) find(id PeerID) *Evidence {
	for i := range t.Peers {
		if t.Peers[i].Peer == id {
			return &t.Peers[i]
		}
	}
	return nil
}

// evidence is that of the peer about the transaction, which the caller changes.
// Nil: the transaction is not traced, or too many peers are.
func (r *Relay) evidence(p *peer, e *entry) *Evidence {
	t := e.trace
	if t == nil {
		return nil
	}
	r.delivery.revision++
	if found := t.find(p.id); found != nil {
		return found
	}
	if len(t.Peers) >= MaxWitnesses {
		gone := slices.IndexFunc(t.Peers, func(e Evidence) bool { return r.peers[e.Peer] == nil })
		if gone < 0 {
			return nil
		}
		t.Peers = slices.Delete(t.Peers, gone, gone+1)
	}
	t.Peers = append(t.Peers, Evidence{Peer: p.id, Name: p.Name, Outbound: p.Outbound})
	return &t.Peers[len(t.Peers)-1]
}

// first sets a time that is not set.
func first(at *time.Time, now time.Time) {
	if at.IsZero() {
		*at = now
	}
}

// announcedTo notes that the peer was told of the transaction.
func (r *Relay) announcedTo(p *peer, e *entry, pushed bool) {
	if v := r.evidence(p, e); v != nil {
		first(&v.Announced, r.now)
		v.Pushed = v.Pushed || pushed
	}
}

// requestedBy notes that the peer asked for the body.
func (r *Relay) requestedBy(p *peer, e *entry) {
	if v := r.evidence(p, e); v != nil {
		first(&v.Requested, r.now)
	}
}

// told notes that the peer announced the transaction of its own accord. Even a
// peer that we pushed it to can only do so before that arrived.
func (r *Relay) told(p *peer, e *entry) {
	if v := r.evidence(p, e); v != nil {
		v.Independent = v.Independent || v.Requested.IsZero()
		first(&v.Told, r.now)
		r.broadcast(e.trace)
	}
}

// toldID does the same for an id that names one transaction of the mempool. One
// that names several is no evidence of any.
func (r *Relay) toldID(p *peer, e *entry) {
	if e.sameID == nil {
		r.told(p, e)
	}
}

// agreed notes that a round found no difference but for the surplus, which only
// we have, between the peer's set and ours. What the other side of a round finds
// does not count: it does not ask for what it has rejected.
func (r *Relay) agreed(p *peer, in *round, surplus []chainhash.Hash) {
	if len(r.delivery.byWTxID) == 0 {
		return
	}
	lacks := make(map[chainhash.Hash]struct{}, len(surplus))
	for _, wtxid := range surplus {
		lacks[wtxid] = struct{}{}
	}
	for wtxid, t := range r.delivery.byWTxID {
		_, lacked := lacks[wtxid]
		if _, apart := p.settled.get(t.tx.id); lacked || apart && in.Steady || t.tx.gone || !in.frozen.holds(t.tx) {
			continue
		}
		if v := r.evidence(p, t.tx); v != nil {
			v.Independent = v.Independent || v.Requested.IsZero() && !v.Pushed
			first(&v.Reconciled, r.now)
		}
	}
	for _, t := range r.delivery.local.list {
		r.broadcast(t)
	}
}

// broadcast ends the announcing of a transaction that has reached the network,
// and reports whether it has: when enough peers have it from elsewhere, or when
// there is nobody left to tell.
func (r *Relay) broadcast(t *trace) bool {
	if !t.Unbroadcast {
		return true
	}
	independent := 0
	for i := range t.Peers {
		if t.Peers[i].Independent {
			independent++
		}
	}
	if independent >= witnessesWanted || r.allHold(t) {
		r.delivered(t)
	}
	return !t.Unbroadcast
}

// allHold reports whether every linked peer that takes the transaction, and at
// least one, has shown that it holds it.
func (r *Relay) allHold(t *trace) bool {
	holders := 0
	for _, p := range r.order {
		if t.tx.FeeRate < p.FeeFloor {
			continue
		}
		v := t.find(p.id)
		if v == nil || !v.Holds() {
			return false
		}
		holders++
	}
	return holders > 0
}

// endAnnouncing ends the announcing of a transaction.
func (r *Relay) endAnnouncing(t *trace) {
	if t.Unbroadcast {
		t.Unbroadcast, t.Next = false, time.Time{}
		r.delivery.local.ended(t)
	}
}

func (r *Relay) delivered(t *trace) {
	if t.Unbroadcast {
		r.endAnnouncing(t)
		r.out.Broadcast = append(r.out.Broadcast, t.WTxID)
		r.delivery.revision++
	}
}

func (r *Relay) announceLater(t *trace) {
	t.Next, t.drawn = r.now.Add(t.wait), false
	r.delivery.again = earlier(r.delivery.again, t.Next)
}

// reannounce announces again what is due for it.
func (r *Relay) reannounce() {
	if !r.due(r.delivery.again) {
		return
	}
	r.delivery.again = time.Time{}
	for _, t := range r.delivery.local.list {
		switch {
		case !r.due(t.Next) || r.broadcast(t):
		case !t.drawn: // few get as far as this
			t.Next, t.drawn = r.now.Add(time.Duration(r.cfg.Rand.Int64N(int64(t.wait/2)))), true
		default:
			t.wait = min(2*t.wait, reannounceMax)
			r.announceAgain(t)
		}
		r.delivery.again = earlier(r.delivery.again, t.Next)
	}
}

// announceAgain announces the transaction to every peer that has not shown that
// it holds it, in the mesh or not: those that were told may keep it to
// themselves.
func (r *Relay) announceAgain(t *trace) {
	r.announceLater(t)
	if r.cfg.Audience == AudienceNone {
		return
	}
	t.Announced++
	for _, p := range r.order {
		if v := t.find(p.id); v == nil || !v.Holds() {
			p.known.forget(t.tx.id)
			if p.wants(t.tx) {
				r.enqueue(p, t.tx)
			}
		}
	}
}
