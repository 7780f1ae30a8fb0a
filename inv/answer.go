package inv

import (
	"fmt"
	"time"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// requested answers the opening of a round over whole mempools.
func (r *Relay) requested(p *peer, m *relaymsg.ReconRequest) error {
	set, frozen := r.pool.freeze()
	in := &round{frozen: frozen, Round: Round{ID: m.Round, Peer: p.id, Ours: set.Count, Theirs: int(m.Count), Started: r.now}}
	reply, estimate, err := p.responder.Request(r.now, m, r.nonce(), set, r.overloaded(set))
	if err != nil {
		return err
	}
	in.Estimate = estimate
	r.answer(p, in, m, reply)
	return nil
}

// steadyRequested answers the opening of a round over what is new on the link.
func (r *Relay) steadyRequested(p *peer, m *relaymsg.ReconSteady) error {
	set, frozen := r.pool.since(p.theirs, &p.settled)
	in := &round{frozen: frozen, Round: Round{
		ID: m.Round, Peer: p.id, Steady: true, Ours: set.Count, Theirs: int(m.Count), Started: r.now,
	}}
	reply, err := p.responder.Steady(r.now, m, set, r.overloaded(set))
	if err != nil {
		return err
	}
	r.answer(p, in, m, reply)
	return nil
}

// overloaded reports whether a round over the set is to be refused.
func (r *Relay) overloaded(set recon.Set) bool {
	held := len(set.WTxIDs)
	for _, q := range r.order {
		held += q.responder.Held()
	}
	return r.cfg.ReconInterval == 0 || held > MaxFrozen
}

// depart remembers of a peer that leaves that its next link gets no summary of the
// whole mempool at once, if it has had one just now.
func (r *Relay) depart(p *peer) {
	for id, synced := range r.departed {
		if r.now.Sub(synced) >= recon.SyncSpacing {
			delete(r.departed, id)
		}
	}
	if r.now.Sub(p.responder.Synced) < recon.SyncSpacing && len(r.departed) < maxDeparted {
		r.departed[p.id] = p.responder.Synced
	}
}

// answer replaces the round that the responder was in, and sends the reply that
// ends the new one, or its summary.
func (r *Relay) answer(p *peer, in *round, m, reply relaymsg.Message) {
	if p.answered != nil {
		p.listAt = time.Time{}
		p.answered.Reason = "the peer began another round"
		r.finish(&p.answered, OutcomeSuperseded)
	}
	p.answered = in
	r.countReceived(in, m)
	outcome := OutcomeBusy
	switch reply := reply.(type) {
	case nil:
		r.list(p)
		return
	case *relaymsg.ReconEqual:
		in.Equal = true
		r.agreed(p, in, nil)
		outcome = OutcomeEqual
	case *relaymsg.ReconResync:
		outcome = OutcomeResync
		in.Reason = "the rounds counted from differ, or more is new than a sketch tells"
	case *relaymsg.ReconBusy:
		in.Reason = r.whyBusy(reply)
	}
	r.sendRound(p, in, reply)
	r.finish(&p.answered, outcome)
}

// whyBusy says why a round was refused.
func (r *Relay) whyBusy(m *relaymsg.ReconBusy) string {
	if r.cfg.ReconInterval == 0 {
		return "rounds are switched off here"
	}
	return fmt.Sprintf("the peer has spent its allowance, or too much is compared at once; told to wait %d ms", m.RetryMillis)
}

// list sends the next parts of the summary.
func (r *Relay) list(p *peer) {
	p.listAt = time.Time{}
	for n := 0; p.responder.Listing(); n++ {
		if n == listBurst {
			p.listAt = r.now.Add(listPause)
			return
		}
		r.sendRound(p, p.answered, p.responder.Chunk(r.now))
	}
}

// differs takes what the peer found in a round that it initiated.
func (r *Relay) differs(p *peer, m *relaymsg.ReconDiff) error {
	wanted, have, err := p.responder.Diff(r.now, m)
	if err != nil {
		return err
	}
	r.countReceived(p.answered, m)
	if r.tracker.Len(p.id)+len(have) > txrequest.MaxAnnouncements {
		p.answered.cut = true // some of it will be overlooked
	}
	for _, id := range have {
		// Not in what we summarised: if the id says otherwise, it collides.
		r.offered(p, p.answered, id, r.tookPart(p, p.answered, id))
	}
	txs := r.lookUp(p, wanted)
	p.answered.Difference = int(min(m.Size, uint64(p.answered.Ours+p.answered.Theirs)))
	r.sendRound(p, p.answered, &relaymsg.ReconOffer{Round: m.Round, Have: r.offerAll(p, p.answered, txs)})
	if m.More {
		return nil
	}
	if p.answered.cut {
		p.responder.Forget()
	}
	r.finish(&p.answered, OutcomeReconciled)
	return nil
}
