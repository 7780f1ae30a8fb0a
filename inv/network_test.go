package inv

import (
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// network wires engines in memory: virtual time, one latency per link, every
// message through its encoding. Ready is carried out as a node would.
type network struct {
	t        *testing.T
	rng      *rand.Rand
	now      time.Time
	events   eventHeap
	seq      int
	nodes    []*simNode
	nextLink PeerID
	bytes    map[relaymsg.Kind]int // sent, whole frames
	cut      []Disconnect
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), cmp.Compare(h[i].seq, h[j].seq)) < 0
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// simNode is an engine and a mempool without rules.
type simNode struct {
	net     *network
	relay   *Relay
	salt    relaymsg.Salt
	links   map[PeerID]*simLink // by this side's id
	mempool map[chainhash.Hash][]byte
	arrived map[chainhash.Hash]time.Time
	judge   func(raw []byte) (accept, forGood bool) // nil: accept
	bodies  int                                     // received, duplicates included
	judging int                                     // bodies handed to admission
	rounds  []Round
	wake    time.Time
}

// simLink is one side of a connection.
type simLink struct {
	node    *simNode // whose side this is
	id      PeerID
	other   *simLink
	latency time.Duration
	dialer  bool
	mesh    bool
	down    bool
}

const judgingTime = 2 * time.Millisecond

func newNetwork(t *testing.T, seed uint64, nodes int, configure func(int, *Config)) *network {
	n := &network{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_700_000_000, 0),
		bytes: map[relaymsg.Kind]int{},
	}
	for i := range nodes {
		cfg := DefaultConfig()
		cfg.Rand = rand.New(rand.NewPCG(seed, uint64(100+i)))
		binary.LittleEndian.PutUint64(cfg.Salt[:], n.rng.Uint64())
		if configure != nil {
			configure(i, &cfg)
		}
		n.nodes = append(n.nodes, &simNode{
			net: n, relay: New(cfg), salt: cfg.Salt, links: map[PeerID]*simLink{},
			mempool: map[chainhash.Hash][]byte{}, arrived: map[chainhash.Hash]time.Time{},
		})
	}
	return n
}

func (n *network) after(d time.Duration, do func()) {
	n.seq++
	heap.Push(&n.events, event{n.now.Add(d), n.seq, do})
}

// run lets time pass.
func (n *network) run(d time.Duration) {
	end := n.now.Add(d)
	for len(n.events) > 0 && !n.events[0].at.After(end) {
		e := heap.Pop(&n.events).(event)
		n.now = e.at
		e.do()
	}
	n.now = end
}

// connect dials b from a. The link joins both meshes if asked to.
func (n *network) connect(a, b *simNode, mesh bool) *simLink {
	n.nextLink += 2
	latency := time.Duration(20+n.rng.IntN(131)) * time.Millisecond
	la := &simLink{node: a, id: n.nextLink, latency: latency, dialer: true, mesh: mesh}
	lb := &simLink{node: b, id: n.nextLink + 1, latency: latency, mesh: mesh, other: la}
	la.other = lb
	for _, l := range []*simLink{la, lb} {
		l.node.links[l.id] = l
		l.node.relay.PeerConnected(n.now, l.id, Peer{Outbound: l.dialer, Salt: l.other.node.salt})
		l.node.meshChanged()
		l.node.ready()
	}
	return la
}

func (n *network) disconnect(l *simLink) {
	for _, side := range []*simLink{l, l.other} {
		if !side.down {
			side.down = true
			delete(side.node.links, side.id)
			side.node.relay.PeerDisconnected(n.now, side.id)
			side.node.ready()
		}
	}
}

// graph connects the nodes at random, each dialing a number of others; the
// mesh is a subgraph of about the given degree.
func (n *network) graph(dials, degree int) {
	meshDegree := map[*simNode]int{}
	type pair struct{ a, b *simNode }
	linked := map[pair]bool{}
	for _, a := range n.nodes {
		for range dials {
			b := n.nodes[n.rng.IntN(len(n.nodes))]
			if a == b || linked[pair{a, b}] || linked[pair{b, a}] {
				continue
			}
			linked[pair{a, b}] = true
			mesh := meshDegree[a] < degree && meshDegree[b] < degree
			if mesh {
				meshDegree[a]++
				meshDegree[b]++
			}
			n.connect(a, b, mesh)
		}
	}
}

