package inv

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// latencies are the arrival times of all (transaction, node) pairs but the
// origins', sorted.
func (n *network) latencies(published map[chainhash.Hash]time.Time) []time.Duration {
	var all []time.Duration
	for _, s := range n.nodes {
		for wtxid, at := range s.arrived {
			if d := at.Sub(published[wtxid]); d > 0 {
				all = append(all, d)
			}
		}
	}
	slices.Sort(all)
	return all
}

func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[int(math.Ceil(p*float64(len(sorted))))-1]
}

// steady publishes transactions at random nodes, ten a second.
func (n *network) steady(txs int) map[chainhash.Hash]time.Time {
	published := map[chainhash.Hash]time.Time{}
	for range txs {
		wtxid := n.nodes[n.rng.IntN(len(n.nodes))].accept(transaction(n.rng, 300), SourceLocal)
		published[wtxid] = n.now
		n.run(100 * time.Millisecond)
	}
	return published
}

// TestSteadyLoad bounds latency and bytes under load. Time and bytes are
// virtual and exact, so the bounds are close to what is reached.
func TestSteadyLoad(t *testing.T) {
	for _, c := range []struct {
		nodes, txs, eagerHops int
		p50, p99              time.Duration
		overhead              float64 // bytes per transaction and node beyond one body, without rounds
		bodies                float64 // per transaction and node, duplicates included
	}{
		{nodes: 30, txs: 200, eagerHops: 0, p50: 850 * time.Millisecond, p99: 1400 * time.Millisecond, overhead: 34, bodies: 1},
		{nodes: 30, txs: 200, eagerHops: AutoEagerHops, p50: 500 * time.Millisecond, p99: 1100 * time.Millisecond, overhead: 38, bodies: 1.06},
		{nodes: 100, txs: 100, eagerHops: AutoEagerHops, p50: 500 * time.Millisecond, p99: 1150 * time.Millisecond, overhead: 50, bodies: 1.08},
	} {
		t.Run(fmt.Sprintf("%d nodes, eager hops %d", c.nodes, c.eagerHops), func(t *testing.T) {
			n := newNetwork(t, 1, c.nodes, func(_ int, cfg *Config) { cfg.EagerHops = c.eagerHops })
			n.graph(8, 6)
			for _, s := range n.nodes {
				s.relay.NetworkSized(n.now, c.nodes)
			}
			n.run(2 * time.Second)
			clear(n.bytes)
			published := n.steady(c.txs)
			n.run(2 * time.Second)
			n.requireConverged(c.txs)

			m := n.measure(published)
			t.Log(m)
			if len(n.cut) > 0 {
				t.Errorf("honest peers cut off: %v", n.cut)
			}
			if m.judged != 1 || m.bodies > c.bodies {
				t.Errorf("want %.2f bodies at most and each delivery judged once", c.bodies)
			}
			if m.p50 > c.p50 || m.p99 > c.p99 || m.overhead() > c.overhead {
				t.Errorf("want p50 %v, p99 %v, overhead %v at most", c.p50, c.p99, c.overhead)
			}
		})
	}
}

// measured is what a load cost. Bytes are per transaction and node, bodies per
// delivery.
type measured struct {
	p50, p99, max                   time.Duration
	announce, request, body, rounds float64
	deliveredBytes                  float64
	bodies, judged                  float64
}

// overhead is what was sent beyond one body, without rounds.
func (m measured) overhead() float64 { return m.announce + m.request + m.body - m.deliveredBytes }

func (m measured) String() string {
	return fmt.Sprintf("p50 %v p99 %v max %v; bytes: announce %.1f request %.1f body %.1f reconcile %.1f overhead %.1f; bodies %.3f judged %.3f",
		m.p50, m.p99, m.max, m.announce, m.request, m.body, m.rounds, m.overhead(), m.bodies, m.judged)
}

