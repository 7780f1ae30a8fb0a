package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

// share is a flag for a part of the peers, as 95% or 0.95.
type share float64

func (s *share) String() string {
	if *s == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(*s), 'g', 6, 64) + "%"
}

func (s *share) Type() string { return "share" }

func (s *share) Set(text string) error {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return fmt.Errorf("want a share of the peers, such as 95%% or 0.95, not %q", text)
	}
	*s = share(v)
	return nil
}

func newTxWait() *cobra.Command {
	wanted, timeout := share(0.95), 30*time.Second
	cmd := clientCommand(&cobra.Command{
		Use:   "wait TXID",
		Short: "Wait until peers hold a transaction",
		Long: `Wait until a share of the node's peers has shown that it holds a transaction, or
has asked for it, and print the receipt: who was told, asked, told this node, or
was found by reconciliation to hold it. It is what peers told this node, not proof.
The exit code is 1 if that takes longer than --timeout.`,
		Example: `  txnode tx wait 5f2c... --share 95% --timeout 10s
  txnode tx wait 5f2c... --json`,
		Args: takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		p, err := waitPropagated(cmd.Context(), c, args[0], wanted, timeout)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			err = printJSON(cmd.OutOrStdout(), p)
		} else {
			err = printReceipt(cmd.OutOrStdout(), p)
		}
		if err == nil && p.Coverage < float64(wanted) {
			return silent(exitFailure)
		}
		return err
	})
	cmd.Flags().Var(&wanted, "share", "share of the peers to wait for")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait")
	return cmd
}

// waitPropagated waits as long as timeout, in calls as long as a node takes.
func waitPropagated(ctx context.Context, c *rpc.Client, txid string, wanted share, timeout time.Duration) (p rpc.Propagation, err error) {
	for end := time.Now().Add(timeout); ; {
		left := time.Until(end)
		p, err = c.WaitTxPropagation(ctx, txid, float64(wanted), min(max(left, 0), rpc.MaxPropagationWait))
		if err != nil || p.Coverage >= float64(wanted) || left < time.Second {
			return p, err
		}
	}
}

func printReceipt(w io.Writer, p rpc.Propagation) error {
	rows := make([][]string, len(p.Peers))
	for i, e := range p.Peers {
		state := "connected"
		if !e.Connected {
			state = "gone"
		}
		if e.BelowFloor {
			state += ", floor above it"
		}
		rows[i] = []string{
			e.PeerID, state, after(p.Accepted, e.Announced), after(p.Accepted, e.Requested),
			after(p.Accepted, e.AnnouncedBack), after(p.Accepted, e.Reconciled),
		}
	}
	if len(rows) > 0 {
		if err := printTable(w, []string{"PEER ID", "STATE", "TOLD", "ASKED", "TOLD US", "RECONCILED"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%.0f%%: %s\n", 100*p.Coverage, p.Verdict)
	return err
}

// after is how long after the beginning something happened.
func after(began, at float64) string {
	if at == 0 {
		return "-"
	}
	return milliseconds(max(at-began, 0))
}
