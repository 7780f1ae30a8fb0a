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

// WriteAddress leaves the server's URL in dir, for [ReadAddress].
func WriteAddress(dir, url string) error {
	if err := replaceFile(filepath.Join(dir, addressFile), []byte(url+"\n"), 0o600); err != nil {
		return fmt.Errorf("rpc: writing the address: %w", err)
	}
	return nil
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

// RemoveAddress undoes WriteAddress.
func RemoveAddress(dir string) error {
	err := os.Remove(filepath.Join(dir, addressFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
