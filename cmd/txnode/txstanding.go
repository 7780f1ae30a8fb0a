package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newTxStanding() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "standing",
		Short: "List the transactions left standing",
		Long: `List the transactions that 'tx send --stand' left standing at a node: since when, how
often they were tried since it started, why the mempool does not take them, and what
has to change. They are tried again when that may have happened. What spends
the same as a confirmed transaction waits for a reorganization, which is rare.`,
		Example: `  txnode tx standing
  txnode tx standing --json | jq -r '.[].waits_for'`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		standing, err := c.ListStanding(cmd.Context())
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), standing)
		}
		rows := make([][]string, len(standing))
		for i, t := range standing {
			rows[i] = []string{t.TxID, time.Unix(t.Since, 0).UTC().Format(time.RFC3339), strconv.Itoa(t.Tries), t.Reason, t.WaitsFor}
		}
		return printTable(cmd.OutOrStdout(), []string{"TXID", "SINCE", "TRIES", "REASON", "WAITS FOR"}, rows)
	})
}

func newTxAbort() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "abort TXID",
		Short: "Give up a transaction left standing",
		Long: `Give up a transaction that 'tx send --stand' left standing, by its txid or wtxid, and
print the txid of what is removed. What the mempool has already is not touched.`,
		Example: `  txnode tx abort 5f2c...
  txnode tx abort 5f2c... --json | jq -r '.removed_transactions[].hex'`,
		Args: takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		aborted, err := c.AbortStanding(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), aborted)
		}
		for _, t := range aborted.RemovedTransactions {
			fmt.Fprintln(cmd.OutOrStdout(), t.TxID)
		}
		return nil
	})
}
