package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newTx() *cobra.Command {
	return newNoun("tx", "Make, submit and look at transactions",
		"Submit transactions, ask whether they would be accepted, look at one in the mempool or\nleft standing, or sign new ones.",
		newTxSend(), newTxWait(), newTxTest(), newTxShow(), newTxStanding(), newTxAbort(), newTxGen())
}

func newTxTest() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "test HEX|FILE|-...",
		Short: "Ask whether transactions would be accepted",
		Long: `Ask a node whether it would accept each transaction, by itself, without submitting
it. The exit code is 1 if any would be refused. Arguments are those of 'tx send'.`,
		Example: "  txnode tx gen | txnode tx test -",
		Args:    takes(1, -1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		var results []rpc.TestMempoolAccept
		var rows [][]string
		refused := false
		err := eachTx(cmd, args, func(from, hex string) error {
			var one []rpc.TestMempoolAccept
			if err := c.Call(cmd.Context(), &one, "testmempoolaccept", []string{hex}); err != nil {
				return fmt.Errorf("%s: %w", from, err)
			}
			for _, r := range one {
				results = append(results, r)
				refused = refused || !r.Accepted()
				row := []string{r.TxID, "accepted", "-", "-"}
				if r.Fees != nil {
					row[2], row[3] = strconv.FormatInt(r.VSize, 10), feeRate(r.Fees.Base, r.VSize)
				}
				if !r.Accepted() {
					row[1] = r.RejectReason
				}
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			err = printJSON(cmd.OutOrStdout(), results)
		} else {
			err = printTable(cmd.OutOrStdout(), []string{"TXID", "VERDICT", "VBYTES", "SAT/VB"}, rows)
		}
		if err == nil && refused {
			return silent(exitFailure)
		}
		return err
	})
}

func newTxShow() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:     "show TXID",
		Short:   "Show a transaction in the mempool",
		Long:    "Show a transaction in the node's mempool: size, fee, inputs, outputs and relatives.",
		Example: "  txnode tx show 5f2c... --json",
		Args:    takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		tx, err := c.GetRawTransactionVerbose(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		entry, err := c.GetMempoolEntry(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), map[string]any{"tx": tx, "mempool": entry})
		}
		return printTable(cmd.OutOrStdout(), nil, txRows(tx, entry))
	})
}

func txRows(tx rpc.RawTransaction, entry rpc.MempoolEntry) [][]string {
	rows := [][]string{
		{"txid", tx.TxID},
		{"wtxid", tx.Hash},
		{"size", fmt.Sprintf("%d vB, %d bytes, weight %d", tx.VSize, tx.Size, tx.Weight)},
		{"fee", fmt.Sprintf("%s BTC, %s sat/vB", entry.Fees.Base, feeRate(entry.Fees.Base, entry.VSize))},
		{"accepted", time.Unix(entry.Time, 0).UTC().Format(time.RFC3339)},
		{"relatives", fmt.Sprintf("%d unconfirmed ancestors, %d descendants", entry.AncestorCount-1, entry.DescendantCount-1)},
	}
	for _, in := range tx.Vin {
		if in.Vout != nil {
			rows = append(rows, []string{"input", fmt.Sprintf("%s:%d", in.TxID, *in.Vout)})
		}
	}
	for _, out := range tx.Vout {
		to := out.ScriptPubKey.Address
		if to == "" {
			to = out.ScriptPubKey.Hex
		}
		rows = append(rows, []string{"output", fmt.Sprintf("%s BTC to %s (%s)", out.Value, to, out.ScriptPubKey.Type)})
	}
	if len(entry.SpentBy) > 0 {
		rows = append(rows, []string{"spent by", strings.Join(entry.SpentBy, " ")})
	}
	return rows
}
