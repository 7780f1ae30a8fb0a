package rpc

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// cookieUser is Core's user name for cookie credentials (rpc/request.cpp).
const cookieUser = "__cookie__"

// Cookie is a file with credentials made for one run of a server.
type Cookie struct {
	path, value string
}

// WriteCookie draws credentials and writes them to path, readable by the owner
// only, as Core does: __cookie__: and 64 hex digits. A file that is there is
// replaced at once, never half written. The directory must exist.
func WriteCookie(path string) (*Cookie, error) {
	var secret [32]byte
	rand.Read(secret[:])
	c := &Cookie{path: path, value: cookieUser + ":" + hex.EncodeToString(secret[:])}
	if err := replaceFile(path, []byte(c.value), 0o600); err != nil {
		return nil, fmt.Errorf("rpc: writing the cookie: %w", err)
	}
	return c, nil
}

// String is the user:password pair.
func (c *Cookie) String() string { return c.value }

// Remove deletes the file, unless another run has replaced it meanwhile.
func (c *Cookie) Remove() error {
	b, err := os.ReadFile(c.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && string(b) != c.value {
		return nil
	}
	return errors.Join(err, os.Remove(c.path))
}

// replaceFile writes a file under a name of its own, then gives it its path.
func replaceFile(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
