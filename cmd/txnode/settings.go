package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A scope says which commands offer a setting as a flag. Every command reads
// all settings from the file and the environment.
type scope uint8

const (
	nodeScope   scope = 1 << iota // txnode run
	clientScope                   // commands that talk to a running node
	bothScopes  = nodeScope | clientScope
)

// setting is one configurable value. The table of all of them is the only
// place that names it; flags, environment, file and 'config show' read it.
type setting struct {
	flag   string // the environment variable is TXNODE_ and this in capitals
	key    string // in the TOML file, table.key
	scope  scope
	target any    // *string, *[]string, *bool, *int, *int64 or *time.Duration in a config
	help   string // `name` in back quotes is the placeholder in --help
	secret bool   // never printed
	commas bool   // a list whose items have commas, so that semicolons separate them
}

// settings is the table, bound to c.
func settings(c *config) []setting {
	return append([]setting{
		{flag: "datadir", key: "datadir", scope: bothScopes, target: &c.DataDir,
			help: "`directory` of identity, mempool and RPC cookie; $HOSTNAME in it stands for the host's name, so that containers can share a volume"},
		{flag: "network", key: "network", scope: bothScopes, target: &c.Network,
			help: "`name` of the network; nodes of other networks are refused"},
		{flag: "utxo", key: "utxo", scope: nodeScope, target: &c.UTXO,
			help: "allocation `file`: the outputs that exist to be spent (default: the built-in test allocation, whose keys are public)"},
		{flag: "chain-rpc", key: "chain.rpc", scope: nodeScope, target: &c.Chain.RPC,
			help: "`URL` of the RPC server of a Bitcoin node, bitcoind or btcd, whose unspent outputs exist to be spent, instead of an allocation"},
		{flag: "chain-rpc-user", key: "chain.rpc_user", scope: nodeScope, target: &c.Chain.User,
			help: "user `name` at the Bitcoin node"},
		{flag: "chain-rpc-password", key: "chain.rpc_password", scope: nodeScope, target: &c.Chain.Password, secret: true,
			help: "`password` of --chain-rpc-user; visible to other users of this machine, unlike TXNODE_CHAIN_RPC_PASSWORD"},
		{flag: "chain-rpc-cookie", key: "chain.rpc_cookie", scope: nodeScope, target: &c.Chain.Cookie,
			help: "cookie `file` of the Bitcoin node, unless there is a user"},
		{flag: "chain-rpc-cert", key: "chain.rpc_cert", scope: nodeScope, target: &c.Chain.Cert,
			help: "certificate `file` by which an https server is recognized, as btcd's rpc.cert"},
		{flag: "test-identity", key: "test_identity", scope: nodeScope, target: &c.TestIdentity,
			help: "INSECURE: derive the libp2p key from this `name`, so that test setups know the peer id beforehand"},
		{flag: "log-level", key: "log_level", scope: nodeScope, target: &c.LogLevel,
			help: "`level` debug, info, warn or error, and per subsystem: info,swarm2=debug"},

		{flag: "listen", key: "p2p.listen", scope: nodeScope, target: &c.P2P.Listen,
			help: "`multiaddr` to listen on; repeat for several"},
		{flag: "bootstrap", key: "p2p.bootstrap", scope: nodeScope, target: &c.P2P.Bootstrap,
			help: "`multiaddr` with /p2p/<peer id> to join by; repeat for several"},
		{flag: "mdns", key: "p2p.mdns", scope: nodeScope, target: &c.P2P.MDNS,
			help: "find peers on the local network by multicast DNS"},
		{flag: "target-outbound", key: "p2p.target_outbound", scope: nodeScope, target: &c.P2P.TargetOutbound,
			help: "how many outbound links to keep"},
		{flag: "beacon-budget", key: "p2p.beacon_budget", scope: nodeScope, target: &c.P2P.BeaconBudget,
			help: "`bytes` per second of beacons to receive at most"},

		{flag: "relay", key: "relay.audience", scope: nodeScope, target: &c.Relay.Audience,
			help: "`whom` to announce transactions to: mesh, flood (every peer) or none"},
		{flag: "inv-interval", key: "relay.inv_interval", scope: nodeScope, target: &c.Relay.InvInterval,
			help: "longest wait of a transaction to be announced together with others"},
		{flag: "eager-hops", key: "relay.eager_hops", scope: nodeScope, target: &c.Relay.EagerHops,
			help: "how many `hops` from its origin a transaction is pushed before it is announced; -1: by the size of the network"},
		{flag: "trickle", key: "relay.trickle", scope: nodeScope, target: &c.Relay.Trickle,
			help: "announce at Bitcoin Core's random ticks and push nothing: seconds slower, hides origins better"},
		{flag: "recon-interval", key: "relay.recon_interval", scope: nodeScope, target: &c.Relay.ReconInterval,
			help: "mean time between reconciliation rounds; 0: take no part"},

		{flag: "mempool-max-bytes", key: "mempool.max_bytes", scope: nodeScope, target: &c.Mempool.MaxBytes,
			help: "`bytes` of memory the mempool takes; beyond it those that pay the least are evicted"},
		{flag: "min-relay-fee-rate", key: "mempool.min_relay_fee_rate", scope: nodeScope, target: &c.Mempool.MinRelayFeeRate,
			help: "lowest accepted fee, in `satoshi` per 1000 vbytes"},

		{flag: "metrics-listen", key: "metrics.listen", scope: nodeScope, target: &c.Metrics.Listen,
			help: "`host:port` of a Prometheus endpoint, /metrics, that asks for no password; empty: none"},

		{flag: "zmqpubrawtx", key: "zmq.pubrawtx", scope: nodeScope, target: &c.ZMQ.RawTx,
			help: "publish each transaction that enters the mempool by ZMQ at `tcp://host:port`; repeat for several"},
		{flag: "zmqpubhashtx", key: "zmq.pubhashtx", scope: nodeScope, target: &c.ZMQ.HashTx,
			help: "publish its txid at `tcp://host:port`"},
		{flag: "zmqpubsequence", key: "zmq.pubsequence", scope: nodeScope, target: &c.ZMQ.Sequence,
			help: "publish each change of the mempool, with its number, at `tcp://host:port`"},
	}, rpcSettings(c)...)
}

