package p2p

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

const (
	maxLocal      = 256 // peers remembered
	maxLocalAddrs = 8   // addresses of each
)

// localPeers are the peers found on the local link by mDNS.
type localPeers struct {
	mu    sync.Mutex
	peers map[peer.ID]peer.AddrInfo
}

var _ mdns.Notifee = (*localPeers)(nil)

func newLocalPeers() *localPeers { return &localPeers{peers: make(map[peer.ID]peer.AddrInfo)} }

// HandlePeerFound is part of [mdns.Notifee].
func (l *localPeers) HandlePeerFound(info peer.AddrInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.peers[info.ID]; !ok && len(l.peers) >= maxLocal {
		for p := range l.peers { // some other one
			delete(l.peers, p)
			break
		}
	}
	info.Addrs = info.Addrs[:min(len(info.Addrs), maxLocalAddrs)]
	l.peers[info.ID] = info
}

// pick returns some peer that fits.
func (l *localPeers) pick(fits func(peer.ID) bool) (peer.AddrInfo, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, info := range l.peers {
		if fits(p) {
			return info, true
		}
	}
	return peer.AddrInfo{}, false
}

// startMDNS announces us on the local link and listens for others of the same
// network. It returns what stops it.
func (n *Network) startMDNS() (stop func(), err error) {
	service := mdns.NewMdnsService(n.host, "_txnode-"+n.cfg.Network+"._udp", n.local)
	if err := service.Start(); err != nil {
		_ = service.Close()
		return nil, err
	}
	return func() { _ = service.Close() }, nil
}
