package inv

import (
	"errors"
	"fmt"
	"slices"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/txrequest"
)

// checkInvariants recomputes what the Relay keeps redundantly and checks every
// bound.
func (r *Relay) checkInvariants() error {
	if len(r.peers) != len(r.order) {
		return fmt.Errorf("%d peers, %d in order", len(r.peers), len(r.order))
	}
	for _, p := range r.order {
		if r.peers[p.id] != p {
			return fmt.Errorf("peer %d is not filed", p.id)
		}
		if err := r.checkPeer(p); err != nil {
			return fmt.Errorf("peer %d: %w", p.id, err)
		}
	}
	if n := r.unwanted.unpaid.set.len(); n > MaxUnpaid {
		return fmt.Errorf("%d rejected for their fee", n)
	}
	if n := r.unwanted.rejects.set.len(); n > MaxRejects {
		return fmt.Errorf("%d rejects", n)
	}
	if r.eagerHops < 0 || r.eagerHops > unpushed {
		return fmt.Errorf("%d eager hops", r.eagerHops)
	}
	if b := &r.backlog; (len(b.waiting) > 0) == b.releasedAt.IsZero() || b.count.tokens < 0 || b.bytes.tokens < 0 {
		return fmt.Errorf("backlog of %d, released at %v, %+v, %+v", len(b.waiting), b.releasedAt, b.count, b.bytes)
	}
	for _, q := range r.questions {
		if r.asksOf(q.at) > MaxParentsAsked || len(q.asked) > len(r.peers) || q.askNow.IsZero() {
			return fmt.Errorf("question %+v, %d of %d", q, r.asksOf(q.at), q.at)
		}
	}
	if n := len(r.unannounced); n > 2*MaxUnannounced {
		return fmt.Errorf("%d unannounced", n)
	}
	if err := r.checkDelivery(); err != nil {
		return err
	}
	unjudged := map[PeerID]int{}
	for _, a := range r.judging.byWTxID {
		unjudged[a.from] += a.pushed
	}
	for _, p := range r.order {
		if p.unjudged != unjudged[p.id] || p.unjudged > PushBurst {
			return fmt.Errorf("peer %d: %d bytes of unjudged pushes, counted %d", p.id, unjudged[p.id], p.unjudged)
		}
	}
	judging := 0
	for _, n := range r.judging.ids {
		judging += n
	}
	if judging != len(r.judging.byWTxID) {
		return fmt.Errorf("%d bodies judged, %d ids", len(r.judging.byWTxID), judging)
	}
	return r.pool.check()
}

func (r *Relay) checkDelivery() error {
	d := &r.delivery
	if len(d.local.list) > MaxTracedLocal || len(d.others.list) > max(0, r.cfg.Trace) || len(d.byWTxID) > len(d.local.list)+len(d.others.list) {
		return fmt.Errorf("traces: %d local, %d others, %d in all", len(d.local.list), len(d.others.list), len(d.byWTxID))
	}
	if slices.ContainsFunc(d.local.list[:d.local.awaited], func(t *trace) bool { return !t.Unbroadcast }) {
		return fmt.Errorf("one of the %d oldest is not announced again", d.local.awaited)
	}
	for _, t := range slices.Concat(d.local.list, d.others.list) {
		switch {
		case len(t.Peers) > MaxWitnesses:
			return fmt.Errorf("%d witnesses of %v", len(t.Peers), t.WTxID)
		case t.Unbroadcast && (t.tx.gone || !t.Local || t.Next.IsZero() || d.again.IsZero() || t.Next.Before(d.again)):
			return fmt.Errorf("%v is announced again at %v, all others after %v", t.WTxID, t.Next, d.again)
		case !t.Unbroadcast && !t.Next.IsZero():
			return fmt.Errorf("%v is announced again for nothing", t.WTxID)
		}
	}
	return nil
}

func (r *Relay) checkPeer(p *peer) error {
	switch {
	case p.known.len() > MaxKnown || p.granted.len() > 2*MaxGranted:
		return fmt.Errorf("%d known, %d granted", p.known.len(), p.granted.len())
	case r.tracker.Len(p.id) > txrequest.MaxAnnouncements:
		return fmt.Errorf("%d announcements", r.tracker.Len(p.id))
	case (len(p.waiting) > 0) == p.invAt.IsZero():
		return fmt.Errorf("%d wait, tick %v", len(p.waiting), p.invAt)
	case p.initiator.Active() != (p.initiated != nil) || p.responder.Active() != (p.answered != nil):
		return fmt.Errorf("rounds %v %v", p.initiated, p.answered)
	case p.responder.Listing() == p.listAt.IsZero():
		return fmt.Errorf("listing %v, next chunks %v", p.responder.Listing(), p.listAt)
	case !p.askAt.IsZero() && !p.initiator.Active():
		return fmt.Errorf("asks for more at %v in no round", p.askAt)
	case p.responder.Held() > recon.MaxList:
		return fmt.Errorf("%d frozen", p.responder.Held())
	case p.pushes.tokens < 0 || p.pushed.tokens < -PushBurst:
		return fmt.Errorf("owes pushes: %+v, %+v", p.pushes, p.pushed)
	case len(p.owes) > MaxParentsAsked || p.ancestors.tokens < 0:
		return fmt.Errorf("owes %d answers, may be sent %v bytes", len(p.owes), p.ancestors.tokens)
	case p.mesh != r.mesh[p.id]:
		return fmt.Errorf("in the mesh %v", p.mesh)
	}
	return nil
}

func (l *pool) check() error {
	var all, public recon.Digest
	listed := 0
	for e := range l.all {
		wtxid := e.WTxID
		all.Add(wtxid)
		if e.listed > 0 {
			public.Add(wtxid)
			listed++
			if !slices.Contains(l.public, e) {
				return fmt.Errorf("%v is listed nowhere", wtxid)
			}
		}
		if l.get(wtxid) != e || e.id != l.id(wtxid) || e.gone {
			return fmt.Errorf("%v: not found by id, or gone", wtxid)
		}
	}
	if all != l.digest || public != l.publicSum {
		return fmt.Errorf("digests are off")
	}
	if len(l.public) > 2*listed+16 {
		return fmt.Errorf("%d in public, %d listed", len(l.public), listed)
	}
	return nil
}

func (l *pool) all(yield func(*entry) bool) {
	for _, e := range l.byID {
		for ; e != nil; e = e.sameID {
			if !yield(e) {
				return
			}
		}
	}
}

// checkNoPeers checks that nothing about any peer is left.
func (r *Relay) checkNoPeers() error {
	if n := len(r.peers) + len(r.order) + len(r.mesh); n > 0 {
		return fmt.Errorf("%d things left", n)
	}
	if ready := r.Ready(); len(ready.Send)+len(ready.Push)+len(ready.Serve)+len(ready.ServeParents)+len(r.questions) > 0 {
		return fmt.Errorf("something to send to nobody: %+v", ready)
	}
	if !r.tracker.Next().IsZero() || !r.tracker.Empty() {
		return errors.New("the tracker still tracks something")
	}
	return nil
}
