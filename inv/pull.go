package inv

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// judging is the bodies handed out by Ready.Validate and not answered yet.
type judging struct {
	byWTxID map[chainhash.Hash]arrival
	ids     map[relaymsg.ShortID]int // how many have this id
}

// arrival is how a body came.
type arrival struct {
	from   PeerID
	hop    uint8 // of the PUSH, or unpushed
	pushed int   // bytes that came by PUSH: 0 or all
}

// announcedBy takes one announced id.
func (r *Relay) announcedBy(p *peer, id relaymsg.ShortID) {
	repeated := p.knows(id)
	p.known.put(id, struct{}{})
	if e := r.pool.byID[id]; e != nil {
		r.toldID(p, e)
		return
	}
	if orphan, ok := r.unwanted.orphans.get(r.now, id); ok {
		if !repeated {
			r.orphanAnnounced(p, orphan)
		}
		return
	}
	if r.judging.ids[id] > 0 || r.unwanted.hasID(r.now, id) {
		return
	}
	r.request(p, id)
}

func (r *Relay) request(p *peer, id relaymsg.ShortID) {
	if !r.cfg.NoPull {
		r.tracker.Announced(r.now, p.id, id)
	}
}

// bodies takes the bodies of one TXS. One that was not asked for from this
// peer, by its full hash, ends the connection; so does a wrong body, which
// nothing tells apart from it.
func (r *Relay) bodies(p *peer, bodies [][]byte) {
	for _, raw := range bodies {
		wtxid := chainhash.DoubleHashH(raw)
		id := r.cfg.Salt.ShortID(wtxid)
		if !r.tracker.Received(r.now, p.id, id) {
			r.violated(p, "sent a transaction that was not asked for: "+wtxid.String())
			return
		}
		p.known.put(id, struct{}{})
		r.judge(p, Body{Peer: p.id, WTxID: wtxid, Raw: raw}, arrival{from: p.id, hop: unpushed})
	}
}

// judge hands a body to admission, unless another copy came before.
func (r *Relay) judge(p *peer, b Body, a arrival) {
	_, pending := r.judging.byWTxID[b.WTxID]
	if pending || r.pool.get(b.WTxID) != nil || r.unwanted.has(r.now, b.WTxID) {
		return
	}
	id := r.cfg.Salt.ShortID(b.WTxID)
	r.tracker.Forget(r.now, id)
	if a.pushed == 0 {
		r.tracker.Hold(p.id)
	}
	p.unjudged += a.pushed
	r.judging.byWTxID[b.WTxID] = a
	r.judging.ids[id]++
	r.out.Validate = append(r.out.Validate, b)
}

// judged ends the judging of a body, if there was one, and returns how it came.
func (r *Relay) judged(wtxid chainhash.Hash) arrival {
	a, ok := r.judging.byWTxID[wtxid]
	if !ok {
		return arrival{hop: unpushed}
	}
	delete(r.judging.byWTxID, wtxid)
	id := r.cfg.Salt.ShortID(wtxid)
	if r.judging.ids[id]--; r.judging.ids[id] == 0 {
		delete(r.judging.ids, id)
	}
	if p := r.peers[a.from]; p != nil {
		p.unjudged -= a.pushed
	}
	if a.pushed == 0 {
		r.tracker.Release(a.from)
	}
	return a
}

// serve answers a GET with what the peer has the right to. What we never
// announced to it and what we do not have look the same.
func (r *Relay) serve(p *peer, ids []relaymsg.ShortID) {
	s := Serve{Peer: p.id}
	missing := &relaymsg.NotFound{}
	for _, id := range ids {
		g, ok := p.granted.get(id)
		if !ok || g.tx.gone || (g.used && !p.repeats.take(r.now, 1)) {
			missing.IDs = append(missing.IDs, id)
			continue
		}
		if !g.used {
			p.granted.put(id, grant{tx: g.tx, used: true})
		}
		r.requestedBy(p, g.tx)
		s.Tx = append(s.Tx, Named{ID: id, WTxID: g.tx.WTxID})
	}
	if len(missing.IDs) > 0 {
		r.send(p, missing)
	}
	if len(s.Tx) > 0 {
		r.out.Serve = append(r.out.Serve, s)
		p.addressed = true
	}
}