func (n *network) measure(published map[chainhash.Hash]time.Time) (m measured) {
	all := n.latencies(published)
	m.p50, m.p99, m.max = percentile(all, .5), percentile(all, .99), all[len(all)-1]
	txs, nodes := float64(len(published)), float64(len(n.nodes))
	for kind, b := range n.bytes {
		share := float64(b) / txs / nodes
		switch {
		case kind.Lane() == relaymsg.Recon:
			m.rounds += share
		case kind == relaymsg.KindInv:
			m.announce += share
		case kind == relaymsg.KindTxs, kind == relaymsg.KindPush:
			m.body += share
		default:
			m.request += share
		}
	}
	m.deliveredBytes = 300 * (nodes - 1) / nodes
	bodies, judged := 0, 0
	for _, s := range n.nodes {
		bodies += s.bodies
		judged += s.judging
	}
	m.bodies = float64(bodies) / (txs * (nodes - 1))
	m.judged = float64(judged) / (txs * (nodes - 1))
	return m
}

// TestPartitionHeals splits the network in two that both go on, then lets the
// dialers reconnect.
func TestPartitionHeals(t *testing.T) {
	const nodes, before, during = 30, 50, 100
	n := newNetwork(t, 2, nodes, nil)
	n.graph(8, 6)
	n.steady(before)
	var lost []*simLink
	half := map[*simNode]bool{}
	for _, s := range n.nodes[:nodes/2] {
		half[s] = true
	}
	for _, s := range n.nodes {
		for _, l := range s.sortedLinks() {
			if l.dialer && half[s] != half[l.other.node] {
				lost = append(lost, l)
				n.disconnect(l)
			}
		}
	}
	n.steady(during)
	n.run(5 * time.Second)
	if a, b := len(n.nodes[0].mempool), len(n.nodes[nodes-1].mempool); a == before+during || b == before+during {
		t.Fatal("the halves were not apart")
	}
	for i, l := range lost {
		n.connect(l.node, l.other.node, i%10 == 0) // the mesh does not re-knit
	}
	healed := n.now
	n.run(10 * time.Second)
	n.requireConverged(before + during)
	var last time.Time
	for _, s := range n.nodes {
		for _, at := range s.arrived {
			if at.After(last) {
				last = at
			}
		}
	}
	t.Logf("complete %v after the heal", last.Sub(healed))
	if last.Sub(healed) > 5*time.Second {
		t.Errorf("took %v to heal", last.Sub(healed))
	}
	if len(n.cut) > 0 {
		t.Errorf("honest peers cut off: %v", n.cut)
	}
}

// TestRestartedNodeCatchesUp has a node come back empty and one with only its
// own restored transactions, beyond what one round can move.
func TestRestartedNodeCatchesUp(t *testing.T) {
	const nodes, txs = 4, 6000
	n := newNetwork(t, 3, nodes, nil)
	n.graph(3, 3)
	for range txs {
		n.nodes[0].accept(transaction(n.rng, 100), SourceRestored)
	}
	for range 50 {
		n.nodes[3].accept(transaction(n.rng, 100), SourceRestored)
	}
	n.run(60 * time.Second)
	n.requireConverged(txs + 50)
	if len(n.cut) > 0 {
		t.Errorf("honest peers cut off: %v", n.cut)
	}
}

// TestReconciliationAlone spreads transactions with nobody announcing.
func TestReconciliationAlone(t *testing.T) {
	const nodes, txs = 10, 40
	n := newNetwork(t, 4, nodes, func(_ int, cfg *Config) { cfg.Audience = AudienceNone })
	n.graph(3, 0)
	n.steady(txs)
	n.run(60 * time.Second)
	n.requireConverged(txs)
	if inv := n.bytes[relaymsg.KindInv]; inv != 0 {
		t.Errorf("%d bytes announced", inv)
	}
}

// TestFaultyNodeStaysBehind shows that convergence is earned: a node that
// neither pulls nor reconciles has nothing.
func TestFaultyNodeStaysBehind(t *testing.T) {
	n := newNetwork(t, 5, 6, func(i int, cfg *Config) {
		if i == 3 {
			cfg.NoPull, cfg.ReconInterval = true, 0
		}
	})
	n.graph(3, 6)
	n.steady(20)
	n.run(30 * time.Second)
	for i, s := range n.nodes {
		own := 0
		for wtxid := range s.mempool {
			if n.nodes[(i+1)%6].mempool[wtxid] != nil {
				own++
			}
		}
		if full := len(s.mempool) == 20; full == (i == 3) {
			t.Errorf("node %d holds %d of 20", i, len(s.mempool))
		}
	}
}
