package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
)

// Values of --relay.
const (
	relayMesh  = "mesh"
	relayFlood = "flood"
	relayNone  = "none"
)

// prevOuts are the outputs that exist to be spent.
type prevOuts struct {
	mempool.PrevOuts
	origin  string // for people
	outputs int    // how many there are; zero: nobody counts them
	close   func()
}

// prevOuts opens their source. A Bitcoin node that is away is waited for.
func (l *loaded) prevOuts(ctx context.Context, log *slog.Logger) (*prevOuts, error) {
	switch {
	case l.Chain.RPC != "" && l.UTXO != "":
		return nil, usagef("previous outputs come from a Bitcoin node or from an allocation, not from both; drop --chain-rpc (%s) or --utxo (%s)",
			l.origins["chain-rpc"], l.origins["utxo"])
	case l.Chain.RPC != "":
		chain, err := utxo.Connect(ctx, utxo.RPCConfig{
			Network: l.Network, URL: l.Chain.RPC, CookieFile: l.Chain.Cookie, CertFile: l.Chain.Cert,
			User: l.Chain.User, Password: l.Chain.Password, Logger: log.With("part", "chain"),
		})
		if err != nil {
			return nil, fmt.Errorf("%w; see --chain-rpc (%s)", err, l.origins["chain-rpc"])
		}
		return &prevOuts{PrevOuts: chain, origin: "Bitcoin node " + chain.URL(), close: chain.Close}, nil
	}
	var allocation *utxo.Static
	var err error
	origin := l.UTXO
	if origin == "" {
		origin = "built-in test allocation (PUBLIC KEYS, for tests only)"
		allocation, err = utxo.TestAllocation(l.Network, utxo.DefaultTestOutputs)
	} else {
		allocation, err = utxo.Load(l.UTXO, l.Network)
	}
	if err != nil {
		return nil, err
	}
	return &prevOuts{PrevOuts: allocation, origin: origin, outputs: allocation.Len(), close: func() {}}, nil
}

// nodeConfig is the node's part of the configuration, without PrevOuts.
func (l *loaded) nodeConfig(log *slog.Logger) (node.Config, error) {
	cfg := node.DefaultConfig()
	cfg.Network = l.Network
	cfg.Logger = log
	cfg.P2P = node.P2PConfig{
		UserAgent:      "txnode/" + readVersion().Version,
		Bootstrap:      l.P2P.Bootstrap,
		MDNS:           l.P2P.MDNS,
		TargetOutbound: l.P2P.TargetOutbound,
		BeaconBudget:   l.P2P.BeaconBudget,
	}
	cfg.Relay.InvInterval = l.Relay.InvInterval
	cfg.Relay.EagerHops = l.Relay.EagerHops
	cfg.Relay.Trickle = l.Relay.Trickle
	cfg.Relay.ReconInterval = l.Relay.ReconInterval
	cfg.Mempool = node.MempoolConfig{MaxBytes: l.Mempool.MaxBytes, MinRelayFeeRate: l.Mempool.MinRelayFeeRate}

	switch l.Relay.Audience {
	case relayMesh:
		cfg.Relay.Audience = inv.AudienceMesh
	case relayFlood:
		cfg.Relay.Audience = inv.AudienceAll
	case relayNone:
		cfg.Relay.Audience = inv.AudienceNone
	default:
		return cfg, usagef("relay %q is none of mesh, flood and none; correct --relay (%s)", l.Relay.Audience, l.origins["relay"])
	}
	for _, text := range l.P2P.Listen {
		addr, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			return cfg, usagef("%q is not a multiaddr such as /ip4/0.0.0.0/tcp/18555 (%v); correct --listen (%s)", text, err, l.origins["listen"])
		}
		cfg.Listen = append(cfg.Listen, addr)
	}
	var err error
	if cfg.DataDir, err = l.networkDir(); err != nil {
		return cfg, err
	}
	if l.TestIdentity != "" {
		cfg.Identity, err = testIdentity(l.TestIdentity)
	}
	return cfg, err
}

// testIdentity derives a libp2p key from a name. Whoever knows the name has the
// key: it is for test networks whose bootstrap peer id must be known before the
// node first starts.
func testIdentity(name string) (crypto.PrivKey, error) {
	seed := sha256.Sum256([]byte("txnode test identity/" + name))
	return crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
}
