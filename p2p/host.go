package p2p

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
)

// connGrace is how long a new connection is safe from the connection manager.
const connGrace = 20 * time.Second

// newHost builds the one kind of host there is: TCP with Noise and yamux, QUIC,
// explicit limits, our gater, and none of libp2p's NAT machinery. It listens on
// all addresses of the configuration or fails.
func newHost(cfg Config, g *gater, m metrics.Reporter) (host.Host, error) {
	limits, err := newResourceManager(cfg.MaxPeers, cfg.MaxMemory)
	if err != nil {
		return nil, fmt.Errorf("p2p: resource limits: %w", err)
	}
	conns, err := connmgr.NewConnManager(cfg.MaxPeers, cfg.MaxPeers+spareInbound, connmgr.WithGracePeriod(connGrace))
	if err != nil {
		return nil, fmt.Errorf("p2p: connection manager: %w", err)
	}
	options := []libp2p.Option{
		libp2p.Identity(cfg.Identity),
		libp2p.UserAgent(cfg.UserAgent),
		libp2p.NoListenAddrs,
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(limits),
		libp2p.ConnectionManager(conns),
		libp2p.ConnectionGater(g),
		libp2p.BandwidthReporter(m),
		libp2p.DisableRelay(),
		libp2p.ForceReachabilityPublic(), // no AutoNAT probes
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.DisableMetrics(), // no global registry
		// Peers are few and chosen: failed dials do not mean that UDP or IPv6
		// is broken.
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
	}
	if cfg.PreSharedKey != nil {
		options = append(options, libp2p.PrivateNetwork(cfg.PreSharedKey))
	} else {
		options = append(options, libp2p.Transport(quic.NewTransport))
	}
	h, err := libp2p.New(append(options, cfg.HostOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("p2p: start host: %w", err)
	}
	// One by one: given a list, libp2p is content if one address works.
	for _, addr := range cfg.Listen {
		if err := h.Network().Listen(addr); err != nil {
			_ = h.Close()
			return nil, listenError(addr, err)
		}
	}
	return h, nil
}

// listenError restores what the swarm's error has lost: that a port is busy is
// an errors.Is(err, syscall.EADDRINUSE).
func listenError(addr multiaddr.Multiaddr, err error) error {
	if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("p2p: cannot listen on %s: %w: is another node running there? choose another port", addr, syscall.EADDRINUSE)
	}
	return fmt.Errorf("p2p: cannot listen on %s: %w", addr, err)
}
