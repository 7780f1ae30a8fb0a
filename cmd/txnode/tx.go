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
		"Submit transactions, ask whether they would be accepted, look at one in the mempool, or\nsign new ones.",
		newTxSend(), newTxWait(), newTxTest(), newTxShow(), newTxGen())
}

func newTxSend() *cobra.Command {
	var wanted share
	timeout := 30 * time.Second
	cmd := clientCommand(&cobra.Command{
		Use:   "send HEX|FILE|-...",
		Short: "Submit transactions",
		Long: `Submit serialized transactions to a node and print the txid of each that it takes;
it has then stored them durably. Arguments are hex, files of hex lines, or - for
lines on stdin. A refused transaction does not keep the rest from being submitted,
but makes the exit code 1. With --wait each is waited for until that share of the
peers holds it, and its receipt printed on stderr, as by 'tx wait'.`,
		Example: `  txnode tx gen --count 100 | txnode tx send -
  txnode tx send 0200000000010158... --wait 95%`,
		Args: takes(1, -1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		sent, refused := []string{}, 0
		err := eachTx(cmd, args, func(from, hex string) error {
			var txid string
			err := c.Call(cmd.Context(), &txid, "sendrawtransaction", hex)
			switch {
			case isAnswer(err):
				refused++
				fmt.Fprintf(cmd.ErrOrStderr(), "txnode: %s: %v\n", from, err)
			case err != nil:
				return err
			default:
				sent = append(sent, txid)
				if !wantsJSON(cmd) {
					fmt.Fprintln(cmd.OutOrStdout(), txid)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			if err := printJSON(cmd.OutOrStdout(), map[string]any{"txids": sent, "refused": refused}); err != nil {
				return err
			}
		}
		if peers, err := c.GetConnectionCount(cmd.Context()); err == nil && peers == 0 && len(sent) > 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "txnode: warning: the node has no peers; it will announce the transactions when it has ('txnode peers add')")
			timeout = 0
		}
		late := 0
		for i := 0; wanted > 0 && i < len(sent); i++ {
			p, err := waitPropagated(cmd.Context(), c, sent[i], wanted, timeout)
			if err == nil {
				err = printReceipt(cmd.ErrOrStderr(), p)
			}
			if err != nil {
				return err
			}
			if p.Coverage < float64(wanted) {
				late++
			}
		}
		if refused+late > 0 {
			return silent(exitFailure)
		}
		return nil
	})
	cmd.Flags().Var(&wanted, "wait", "wait until this share of the peers holds each transaction, such as 95%")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for one transaction")
	return cmd
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
				refused = refused || !r.Allowed
				row := []string{r.TxID, "accepted", "-", "-"}
				if r.Fees != nil {
					row[2], row[3] = strconv.FormatInt(r.VSize, 10), feeRate(r.Fees.Base, r.VSize)
				}
				if !r.Allowed {
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
