package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv/relaymsg"
)

// PeerInfo is one link as [Network.Peers] sees it.
type PeerInfo struct {
	ID        PeerID
	Peer      peer.ID
	Addr      multiaddr.Multiaddr // of the peer, as connected
	Transport string              // "tcp" or "quic"
	Outbound  bool
	InMesh    bool // of GossipSub; with a [Topic], in the mesh of that
	Connected time.Time
	Agent     string                   // as told by identify, printable ASCII; empty before that
	FeeFloor  uint64                   // of its HELLO or latest FEEFILTER
	LastSend  time.Time                // zero: never
	LastRecv  time.Time                // zero: never
	Ping      time.Duration            // zero: not known
	Sent      map[relaymsg.Kind]uint64 // bytes of frames
	Received  map[relaymsg.Kind]uint64
}

// Overlay is the network as its beacons show it.
type Overlay struct {
	Nodes   int      // living authors and this node
	Digests int      // distinct mempool digests among them, ours included
	Authors []Author // by peer id, this node excluded
	Dropped uint64   // GossipSub messages lost here because a queue was full

	// Interval is that between this node's beacons, which follows from how many
	// nodes there are and what each is willing to receive; 0: none was sent yet.
	Interval time.Duration
}

// Author is another node and its last beacon.
type Author struct {
	Peer   peer.ID
	Beacon Beacon
	Heard  time.Time
	Ahead  time.Duration         // how far its clock was ahead of ours when it started, at least; 0: nothing tells
	Addrs  []multiaddr.Multiaddr // where it says it listens
}

// Overlay is what the beacons tell.
func (n *Network) Overlay() Overlay {
	authors := n.overlay.table.living(time.Now())
	digests := map[[32]byte]struct{}{n.cfg.Beacon().Digest: {}}
	for _, a := range authors {
		digests[a.Beacon.Digest] = struct{}{}
	}
	return Overlay{
		Nodes: len(authors) + 1, Digests: len(digests), Authors: authors,
		Dropped: n.mesh.dropped.Load(), Interval: time.Duration(n.overlay.interval.Load()),
	}
}

// inMesh reports whether transactions for the mesh are sent to the peer.
func (n *Network) inMesh(p peer.ID) bool {
	if n.spread != nil {
		return n.spread.has(p)
	}
	return n.mesh.has(p)
}

func (n *Network) describe(l *link) PeerInfo {
	info := PeerInfo{
		ID: l.id, Peer: l.peer, Addr: l.addr(), Transport: "tcp",
		Outbound: l.outbound, InMesh: n.inMesh(l.peer), Connected: l.begun,
		FeeFloor: l.feeFloor.Load(),
		Ping:     n.host.Peerstore().LatencyEWMA(l.peer),
	}
	if _, err := info.Addr.ValueForProtocol(multiaddr.P_QUIC_V1); err == nil {
		info.Transport = "quic"
	}
	if agent, err := n.host.Peerstore().Get(l.peer, "AgentVersion"); err == nil {
		text, _ := agent.(string)
		info.Agent = printable(text, maxUserAgent)
	}
	l.fill(&info)
	return info
}

// addr is where the peer is connected from or to.
func (l *link) addr() multiaddr.Multiaddr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.streams) == 0 {
		return nil
	}
	return l.streams[0].Conn().RemoteMultiaddr()
}

// maxUserAgent bounds PeerInfo.Agent, as Bitcoin Core's MAX_SUBVERSION_LENGTH.
const maxUserAgent = 256

const (
	sweepInterval = 15 * time.Second
	// idleConn is how long a connection may last without becoming a link.
	idleConn = 30 * time.Second
)

// sweep closes connections of a host of our own that are nobody's link: they
// would take the slots of those that want one.
func (n *Network) sweep(ctx context.Context) {
	for n.ownHost && sleep(ctx, sweepInterval) {
		for _, c := range n.host.Network().Conns() {
			if n.linkTo(c.RemotePeer()) == nil && time.Since(c.Stat().Opened) > idleConn {
				_ = c.Close()
			}
		}
	}
}
