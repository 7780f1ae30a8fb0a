package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newMempool() *cobra.Command {
	return newNoun("mempool", "Look into a node's mempool, save it, import another",
		"List the transactions in a node's mempool, its totals, its digest, or in what it differs from others. Save it to a file, or import one.",
		newMempoolList(), newMempoolInfo(), newMempoolDiff(), newMempoolDigest(), newMempoolSave(), newMempoolImport())
}

func newMempoolList() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "ls",
		Short: "List the transactions",
		Long:  "List the transactions in the mempool, oldest first, parents before children.",
		Example: `  txnode mempool ls
  txnode mempool ls --json | jq length`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getrawmempool", true)
		}
		pool, err := c.GetRawMempoolVerbose(cmd.Context())
		if err != nil {
			return err
		}
		txids := slices.SortedFunc(maps.Keys(pool), func(a, b string) int {
			return cmp.Or(cmp.Compare(pool[a].Time, pool[b].Time),
				cmp.Compare(pool[a].AncestorCount, pool[b].AncestorCount), cmp.Compare(a, b))
		})
		rows := make([][]string, len(txids))
		for i, txid := range txids {
			e := pool[txid]
			rows[i] = []string{
				txid, strconv.FormatInt(e.VSize, 10), strconv.FormatInt(int64(e.Fees.Base), 10), feeRate(e.Fees.Base, e.VSize),
				strconv.Itoa(e.AncestorCount - 1), strconv.Itoa(e.DescendantCount - 1), since(e.Time),
			}
		}
		return printTable(cmd.OutOrStdout(),
			[]string{"TXID", "VBYTES", "FEE", "SAT/VB", "ANCESTORS", "DESCENDANTS", "AGE"}, rows)
	})
}

// feeRate writes a fee in satoshi per virtual byte.
func feeRate(fee rpc.Amount, vsize int64) string {
	return fmt.Sprintf("%.1f", float64(fee)/float64(max(vsize, 1)))
}

func newMempoolInfo() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:     "info",
		Short:   "Print totals and limits",
		Long:    "Print how much the mempool holds, how much it may hold, and the lowest fee it takes.",
		Example: "  txnode mempool info",
		Args:    takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getmempoolinfo")
		}
		info, err := c.GetMempoolInfo(cmd.Context())
		if err != nil {
			return err
		}
		return printTable(cmd.OutOrStdout(), nil, [][]string{
			{"transactions", strconv.Itoa(info.Size)},
			{"virtual size", fmt.Sprintf("%d vB", info.Bytes)},
			{"fees", fmt.Sprintf("%s BTC", info.TotalFee)},
			{"used", fmt.Sprintf("%s of %s", byteSize(uint64(info.Usage)), byteSize(uint64(info.MaxMempool)))},
			{"lowest fee", fmt.Sprintf("%s BTC/kvB", info.MempoolMinFee)},
			{"loaded", yes(info.Loaded)},
		})
	})
}

func newMempoolDigest() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "digest",
		Short: "Print the digest that equal mempools share",
		Long: `Print the mempool digest: the sum modulo 2^256 of SHA-256(wtxid). Nodes with equal
digests hold the same transactions. OVERLAY is hearsay: what other nodes tell of
themselves.`,
		Example: `  txnode mempool digest
  txnode converge http://127.0.0.1:18443 http://127.0.0.1:18444`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getmempooldigest")
		}
		d, err := c.GetMempoolDigest(cmd.Context())
		if err != nil {
			return err
		}
		return printTable(cmd.OutOrStdout(), nil, [][]string{
			{"digest", d.Digest},
			{"transactions", strconv.Itoa(d.Count)},
			{"size", byteSize(uint64(d.Bytes))},
			{"overlay", fmt.Sprintf("%d nodes heard, %d different digests", d.Overlay.Nodes, d.Overlay.Digests)},
		})
	})
}
