package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc/backend"
)

func newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run one node",
		Long: `Run one node until it is told to stop by Ctrl-C, SIGTERM or 'txnode rpc stop'.

It prints its addresses, then logs to stderr. bitcoin-cli, btcctl and the other
txnode commands can talk to it: it leaves an RPC cookie and a bitcoin.conf in the
data directory.

The spendable outputs are those of the Bitcoin node that --chain-rpc names, else
those of the allocation that --utxo names, else the built-in test allocation. Its
private keys are published: use it for tests only.`,
		Example: `  txnode run
  txnode run --bootstrap /dns4/node0/tcp/18555/p2p/12D3KooW...
  txnode run --chain-rpc http://127.0.0.1:18443 --chain-rpc-cookie ~/.bitcoin/regtest/.cookie --rpc-listen 127.0.0.1:18543
  txnode run --datadir ./a --listen /ip4/127.0.0.1/tcp/0 --rpc-listen 127.0.0.1:0 --mdns
  bitcoin-cli -datadir=$HOME/.txnode getmempoolinfo`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return run(cmd, l)
		},
	}
	addSettingFlags(cmd, nodeScope)
	return cmd
}

// run is the life of a node: open everything that can fail, say so, work.
func run(cmd *cobra.Command, l *loaded) error {
	warnStrays(cmd, l)
	log, err := setUpLogging(l)
	if err != nil {
		return err
	}
	cfg, err := l.nodeConfig(log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	source, err := l.prevOuts(ctx, log)
	if ctx.Err() != nil {
		log.Info("stopped")
		return nil
	}
	if err != nil {
		return err
	}
	defer source.close()
	context.AfterFunc(ctx, source.close) // what waits for an answer must not keep the node from ending
	cfg.PrevOuts = source.PrevOuts
	publisher, err := l.openPublisher(log)
	if err != nil {
		return err
	}
	defer publisher.Close()
	exporter, err := l.openExporter(&cfg)
	if err != nil {
		return err
	}
	n, err := node.New(cfg)
	if err != nil {
		return errors.Join(err, exporter.close())
	}
	door, err := l.openDoor(backend.New(n, backend.Options{
		Network: l.Network, Tip: cfg.PrevOuts, Stop: stop, DataDir: cfg.DataDir, Logging: newDebugSwitch(l.LogLevel).set,
	}), zmqNotifications(publisher), log)
	if err != nil {
		return errors.Join(err, n.Close(), exporter.close())
	}
	defer door.remove(log)

	if err := l.greet(cmd, n, door, source); err != nil {
		return errors.Join(err, door.server.Close(), n.Close(), exporter.close())
	}
	if l.UTXO == "" && l.Chain.RPC == "" {
		log.Warn("spending the built-in test allocation: its keys are public, anyone can spend these outputs")
	}
	if l.TestIdentity != "" {
		log.Warn("the libp2p key is derived from a public name: anyone can pose as this node", "test-identity", l.TestIdentity)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Run(groupCtx) })
	group.Go(func() error { return door.server.Run(groupCtx) })
	group.Go(func() error { return publisher.Run(groupCtx, n.Events) })
	group.Go(func() error { return exporter.run(groupCtx, n, log) })
	context.AfterFunc(groupCtx, func() { log.Info("stopping") })
	err = group.Wait()
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// greeting is what 'txnode run' prints once it listens.
type greeting struct {
	Version    string   `json:"version"`
	Network    string   `json:"network"`
	PeerID     string   `json:"peer_id"`
	Listen     []string `json:"listen"`
	RPC        string   `json:"rpc"`
	DataDir    string   `json:"datadir"`
	Config     string   `json:"config,omitempty"`
	Allocation string   `json:"allocation"`
	Digest     string   `json:"allocation_digest"`
	Outputs    int      `json:"allocation_outputs,omitempty"` // not of a Bitcoin node
	Height     int32    `json:"height"`
}

func (l *loaded) greet(cmd *cobra.Command, n *node.Node, d *door, source *prevOuts) error {
	digest := source.Digest()
	g := greeting{
		Version: readVersion().Version, Network: l.Network, PeerID: n.ID().String(),
		RPC: d.url, DataDir: d.dir, Config: l.file, Allocation: source.origin,
		Digest: hex.EncodeToString(digest[:]), Outputs: source.outputs,
	}
	g.Height, _ = source.Tip()
	for _, addr := range n.Addrs() {
		g.Listen = append(g.Listen, addr.String())
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), g)
	}
	return g.print(cmd.OutOrStdout())
}

func (g *greeting) print(w io.Writer) error {
	rows := [][]string{{"txnode", g.Version + ", network " + g.Network}, {"peer id", g.PeerID}}
	for _, addr := range g.Listen {
		rows = append(rows, []string{"listening", addr})
	}
	rows = append(rows, []string{"rpc", g.RPC}, []string{"datadir", g.DataDir})
	if g.Config != "" {
		rows = append(rows, []string{"config", g.Config})
	}
	count := "those"
	if g.Outputs > 0 {
		count = fmt.Sprint(g.Outputs)
	}
	rows = append(rows, []string{"outputs", fmt.Sprintf("%s of %s at height %d, digest %s", count, g.Allocation, g.Height, g.Digest[:16])})
	return printTable(w, nil, rows)
}
