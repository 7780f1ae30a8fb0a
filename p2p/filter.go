package p2p

import (
	"maps"

	"github.com/libp2p/go-libp2p/core/peer"
)

// SetFilter replaces the peers that are allowed; nil allows all. Links and, on
// a host of our own, connections to others end now and are refused from now on.
// Persistent peers that were not allowed before are dialled at once; links that
// were made by Connect do not come back by themselves. allow is called from any
// goroutine, must be quick and must not call back.
func (n *Network) SetFilter(allow func(peer.ID) bool) {
	n.gater.setFilter(allow)
	n.enforce()
}

// SetActive switches the network off, as if nobody were allowed, and on again.
func (n *Network) SetActive(active bool) {
	n.gater.setOff(!active)
	n.enforce()
}

// Active reports whether the network is on.
func (n *Network) Active() bool { return !n.gater.isOff() }

// enforce ends what is not allowed any more and dials who is again.
func (n *Network) enforce() {
	n.mu.Lock()
	slots := maps.Clone(n.slots)
	n.mu.Unlock()
	for p, l := range slots {
		if !n.gater.allowed(p) {
			l.cancel(errFiltered)
		}
	}
	if n.ownHost {
		for _, p := range n.host.Network().Peers() {
			if !n.gater.allowed(p) {
				_ = n.host.Network().ClosePeer(p)
			}
		}
	}
	n.redial.poke()
}
