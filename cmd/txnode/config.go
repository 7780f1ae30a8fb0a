package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/txnode/txnode/node"
)

// config is the effective configuration of one invocation. Each field is one
// entry of the table in settings.go.
type config struct {
	DataDir      string
	Network      string
	UTXO         string
	TestIdentity string
	LogLevel     string

	Chain struct {
		RPC      string
		User     string
		Password string
		Cookie   string
		Cert     string
	}
	P2P struct {
		Listen         []string
		Bootstrap      []string
		MDNS           bool
		TargetOutbound int
		BeaconBudget   int
	}
	Relay struct {
		Audience      string
		InvInterval   time.Duration
		EagerHops     int
		Trickle       bool
		ReconInterval time.Duration
	}
	Mempool struct {
		MaxBytes        int64
		MinRelayFeeRate int64
	}
	Metrics struct {
		Listen string
	}
	ZMQ struct {
		RawTx    []string
		HashTx   []string
		Sequence []string
	}
	RPC struct {
		Listen     string
		AllowHosts []string
		REST       bool
		URL        string
		User       string
		Password   string
		Cookie     string
		TLS        bool
		Cert       string
		Key        string
		Auth       []string
		Whitelist  []string

		WhitelistDefault bool
	}
}

// defaultConfig is what holds where nothing else is said. What the node itself
// has an opinion on comes from [node.DefaultConfig].
func defaultConfig() *config {
	c := &config{
		DataDir:  btcutil.AppDataDir("txnode", false),
		Network:  "regtest",
		LogLevel: "info",
	}
	n := node.DefaultConfig()
	c.P2P.Listen = []string{"/ip4/0.0.0.0/tcp/18555", "/ip4/0.0.0.0/udp/18555/quic-v1"}
	c.P2P.TargetOutbound = n.P2P.TargetOutbound
	c.P2P.BeaconBudget = n.P2P.BeaconBudget
	c.Relay.Audience = relayMesh
	c.Relay.InvInterval = n.Relay.InvInterval
	c.Relay.EagerHops = n.Relay.EagerHops
	c.Relay.ReconInterval = n.Relay.ReconInterval
	c.Mempool.MaxBytes = n.Mempool.MaxBytes
	c.Mempool.MinRelayFeeRate = n.Mempool.MinRelayFeeRate
	c.RPC.Listen = "127.0.0.1:18443"
	return c
}

// hostVariable stands for this host's name in the data directory, so that
// containers that share a volume keep to a folder of their own.
const hostVariable = "$HOSTNAME"

// perHost tells whether other hosts have their data directories beside this
// one's, and so find this node's files.
func (c *config) perHost() bool { return strings.Contains(c.DataDir, hostVariable) }

// networkDir is where the node of the configured network keeps its files.
func (c *config) networkDir() (string, error) {
	root := c.DataDir
	if c.perHost() {
		host, err := os.Hostname()
		if err != nil {
			return "", failf("the host name is unknown (%v); name the data directory without %s", err, hostVariable)
		}
		root = strings.ReplaceAll(root, hostVariable, host)
	}
	return filepath.Abs(filepath.Join(root, c.Network))
}
