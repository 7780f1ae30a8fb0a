package rpc

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
)

// boundedListener keeps at most limit connections open. At the limit a new one
// takes the place of the one that has waited longest for its client: first of
// those that never showed credentials, so that whoever has none and opens
// connections without end keeps out only others like it.
type boundedListener struct {
	net.Listener
	limit int

	mu   sync.Mutex
	open []*boundedConn // oldest first
}

// Accept returns the next connection for which there is room.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b := l.admit(c); b != nil {
			return b, nil
		}
		c.Close()
	}
}

// admit makes room for c. Nil: all connections are being served.
func (l *boundedListener) admit(c net.Conn) *boundedConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.limit {
		i := slices.IndexFunc(l.open, func(b *boundedConn) bool { return !b.known })
		if i < 0 {
			i = slices.IndexFunc(l.open, func(b *boundedConn) bool { return !b.busy })
		}
		if i < 0 {
			return nil
		}
		l.open[i].Conn.Close() // its server notices, and calls Close
		l.open = slices.Delete(l.open, i, i+1)
	}
	b := &boundedConn{Conn: c, listener: l}
	l.open = append(l.open, b)
	return b
}

type boundedConn struct {
	net.Conn
	listener *boundedListener

	// Under listener.mu.
	known bool // a request on it had credentials
	busy  bool // such a request is being served
}

// Close closes the connection and frees its place.
func (c *boundedConn) Close() error {
	l := c.listener
	l.mu.Lock()
	if i := slices.Index(l.open, c); i >= 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
	l.mu.Unlock()
	return c.Conn.Close()
}

type connKey struct{}

// withConn lets the requests on c find it, below TLS.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// occupy keeps the connection of an authenticated request from giving way until
// the function returned is called.
func occupy(ctx context.Context) (release func()) {
	c, ok := ctx.Value(connKey{}).(*boundedConn)
	if !ok {
		return func() {} // another http.Server's
	}
	set := func(busy bool) {
		c.listener.mu.Lock()
		c.known, c.busy = true, busy
		c.listener.mu.Unlock()
	}
	set(true)
	return func() { set(false) }
}
