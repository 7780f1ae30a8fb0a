package rpc

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// confMark is the first line of a bitcoin.conf that may be replaced.
const confMark = "# Written by txnode at each start, for bitcoin-cli -datadir. Delete this line to keep your own changes."

// ErrForeignConf is what [WriteBitcoinConf] returns for a bitcoin.conf that
// somebody else wrote. It was left alone.
var ErrForeignConf = errors.New("bitcoin.conf was not written by txnode")

// WriteBitcoinConf writes <datadir>/bitcoin.conf so that
//
//	bitcoin-cli -datadir=<datadir> getrawmempool
//
// finds the server at addr and its cookie. Network is the chain by Core's name.
func WriteBitcoinConf(datadir, network string, addr netip.AddrPort, cookiePath string) error {
	cookie, err := filepath.Abs(cookiePath)
	if err != nil {
		return fmt.Errorf("rpc: writing bitcoin.conf: %w", err)
	}
	// Core's parser ends a value at a line's end and at #, and trims it.
	if strings.ContainsAny(cookie, "#\n\r") || strings.TrimSpace(cookie) != cookie {
		return fmt.Errorf("rpc: writing bitcoin.conf: it cannot hold the path %q", cookie)
	}
	var chain string
	switch network {
	case "main":
	case "test":
		chain = "testnet=1\n"
	case "testnet4", "signet", "regtest":
		chain = network + "=1\n"
	default:
		return fmt.Errorf("rpc: writing bitcoin.conf: bitcoin-cli knows no network %q", network)
	}
	path := filepath.Join(datadir, "bitcoin.conf")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rpc: reading bitcoin.conf: %w", err)
	}
	if err == nil && !bytes.HasPrefix(old, []byte(confMark)) {
		return fmt.Errorf("rpc: %s stays as it is: %w", path, ErrForeignConf)
	}
	conf := fmt.Sprintf("%s\n%s[%s]\n", confMark, chain, network)
	if ip := addr.Addr().Unmap(); !ip.IsUnspecified() && ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		conf += fmt.Sprintf("rpcconnect=%s\n", ip)
	}
	conf += fmt.Sprintf("rpcport=%d\nrpccookiefile=%s\n", addr.Port(), cookie)
	if err := replaceFile(path, []byte(conf), 0o600); err != nil {
		return fmt.Errorf("rpc: writing bitcoin.conf: %w", err)
	}
	return nil
}
