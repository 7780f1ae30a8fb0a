package rpc

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCookie(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".cookie")
	if err := os.WriteFile(path, []byte("left over from a crash"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := WriteCookie(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != c.String() || !regexp.MustCompile(`^__cookie__:[0-9a-f]{64}$`).Match(content) {
		t.Errorf("content %q, %v", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files in the directory", len(files))
	}

	next, err := WriteCookie(path)
	if err != nil || next.String() == c.String() {
		t.Fatalf("second cookie %q, %v", next, err)
	}
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("the first run removed the second's cookie")
	}
	for range 2 {
		if err := next.Remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	if _, err := WriteCookie(filepath.Join(path, "not", "there")); err == nil {
		t.Error("a cookie was written to a directory that is not there")
	}
}

func TestBitcoinConf(t *testing.T) {
	loopback := netip.MustParseAddrPort("127.0.0.1:18443")
	for _, test := range []struct {
		network string
		addr    netip.AddrPort
		want    string // after the mark
	}{
		{"regtest", loopback, "regtest=1\n[regtest]\nrpcport=18443\nrpccookiefile=/d/regtest/.cookie\n"},
		{"regtest", netip.MustParseAddrPort("[::ffff:127.0.0.1]:18443"), "regtest=1\n[regtest]\nrpcport=18443\nrpccookiefile=/d/regtest/.cookie\n"},
		{"main", loopback, "[main]\nrpcport=18443\nrpccookiefile=/d/regtest/.cookie\n"},
		{"test", loopback, "testnet=1\n[test]\nrpcport=18443\nrpccookiefile=/d/regtest/.cookie\n"},
		{"signet", netip.MustParseAddrPort("0.0.0.0:1"), "signet=1\n[signet]\nrpcport=1\nrpccookiefile=/d/regtest/.cookie\n"},
		{"testnet4", netip.MustParseAddrPort("[::1]:1"), "testnet4=1\n[testnet4]\nrpcconnect=::1\nrpcport=1\nrpccookiefile=/d/regtest/.cookie\n"},
	} {
		t.Run(test.network, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // its own file is replaced
				if err := WriteBitcoinConf(dir, test.network, test.addr, "/d/regtest/.cookie"); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(filepath.Join(dir, "bitcoin.conf"))
			if err != nil || string(got) != confMark+"\n"+test.want {
				t.Errorf("%s %v", got, err)
			}
		})
	}
	if err := WriteBitcoinConf(t.TempDir(), "mynet", loopback, "/c"); err == nil || !strings.Contains(err.Error(), "mynet") {
		t.Errorf("unknown network: %v", err)
	}
	for _, path := range []string{"/with#mark", "/with\nline", "/with space "} {
		if err := WriteBitcoinConf(t.TempDir(), "regtest", loopback, path); err == nil {
			t.Errorf("the path %q was written", path)
		}
	}
}

func TestForeignBitcoinConf(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bitcoin.conf")
	const own = "rpcuser=me\n"
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteBitcoinConf(dir, "regtest", netip.MustParseAddrPort("127.0.0.1:1"), "/c"); !errors.Is(err, ErrForeignConf) {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != own {
		t.Errorf("overwritten: %q %v", got, err)
	}
}
