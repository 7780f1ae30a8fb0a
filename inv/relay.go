package inv

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// Relay decides what is announced, requested, served and reconciled. See the
// package documentation for its rules and for the duties of the caller. It is
// not safe for concurrent use.
type Relay struct {
	cfg       Config
	now       time.Time // of the latest input
	pool      *pool
	tracker   *txrequest.Tracker
	unwanted  unwanted
	judging   judging
	questions []*question // about orphans
	peers     map[PeerID]*peer
	departed  map[PeerID]time.Time // when peers that left were sent a summary
	order     []*peer              // by connection: whatever reaches the outside ranges over this
	mesh      map[PeerID]bool

	eagerHops int // in force
	floor     floor
	delivery  delivery
	backlog   backlog

	inboundTick time.Time // Trickle: the latest that was drawn
	unannounced []*entry  // accepted, not yet announced to anybody; may hold some that are
	nextRound   time.Time // zero: no outbound peer
	nextSync    time.Time // the next round is over whole mempools; zero: there was none yet
	turns       uint64    // regular rounds initiated
	scratch     []byte
	out         Ready
}

// New returns a Relay without peers or transactions.
func New(cfg Config) *Relay {
	return &Relay{
		cfg:      cfg,
		pool:     newPool(cfg.Salt),
		tracker:  txrequest.New(cfg.Rand),
		unwanted: newUnwanted(cfg.Salt),
		judging:  judging{byWTxID: map[chainhash.Hash]arrival{}, ids: map[relaymsg.ShortID]int{}},
		peers:    map[PeerID]*peer{},
		departed: map[PeerID]time.Time{},
		mesh:     map[PeerID]bool{},
		backlog:  newBacklog(cfg.SendRate),
		delivery: delivery{byWTxID: map[chainhash.Hash]*trace{}},

		eagerHops: cfg.eagerHops(defaultEagerHops),
		floor:     floor{rate: cfg.FeeFloor, told: cfg.FeeFloor},
	}
}

// PeerConnected adds a peer once both HELLOs are exchanged and found to match.
func (r *Relay) PeerConnected(now time.Time, id PeerID, info Peer) {
	r.advance(now)
	if r.peers[id] != nil {
		return
	}
	p := newPeer(id, info)
	p.initiator.Salt, p.responder.Salt = info.Salt, r.cfg.Salt
	p.responder.Synced = r.departed[id]
	r.peers[id] = p
	r.order = append(r.order, p)
	r.tracker.Connected(id, info.Outbound)
	r.scheduleFirstRound(p)
	if r.floor.told != r.cfg.FeeFloor {
		r.send(p, &relaymsg.FeeFilter{FeeFloor: r.floor.told})
	}
	p.mesh = r.mesh[id]
	if r.inAudience(p) {
		r.joinedAudience(p)
	}
}

// PeerDisconnected forgets everything about the peer. Unknown ids are ignored.
func (r *Relay) PeerDisconnected(now time.Time, id PeerID) {
	r.advance(now)
	delete(r.mesh, id)
	if p := r.peers[id]; p != nil {
		r.remove(p, "the link was closed")
	}
}

func (r *Relay) remove(p *peer, reason string) {
	r.abandonRounds(p, reason)
	r.depart(p)
	r.tracker.Disconnected(p.id)
	r.neverAnswered(p.id)
	r.delivery.revision++
	delete(r.peers, p.id)
	delete(r.mesh, p.id)
	r.order = slices.DeleteFunc(r.order, func(q *peer) bool { return q == p })
	// What is addressed to a peer that is gone cannot be delivered.
	r.out.Send = slices.DeleteFunc(r.out.Send, func(s Send) bool { return s.Peer == p.id })
	r.out.Push = slices.DeleteFunc(r.out.Push, func(s Push) bool { return s.Peer == p.id })
	r.out.Serve = slices.DeleteFunc(r.out.Serve, func(s Serve) bool { return s.Peer == p.id })
	r.out.ServeParents = slices.DeleteFunc(r.out.ServeParents, func(s ServeParents) bool { return s.Peer == p.id })
}

