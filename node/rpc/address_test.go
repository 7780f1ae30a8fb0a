package rpc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/txnode/txnode/node/rpc"
)

func TestAddressLeadsToTheServer(t *testing.T) {
	dir := t.TempDir()
	if _, err := rpc.ReadAddress(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no node runs, yet: %v", err)
	}
	const url = "http://127.0.0.1:18443"
	a, err := rpc.WriteAddress(dir, url)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rpc.ReadAddress(dir); got != url || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for range 2 {
		if err := a.Remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := rpc.ReadAddress(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the node has stopped: %v", err)
	}
}

// A node that stops leaves the file of the one that took its place, even at the same URL.
func TestAddressOfTheNextNodeStays(t *testing.T) {
	dir := t.TempDir()
	const url = "http://127.0.0.1:18443"
	var runs [2]*rpc.Address
	for i := range runs {
		var err error
		if runs[i], err = rpc.WriteAddress(dir, url); err != nil {
			t.Fatal(err)
		}
	}
	if err := runs[0].Remove(); err != nil {
		t.Error(err)
	}
	if got, err := rpc.ReadAddress(dir); got != url || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := runs[1].Remove(); err != nil {
		t.Error(err)
	}
	if _, err := rpc.ReadAddress(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the node has stopped: %v", err)
	}
}

func TestAddressFileIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rpc.addr"), []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := rpc.ReadAddress(dir); len(got) > 1<<10 {
		t.Errorf("%d bytes were read", len(got))
	}
}
