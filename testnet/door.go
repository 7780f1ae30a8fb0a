package testnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/node/rpc/backend"
)

// serve opens the node's JSON-RPC server, and leaves in its data directory what
// leads bitcoin-cli and the txnode commands to it.
func (c *Cluster) serve(m *Member) error {
	cookie, err := rpc.WriteCookie(rpc.CookiePath(m.filesDir()))
	if err != nil {
		return fmt.Errorf("testnet: %s: %w", m.Name, err)
	}
	m.cookie = cookie
	b := backend.New(m.Node, backend.Options{
		Network: Network,
		Tip:     c.prevOuts,
		DataDir: m.filesDir(),
		Stop:    func() { c.cancel(fmt.Errorf("testnet: %s was told to stop by RPC", m.Name)) },
	})
	server, err := listenRPC(m, b, rpc.Options{Version: c.cfg.Version, Cookie: cookie.String(), Logger: c.cfg.Logger})
	if err != nil {
		return fmt.Errorf("testnet: %s has no RPC server: %w", m.Name, err)
	}
	m.RPC = server.Addr().String()
	c.running.Go(func() {
		if err := server.Run(c.ctx); err != nil && c.ctx.Err() == nil {
			c.cancel(fmt.Errorf("testnet: the RPC server of %s failed: %w", m.Name, err))
		}
	})
	at, err := netip.ParseAddrPort(m.RPC)
	if err != nil {
		return err
	}
	m.address, err = rpc.WriteAddress(m.filesDir(), "http://"+m.RPC)
	return errors.Join(err, rpc.WriteBitcoinConf(m.DataDir, Network, at, rpc.CookiePath(m.filesDir())))
}

// listenRPC binds the preferred port for node0 if it is free, else any.
func listenRPC(m *Member, b rpc.Backend, o rpc.Options) (*rpc.Server, error) {
	if m.Name == nodeName(0) {
		server, err := rpc.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(preferredRPC)), b, o)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return server, err
		}
	}
	return rpc.Listen("127.0.0.1:0", b, o)
}

// filesDir is where the node keeps its files.
func (m *Member) filesDir() string { return filepath.Join(m.DataDir, Network) }

// close removes what leads to the RPC server, and releases the node if it never
// ran.
func (m *Member) close() error {
	err := m.Node.Close()
	if m.cookie != nil {
		err = errors.Join(err, m.cookie.Remove())
		m.cookie = nil
	}
	if m.address != nil {
		err = errors.Join(err, m.address.Remove())
		m.address = nil
	}
	m.RPC = ""
	return err
}
