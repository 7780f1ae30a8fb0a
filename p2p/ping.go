package p2p

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// pingTimeout bounds the wait for answers to pings.
const pingTimeout = 10 * time.Second

// Ping measures the round trip times to all linked peers, which Peers tells from
// then on, by libp2p's ping protocol. It returns once everybody has answered or
// failed to, after ten seconds at most, or when ctx ends.
func (n *Network) Ping(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var pings sync.WaitGroup
	for _, p := range n.Peers() {
		pings.Go(func() { n.ping(ctx, p.Peer) })
	}
	pings.Wait()
}

// ping leaves what it measures in the peerstore.
func (n *Network) ping(ctx context.Context, p peer.ID) {
	ctx, cancel := context.WithCancel(ctx)
	results := ping.Ping(ctx, n.host, p)
	<-results
	cancel()
	for range results { // until the stream is closed
	}
}
