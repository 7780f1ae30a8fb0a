package sim

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
)

// network is a simulation under way. Nothing in it ranges over a map: what
// happens follows from the configuration alone.
type network struct {
	cfg   Config
	rng   *rand.Rand
	now   time.Duration // since epoch
	queue queue
	nodes []*node
	edges []edge
	links []*end // of edges, the dialer's; nil: down
	ends  []*end // by inv.PeerID
	txs   txTable
	meter meter
	trace trace

	honest, steady         int // nodes
	missing, missingSteady int // deliveries of what was submitted to these
	observe                func(Progress)
	sent                   func(*node, relaymsg.Message) relaymsg.Message // tests: sees what is sent and says what arrives

	fault    error   // why the run cannot go on
	churning bool    // nodes leave
	side     []uint8 // of a partition, by node; nil: there is none
	writes   uint64  // counts batches to a peer, see end.written
	frame    []byte  // scratch
}

// epoch is the virtual time at which every run begins.
var epoch = time.Unix(1_700_000_000, 0)

func (n *network) clock() time.Time { return epoch.Add(n.now) }

// end is one side of a link.
type end struct {
	id      inv.PeerID // names this side to its own engine
	edge    int
	node    *node // whose side this is
	other   *end
	latency time.Duration
	dialer  bool
	mesh    bool
	down    bool   // this side has noticed that the link is dead
	written uint64 // the batch that was last written to it
}

// alive reports whether something that travels to this side arrives.
func (e *end) alive() bool { return !e.down && e.node.up }

func newNetwork(cfg Config) *network {
	n := &network{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, graphStream))}
	n.trace = newTrace()
	n.ends = append(n.ends, nil) // no peer has the number 0
	n.edges = graph(&cfg, n.rng)
	n.links = make([]*end, len(n.edges))
	roles := n.rng.Perm(cfg.Nodes)
	for i := range cfg.Nodes {
		n.nodes = append(n.nodes, &node{
			net: n, number: i, up: true,
			phase: time.Duration(n.rng.Int64N(int64(heartbeatInterval))),
		})
	}
	take := func(share float64) (nodes []*node) {
		for _, i := range roles[:cfg.share(share)] {
			nodes = append(nodes, n.nodes[i])
		}
		roles = roles[len(nodes):]
		return nodes
	}
	for _, s := range take(cfg.Sinks) {
		s.role = sink
	}
	for _, s := range take(cfg.Teasers) {
		s.role = teaser
	}
	for _, s := range take(cfg.Churn) {
		s.role = churner
	}
	for _, s := range n.nodes {
		s.start()
		if s.role.honest() {
			n.honest++
		}
		if s.role == steady {
			n.steady++
		}
	}
	n.txs = newTxTable(&n.cfg, n.nodes)
	return n
}

// Streams of the seed, so that what one part draws does not change the others:
// the same graph and load for any relay.
const (
	graphStream = iota
	loadStream
	nodeStream // and above, one per node
)

func (n *network) after(d time.Duration, do func()) {
	n.queue.push(n.now+d, event{kind: does, do: do})
}

// connect brings up a link: both sides have exchanged HELLO.
func (n *network) connect(i int) {
	e := &n.edges[i]
	a := &end{edge: i, node: n.nodes[e.dialer], latency: e.latency, dialer: true}
	b := &end{edge: i, node: n.nodes[e.dialed], latency: e.latency, other: a}
	a.other = b
	n.links[i] = a
	a.id, b.id = inv.PeerID(len(n.ends)), inv.PeerID(len(n.ends)+1)
	n.ends = append(n.ends, a, b)
	for _, side := range []*end{a, b} {
		s := side.node
		s.ends = append(s.ends, side)
		n.count(s, &relaymsg.Hello{Version: relaymsg.Version, Network: "regtest", Salt: s.salt, FeeFloor: feeRate})
		s.relay.PeerConnected(n.clock(), side.id, inv.Peer{
			Outbound: side.dialer, Salt: side.other.node.salt, FeeFloor: feeRate,
		})
		s.ready()
		s.heartbeats()
	}
}

// disconnect lets one side notice that the link is dead.
func (n *network) disconnect(e *end) {
	if e.down {
		return
	}
	e.down = true
	if n.links[e.edge] == e || n.links[e.edge] == e.other {
		n.links[e.edge] = nil
	}
	s := e.node
	s.forget(e)
	if !s.up {
		return
	}
	s.relay.PeerDisconnected(n.clock(), e.id)
	s.ready()
	s.heartbeats()
}

// run lets time pass until the deadline, or until something is done.
func (n *network) run(ctx context.Context, deadline time.Duration, done func() bool) error {
	for !done() {
		at, ok := n.queue.next()
		if !ok || at > deadline {
			n.now = deadline
			return nil
		}
		n.now = at
		e := n.queue.pop()
		n.trace.add(at, &e)
		n.happen(&e)
		if n.fault != nil {
			return n.fault
		}
		if n.trace.events%pulse == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			n.tell()
		}
	}
	return nil
}

// pulse is after how many events a run looks whether it is to end, and tells
// how far it is.
const pulse = 1 << 12

func (n *network) happen(e *event) {
	switch e.kind {
	case arrives:
		n.ends[e.which].receive(e.msg)
	case judged:
		e.node.judged(e.which)
	case wakes:
		e.node.wake()
	case published:
		n.publish(e.which)
	case does:
		e.do()
	}
}
