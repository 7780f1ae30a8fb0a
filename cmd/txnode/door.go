package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/txnode/txnode/node/rpc"
)

// door is the node's RPC server and the files that lead to it.
type door struct {
	server  *rpc.Server
	cookie  *rpc.Cookie
	address *rpc.Address
	dir     string // <datadir>/<network>
	url     string
}

// openDoor binds the RPC address and tells clients where it is. The caller
// must hold the data directory.
func (l *loaded) openDoor(b rpc.Backend, published []rpc.ZMQNotification, log *slog.Logger) (d *door, err error) {
	d = &door{}
	if d.dir, err = l.networkDir(); err != nil {
		return nil, err
	}
	releaseReserve(d.dir)
	defer takeReserve(d.dir)
	if d.cookie, err = rpc.WriteCookie(rpc.CookiePath(d.dir)); err != nil {
		return nil, err
	}
	if err = l.listen(d, b, published, log); err != nil {
		return nil, errors.Join(err, d.cookie.Remove())
	}
	return d, nil
}

func (l *loaded) listen(d *door, b rpc.Backend, published []rpc.ZMQNotification, log *slog.Logger) error {
	hosts := l.RPC.AllowHosts
	own := "127.0.0.1"
	if l.perHost() {
		// Who shares the data directory reaches this node by the host's name.
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		own, hosts = name, append(hosts, name)
	}
	o, err := l.rpcOptions(d, hosts, own)
	if err != nil {
		return err
	}
	o.ZMQ, o.Logger = published, log
	d.server, err = rpc.Listen(l.RPC.Listen, b, o)
	if errors.Is(err, syscall.EADDRINUSE) {
		return failf("the RPC address %s is in use, perhaps by another node; stop that one, or choose another with --rpc-listen (port 0 takes any free one)", l.RPC.Listen)
	}
	if err != nil {
		return fmt.Errorf("%w; correct --rpc-listen (%s)", err, l.origins["rpc-listen"])
	}
	addr, err := netip.ParseAddrPort(d.server.Addr().String())
	if err == nil {
		d.url = "http://" + reachable(addr, own)
		if l.RPC.TLS {
			d.url = "https://" + reachable(addr, own)
		}
		d.address, err = rpc.WriteAddress(d.dir, d.url)
	}
	if err != nil {
		return errors.Join(err, d.server.Close())
	}
	if l.RPC.TLS {
		log.Info("bitcoin-cli cannot call this node: it has no TLS")
	} else if err := rpc.WriteBitcoinConf(filepath.Dir(d.dir), l.Network, addr, rpc.CookiePath(d.dir)); err != nil {
		log.Info("bitcoin-cli -datadir will not find this node", "reason", err)
	}
	return nil
}

// reachable is the host:port by which clients reach a server bound to addr,
// where own is the name of this host for servers bound to all interfaces.
func reachable(addr netip.AddrPort, own string) string {
	if addr.Addr().IsUnspecified() {
		return net.JoinHostPort(own, fmt.Sprint(addr.Port()))
	}
	return addr.String()
}

// remove takes away the files that led to the server.
func (d *door) remove(log *slog.Logger) {
	err := errors.Join(d.cookie.Remove(), d.address.Remove())
	if err != nil {
		log.Warn("a file that leads clients to this node was not removed", "err", err)
	}
}
