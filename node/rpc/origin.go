package rpc

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// originGuard keeps web pages out: those of other sites by their Origin, and
// those whose name was rebound to this address by their Host.
type originGuard struct {
	hosts map[string]bool
	cross *http.CrossOriginProtection
}

func newOriginGuard(hosts []string) *originGuard {
	g := &originGuard{hosts: map[string]bool{"localhost": true}, cross: http.NewCrossOriginProtection()}
	for _, host := range hosts {
		g.hosts[strings.ToLower(host)] = true
	}
	return g
}

func (g *originGuard) check(r *http.Request) error {
	if !g.knows(r.Host) {
		return fmt.Errorf("the Host %.100q is not allowed: use an IP address or localhost, or configure the name", r.Host)
	}
	// As if everything changed something: a websocket begins with a GET, and a
	// page has no business with the rest either.
	post := *r
	post.Method = http.MethodPost
	if g.cross.Check(&post) != nil {
		return fmt.Errorf("the Origin %.100q is not allowed: a web page may only call the server it came from", r.Header.Get("Origin"))
	}
	return nil
}

// knows reports whether the Host header names this server: no name that anybody
// else can point at it.
func (g *originGuard) knows(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	return g.hosts[strings.ToLower(name)]
}
