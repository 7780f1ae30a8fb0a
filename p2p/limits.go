package p2p

import (
	"net/netip"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"

	"github.com/txnode/txnode/inv/relaymsg"
)

// Slots for connections that are no links yet, or no links any more.
const (
	spareInbound  = 32
	spareOutbound = 32
)

// perPeer bounds what one peer may hold open. A dial tries several addresses
// at once, and each attempt counts as a connection.
const (
	peerConnsInbound  = 4
	peerConnsOutbound = 8
	peerStreams       = 16 // each way: relay, recon, meshsub, identify, ping
	peerMemory        = 16 << 20
	protoPeerStreams  = 4 // of one of our protocols, each way
	protoPeerMemory   = 4 << 20
)

// privateNetworks are prefixes whose addresses may stand for many nodes:
// connections to a published container port all come from the bridge's
// gateway. Elsewhere libp2p's defaults per address hold (8 connections, one
// new one per 5 s after a burst of 16); loopback is unlimited.
var privateNetworks = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// newResourceManager grants what maxPeers peers need and no more. Limits are
// explicit: libp2p's AutoScale reads the memory of the machine and so ignores
// the limit of a container.
func newResourceManager(maxPeers int, maxMemory int64) (network.ResourceManager, error) {
	conns := maxPeers + spareInbound + spareOutbound
	fixed := func(in, out, conns, streams int, memory int64) rcmgr.ResourceLimits {
		return rcmgr.ResourceLimits{
			ConnsInbound: rcmgr.LimitVal(in), ConnsOutbound: rcmgr.LimitVal(out), Conns: rcmgr.LimitVal(conns),
			FD:             rcmgr.LimitVal(conns),
			StreamsInbound: rcmgr.LimitVal(streams), StreamsOutbound: rcmgr.LimitVal(streams), Streams: rcmgr.LimitVal(2 * streams),
			Memory: rcmgr.LimitVal64(memory),
		}
	}
	limits := rcmgr.PartialLimitConfig{
		System:              fixed(maxPeers+spareInbound, maxPeers+spareOutbound, conns, conns*peerStreams/2, maxMemory),
		Transient:           fixed(spareInbound, spareOutbound, spareInbound+spareOutbound, 256, maxMemory/4),
		PeerDefault:         fixed(peerConnsInbound, peerConnsOutbound, peerConnsInbound+peerConnsOutbound, peerStreams, peerMemory),
		ProtocolPeerDefault: fixed(0, 0, 0, protoPeerStreams, protoPeerMemory),
	}
	protocolLimits := fixed(0, 0, 0, conns*protoPeerStreams, maxMemory)
	limits.Protocol = map[protocol.ID]rcmgr.ResourceLimits{
		relayProtocol: protocolLimits,
		reconProtocol: protocolLimits,
		meshProtocol:  protocolLimits,
		topicProtocol: protocolLimits,
	}
	base := rcmgr.DefaultLimits.Scale(maxMemory, conns)

	prefixes, rates := rcmgr.DefaultNetworkPrefixLimitV4, []rate.PrefixLimit{
		{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
		{Prefix: netip.MustParsePrefix("::1/128")},
	}
	prefixes6 := rcmgr.DefaultNetworkPrefixLimitV6
	for _, s := range privateNetworks {
		p := netip.MustParsePrefix(s)
		limit := rcmgr.NetworkPrefixLimit{Network: p, ConnCount: conns}
		if p.Addr().Is4() {
			prefixes = append(prefixes[:len(prefixes):len(prefixes)], limit)
		} else {
			prefixes6 = append(prefixes6[:len(prefixes6):len(prefixes6)], limit)
		}
		rates = append(rates, rate.PrefixLimit{Prefix: p, Limit: rate.Limit{RPS: 16, Burst: 2 * conns}})
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits.Build(base)),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit(prefixes, prefixes6),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: rates,
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 0.2, Burst: 16}}},
				IPv6SubnetLimits: []rate.SubnetLimit{
					{PrefixLength: 56, Limit: rate.Limit{RPS: 0.2, Burst: 16}},
					{PrefixLength: 48, Limit: rate.Limit{RPS: 0.5, Burst: 80}},
				},
			},
		}))
}

// Protocol ids of our streams.
const meshProtocol protocol.ID = "/txnode/meshsub/1"

var (
	relayProtocol = protocol.ID(relaymsg.Relay.ProtocolID())
	reconProtocol = protocol.ID(relaymsg.Recon.ProtocolID())
)
