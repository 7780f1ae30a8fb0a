package testnet

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	"github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"
)

// What each simulated node is linked by: 50 Mbit/s in each direction, and 50 ms
// to any other node unless told otherwise.
const (
	virtualBandwidth = 50_000_000
	virtualLatency   = 50 * time.Millisecond
)

// packetOverhead is what IPv4 and UDP add to the payload of each packet.
const packetOverhead = 28

// virtual is a simulated network of UDP endpoints, for bubbles of
// testing/synctest. It takes endpoints one at a time.
type virtual struct {
	network *simnet.Simnet
	silent  map[int]*atomic.Bool // what the node of this number sends is lost

	packets, bytes atomic.Uint64 // sent by everybody; the bytes with packetOverhead
}

func newVirtual(latency func(*simnet.Packet) time.Duration) *virtual {
	v := &virtual{
		network: &simnet.Simnet{LatencyFunc: latency},
		silent:  make(map[int]*atomic.Bool),
	}
	v.network.Start()
	return v
}

// close ends the network, once all nodes have.
func (v *virtual) close() {
	v.network.Close()
	time.Sleep(time.Second) // virtual: what QUIC leaves behind ends by timers
}

// wire puts node i on the network. Its address has the one port.
func (v *virtual) wire(i, _ int) ([]multiaddr.Multiaddr, []libp2p.Option) {
	silent := new(atomic.Bool)
	v.silent[i] = silent
	addr := fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", simnet.IntToPublicIPv4(i))
	return []multiaddr.Multiaddr{multiaddr.StringCast(addr)}, []libp2p.Option{v.quic(silent)}
}

// quic makes the one QUIC endpoint of a host a simulated one. Libp2p leaves it
// to who makes the connection manager to close it.
func (v *virtual) quic(silent *atomic.Bool) libp2p.Option {
	link := simnet.LinkSettings{BitsPerSecond: virtualBandwidth}
	source := new(sourceIP)
	return libp2p.QUICReuse(
		func(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, options ...quicreuse.Option) (*quicreuse.ConnManager, error) {
			m, err := quicreuse.NewConnManager(reset, token, options...)
			if err == nil {
				l.Append(fx.StopHook(m.Close))
			}
			return m, err
		},
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return source, nil }),
		quicreuse.OverrideListenUDP(func(_ string, addr *net.UDPAddr) (net.PacketConn, error) {
			source.ip = addr.IP
			conn := v.network.NewEndpoint(addr, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link})
			return &endpoint{SimConn: conn, network: v, silent: silent}, nil
		}),
	)
}

// sourceIP says where packets come from, as the routing table does elsewhere.
type sourceIP struct{ ip net.IP }

// PreferredSourceIPForDestination implements quicreuse.SourceIPSelector.
func (s *sourceIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) { return s.ip, nil }

// endpoint is a simulated socket that can fall silent.
type endpoint struct {
	*simnet.SimConn
	network *virtual
	silent  *atomic.Bool
}

// WriteTo sends a packet, or loses it.
func (e *endpoint) WriteTo(p []byte, to net.Addr) (int, error) {
	if e.silent.Load() {
		return len(p), nil
	}
	e.network.packets.Add(1)
	e.network.bytes.Add(uint64(len(p)) + packetOverhead)
	return e.SimConn.WriteTo(p, to)
}
