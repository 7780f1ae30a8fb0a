package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/mempool/mempooldat"
	"github.com/txnode/txnode/node/rpc"
)

func newMempoolSave() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "save [FILE]",
		Short: "Write the mempool to a file as Bitcoin Core does",
		Long: `Have a node write its mempool, with the times of entry, fee deltas and what may not
have reached the network, to mempool.dat in the data directory of its network, as
Bitcoin Core's savemempool does, and print that file's path. With a FILE, copy it there.

The node does not need that file: it stores each transaction as it comes. It is for
another node, a txnode or a Bitcoin Core, to import.`,
		Example: `  txnode mempool save
  txnode mempool save backup.dat
  bitcoin-cli -regtest importmempool "$(txnode mempool save)"`,
		Args: takes(0, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		saved, err := c.SaveMempool(cmd.Context())
		if err != nil {
			return err
		}
		if len(args) > 0 {
			if err := copyFile(saved.Filename, args[0]); err != nil {
				return failf("the node saved its mempool as %s, which cannot be copied to %s: %v", saved.Filename, args[0], err)
			}
			saved.Filename = args[0]
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), saved)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), saved.Filename)
		return err
	})
}

func newMempoolImport() *cobra.Command {
	const (
		useTime   = "use-current-time"
		feeDeltas = "apply-fee-delta-priority"
		unsent    = "apply-unbroadcast-set"
	)
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add the transactions of a mempool.dat",
		Long: `Have a node add the transactions of a mempool.dat, written by 'txnode mempool save' or
by Bitcoin Core (savemempool, or when it stops), to its mempool. Each is validated like
any other and announced to peers. The node reads the file, so it must be on its host.

The flags are the options of Bitcoin Core's importmempool. Do not take over metadata of
a file that you do not trust.`,
		Example: `  txnode mempool import ~/.bitcoin/regtest/mempool.dat
  txnode mempool import backup.dat --use-current-time=false --apply-fee-delta-priority --json`,
		Args: takes(1, 1),
	}
	current := cmd.Flags().Bool(useTime, true, "let all enter the mempool now; false: when the file says, by which they expire")
	deltas := cmd.Flags().Bool(feeDeltas, false, "add the file's fee deltas to those that there are")
	unbroadcast := cmd.Flags().Bool(unsent, false, "announce what may not have reached the network until it has")
	return clientCommand(cmd, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		path, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		imported, err := c.ImportMempool(cmd.Context(), path, mempooldat.ImportOptions{KeepTimes: !*current, FeeDeltas: *deltas, Unbroadcast: *unbroadcast})
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), imported)
		}
		return printImport(cmd.OutOrStdout(), imported, *deltas, *unbroadcast)
	})
}

func printImport(w io.Writer, i rpc.ImportMempool, deltas, unbroadcast bool) error {
	failed := strconv.Itoa(i.Failed)
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(i.RejectReasons)) {
		reasons = append(reasons, fmt.Sprintf("%d × %s", i.RejectReasons[reason], reason))
	}
	if len(reasons) > 0 {
		failed += " (" + strings.Join(reasons, ", ") + ")"
	}
	rows := [][]string{
		{"accepted", strconv.Itoa(i.Accepted)},
		{"already there", strconv.Itoa(i.AlreadyThere)},
		{"expired", strconv.Itoa(i.Expired)},
		{"failed", failed},
	}
	if deltas {
		rows = append(rows, []string{"fee deltas", fmt.Sprintf("%d (%d refused)", i.FeeDeltas, i.FeeDeltasRefused)})
	}
	if unbroadcast {
		rows = append(rows, []string{"unbroadcast", strconv.Itoa(i.Unbroadcast)})
	}
	return printTable(w, nil, rows)
}

// copyFile leaves no part of a file behind.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, source)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
