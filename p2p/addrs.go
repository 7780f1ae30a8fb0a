package p2p

import (
	"encoding/binary"
	"net/netip"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// scope is how far an address reaches.
type scope int

const (
	scopeNone scope = iota // nowhere we would dial
	scopeLoopback
	scopePrivate
	scopePublic
)

// minPort keeps beacons from pointing the network at well-known services.
const minPort = 1024

// carrierNAT is RFC 6598's shared address space, used by overlay VPNs as well.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// scopeOf judges a plain address: a literal IP with TCP or QUIC v1 on an
// unprivileged port and nothing after it. All else has scopeNone.
func scopeOf(addr multiaddr.Multiaddr) scope {
	if len(addr) < 2 || len(addr) > 3 {
		return scopeNone
	}
	host, transport := &addr[0], &addr[1]
	switch {
	case host.Code() != multiaddr.P_IP4 && host.Code() != multiaddr.P_IP6:
		return scopeNone
	case len(addr) == 2 && transport.Code() != multiaddr.P_TCP:
		return scopeNone
	case len(addr) == 3 && (transport.Code() != multiaddr.P_UDP || addr[2].Code() != multiaddr.P_QUIC_V1):
		return scopeNone
	case binary.BigEndian.Uint16(transport.RawValue()) < minPort:
		return scopeNone
	}
	ip, ok := netip.AddrFromSlice(host.RawValue())
	ip = ip.Unmap()
	switch {
	case !ok:
		return scopeNone
	case ip.IsLoopback():
		return scopeLoopback
	case ip.IsPrivate(), carrierNAT.Contains(ip):
		return scopePrivate
	case manet.IsPublicAddr(addr):
		return scopePublic
	}
	return scopeNone
}

// widest is the scope of our own reach.
func widest(own []multiaddr.Multiaddr) (reach scope) {
	for _, addr := range own {
		reach = max(reach, scopeOf(addr))
	}
	return reach
}

// dialable keeps the addresses that a node of the given reach dials on a
// stranger's word: public ones and those of its own scope.
func dialable(addrs []multiaddr.Multiaddr, reach scope) []multiaddr.Multiaddr {
	return multiaddr.FilterAddrs(addrs, func(addr multiaddr.Multiaddr) bool {
		s := scopeOf(addr)
		return s != scopeNone && (s == scopePublic || s == reach)
	})
}

// advertised picks what a beacon tells of our own addresses: of those that
// reach farthest the first with QUIC and the first with TCP.
func advertised(own []multiaddr.Multiaddr) []multiaddr.Multiaddr {
	reach := widest(own)
	var quic, tcp multiaddr.Multiaddr
	for _, addr := range own {
		switch {
		case reach == scopeNone || scopeOf(addr) != reach:
		case len(addr) == 3 && quic == nil:
			quic = addr
		case len(addr) == 2 && tcp == nil:
			tcp = addr
		}
	}
	var picked []multiaddr.Multiaddr
	for _, addr := range []multiaddr.Multiaddr{quic, tcp} {
		if addr != nil {
			picked = append(picked, addr)
		}
	}
	return picked
}