// violated ends the connection with a peer that no honest node could be.
func (r *Relay) violated(p *peer, reason string) {
	r.remove(p, reason)
	r.out.Disconnect = append(r.out.Disconnect, Disconnect{Peer: p.id, Reason: reason})
}

// MeshChanged tells the complete set of mesh links. An id that is not connected
// counts from when it is, until the next call.
func (r *Relay) MeshChanged(now time.Time, ids []PeerID) {
	r.advance(now)
	clear(r.mesh)
	for _, id := range ids {
		r.mesh[id] = true
	}
	for _, p := range r.order {
		before := r.inAudience(p)
		if p.mesh && !r.mesh[p.id] {
			p.prunedAt = r.now
		}
		p.mesh = r.mesh[p.id]
		if !before && r.inAudience(p) {
			r.joinedAudience(p)
		}
	}
}

// Received takes a decoded message of either lane, any but HELLO. The message
// belongs to the Relay from then on.
func (r *Relay) Received(now time.Time, id PeerID, m relaymsg.Message) {
	r.advance(now)
	p := r.peers[id]
	if p == nil {
		return
	}
	r.acknowledged(p)
	switch m := m.(type) {
	case *relaymsg.Inv:
		for _, id := range m.IDs {
			r.announcedBy(p, id)
		}
	case *relaymsg.Get:
		r.serve(p, m.IDs)
	case *relaymsg.Txs:
		r.bodies(p, m.Bodies)
	case *relaymsg.Push:
		r.pushed(p, m)
	case *relaymsg.NotFound:
		for _, id := range m.IDs {
			r.tracker.NotFound(r.now, p.id, id)
			r.noParents(p, id)
		}
	case *relaymsg.GetParents:
		r.serveParents(p, m.Child)
	case *relaymsg.Parents:
		r.parents(p, m)
	case *relaymsg.FeeFilter:
		p.FeeFloor = m.FeeFloor
	case *relaymsg.Hello:
		r.violated(p, "second HELLO")
	default:
		r.reconciling(p, m)
	}
}

// Accepted tells of a transaction that entered the mempool. Parents come
// before their children.
func (r *Relay) Accepted(now time.Time, tx Tx, src Source) {
	r.advance(now)
	hop := r.judged(tx.WTxID).hop
	r.waitsNoMore(tx.WTxID)
	if r.pool.get(tx.WTxID) != nil {
		return
	}
	e := r.pool.add(tx, r.now)
	r.tracker.Forget(r.now, e.id)
	r.trace(e, src == SourceLocal)
	if src == SourceRestored || r.cfg.Audience == AudienceNone {
		r.pool.list(e)
		return
	}
	if awaited := r.announce(e, hop, src == SourceLocal); !awaited && src == SourcePeer {
		r.pool.list(e) // everybody it would be announced to has it
	}
}

// Rejected tells of a body or own submission that did not enter the mempool.
// If it never will, whatever time brings, it is not requested again for a
// while.
func (r *Relay) Rejected(now time.Time, wtxid chainhash.Hash, forGood bool) {
	r.advance(now)
	r.judged(wtxid)
	r.waitsNoMore(wtxid)
	if forGood {
		r.unwanted.rejects.add(r.now, wtxid)
		r.tracker.Forget(r.now, r.cfg.Salt.ShortID(wtxid))
	}
}

// Abandoned tells of a body that nobody will judge, because who sent it is gone. It
// is requested from others who announced it, for they will not do so again.
func (r *Relay) Abandoned(now time.Time, wtxid chainhash.Hash) {
	r.Rejected(now, wtxid, false)
	id := r.cfg.Salt.ShortID(wtxid)
	if r.pool.get(wtxid) != nil || r.unwanted.has(r.now, wtxid) {
		return
	}
	for _, p := range r.order {
		if r.announced(p, wtxid) {
			r.request(p, id)
		}
	}
}

