package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/txnode/txnode/testnet"
)

func newTestnet() *cobra.Command {
	cfg := testnet.DefaultConfig()
	cfg.Version = readVersion().Version
	recon, logLevel := "on", ""
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Run a network in one process and judge whether it converges",
		Long: `Run a network of real nodes in this process, on loopback sockets: submit signed
transactions at a steady rate, then cut the network in two halves that both take
transactions, join them again, and judge whether all mempools end up equal.

The exit code is 0 if they converged or settled: every difference left has a reason
that time does not change. It is 1 if they diverged; what is missing where is printed.

With --json the last line on stdout is one object, and progress goes to stderr.`,
		Example: `  txnode testnet
  txnode testnet --nodes 50 --txs 1000 --rate 100 --partition 0
  txnode testnet --relay flood --recon off --json | tail -1   # the baseline
  txnode testnet --relay flood --recon off --trickle          # as Bitcoin Core relays
  txnode testnet --fault-node 3   # diverges: node3 fetches nothing
  txnode testnet --keep           # stays up for RPC until Ctrl-C`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			switch recon {
			case "on", "off":
				cfg.Recon = recon == "on"
			default:
				return usagef("--recon %q is neither on nor off", recon)
			}
			if err := cfg.Validate(); err != nil {
				return usagef("%v; see 'txnode testnet --help'", err)
			}
			if cfg.Logger, err = testnetLogger(logLevel); err != nil {
				return err
			}
			return runTestnet(cmd, cfg)
		},
	}
	f := cmd.Flags()
	f.IntVar(&cfg.Nodes, "nodes", cfg.Nodes, "how many nodes")
	f.IntVar(&cfg.Degree, "degree", cfg.Degree, "how many links each node dials")
	f.IntVar(&cfg.Txs, "txs", cfg.Txs, "how many transactions to submit in the steady phase")
	f.Float64Var(&cfg.Rate, "rate", cfg.Rate, "transactions per `second`")
	f.DurationVar(&cfg.Partition, "partition", cfg.Partition, "how long to cut the network in two halves; 0: never")
	f.StringVar((*string)(&cfg.Relay), "relay", string(cfg.Relay), "`whom` to announce transactions to: mesh, flood (every peer), gossip-inv and gossip-bodies (a GossipSub topic of ids or of bodies), or none")
	f.IntVar(&cfg.EagerHops, "eager-hops", cfg.EagerHops, "how many `hops` from its origin a transaction is pushed before it is announced; -1: by the size of the network")
	f.BoolVar(&cfg.Trickle, "trickle", false, "announce at Bitcoin Core's random ticks, and push nothing")
	f.StringVar(&recon, "recon", recon, "whether nodes reconcile their mempools: `on|off`")
	f.IntVar(&cfg.FaultNode, "fault-node", cfg.FaultNode, "`number` of a node that neither fetches nor reconciles; -1: none")
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "`number` that decides graph, halves and load")
	f.BoolVar(&cfg.Keep, "keep", false, "stay up after the verdict, for RPC, until Ctrl-C")
	f.StringVar(&cfg.Dir, "datadir", "", "empty `directory` for the nodes' data (default: a temporary one)")
	f.StringVar(&logLevel, "log-level", "", "`level` of the nodes' logs on stderr: debug, info, warn or error (default: no logs)")
	return cmd
}

// testnetLogger is silent unless a level is asked for: the logs of many nodes
// would drown the progress.
func testnetLogger(level string) (*slog.Logger, error) {
	if level == "" {
		return nil, nil
	}
	if err := setLogLevels(level); err != nil {
		return nil, err
	}
	return goLogger(), nil
}

// runTestnet runs the experiment and prints its verdict. With --keep the
// network stays up until the user stops it, which does not change the verdict.
func runTestnet(cmd *cobra.Command, cfg testnet.Config) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	aside := out // where everything but the result goes
	if wantsJSON(cmd) {
		aside = cmd.ErrOrStderr()
	}
	progress := newProgress(aside)
	c, err := testnet.Start(ctx, cfg, progress.Observer())
	if err != nil {
		progress.Finish()
		return interrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	report, err := c.Run(ctx)
	progress.Finish()
	if err != nil {
		return interrupted(ctx, err)
	}
	if wantsJSON(cmd) {
		err = json.NewEncoder(out).Encode(report)
	} else {
		fmt.Fprintln(out)
		err = report.WriteText(out)
	}
	if err != nil {
		return err
	}
	if cfg.Keep {
		if err := printMembers(aside, c); err != nil {
			return err
		}
		<-c.Done()
		if ctx.Err() == nil {
			return c.Err()
		}
	}
	if !report.Verdict.OK() {
		return silent(exitFailure)
	}
	return nil
}

// newProgress renders to w, in place if it is a terminal.
func newProgress(w io.Writer) *testnet.Progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		columns, _, err := term.GetSize(int(f.Fd()))
		return testnet.NewProgress(w, err == nil, columns)
	}
	return testnet.NewProgress(w, false, 0)
}

// interrupted says that the user ended a run, where that is why it failed.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return failf("interrupted before the verdict")
	}
	return err
}

// printMembers says how to talk to the nodes of a network that stays up.
func printMembers(w io.Writer, c *testnet.Cluster) error {
	rows := make([][]string, 0, len(c.Members()))
	for _, m := range c.Members() {
		rows = append(rows, []string{m.Name, "http://" + m.RPC, m.DataDir})
	}
	fmt.Fprintln(w)
	if err := printTable(w, []string{"NODE", "RPC", "DATADIR"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
The network stays up until Ctrl-C; its data stays in %[2]s. From another terminal, for example:
  txnode tx gen --count 10 | txnode tx send --datadir %[1]s -
  txnode converge %[2]s
  txnode peers ls --datadir %[1]s
  bitcoin-cli -datadir=%[1]s getrawmempool
`, filepath.Join(c.Dir(), c.Members()[0].Name), c.Dir())
	return err
}
