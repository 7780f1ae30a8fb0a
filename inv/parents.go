package inv

import (
	"cmp"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// ParentsDelay is how long the parents of an orphan may take to come by
	// themselves before its announcer is asked for its ancestors.
	ParentsDelay = 500 * time.Millisecond
	// ParentsTimeout is how long the answer may take before another one is asked.
	ParentsTimeout = 5 * time.Second
	// MaxParentsAsked bounds the orphans about which one peer is, or is to be,
	// asked, and the questions that it has not answered.
	MaxParentsAsked = 16
	// ParentsBurst bounds the ancestors that a peer is sent: a bucket of so many
	// bytes. The largest cluster of the mempool fits.
	ParentsBurst = 404_000
	// ParentsRate is what the bucket gains, in bytes per second.
	ParentsRate = 16 << 10
)

// question is about the ancestors of an orphan.
type question struct {
	child  chainhash.Hash
	id     relaymsg.ShortID
	at     PeerID    // who is asked next, or has not answered
	asked  []PeerID  // so far, of those that are there
	askNow time.Time // or ask the next one
}

// wonder plans to ask for the ancestors of the orphan the first of the peers that
// is there and is not asked too much already.
func (r *Relay) wonder(child chainhash.Hash, of ...PeerID) {
	for _, id := range of {
		if r.peers[id] != nil && r.asksOf(id) < MaxParentsAsked {
			r.questions = append(r.questions, &question{
				child: child, id: r.cfg.Salt.ShortID(child), at: id, askNow: r.now.Add(ParentsDelay),
			})
			return
		}
	}
}

// orphanAnnounced takes the announcement of an orphan by one more peer. If nobody
// is to be asked for its ancestors any more, the peer is.
func (r *Relay) orphanAnnounced(p *peer, child chainhash.Hash) {
	r.out.Orphans = append(r.out.Orphans, Announcement{p.id, child})
	if !slices.ContainsFunc(r.questions, func(q *question) bool { return q.child == child }) {
		r.wonder(child, p.id)
	}
}

// asksOf is the number of questions at the peer.
func (r *Relay) asksOf(id PeerID) (n int) {
	for _, q := range r.questions {
		if q.at == id {
			n++
		}
	}
	return n
}

// endQuestion ends the question about a transaction whose parents are not missing any
// more, and reports whether there was one.
func (r *Relay) endQuestion(child chainhash.Hash) bool {
	before := len(r.questions)
	r.questions = slices.DeleteFunc(r.questions, func(q *question) bool { return q.child == child })
	return len(r.questions) < before
}

// waitsNoMore forgets that the transaction was an orphan.
func (r *Relay) waitsNoMore(wtxid chainhash.Hash) {
	r.endQuestion(wtxid)
	r.unwanted.orphans.drop(wtxid)
}

// neverAnswered lets the next announcer be asked what was asked of a peer that is gone.
func (r *Relay) neverAnswered(id PeerID) {
	r.unanswered(id, func(*question) bool { return true })
	for _, q := range r.questions {
		q.asked = slices.DeleteFunc(q.asked, func(asked PeerID) bool { return asked == id })
	}
}

// unanswered lets the next announcer be asked what was asked of the peer.
func (r *Relay) unanswered(id PeerID, which func(*question) bool) {
	for _, q := range r.questions {
		if q.at == id && which(q) {
			q.askNow = r.now
		}
	}
}

// askParents asks what is due, and gives up what nobody is left for.
func (r *Relay) askParents() {
	r.questions = slices.DeleteFunc(r.questions, func(q *question) bool {
		if !r.due(q.askNow) {
			return false
		}
		if p := r.nextToAsk(q); p != nil {
			q.at, q.asked = p.id, append(q.asked, p.id)
			q.askNow = r.now.Add(ParentsTimeout)
			p.owes[q.id] = q.child
			r.send(p, &relaymsg.GetParents{Child: q.id})
			return false
		}
		return true
	})
}

