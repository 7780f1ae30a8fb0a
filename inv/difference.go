package inv

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// cells takes a part of the peer's coded cells.
func (r *Relay) cells(p *peer, m *relaymsg.ReconCells) error {
	diff, more, err := p.initiator.Cells(r.now, m, r.unwanted.all(r.now))
	return r.summarised(p, m, diff, more, err)
}

// sketched takes the peer's sketch of what is new.
func (r *Relay) sketched(p *peer, m *relaymsg.ReconSketch) error {
	diff, more, err := p.initiator.Sketch(r.now, m, r.unwanted.all(r.now))
	return r.summarised(p, m, diff, more, err)
}

// listed takes a chunk of the peer's list.
func (r *Relay) listed(p *peer, m *relaymsg.ReconList) error {
	diff, err := p.initiator.List(r.now, m, r.unwanted.all(r.now))
	return r.summarised(p, m, diff, nil, err)
}

// summarised goes on after a part of a summary.
func (r *Relay) summarised(p *peer, m relaymsg.Message, diff *recon.Difference, more *relaymsg.ReconMore, err error) error {
	if err != nil {
		return err
	}
	r.countReceived(p.initiated, m)
	switch {
	case diff != nil:
		r.differ(p, diff)
	case more != nil:
		r.sendRound(p, p.initiated, more)
	}
	return nil
}

// differ begins to tell the peer the difference.
func (r *Relay) differ(p *peer, diff *recon.Difference) {
	in := p.initiated
	in.Theirs, in.Difference = diff.Theirs, diff.Size
	in.want, in.surplus = diff.Want, diff.Surplus
	if in.Requested {
		in.Details = &Details{Ours: atMost(diff.Surplus), Refused: atMost(diff.Ignored)}
	}
	r.agreed(p, in, diff.Surplus)
	if r.cfg.NoPull {
		in.want = nil
	}
	r.ask(p)
}

// atMost is the beginning of a list, as long as [Details] has it.
func atMost(wtxids []chainhash.Hash) []chainhash.Hash {
	return slices.Clone(wtxids[:min(len(wtxids), recon.MaxDiff)])
}

// ask tells the peer the next part of the difference: as much of what we lack as
// may be announced to us at once, and with the first part, of what it lacks.
func (r *Relay) ask(p *peer) {
	in := p.initiated
	n := min(len(in.want), recon.MaxDiff, txrequest.MaxAnnouncements-r.tracker.Len(p.id))
	want := in.want[:n]
	in.want = in.want[n:]
	surplus := r.lookUp(p, in.surplus)
	in.surplus = nil
	if len(surplus) > recon.MaxDiff {
		surplus = surplus[:recon.MaxDiff]
		in.cut = true
	}
	r.sendRound(p, in, p.initiator.Ask(want, r.offerAll(p, in, surplus), len(in.want) > 0))
}

// askMore goes on with ask once half of what was asked for is here.
func (r *Relay) askMore(p *peer) {
	if p.askAt = r.now.Add(askPause); r.tracker.Len(p.id) <= txrequest.MaxAnnouncements/2 {
		p.askAt = time.Time{}
		r.ask(p)
	}
}

// lookUp finds those of the transactions that are still there and that the
// peer accepts, parents first.
func (r *Relay) lookUp(p *peer, wtxids []chainhash.Hash) []*entry {
	var txs []*entry
	for _, wtxid := range wtxids {
		if e := r.pool.get(wtxid); e != nil && e.FeeRate >= p.FeeFloor {
			txs = append(txs, e)
		}
	}
	sortParentsFirst(txs)
	return txs
}

func (r *Relay) offerAll(p *peer, in *round, txs []*entry) []relaymsg.ShortID {
	var ids []relaymsg.ShortID
	for _, e := range txs {
		p.settled.put(e.id, struct{}{})
		if p.offered(e) && r.now.Sub(e.at) >= Persistence {
			in.Lacked++
		}
		ids = append(ids, p.offer(e))
		r.announcedTo(p, e, false)
	}
	in.Offered += len(txs)
	return ids
}

// offers takes what the peer has of what we asked for.
func (r *Relay) offers(p *peer, m *relaymsg.ReconOffer) error {
	have, err := p.initiator.Offer(r.now, m)
	if err != nil {
		return err
	}
	r.countReceived(p.initiated, m)
	for _, id := range have {
		// Neither ours nor rejected under the round's salt: if the id says
		// otherwise, it collides.
		r.offered(p, p.initiated, id, r.tookPart(p, p.initiated, id) || r.unwanted.hasID(r.now, id))
	}
	if d := p.initiated.Details; d != nil {
		d.Theirs = append(d.Theirs, have[:min(len(have), recon.MaxDiff-len(d.Theirs))]...)
	}
	if len(p.initiated.want) > 0 {
		p.askAt = r.now
		return nil
	}
	if p.initiated.cut {
		p.initiator.Forget()
		r.roundSoon(p)
	}
	r.finish(&p.initiated, OutcomeReconciled)
	return nil
}

// tookPart reports whether a transaction with this id is in the set of the round.
func (r *Relay) tookPart(p *peer, in *round, id relaymsg.ShortID) bool {
	if _, settled := p.settled.get(id); settled && in.Steady {
		return false
	}
	return r.pool.covers(in.frozen, id)
}

// offered takes an id that a round found us lacking. It is an announcement,
// unless the id is known to stand for another transaction here.
func (r *Relay) offered(p *peer, in *round, id relaymsg.ShortID, collides bool) {
	p.settled.put(id, struct{}{})
	in.Wanted++
	in.owe(p, id, r.now)
	if !collides || r.judging.ids[id] > 0 {
		r.announcedBy(p, id)
		return
	}
	p.known.put(id, struct{}{})
	r.request(p, id)
}

// owe remembers since when the peer has offered what we still lack.
func (in *round) owe(p *peer, id relaymsg.ShortID, now time.Time) {
	since, ok := p.owed[id]
	if !ok {
		since = now
	}
	if now.Sub(since) >= Persistence {
		in.Withheld++
	}
	if in.owed == nil {
		in.owed = map[relaymsg.ShortID]time.Time{}
	}
	if len(in.owed) < recon.MaxDiff {
		in.owed[id] = since
	}
}