// rpcSettings is the part of the table that concerns JSON-RPC.
func rpcSettings(c *config) []setting {
	return []setting{
		{flag: "rpc-listen", key: "rpc.listen", scope: nodeScope, target: &c.RPC.Listen,
			help: "`host:port` of the JSON-RPC server; port 0: any free one"},
		{flag: "rpc-allow-host", key: "rpc.allow_hosts", scope: nodeScope, target: &c.RPC.AllowHosts,
			help: "`name` under which clients may reach the RPC server, besides localhost and IP addresses; repeat for several"},
		{flag: "rpctls", key: "rpc.tls", scope: nodeScope, target: &c.RPC.TLS,
			help: "encrypt JSON-RPC by TLS; what has no TLS, as bitcoin-cli, cannot call then"},
		{flag: "rpccert", key: "rpc.cert", scope: bothScopes, target: &c.RPC.Cert,
			help: "certificate `file`, in PEM, of a node with --rpctls (default: rpc.cert in the data directory, which the node makes)"},
		{flag: "rpckey", key: "rpc.key", scope: nodeScope, target: &c.RPC.Key,
			help: "private key `file`, in PEM, of --rpccert (default: rpc.key in the data directory)"},
		{flag: "rest", key: "rpc.rest", scope: nodeScope, target: &c.RPC.REST,
			help: "serve transactions and the mempool at /rest/ of the RPC server, to whoever asks, without a password"},
		{flag: "rpc", key: "rpc.url", scope: clientScope, target: &c.RPC.URL,
			help: "`URL` of the node (default: the one running in the data directory, else http://127.0.0.1:18443)"},
		{flag: "rpc-user", key: "rpc.user", scope: bothScopes, target: &c.RPC.User,
			help: "user `name` accepted besides the cookie"},
		{flag: "rpc-password", key: "rpc.password", scope: bothScopes, target: &c.RPC.Password, secret: true,
			help: "`password` of --rpc-user; visible to other users of this machine, unlike TXNODE_RPC_PASSWORD"},
		{flag: "rpcauth", key: "rpc.auth", scope: nodeScope, target: &c.RPC.Auth, secret: true,
			help: "`user:salt$hmac` accepted besides, as 'txnode config rpcauth' or Bitcoin Core's rpcauth.py makes it; repeat for several"},
		{flag: "rpcwhitelist", key: "rpc.whitelist", scope: nodeScope, target: &c.RPC.Whitelist, commas: true,
			help: "`user:method,method`: which methods a user may call; repeat for several, separated by semicolons in the environment"},
		{flag: "rpcwhitelistdefault", key: "rpc.whitelist_default", scope: nodeScope, target: &c.RPC.WhitelistDefault,
			help: "users without an --rpcwhitelist, the cookie's __cookie__ included, may call nothing (default: true if there is an --rpcwhitelist)"},
		{flag: "rpc-cookie", key: "rpc.cookie", scope: clientScope, target: &c.RPC.Cookie,
			help: "cookie `file` of the node (default: the one in the data directory)"},
	}
}

