package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// judging is how long a node takes to check a body.
	judging = 2 * time.Millisecond
	// feeRate of all transactions, and the fee floor of all nodes.
	feeRate = 1000
)

// node is an engine and what it needs to believe itself in a real node.
type node struct {
	net    *network
	number int
	role   role
	relay  *inv.Relay
	rand   rand.PCG
	salt   relaymsg.Salt
	ends   []*end // in order of connection
	held   bitset // its mempool, by number of transaction

	up      bool
	lives   int           // starts
	meshed  int           // ends in the mesh
	phase   time.Duration // of its heartbeat
	beating bool          // a heartbeat is to come
	wakeAt  time.Duration // zero: no wake-up is to come
	tells   *teasing      // teasers only
}

// start gives the node a new engine, which restores the mempool.
func (s *node) start() {
	n := s.net
	s.rand.Seed(n.cfg.Seed, nodeStream+uint64(s.number)+uint64(s.lives)*MaxNodes)
	s.lives++
	rng := rand.New(&s.rand)
	binary.LittleEndian.PutUint64(s.salt[:], rng.Uint64())
	binary.LittleEndian.PutUint64(s.salt[8:], rng.Uint64())
	cfg := inv.DefaultConfig()
	cfg.Rand, cfg.Salt, cfg.FeeFloor = rng, s.salt, feeRate
	cfg.Audience, _ = n.cfg.Relay.audience()
	cfg.Trickle = n.cfg.Relay == RelayTrickle
	cfg.EagerHops, cfg.InvInterval, cfg.ReconInterval = n.cfg.EagerHops, n.cfg.InvInterval, n.cfg.ReconInterval
	if s.role == teaser {
		cfg.Audience, cfg.InvInterval = inv.AudienceAll, 0
		cfg.Trickle = false
	}
	s.relay = inv.New(cfg)
	s.relay.NetworkSized(n.clock(), n.cfg.Nodes)
	for tx := range s.held.all() {
		s.relay.Accepted(n.clock(), n.txs.tx(tx), inv.SourceRestored)
	}
	s.wakeAt = 0
}

// ready carries out what the engine asks for.
func (s *node) ready() {
	n := s.net
	r := s.relay.Ready()
	n.writes++
	for _, m := range r.Send {
		n.send(s, m.Peer, m.Msg)
	}
	for _, p := range r.Push {
		n.send(s, p.Peer, &relaymsg.Push{Hop: p.Hop, Body: n.txs.body(p.WTxID)})
	}
	for _, q := range r.Serve {
		m := &relaymsg.Txs{Bodies: make([][]byte, len(q.Tx))}
		for i, tx := range q.Tx {
			m.Bodies[i] = n.txs.body(tx.WTxID)
		}
		n.send(s, q.Peer, m)
	}
	for _, b := range r.Validate {
		tx := n.txs.find(b.WTxID)
		n.txs.cameBy(tx, s, n.ends[b.Peer].other.node)
		n.queue.push(n.now+judging, event{kind: judged, node: s, which: tx})
	}
	for _, d := range r.Disconnect {
		n.violation(s, n.ends[d.Peer], d.Reason)
	}
	if !r.Wake.IsZero() {
		at := max(r.Wake.Sub(epoch), n.now)
		if s.wakeAt == 0 || at < s.wakeAt {
			s.wakeAt = at
			n.queue.push(at, event{kind: wakes, node: s})
		}
	}
}

// wake lets the engine do what is due, unless the event was overtaken by an
// earlier one.
func (s *node) wake() {
	if s.up && s.wakeAt == s.net.now {
		s.wakeAt = 0
		s.relay.Tick(s.net.clock())
		s.ready()
	}
}

func (s *node) judged(tx int) {
	if s.up {
		s.accept(tx, inv.SourcePeer)
	}
}

func (s *node) accept(tx int, src inv.Source) {
	if s.held.add(tx) {
		s.net.accepted(s, tx)
	}
	s.relay.Accepted(s.net.clock(), s.net.txs.tx(tx), src)
	s.ready()
}

// send writes a message to a peer and lets it travel.
func (n *network) send(s *node, to inv.PeerID, m relaymsg.Message) {
	e := n.ends[to]
	if e.down || !s.role.sends(m) {
		return
	}
	n.count(s, m)
	if e.written != n.writes {
		e.written = n.writes
		n.meter.wrote(s)
	}
	if n.sent != nil {
		m = n.sent(s, m)
	}
	n.queue.push(n.now+e.latency, event{kind: arrives, which: int(e.other.id), msg: m})
}

// receive hands over what has travelled to this side, unless the link has died
// meanwhile.
func (e *end) receive(m relaymsg.Message) {
	if !e.alive() {
		return
	}
	s := e.node
	if s.role == teaser {
		s.hear(m)
	}
	s.relay.Received(s.net.clock(), e.id, m)
	s.ready()
}
