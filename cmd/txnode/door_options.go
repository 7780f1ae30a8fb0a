package main

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/txnode/txnode/node/rpc"
)

// rpcOptions are those of a server that clients call by hosts, besides IP
// addresses, and the node's own commands by own.
func (l *loaded) rpcOptions(d *door, hosts []string, own string) (o rpc.Options, err error) {
	o = rpc.Options{
		Version:  readVersion().Version,
		Cookie:   d.cookie.String(),
		User:     l.RPC.User,
		Password: l.RPC.Password,
		Hosts:    hosts,
		REST:     l.RPC.REST,
	}
	for _, text := range l.RPC.Auth {
		a, err := rpc.ParseAuth(text)
		if err != nil {
			return o, usagef("%v; correct --rpcauth (%s)", err, l.origins["rpcauth"])
		}
		o.Auth = append(o.Auth, a)
	}
	if o.Whitelist, err = rpc.ParseWhitelist(l.RPC.Whitelist, l.RPC.WhitelistDefault); err != nil {
		return o, usagef("%v; correct --rpcwhitelist (%s)", err, l.origins["rpcwhitelist"])
	}
	switch {
	case !l.RPC.TLS && l.RPC.Key != "":
		return o, usagef("--rpckey (%s) is of no use without --rpctls; give both or none", l.origins["rpckey"])
	case l.RPC.TLS:
		o.Certificate, err = l.certificate(d.dir, hosts, own)
	}
	return o, err
}

// certificate is the configured one, or the one in dir, for the addresses by which
// clients call the server.
func (l *loaded) certificate(dir string, hosts []string, own string) (*tls.Certificate, error) {
	switch {
	case (l.RPC.Cert == "") != (l.RPC.Key == ""):
		return nil, usagef("a certificate of your own needs both --rpccert (%s) and --rpckey (%s); without either, the node makes one",
			l.origins["rpccert"], l.origins["rpckey"])
	case l.RPC.Cert != "":
		pair, err := tls.LoadX509KeyPair(l.RPC.Cert, l.RPC.Key)
		if err != nil {
			return nil, failf("the certificate cannot be used (%v); correct --rpccert (%s) and --rpckey (%s)", err, l.origins["rpccert"], l.origins["rpckey"])
		}
		return &pair, nil
	}
	hosts = append([]string{own}, hosts...)
	if listen, _, err := net.SplitHostPort(l.RPC.Listen); err == nil && listen != "" {
		if ip, err := netip.ParseAddr(listen); err != nil || !ip.IsUnspecified() {
			hosts = append(hosts, listen)
		}
	}
	pair, err := rpc.EnsureCertificate(dir, hosts)
	return &pair, err
}
