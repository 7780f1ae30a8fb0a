package sim

import (
	"fmt"
	"math"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
)

// role is how a node behaves.
type role uint8

const (
	steady  role = iota // honest and always there
	churner             // honest, comes and goes
	sink                // takes transactions and passes nothing on
	teaser              // announces what it does not have
)

func (r role) honest() bool { return r <= churner }

// sends reports whether a node of this role sends such a message. A sink asks
// for bodies and is silent otherwise; a teaser does everything but deliver.
func (r role) sends(m relaymsg.Message) bool {
	switch k := m.Kind(); r {
	case sink:
		return k == relaymsg.KindGet
	case teaser:
		return k != relaymsg.KindTxs && k != relaymsg.KindPush && k != relaymsg.KindNotFound
	}
	return true
}

// teasing is how a teaser recognises transactions by the ids under its own salt.
type teasing struct {
	byID  map[relaymsg.ShortID]int
	known int // transactions up to here are in byID
}

// hear makes a teaser's engine believe that it has whatever it hears of, so
// that it announces it at once to everybody, offers it in rounds, and requests
// nothing.
func (s *node) hear(m relaymsg.Message) {
	var ids []relaymsg.ShortID
	switch m := m.(type) {
	case *relaymsg.Inv:
		ids = m.IDs
	case *relaymsg.Push:
		ids = []relaymsg.ShortID{s.salt.ShortID(chainhash.DoubleHashH(m.Body))}
	case *relaymsg.ReconDiff:
		ids = m.Have
	case *relaymsg.ReconOffer:
		ids = m.Have
	}
	for _, id := range ids {
		if tx, ok := s.recognise(id); ok && s.held.add(tx) {
			s.relay.Accepted(s.net.clock(), s.net.txs.tx(tx), inv.SourcePeer)
		}
	}
}

func (s *node) recognise(id relaymsg.ShortID) (tx int, ok bool) {
	if s.tells == nil {
		s.tells = &teasing{byID: map[relaymsg.ShortID]int{}}
	}
	for ; s.tells.known < s.net.txs.published; s.tells.known++ {
		s.tells.byID[s.salt.ShortID(s.net.txs.tx(s.tells.known).WTxID)] = s.tells.known
	}
	tx, ok = s.tells.byID[id]
	return tx, ok
}

const (
	// meanUp and meanDown are how long a churner stays and is away, on
	// average; both times have an exponential distribution.
	meanUp   = 20 * time.Second
	meanDown = 10 * time.Second
	// idleTimeout is after what time peers notice that a node is gone that did
	// not take leave: QUIC's in libp2p.
	idleTimeout = 30 * time.Second
	// redialing is within which links are dialed again after a node's return
	// or the end of a partition.
	redialing = time.Second
)

func (n *network) exponential(mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-n.rng.Float64()) * float64(mean))
}

// churn lets nodes come and go until calm.
func (n *network) churn() {
	n.churning = true
	for _, s := range n.nodes {
		if s.role == churner {
			n.after(n.exponential(meanUp), func() { n.leave(s) })
		}
	}
}

// leave is a crash: nobody is told.
func (n *network) leave(s *node) {
	if !n.churning {
		return
	}
	s.up = false
	for _, e := range s.ends { // the other ends believe them alive
		n.after(idleTimeout, func() { n.disconnect(e.other) })
	}
	n.after(n.exponential(meanDown), func() { n.comeBack(s) })
}

// comeBack restarts a node with the mempool it had. It dials its old peers and
// is dialed by those that had dialed it.
func (n *network) comeBack(s *node) {
	for len(s.ends) > 0 {
		s.ends[0].down = true
		s.forget(s.ends[0])
	}
	s.up = true
	s.start()
	for i, e := range n.edges {
		if e.dialer == s.number || e.dialed == s.number {
			n.redial(i)
		}
	}
	if n.churning {
		n.after(n.exponential(meanUp), func() { n.leave(s) })
	}
}

// redial brings the link of an edge up again soon, if both nodes are there. What
// is left of the old link ends with that.
func (n *network) redial(i int) {
	n.after(time.Duration(n.rng.Int64N(int64(redialing))), func() {
		e := &n.edges[i]
		if !n.nodes[e.dialer].up || !n.nodes[e.dialed].up || n.crosses(e) {
			return
		}
		if old := n.links[i]; old != nil {
			if !old.down && !old.other.down {
				return // both have dialed
			}
			n.disconnect(old)
			n.disconnect(old.other)
		}
		n.connect(i)
	})
}

// partition cuts the network in two random halves.
func (n *network) partition() {
	n.side = make([]uint8, len(n.nodes))
	for i, s := range n.rng.Perm(len(n.nodes)) {
		n.side[s] = uint8(i % 2)
	}
	for i := range n.edges {
		if l := n.links[i]; l != nil && n.crosses(&n.edges[i]) {
			n.disconnect(l)
			n.disconnect(l.other)
		}
	}
}

// heal joins the halves again.
func (n *network) heal() {
	side := n.side
	n.side = nil
	for i, e := range n.edges {
		if side[e.dialer] != side[e.dialed] {
			n.redial(i)
		}
	}
}

// crosses reports whether the edge is cut by a partition.
func (n *network) crosses(e *edge) bool {
	return n.side != nil && n.side[e.dialer] != n.side[e.dialed]
}

// violation ends the run: engines only meet engines, none of which violates the
// protocol.
func (n *network) violation(s *node, e *end, reason string) {
	if n.fault == nil {
		n.fault = fmt.Errorf("sim: a fault of the relay engine, in %s with seed %d after %v: node %d cut off node %d: %s",
			n.cfg.Name(), n.cfg.Seed, n.now, s.number, e.other.node.number, reason)
	}
}