// hidden stands for a secret that is set.
const hidden = "(set)"

// env is the setting's environment variable.
func (s *setting) env() string {
	return "TXNODE_" + strings.ToUpper(strings.ReplaceAll(s.flag, "-", "_"))
}

// separator is between the items of a list.
func (s *setting) separator() string {
	if s.commas {
		return ";"
	}
	return ","
}

// set parses text into the target.
func (s *setting) set(text string) (err error) {
	switch p := s.target.(type) {
	case *string:
		*p = text
	case *[]string:
		*p = nil
		if text != "" {
			*p = strings.Split(text, s.separator())
		}
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *int:
		*p, err = strconv.Atoi(text)
	case *int64:
		*p, err = strconv.ParseInt(text, 10, 64)
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	default:
		panic(fmt.Sprintf("setting %s has a target of type %T", s.flag, s.target))
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", text, s.kind())
	}
	return nil
}

// kind is what a value of the setting is called in errors.
func (s *setting) kind() string {
	switch s.target.(type) {
	case *[]string:
		return "list of strings"
	case *bool:
		return "boolean (true or false)"
	case *int, *int64:
		return "whole number"
	case *time.Duration:
		return "duration such as 300ms, 5s or 2m"
	default:
		return "string"
	}
}

// value is what the target holds, as JSON and people want it.
func (s *setting) value() any {
	switch p := s.target.(type) {
	case *string:
		if s.secret && *p != "" {
			return hidden
		}
		return *p
	case *[]string:
		list := append([]string{}, *p...)
		for i := range list {
			if s.secret {
				list[i] = hidden
			}
		}
		return list
	case *bool:
		return *p
	case *int:
		return *p
	case *int64:
		return *p
	case *time.Duration:
		return p.String()
	default:
		panic(fmt.Sprintf("setting %s has a target of type %T", s.flag, s.target))
	}
}

// text is value in the form that set parses.
func (s *setting) text() string {
	if list, ok := s.value().([]string); ok {
		return strings.Join(list, s.separator())
	}
	return fmt.Sprint(s.value())
}

// addSettingFlags gives cmd the flags of the settings in scope, and --config.
func addSettingFlags(cmd *cobra.Command, in scope) {
	cmd.Flags().String("config", "", "TOML `file` with settings (default: txnode.toml in the data directory, if there)")
	for _, s := range settings(defaultConfig()) {
		if s.scope&in == 0 {
			continue
		}
		f := cmd.Flags().VarPF(&settingFlag{fallback: s.text(), kind: s.target, separator: s.separator()}, s.flag, "", s.help)
		if _, ok := s.target.(*bool); ok {
			f.NoOptDefVal = "true"
		}
	}
}

// settingFlag collects what the command line says about one setting; it is
// applied after the file and the environment.
type settingFlag struct {
	texts     []string
	fallback  string
	kind      any
	separator string
}

// Set is called once per occurrence of the flag.
func (f *settingFlag) Set(text string) error {
	f.texts = append(f.texts, text)
	return nil
}

// String is the default while the command line says nothing, for --help.
func (f *settingFlag) String() string {
	if len(f.texts) == 0 {
		return f.fallback
	}
	return f.text()
}

// text is the last occurrence; of a list, all of them.
func (f *settingFlag) text() string {
	if _, ok := f.kind.(*[]string); ok {
		return strings.Join(f.texts, f.separator)
	}
	return f.texts[len(f.texts)-1]
}

// Type names the value in --help where the help text does not.
func (f *settingFlag) Type() string {
	return strings.TrimLeft(fmt.Sprintf("%T", f.kind), "*[]")
}
