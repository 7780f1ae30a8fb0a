package rpc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A running node leaves two files in <datadir>/<network> that lead clients to
// its server: the cookie, and the address.
const (
	cookieFile  = ".cookie" // as Core calls it
	addressFile = "rpc.addr"
)

// maxAddress bounds an address file, in bytes.
const maxAddress = 1 << 10

// CookiePath is where the node that keeps its files in dir writes its cookie.
func CookiePath(dir string) string { return filepath.Join(dir, cookieFile) }

// Address is a file that leads to the server of one run of a node.
type Address struct {
	path    string
	written os.FileInfo
}

// WriteAddress leaves the server's URL in dir, for [ReadAddress]. The caller holds the data directory: no other node
// writes there meanwhile.
func WriteAddress(dir, url string) (*Address, error) {
	a := &Address{path: filepath.Join(dir, addressFile)}
	err := replaceFile(a.path, []byte(url+"\n"), 0o600)
	if err == nil {
		a.written, err = os.Stat(a.path)
	}
	if err != nil {
		return nil, fmt.Errorf("rpc: writing the address: %w", err)
	}
	return a, nil
}

// Remove deletes the file, unless another run has replaced it meanwhile, be it with the same URL.
func (a *Address) Remove() error {
	found, err := os.Stat(a.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !(os.SameFile(found, a.written) && found.ModTime().Equal(a.written.ModTime())) {
		return nil
	}
	return errors.Join(err, os.Remove(a.path))
}

// ReadAddress is the URL of the server of the node that runs in dir. The error
// is os.ErrNotExist when none does.
func ReadAddress(dir string) (url string, err error) {
	f, err := os.Open(filepath.Join(dir, addressFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAddress))
	return strings.TrimSpace(string(text)), err
}
