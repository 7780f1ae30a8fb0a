package node

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

func TestConfigNamesTheWrongField(t *testing.T) {
	good := testConfig(t)
	for field, spoil := range map[string]func(*Config){
		"Network":                 func(c *Config) { c.Network = "Main Net" },
		"PrevOuts":                func(c *Config) { c.PrevOuts = nil },
		"Listen":                  func(c *Config) { c.Listen = nil },
		"P2P.TargetOutbound":      func(c *Config) { c.P2P.TargetOutbound = -1 },
		"P2P.BeaconBudget":        func(c *Config) { c.P2P.BeaconBudget = 0 },
		"Relay.InvInterval":       func(c *Config) { c.Relay.InvInterval = 0 },
		"Relay.EagerHops":         func(c *Config) { c.Relay.EagerHops = -2 },
		"Relay.ReconInterval":     func(c *Config) { c.Relay.ReconInterval = -1 },
		"P2P.PreSharedKey":        func(c *Config) { c.P2P.PreSharedKey = []byte("short") },
		"P2P.MaxPeers":            func(c *Config) { c.P2P.MaxPeers = -1 },
		"P2P.Bootstrap":           func(c *Config) { c.P2P.Bootstrap = []string{"/ip4/127.0.0.1/tcp/1"} },
		"Mempool.MaxBytes":        func(c *Config) { c.Mempool.MaxBytes = 0 },
		"Mempool.Expiry":          func(c *Config) { c.Mempool.Expiry = -1 },
		"Mempool.MinRelayFeeRate": func(c *Config) { c.Mempool.MinRelayFeeRate = -1 },
	} {
		cfg := good
		spoil(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, cfg := range []Config{good, LANConfig()} {
		cfg.Network, cfg.PrevOuts, cfg.Listen = good.Network, good.PrevOuts, good.Listen
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// What belongs to the owner of the host cannot be set beside it.
func TestOwnHostExcludesWhatItHas(t *testing.T) {
	h, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	good := testConfig(t)
	good.Host, good.Listen = h, nil
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*Config){
		"Identity":         func(c *Config) { c.Identity = h.Peerstore().PrivKey(h.ID()) },
		"Listen":           func(c *Config) { c.Listen = testConfig(t).Listen },
		"HostOptions":      func(c *Config) { c.HostOptions = []libp2p.Option{libp2p.NoListenAddrs} },
		"P2P.PreSharedKey": func(c *Config) { c.P2P.PreSharedKey = make([]byte, preSharedKeySize) },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestRandomnessIsGiven(t *testing.T) {
	ids := map[peer.ID]int{}
	for _, seed := range []byte{1, 1, 2} {
		cfg := testConfig(t)
		cfg.Rand = rand.NewChaCha8([32]byte{seed})
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ids[n.ID()]++
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 2 {
		t.Errorf("two seeds made the identities %v", ids)
	}
	cfg := testConfig(t)
	cfg.Rand = strings.NewReader("dry")
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "Config.Rand") {
		t.Errorf("a source without bytes: %v", err)
	}
}

func TestObserverHearsOfEveryEvent(t *testing.T) {
	cfg := testConfig(t)
	var seen []Event
	cfg.Observer = func(e Event) { seen = append(seen, e) }
	n, stop := run(t, cfg)
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	stop()
	if len(seen) != 1 || seen[0].Kind != EventAdded || seen[0].WTxID != tx.WTxID {
		t.Errorf("%+v", seen)
	}
}

// Who does not have the key of a private network cannot connect to it.
func TestPreSharedKeyMakesAPrivateNetwork(t *testing.T) {
	private := testConfig(t)
	private.P2P.PreSharedKey = bytes.Repeat([]byte{7}, preSharedKeySize)
	n, _ := run(t, private)
	addr := n.Addrs()[0].String()

	member, _ := run(t, private)
	if err := member.Connect(t.Context(), addr); err != nil {
		t.Error(err)
	}
	other := private
	other.P2P.PreSharedKey = bytes.Repeat([]byte{8}, preSharedKeySize)
	for name, cfg := range map[string]Config{"with another key": other, "without a key": testConfig(t)} {
		stranger, _ := run(t, cfg)
		if err := stranger.Connect(t.Context(), addr); err == nil {
			t.Errorf("a node %s has joined", name)
		}
	}
	if got := len(n.Peers()); got != 1 {
		t.Errorf("%d links", got)
	}

	quic := private
	quic.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
	if _, err := New(quic); err == nil || !strings.Contains(err.Error(), "Config.Listen") {
		t.Errorf("QUIC in a private network: %v", err)
	}
}
