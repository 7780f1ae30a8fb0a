package testnet

import (
	"hash/fnv"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/marcopolo/simnet"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/p2p"
	"github.com/txnode/txnode/testnet/txgen"
)

const (
	wireDegree  = 8  // links that each node dials
	wireData    = 71 // makes the transactions 300 bytes on average
	wireDrain   = 15 * time.Second
	fastestLink = 20 * time.Millisecond
	slowestLink = 150 * time.Millisecond

	// wireSettle is until the meshes are at rest. Beacons come at twice the pause
	// each time: the next one is due minutes later.
	wireSettle = 220 * time.Second
)

// linkDelays gives every pair of nodes a delay of its own.
func linkDelays(seed uint64) func(*simnet.Packet) time.Duration {
	type pair struct{ low, high string }
	known := make(map[pair]time.Duration)
	return func(p *simnet.Packet) time.Duration {
		from, to := p.From.(*net.UDPAddr).IP.String(), p.To.(*net.UDPAddr).IP.String()
		key := pair{min(from, to), max(from, to)}
		if _, ok := known[key]; !ok {
			h := fnv.New64a()
			h.Write([]byte(key.low + " " + key.high))
			rng := rand.New(rand.NewPCG(seed, h.Sum64()))
			known[key] = fastestLink + time.Duration(rng.Int64N(int64(slowestLink-fastestLink)))
		}
		return known[key]
	}
}

// wireNet is a network under load whose packets are counted.
type wireNet struct {
	*Net
	coins *txgen.Generator
	rng   *rand.Rand
	sent  map[chainhash.Hash]submitted // by wtxid
	dead  map[int]bool                 // those not measured
}

// submitted is when and where a transaction was.
type submitted struct {
	at     time.Time
	origin int
}

func newWireNet(t *testing.T, nodes, hops int, seed uint64, custom ...func(int, *node.Config)) *wireNet {
	t.Helper()
	gen, err := txgen.New(txgen.Config{Network: Network, From: 0, To: 8000, Data: wireData})
	if err != nil {
		t.Fatal(err)
	}
	custom = append(custom, func(_ int, cfg *node.Config) {
		cfg.Relay.EagerHops = hops
		cfg.P2P.BeaconBudget = 1
	})
	dials := topology(nodes, wireDegree, rand.New(rand.NewPCG(seed, graphStream)))
	w := &wireNet{
		Net:   newNet(t, dials, linkDelays(seed), custom...),
		coins: gen,
		rng:   rand.New(rand.NewPCG(seed, loadStream)),
		sent:  make(map[chainhash.Hash]submitted),
		dead:  make(map[int]bool),
	}
	time.Sleep(wireSettle)
	return w
}

// submit gives node i a new transaction.
func (w *wireNet) submit(i int) {
	w.t.Helper()
	tx, err := w.coins.Next()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	w.sent[tx.WTxID] = submitted{time.Now(), i}
	w.Submit(i, tx.Raw)
}

// load submits so many transactions per second to random nodes, and waits for
// their delivery.
func (w *wireNet) load(rate int, d time.Duration) {
	w.t.Helper()
	w.submitAll(rate, d)
	time.Sleep(wireDrain)
}

func (w *wireNet) submitAll(rate int, d time.Duration) {
	w.t.Helper()
	began := time.Now()
	for i := range rate * int(d/time.Second) {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		to := w.rng.IntN(w.Len())
		for w.dead[to] {
			to = w.rng.IntN(w.Len())
		}
		w.submit(to)
	}
}

// die makes node i fall silent for good. It does not notice.
func (w *wireNet) die(i int) {
	w.dead[i] = true
	w.virtual.silent[i].Store(true)
}

// late is how many transactions node i lacks or got later than others get any.
func (w *wireNet) late(i int) (count int) {
	pool := w.Node(i).Mempool()
	for wtxid, sent := range w.sent {
		if e := pool.Get(wtxid); e == nil || e.Time.Sub(sent.at) > 2*time.Second {
			count++
		}
	}
	return count
}

// cost is what a load cost, per transaction and node.
type cost struct {
	stream   Bytes
	bodies   Ratio
	wire     Ratio // bytes
	packets  Ratio
	latency  Latency
	complete bool // everybody alive has everything
}

// measure is what do cost.
func (w *wireNet) measure(do func()) cost {
	w.t.Helper()
	before, bytes, packets := w.traffic(), w.virtual.bytes.Load(), w.virtual.packets.Load()
	do()
	spent := since(before, w.traffic())
	var latencies []time.Duration
	var delivered uint64
	complete := true
	for i, s := range w.seats {
		if w.dead[i] {
			continue
		}
		pool := s.node.Mempool()
		for wtxid, sent := range w.sent {
			e := pool.Get(wtxid)
			switch {
			case e == nil:
				complete = false
			case sent.origin != i:
				latencies = append(latencies, e.Time.Sub(sent.at))
				delivered += uint64(len(e.Raw))
			}
		}
	}
	txNodes := float64(len(w.sent) * w.Len())
	return cost{
		stream:   perTxNode(spent, delivered, len(w.sent), w.Len()),
		bodies:   Ratio(float64(spent.Bodies) / txNodes),
		wire:     Ratio(float64(w.virtual.bytes.Load()-bytes) / txNodes),
		packets:  Ratio(float64(w.virtual.packets.Load()-packets) / txNodes),
		latency:  summarize(latencies),
		complete: complete,
	}
}

// traffic is what all nodes have sent on streams.
func (w *wireNet) traffic() (t p2p.TrafficBytes) {
	for _, s := range w.seats {
		t = sum(t, s.node.Traffic().Sent)
	}
	return t
}

// neighbours are how many have node i in the mesh.
func (w *wireNet) neighbours(i int) (count int) {
	for _, s := range w.seats {
		for _, p := range s.node.Peers() {
			if p.InMesh && p.Peer == w.Node(i).ID() {
				count++
			}
		}
	}
	return count
}
