package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newRecon() *cobra.Command {
	return newNoun("recon", "Watch and run reconciliation",
		"List the rounds by which a node and its peers find out what one of them lacks, or run one now.",
		newReconList(), newReconNow())
}

func newReconList() *cobra.Command {
	var count int
	cmd := clientCommand(&cobra.Command{
		Use:   "ls",
		Short: "List peers and the latest rounds",
		Long: `List how reconciliation goes with each peer, and the latest rounds, the newest
last. LACKS and WITHHOLDS count transactions that a peer was offered and never
took, or offered and never served, for a minute or longer.`,
		Example: `  txnode recon ls
  txnode recon ls --rounds 50 --json`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getreconinfo", count)
		}
		info, err := c.GetReconInfo(cmd.Context(), count)
		if err != nil {
			return err
		}
		return printRecon(cmd.OutOrStdout(), info)
	})
	cmd.Flags().IntVar(&count, "rounds", 10, "how many rounds to list, at most 256")
	return cmd
}

func printRecon(w io.Writer, info rpc.ReconInfo) error {
	peers := make([][]string, len(info.Peers))
	for i, p := range info.Peers {
		last := "never"
		if p.LastRound > 0 {
			last = fmt.Sprintf("%s, %s ago", p.LastOutcome, since(int64(p.LastRound)))
		}
		peers[i] = []string{
			strconv.FormatUint(p.ID, 10), p.PeerID, strconv.Itoa(p.Rounds), strconv.Itoa(p.Failed),
			byteSize(uint64(p.BytesSent)), byteSize(uint64(p.BytesReceived)),
			strconv.Itoa(p.Lacks), strconv.Itoa(p.Withholds), last,
		}
	}
	err := printTable(w, []string{"ID", "PEER ID", "ROUNDS", "FAILED", "SENT", "RECEIVED", "LACKS", "WITHHOLDS", "LAST"}, peers)
	if err != nil || len(info.Rounds) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return printRounds(w, info.Rounds...)
}

func printRounds(w io.Writer, rounds ...rpc.Round) error {
	rows := make([][]string, len(rounds))
	for i, r := range rounds {
		by := "peer"
		if r.Initiator {
			by = "us"
		}
		rows[i] = []string{
			time.Unix(int64(r.Started), 0).Format(time.TimeOnly), strconv.FormatUint(r.Link, 10), strconv.FormatUint(r.ID, 10), by, r.Kind,
			strconv.Itoa(r.Ours), strconv.Itoa(r.Theirs), strconv.Itoa(r.Difference), strconv.Itoa(r.Wanted), strconv.Itoa(r.Offered),
			byteSize(uint64(r.BytesSent + r.BytesReceived)), milliseconds(r.Seconds), r.Outcome, r.Reason,
		}
	}
	return printTable(w, []string{"TIME", "ID", "ROUND", "BY", "KIND", "OURS", "THEIRS", "DIFFER", "WANTED", "OFFERED", "BYTES", "TOOK", "OUTCOME", "REASON"}, rows)
}

func newReconNow() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "now PEER",
		Short: "Reconcile with a peer now",
		Long: `Have the node compare mempools with a connected peer now, and print the round. PEER
is the id, peer id or address that 'peers ls' shows. The exit code is 1 if the
round failed.`,
		Example: "  txnode recon now 1",
		Args:    takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		r, err := c.Reconcile(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			err = printJSON(cmd.OutOrStdout(), r)
		} else {
			err = printRounds(cmd.OutOrStdout(), r)
		}
		if err == nil && r.Reason != "" {
			return silent(exitFailure)
		}
		return err
	})
}
