package p2p

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
)

// maxKeyFile is far more than an encoded Ed25519 key (92 bytes) needs.
const maxKeyFile = 1 << 10

// LoadOrCreateIdentity reads the Ed25519 key in the file, or makes one there if
// there is no file. The file holds the key in libp2p's protobuf encoding as one
// line of base64, as in Kubo's PrivKey, and only its owner may read it. A key
// that cannot be used is an error and never replaced.
func LoadOrCreateIdentity(path string) (crypto.PrivKey, error) {
	key, err := loadIdentity(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createIdentity(path)
	}
	return key, err
}

func loadIdentity(path string) (crypto.PrivKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("node key %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("node key %s can be read by others (mode %04o): chmod 600 it, or delete it to get a new identity", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("node key %s is not base64: restore it from a backup, or delete it to get a new identity", path)
	}
	key, err := crypto.UnmarshalPrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("node key %s is damaged: restore it from a backup, or delete it to get a new identity", path)
	}
	if key.Type() != pb.KeyType_Ed25519 {
		return nil, fmt.Errorf("node key %s is of type %s, must be Ed25519: it was not made by this program", path, key.Type())
	}
	return key, nil
}

// createIdentity writes a new key beside the file and renames it, so that a
// crash leaves either no key or a whole one.
func createIdentity(path string) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make node key: %w", err)
	}
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make node key: %w", err)
	}
	// CreateTemp makes the file with mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make node key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return nil, fmt.Errorf("make node key: %w", err)
	}
	return key, nil
}
