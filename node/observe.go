package node

import (
	"context"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// Ready is closed once the stored mempool is loaded and the node has joined the
// network. Submit works from then on.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// ID is the node's libp2p identity.
func (n *Node) ID() peer.ID { return n.net.Host().ID() }

// Addrs are the addresses the node listens on, each with its /p2p/<peer id>.
func (n *Node) Addrs() []multiaddr.Multiaddr { return n.net.Addrs() }

// Mempool is the node's mempool, for reading. Transactions are added to it by
// Submit only.
func (n *Node) Mempool() *mempool.Pool { return n.pool }

// Digest is the sum modulo 2^256 of SHA-256(wtxid) over the mempool, and the
// number of transactions summed. Two nodes with equal digests hold the same
// transactions.
func (n *Node) Digest() (digest [32]byte, count int) {
	s := n.published.Load()
	return s.digest, s.count
}

// Rounds are the last reconciliation rounds, oldest first. The caller must not
// change them.
func (n *Node) Rounds() []Round { return n.published.Load().rounds }

// Peers are the links whose handshake is complete.
func (n *Node) Peers() []p2p.PeerInfo { return n.net.Peers() }

// Failures are the peers there should be a link to, or that wanted one, and why
// there is none.
func (n *Node) Failures() []p2p.Failure { return n.net.Failures() }

// Traffic is how many stream bytes the node has sent and received, by kind.
func (n *Node) Traffic() p2p.Traffic { return n.net.Traffic() }

// Overlay is what beacons tell of the whole network.
func (n *Node) Overlay() p2p.Overlay { return n.net.Overlay() }

// AddPeer keeps a link to the multiaddr, which ends in /p2p/<peer id>, dialling
// it with backoff until RemovePeer.
func (n *Node) AddPeer(addr string) error { return n.net.Add(addr) }

// RemovePeer stops dialling what AddPeer was given. An open link stays.
func (n *Node) RemovePeer(addr string) error { return n.net.Remove(addr) }

// Connect dials the multiaddr once.
func (n *Node) Connect(ctx context.Context, addr string) error { return n.net.Connect(ctx, addr) }

// Disconnect closes the links to the peer.
func (n *Node) Disconnect(id peer.ID) error { return n.net.Disconnect(id) }

// SetPeerFilter closes the links to peers the filter refuses and keeps them
// closed in both directions, until another filter is set. Nil admits everyone.
// The filter must be safe for concurrent use and must not block. Experiments
// make partitions with it.
func (n *Node) SetPeerFilter(admit func(peer.ID) bool) { n.net.SetFilter(admit) }

// SetNetworkActive switches connections to other nodes off and on again. While
// they are off, nobody is linked or dialled.
func (n *Node) SetNetworkActive(active bool) { n.net.SetActive(active) }

// NetworkActive reports whether connections are on.
func (n *Node) NetworkActive() bool { return n.net.Active() }

// Ping measures the round trip times to all peers, which Peers tells from then
// on. It returns once all have answered, after ten seconds, or when ctx ends.
func (n *Node) Ping(ctx context.Context) { n.net.Ping(ctx) }