func (s *simNode) meshChanged() {
	var ids []PeerID
	for id, l := range s.links {
		if l.mesh {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	s.relay.MeshChanged(s.net.now, ids)
}

func (s *simNode) sortedLinks() []*simLink {
	var links []*simLink
	for _, l := range s.links {
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b *simLink) int { return cmp.Compare(a.id, b.id) })
	return links
}

func (s *simNode) ready() {
	r := s.relay.Ready()
	s.rounds = append(s.rounds, r.Rounds...)
	for _, m := range r.Send {
		s.send(m.Peer, m.Msg)
	}
	for _, q := range r.Push {
		if raw := s.mempool[q.WTxID]; raw != nil {
			s.send(q.Peer, &relaymsg.Push{Hop: q.Hop, Body: raw})
		}
	}
	for _, q := range r.Serve {
		m := &relaymsg.Txs{}
		for _, tx := range q.Tx {
			if raw := s.mempool[tx.WTxID]; raw != nil {
				m.Bodies = append(m.Bodies, raw)
			}
		}
		s.send(q.Peer, m)
	}
	for _, b := range r.Validate {
		s.judging++
		s.net.after(judgingTime, func() { s.judged(b) })
	}
	for _, d := range r.Disconnect {
		s.net.cut = append(s.net.cut, d)
		if l := s.links[d.Peer]; l != nil {
			s.net.disconnect(l)
		}
	}
	if !r.Wake.IsZero() && (s.wake.IsZero() || r.Wake.Before(s.wake) || !s.wake.After(s.net.now)) {
		s.wake = r.Wake
		at := r.Wake
		s.net.after(at.Sub(s.net.now), func() {
			if s.wake.Equal(at) {
				s.wake = time.Time{}
				s.relay.Tick(s.net.now)
				s.ready()
			}
		})
	}
}

func (s *simNode) judged(b Body) {
	if s.judge != nil {
		if accept, forGood := s.judge(b.Raw); !accept {
			s.relay.Rejected(s.net.now, b.WTxID, forGood)
			s.ready()
			return
		}
	}
	s.accept(b.Raw, SourcePeer)
}

func (s *simNode) accept(raw []byte, src Source) chainhash.Hash {
	wtxid := chainhash.DoubleHashH(raw)
	s.mempool[wtxid] = raw
	s.arrived[wtxid] = s.net.now
	s.relay.Accepted(s.net.now, Tx{WTxID: wtxid, FeeRate: 1000, Size: len(raw)}, src)
	s.ready()
	return wtxid
}

// send delivers a message after the link's latency, unless the link is down by
// then.
func (s *simNode) send(to PeerID, m relaymsg.Message) {
	l := s.links[to]
	if l == nil {
		return
	}
	frame := relaymsg.AppendFrame(nil, m)
	s.net.bytes[m.Kind()] += len(frame)
	s.net.after(l.latency, func() {
		if l.down {
			return
		}
		lane := m.Kind().Lane()
		body, err := relaymsg.ReadFrame(bytes.NewReader(frame), lane)
		if err != nil {
			s.net.t.Fatalf("%T of %d bytes: %v", m, len(frame), err)
		}
		got, err := relaymsg.Decode(lane, body)
		if err != nil {
			s.net.t.Fatalf("%T: %v", m, err)
		}
		switch m := got.(type) {
		case *relaymsg.Txs:
			l.other.node.bodies += len(m.Bodies)
		case *relaymsg.Push:
			l.other.node.bodies++
		}
		l.other.node.relay.Received(s.net.now, l.other.id, got)
		l.other.node.ready()
	})
}

// transaction makes distinct bytes that stand for a transaction.
func transaction(rng *rand.Rand, size int) []byte {
	raw := make([]byte, size)
	for i := range raw {
		raw[i] = byte(rng.Uint32())
	}
	return raw
}

// requireConverged fails unless all nodes hold the same transactions.
func (n *network) requireConverged(txs int) {
	n.t.Helper()
	want, _ := n.nodes[0].relay.Digest()
	for i, s := range n.nodes {
		if got, count := s.relay.Digest(); got != want || count != txs || len(s.mempool) != txs {
			n.t.Fatalf("node %d holds %d (mempool %d) of %d transactions", i, count, len(s.mempool), txs)
		}
	}
}
