package p2p

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// movingDNS answers with the present address of the one name there is.
type movingDNS struct {
	ip   atomic.Value // net.IP
	addr atomic.Value // string: multiaddr for /dnsaddr
}

func (d *movingDNS) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return []net.IPAddr{{IP: d.ip.Load().(net.IP)}}, nil
}

func (d *movingDNS) LookupTXT(context.Context, string) ([]string, error) {
	return []string{"dnsaddr=" + d.addr.Load().(string)}, nil
}

func TestNamesAreResolvedAnew(t *testing.T) {
	for name, prefix := range map[string]string{
		"dns4":    "/dns4/node1.example.org/udp/8000/quic-v1/p2p/",
		"dnsaddr": "/dnsaddr/example.org/p2p/",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b := w.start(nil)
				ip, err := b.cfg.Listen[0].ValueForProtocol(multiaddr.P_IP4)
				if err != nil {
					t.Fatal(err)
				}
				var dns movingDNS
				dns.ip.Store(net.ParseIP("9.9.9.9"))
				dns.addr.Store("/ip4/9.9.9.9/udp/8000/quic-v1/p2p/" + b.Host().ID().String())
				resolver, err := madns.NewResolver(madns.WithDefaultResolver(&dns))
				if err != nil {
					t.Fatal(err)
				}
				a := w.start(func(c *Config) {
					c.Bootstrap = []string{prefix + b.Host().ID().String()}
					c.HostOptions = append(c.HostOptions, libp2p.MultiaddrResolver(swarm.ResolverFromMaDNS{Resolver: resolver}))
				})
				time.Sleep(10 * time.Second)
				if a.handle(b) != 0 {
					t.Fatal("a link to a name that leads elsewhere")
				}
				dns.ip.Store(net.ParseIP(ip))
				dns.addr.Store(b.addr())
				await(t, 2*maxBackoff, "link at the new address", func() bool { return a.handle(b) != 0 })
			})
		})
	}
}