// nextToAsk is first who gave us the orphan, then others who told of it and whom we
// never told: those whom we chose before those who chose us.
func (r *Relay) nextToAsk(q *question) (next *peer) {
	mayAsk := func(p *peer) bool {
		return len(p.owes) < MaxParentsAsked && !slices.Contains(q.asked, p.id)
	}
	if p := r.peers[q.at]; p != nil && mayAsk(p) {
		return p
	}
	for _, p := range r.order {
		if mayAsk(p) && r.announced(p, q.child) && r.asksOf(p.id) < MaxParentsAsked {
			if p.Outbound {
				return p
			}
			next = cmp.Or(next, p)
		}
	}
	return next
}

// announced reports whether the peer told us of the transaction, and not we it.
func (r *Relay) announced(p *peer, wtxid chainhash.Hash) bool {
	g, offered := p.granted.get(p.Salt.ShortID(wtxid))
	return p.knows(r.cfg.Salt.ShortID(wtxid)) && !(offered && g.tx.WTxID == wtxid)
}

// parents takes the ancestors of an orphan. Those that are here already, or of an
// orphan that was settled meanwhile, are dropped; so are all if one of them was
// rejected for good.
func (r *Relay) parents(p *peer, m *relaymsg.Parents) {
	child, asked := p.owes[m.Child]
	if !asked {
		r.violated(p, "sent parents that were not asked for")
		return
	}
	delete(p.owes, m.Child)
	f := Family{Peer: p.id, Child: child}
	for _, raw := range m.Bodies {
		wtxid := chainhash.DoubleHashH(raw)
		p.known.put(r.cfg.Salt.ShortID(wtxid), struct{}{})
		if r.unwanted.rejects.has(r.now, wtxid) {
			r.unanswered(p.id, func(q *question) bool { return q.child == child })
			return
		}
		if r.pool.get(wtxid) == nil {
			f.Parents = append(f.Parents, raw)
		}
	}
	if r.endQuestion(child) && len(f.Parents) > 0 {
		r.out.Families = append(r.out.Families, f)
	}
}

// noParents takes a NOTFOUND as far as it answers a question.
func (r *Relay) noParents(p *peer, id relaymsg.ShortID) {
	if child, asked := p.owes[id]; asked {
		delete(p.owes, id)
		r.unanswered(p.id, func(q *question) bool { return q.child == child })
	}
}

// serveParents answers a question about a transaction that the peer was offered
// with its ancestors. NOTFOUND is the same for what we lack, what it was not
// offered, what has no ancestors, and what its bucket does not allow.
func (r *Relay) serveParents(p *peer, id relaymsg.ShortID) {
	g, ok := p.granted.get(id)
	var ancestors []*entry
	if ok && !g.tx.gone {
		ancestors = r.pool.ancestors(g.tx)
	}
	size := 0
	for _, a := range ancestors {
		size += a.Size
	}
	if n := len(ancestors); n == 0 || n > relaymsg.MaxParents || !p.ancestors.take(r.now, float64(size)) {
		r.send(p, &relaymsg.NotFound{IDs: []relaymsg.ShortID{id}})
		return
	}
	s := ServeParents{Peer: p.id, Child: id}
	for _, a := range ancestors {
		p.known.put(a.id, struct{}{})
		r.requestedBy(p, a)
		s.WTxIDs = append(s.WTxIDs, a.WTxID)
	}
	r.out.ServeParents = append(r.out.ServeParents, s)
	p.addressed = true
}

// ancestors are those of the transaction in the mempool, parents before children.
func (l *pool) ancestors(e *entry) (all []*entry) {
	seen := map[*entry]bool{e: true}
	var visit func(*entry)
	visit = func(e *entry) {
		for _, wtxid := range e.Parents {
			if parent := l.get(wtxid); parent != nil && !seen[parent] {
				seen[parent] = true
				visit(parent)
				all = append(all, parent)
			}
		}
	}
	visit(e)
	return all
}
