package p2p

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv/relaymsg"
)

// Config is what [New] needs. Identity (or Host), Network, Hello and Beacon
// must be set; the zero value of every other field means its default.
type Config struct {
	// Host, if not nil, is the caller's own libp2p host. It is neither closed
	// nor limited here: Identity, Listen, UserAgent, PreSharedKey, MaxMemory and
	// HostOptions are unused, connections are left open when a link ends, a denied or
	// filtered peer loses only its link, and [Network.Traffic] counts only our
	// own frames. Links also open on connections that the caller dials.
	Host host.Host

	// Identity is the key of the host, as from [LoadOrCreateIdentity].
	Identity crypto.PrivKey

	// Listen are the addresses to listen on, TCP or QUIC. None: dial only.
	Listen []multiaddr.Multiaddr

	// Bootstrap are the addresses, with /p2p/<id>, of peers to stay connected
	// to. /dns4, /dns6 and /dnsaddr are resolved anew at each attempt. The
	// node's own address is skipped.
	Bootstrap []string

	// MDNS looks for peers of the same network on the local link.
	MDNS bool

	// PreSharedKey, of 32 bytes, closes the network to those who do not have
	// it, and the host to QUIC, which cannot be closed so. Nil: open.
	PreSharedKey []byte

	// Network is the name in HELLO and in the beacon topic, as "regtest".
	Network string

	// UserAgent is told to peers by identify. Default "txnode".
	UserAgent string

	// Hello is our side of a handshake, called for each one, from any goroutine.
	Hello func() relaymsg.Hello

	// Beacon is what we tell the whole network, called for each beacon and by
	// [Network.Overlay], from any goroutine.
	Beacon func() Beacon

	// BeaconBudget is how many bytes of beacons per second a node wants to
	// receive. All nodes of a network should agree on it: each sends as often as
	// keeps the others within. Default 200.
	BeaconBudget int

	// Topic, if not nil, is a GossipSub topic of transactions.
	Topic *Topic

	// MaxPeers bounds the links; inbound ones beyond it are refused. Default
	// 125, as Bitcoin Core's -maxconnections.
	MaxPeers int

	// TargetOutbound is how many outbound links to have: below it, peers known
	// from beacons or mDNS are dialled. Default 8, as Bitcoin Core's full-relay
	// outbound connections; negative: dial only Bootstrap and added peers.
	TargetOutbound int

	// MaxMemory is what libp2p's resource manager grants to streams and
	// connections, in bytes. Default 256 MiB, enough for MaxPeers peers; most
	// of it is only ever reserved.
	MaxMemory int64

	// Logger is where to log; nil discards.
	Logger *slog.Logger

	// HostOptions are appended to the options of the host: for tests, which
	// replace the transport.
	HostOptions []libp2p.Option
}

// Validate reports the first field that cannot work, and how to mend it.
func (c Config) Validate() error {
	switch {
	case c.Host == nil && c.Identity == nil:
		return errors.New("p2p: no identity: set Identity (LoadOrCreateIdentity) or Host")
	case c.Hello == nil || c.Beacon == nil:
		return errors.New("p2p: Hello and Beacon must be set")
	case c.Topic != nil && c.Topic.Judge == nil:
		return errors.New("p2p: Topic.Judge must be set")
	case c.BeaconBudget < 0:
		return fmt.Errorf("p2p: beacon budget %d B/s is negative", c.BeaconBudget)
	case c.MaxPeers < 0:
		return fmt.Errorf("p2p: max peers %d is negative", c.MaxPeers)
	case c.MaxMemory < 0:
		return fmt.Errorf("p2p: memory limit %d is negative", c.MaxMemory)
	case len(c.Bootstrap) > maxKept:
		return fmt.Errorf("p2p: %d bootstrap peers, at most %d", len(c.Bootstrap), maxKept)
	}
	if err := validNetworkName(c.Network); err != nil {
		return err
	}
	for _, addr := range c.Bootstrap {
		if _, err := parsePeerAddr(addr); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.UserAgent == "" {
		c.UserAgent = "txnode"
	}
	if c.BeaconBudget == 0 {
		c.BeaconBudget = 200
	}
	if c.MaxPeers == 0 {
		c.MaxPeers = 125
	}
	if c.TargetOutbound == 0 {
		c.TargetOutbound = 8
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = 256 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validNetworkName keeps the name fit for a topic, an mDNS service and HELLO.
func validNetworkName(name string) error {
	if len(name) == 0 || len(name) > relaymsg.MaxNetworkName {
		return fmt.Errorf("p2p: network name %q has %d bytes, must have 1 to %d", name, len(name), relaymsg.MaxNetworkName)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("p2p: network name %q: only a-z, 0-9 and - are allowed", name)
		}
	}
	return nil
}

// parsePeerAddr reads a multiaddr that ends in /p2p/<id>, which pins the key of
// the peer to be found there.
func parsePeerAddr(addr string) (peer.AddrInfo, error) {
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("p2p: %w %q: %w; it must look like /ip4/192.0.2.1/tcp/18555/p2p/12D3KooW…", ErrAddress, addr, err)
	}
	if len(info.Addrs) == 0 {
		return peer.AddrInfo{}, fmt.Errorf("p2p: %w %q: it says who, not where: put /ip4/… or /dns4/… before /p2p", ErrAddress, addr)
	}
	return *info, nil
}