// RejectedForFee is Rejected for good of what pays too little. Alone it is not
// requested again for a while, but it may come as an ancestor of an orphan that
// pays for it.
func (r *Relay) RejectedForFee(now time.Time, wtxid chainhash.Hash) {
	r.Rejected(now, wtxid, false)
	r.unwanted.unpaid.add(r.now, wtxid)
	r.tracker.Forget(r.now, r.cfg.Salt.ShortID(wtxid))
}

// Orphaned tells of a body that did not enter the mempool because it spends
// unknown outputs, and that the caller keeps until they come, for all who
// announced it: those returned and, later, [Ready.Orphans]. It is not requested
// again for a short while; then, if it still lacks its parents, it may be.
func (r *Relay) Orphaned(now time.Time, wtxid chainhash.Hash) (announcers []PeerID) {
	r.advance(now)
	from := r.judged(wtxid).from
	r.unwanted.orphans.add(r.now, wtxid)
	r.tracker.Forget(r.now, r.cfg.Salt.ShortID(wtxid))
	for _, p := range r.order {
		if r.announced(p, wtxid) {
			announcers = append(announcers, p.id)
		}
	}
	r.wonder(wtxid, append([]PeerID{from}, announcers...)...)
	return announcers
}

// Removed tells of a transaction that left the mempool.
func (r *Relay) Removed(now time.Time, wtxid chainhash.Hash) {
	r.advance(now)
	if e := r.pool.get(wtxid); e != nil {
		r.untrace(e)
	}
	r.pool.remove(wtxid)
}

// ChainChanged tells that a block joined or left the chain of the previous
// outputs. What was rejected for good may be valid now and is requested again.
func (r *Relay) ChainChanged(now time.Time) {
	r.advance(now)
	r.unwanted.rejects.clear()
	r.unwanted.unpaid.clear()
}

// Tick lets time pass.
func (r *Relay) Tick(now time.Time) { r.advance(now) }

// Digest is the sum modulo 2^256 of SHA-256(wtxid) over the accepted
// transactions, and their number.
func (r *Relay) Digest() (digest [32]byte, count int) {
	return r.pool.digest.Sum(), r.pool.digest.Count()
}

// Ready does what is due at the time of the latest input and drains what the
// caller has to do. Call it after each batch of inputs.
func (r *Relay) Ready() Ready {
	r.pool.age(r.now)
	r.continueRounds()
	r.tellFloor()
	r.reannounce()
	r.releaseBacklog()
	for _, q := range r.tracker.Poll(r.now) {
		r.send(r.peers[q.Peer], &relaymsg.Get{IDs: q.IDs})
	}
	r.askParents()
	r.flushInvs()
	out := r.out
	r.out = Ready{}
	out.Wake = r.wake()
	return out
}

// advance moves the clock, never backwards.
func (r *Relay) advance(now time.Time) {
	if now.After(r.now) {
		r.now = now
	}
}

func (r *Relay) due(at time.Time) bool { return !at.IsZero() && !at.After(r.now) }

func (r *Relay) wake() time.Time {
	wake := earlier(earlier(r.tracker.Next(), r.nextRound), earlier(r.floor.tellAt, earlier(r.delivery.again, r.backlog.releasedAt)))
	for _, q := range r.questions {
		wake = earlier(wake, q.askNow)
	}
	for _, p := range r.order {
		wake = earlier(wake, p.invAt)
		wake = earlier(wake, p.wakeForRounds())
	}
	return wake
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func (r *Relay) send(p *peer, m relaymsg.Message) {
	r.out.Send = append(r.out.Send, Send{Peer: p.id, Msg: m})
	if m.Kind().Lane() == relaymsg.Relay {
		p.addressed = true
	}
}
