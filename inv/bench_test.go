package inv

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// bench is a Relay in the steady state: every link is in the mesh, everything is
// announced by several peers before it is requested.
type bench struct {
	*Relay
	clock time.Time
	rng   *rand.Rand
	peers []PeerID
	kept  []chainhash.Hash // the latest transactions, in a ring
	next  int
}

func newBench(b *testing.B, peers int) *bench {
	cfg := DefaultConfig()
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	cfg.ReconInterval = 0
	cfg.SendRate = 0
	n := &bench{Relay: New(cfg), clock: time.Unix(1_700_000_000, 0), rng: rand.New(rand.NewPCG(3, 4)), kept: make([]chainhash.Hash, 10_000)}
	for i := range peers {
		id := PeerID(i + 1)
		n.peers = append(n.peers, id)
		n.PeerConnected(n.clock, id, Peer{Outbound: i%2 == 0, Salt: relaymsg.Salt{byte(i)}})
	}
	n.MeshChanged(n.clock, n.peers[:min(len(n.peers), 6)])
	for range len(n.kept) {
		n.deliver(b)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return n
}

// deliver takes one transaction through: three announcements, GET, body,
// acceptance, announcement to the rest of the mesh; and one out of the mempool.
func (n *bench) deliver(b *testing.B) {
	raw := binary.LittleEndian.AppendUint64(make([]byte, 292), n.rng.Uint64())
	wtxid := chainhash.DoubleHashH(raw)
	id := n.cfg.Salt.ShortID(wtxid)
	n.clock = n.clock.Add(time.Millisecond)
	at := n.rng.IntN(len(n.peers))
	for i := range 3 {
		n.Received(n.clock, n.peers[(at+i)%len(n.peers)], &relaymsg.Inv{IDs: []relaymsg.ShortID{id}})
	}
	n.clock = n.clock.Add(time.Millisecond)
	from := asked(n.Ready(), id)
	if len(from) != 1 {
		b.Fatalf("asked %d peers", len(from))
	}
	n.Received(n.clock, from[0], &relaymsg.Txs{Bodies: [][]byte{raw}})
	n.Ready()
	n.Accepted(n.clock, Tx{WTxID: wtxid, FeeRate: 1000, Size: len(raw)}, SourcePeer)
	n.Removed(n.clock, n.kept[n.next])
	n.kept[n.next] = wtxid
	n.next = (n.next + 1) % len(n.kept)
	n.Ready()
}

// BenchmarkDelivered is what one delivered transaction costs.
func BenchmarkDelivered(b *testing.B) {
	for _, peers := range []int{16, 125} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			n := newBench(b, peers)
			for b.Loop() {
				n.deliver(b)
			}
		})
	}
}

// BenchmarkAnnounced is what one more announcement of a known transaction costs,
// which is what most are, in INVs of ten.
func BenchmarkAnnounced(b *testing.B) {
	for _, peers := range []int{16, 125} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			n := newBench(b, peers)
			ids := make([]relaymsg.ShortID, 10)
			for i := 0; b.Loop(); i++ {
				if i%len(ids) != 0 {
					continue
				}
				for j := range ids {
					ids[j] = n.cfg.Salt.ShortID(n.kept[n.rng.IntN(len(n.kept))])
				}
				n.clock = n.clock.Add(time.Millisecond)
				n.Received(n.clock, n.peers[n.rng.IntN(len(n.peers))], &relaymsg.Inv{IDs: ids})
				n.Ready()
			}
		})
	}
}

// What a relay remembers of a transaction in the mempool takes little memory.
func TestMemoryPerTransaction(t *testing.T) {
	const count, most = 100_000, 200
	l := newPool(relaymsg.Salt{1})
	before := heapInUse()
	for n := range count {
		e := l.add(Tx{WTxID: chainhash.HashH(binary.LittleEndian.AppendUint32(nil, uint32(n)))}, time.Time{})
		l.list(e)
	}
	grown := (heapInUse() - before) / count
	t.Logf("%d bytes each", grown)
	if grown > most {
		t.Errorf("%d bytes for each of %d transactions, more than %d", grown, count, most)
	}
	runtime.KeepAlive(l)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkAcceptAlone is the taking in of a submission by a node without peers,
// none of whose submissions has reached anybody.
func BenchmarkAcceptAlone(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	r, clock := New(cfg), time.Unix(1_700_000_000, 0)
	accept := func(i int) {
		var wtxid chainhash.Hash
		binary.LittleEndian.PutUint64(wtxid[:], uint64(i))
		clock = clock.Add(time.Millisecond)
		r.Accepted(clock, Tx{WTxID: wtxid, Size: 200}, SourceLocal)
		r.Ready()
	}
	for i := range MaxTracedLocal {
		accept(i)
	}
	b.ReportAllocs()
	for i := MaxTracedLocal; b.Loop(); i++ {
		accept(i)
	}
}
