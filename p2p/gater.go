package p2p

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

const (
	// denyFor is how long a peer that violated the protocol is kept out.
	denyFor = 10 * time.Minute
	// maxDenied bounds the deny list. Ids cost an attacker nothing, so a full
	// list forgets who would be forgotten next anyway.
	maxDenied = 1024
)

// gater decides which peers may be connected: those the filter allows and that
// are not denied, and none while the network is off. Nothing is accepted before open is called.
type gater struct {
	mu     sync.Mutex
	filter func(peer.ID) bool // nil: all
	denied map[peer.ID]time.Time
	off    bool
}

var _ connmgr.ConnectionGater = (*gater)(nil)

func newGater() *gater { return &gater{denied: make(map[peer.ID]time.Time)} }

func (g *gater) setFilter(allow func(peer.ID) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.filter = allow
}

func (g *gater) setOff(off bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.off = off
}

func (g *gater) isOff() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.off
}

// deny keeps the peer out for denyFor from now.
func (g *gater) deny(p peer.ID, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.denied[p]; !ok && len(g.denied) >= maxDenied {
		g.forgetOldest(now)
	}
	g.denied[p] = now.Add(denyFor)
}

// forgetOldest drops what has expired, or else the entry that expires next.
func (g *gater) forgetOldest(now time.Time) {
	var oldest peer.ID
	for p, until := range g.denied {
		if !until.After(now) {
			delete(g.denied, p)
		} else if oldest == "" || until.Before(g.denied[oldest]) {
			oldest = p
		}
	}
	if len(g.denied) >= maxDenied {
		delete(g.denied, oldest)
	}
}

// allowed reports whether we may be connected to the peer.
func (g *gater) allowed(p peer.ID) bool {
	g.mu.Lock()
	filter, until, off := g.filter, g.denied[p], g.off
	if !until.IsZero() && !until.After(time.Now()) {
		delete(g.denied, p)
		until = time.Time{}
	}
	g.mu.Unlock()
	return !off && until.IsZero() && (filter == nil || filter(p))
}

// InterceptPeerDial is part of [connmgr.ConnectionGater].
func (g *gater) InterceptPeerDial(p peer.ID) bool { return g.allowed(p) }

// InterceptAddrDial is part of [connmgr.ConnectionGater].
func (g *gater) InterceptAddrDial(peer.ID, multiaddr.Multiaddr) bool { return true }

// InterceptAccept is part of [connmgr.ConnectionGater].
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured is part of [connmgr.ConnectionGater].
func (g *gater) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return g.allowed(p)
}

// InterceptUpgraded is part of [connmgr.ConnectionGater].
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
