package inv

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// AutoEagerHops as [Config.EagerHops] follows the size of the network.
	AutoEagerHops = -1
	// defaultEagerHops is what that is until the size is known.
	defaultEagerHops = 1

	// PushBurst bounds the bodies that a peer pushes: a bucket of so many bytes,
	// from which every PUSH takes, whatever becomes of the body. A peer that
	// owes as much as the bucket holds violates the protocol. It is also how
	// much may wait for its judgement.
	PushBurst = 512 << 10
	// PushRate is what the bucket gains, in bytes per second. We push half of
	// both, so that eight seconds' worth may pile up on the way before anything
	// of ours is dropped.
	PushRate = 64 << 10
	// PushGrace is how long pushes are taken from a peer after it left the mesh:
	// PRUNE travels on another stream than what was pushed before.
	PushGrace = 5 * time.Second

	// unpushed is the hop of a transaction that did not come by PUSH. No number
	// of eager hops is above it, so it is never pushed.
	unpushed = 255
)

// NetworkSized tells how many nodes the network is believed to have, this one
// included. With AutoEagerHops it decides how far transactions are pushed.
func (r *Relay) NetworkSized(now time.Time, nodes int) {
	r.advance(now)
	r.eagerHops = r.cfg.eagerHops(learntEagerHops(nodes))
}

// learntEagerHops is one step from the default at most: sizes are hearsay, and
// nobody who invents nodes shall make us push everywhere. That is also why 600
// nodes, where a third hop begins to pay, do not get it by themselves.
func learntEagerHops(nodes int) int {
	switch {
	case nodes < 12:
		return defaultEagerHops - 1
	case nodes < 60:
		return defaultEagerHops
	default:
		return defaultEagerHops + 1
	}
}

// eagerHops is what the configuration makes of the learnt number.
func (c *Config) eagerHops(learnt int) int {
	switch {
	case c.Audience != AudienceMesh || c.Trickle:
		return 0
	case c.EagerHops < 0:
		return learnt
	default:
		return min(c.EagerHops, unpushed-1)
	}
}

// eager reports whether a transaction of this hop is pushed to a peer: below the
// eager hops to all of them, at the edge to one.
func (r *Relay) eager(hop uint8, edge bool) bool {
	h := int(hop)
	return h < r.eagerHops || edge && 0 < r.eagerHops && h == r.eagerHops
}

// push sends the peer a body that it did not ask for, if its bucket allows.
func (r *Relay) push(p *peer, e *entry, hop uint8) bool {
	if !p.pushes.take(r.now, float64(e.Size)) {
		return false
	}
	r.announceTo(p, e)
	r.announcedTo(p, e, true)
	r.out.Push = append(r.out.Push, Push{Peer: p.id, WTxID: e.WTxID, Hop: hop})
	p.addressed = true
	return true
}

// pushed takes a body that came unasked. Where it may not come so, it still
// announces itself.
func (r *Relay) pushed(p *peer, m *relaymsg.Push) {
	left := p.pushed.charge(r.now, float64(len(m.Body)))
	if left < -PushBurst {
		r.violated(p, "pushed more than twice of what is allowed")
		return
	}
	wtxid := chainhash.DoubleHashH(m.Body)
	id := r.cfg.Salt.ShortID(wtxid)
	if left < 0 || !p.mayPush(r.now) || p.unjudged+len(m.Body) > PushBurst || r.cfg.NoPull ||
		r.unwanted.orphans.has(r.now, wtxid) {
		r.announcedBy(p, id)
		return
	}
	p.known.put(id, struct{}{})
	if e := r.pool.get(wtxid); e != nil {
		r.told(p, e)
	}
	r.judge(p, Body{Peer: p.id, WTxID: wtxid, Raw: m.Body}, arrival{from: p.id, hop: m.Hop, pushed: len(m.Body)})
}

// mayPush reports whether the peer may believe to be in the mesh.
func (p *peer) mayPush(now time.Time) bool {
	return p.mesh || (!p.prunedAt.IsZero() && now.Sub(p.prunedAt) < PushGrace)
}
