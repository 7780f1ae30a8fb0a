package backend

import (
	"encoding/hex"
	"math"
	"sort"
	"time"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/p2p"
)

// settled is how long after it was accepted a transaction should be everywhere:
// by then steady rounds of reconciliation take it in.
const settled = 30 * time.Second

func (b *backend) Overlay() rpc.Overlay {
	o := b.node.Overlay()
	return rpc.Overlay{Nodes: o.Nodes, Digests: o.Digests}
}

func (b *backend) Authors() (authors []rpc.OverlayNode, interval time.Duration) {
	overlay := b.node.Overlay()
	digest, count := b.node.Digest()
	pool := b.node.Mempool().Snapshot()
	for _, a := range overlay.Authors {
		m := a.Beacon
		lacks, differs := 0, false
		if a.Heard.Sub(b.started) > settled { // before, this node is the one that has to catch up
			lacks, differs = compare(pool, digest, a)
		}
		authors = append(authors, rpc.OverlayNode{
			PeerID: a.Peer.String(), Agent: m.Agent, Digest: hex.EncodeToString(m.Digest[:]), Count: m.Count, Bytes: m.Bytes,
			FeeFloor: rpc.Amount(min(m.FeeFloor, math.MaxInt64)), Sequence: m.Sequence, Heard: unix(a.Heard),
			Lags:  m.Digest != digest && m.Count < uint64(count),
			Lacks: lacks, Differs: differs, Ahead: a.Ahead.Seconds(),
		})
	}
	return authors, overlay.Interval
}

// compare tells what the author must have lacked when it sent its beacon, and
// whether its mempool was another one for no reason that time explains. pool is
// in the order of acceptance.
func compare(pool []*mempool.Entry, digest [32]byte, a p2p.Author) (lacks int, differs bool) {
	if a.Beacon.Digest == digest {
		return 0, false
	}
	before := a.Heard.Add(-settled)
	held := sort.Search(len(pool), func(i int) bool { return pool[i].Time.After(before) })
	return max(held-int(min(a.Beacon.Count, math.MaxInt32)), 0), held == len(pool)
}

func (b *backend) Warnings() []string { return b.node.Warnings() }

func (b *backend) Failures() (failures []rpc.PeerFailure) {
	for _, f := range b.node.Failures() {
		failures = append(failures, rpc.PeerFailure{
			PeerID: f.Peer.String(), Addr: f.Addr, Time: unix(f.Time), Reason: f.Reason, Incompatible: f.Incompatible,
		})
	}
	return failures
}
