package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newMempoolDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff NODE NODE...",
		Short: "Compare the mempools of nodes: exit 0 if equal, 1 if not",
		Long: `Compare the mempools of nodes once, by asking each, and tell which transactions each
lacks that another has. The RPC getmempooldiff compares a node with a peer of its
over the network instead, which also makes them fetch what they lack.

` + endpointsHelp,
		Example: "  txnode mempool diff http://127.0.0.1:18443 http://127.0.0.1:18444",
		Args:    takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			nodes, err := l.endpoints(args)
			if err != nil {
				return err
			}
			if len(nodes) < 2 {
				return failf("%d of the two or more nodes to be compared run; start them, or name each by its URL", len(nodes))
			}
			return compare(cmd, nodes)
		},
	}
	addSettingFlags(cmd, clientScope)
	return cmd
}

func compare(cmd *cobra.Command, nodes []endpoint) error {
	c := look(cmd.Context(), nodes)
	if !c.Converged {
		c.compareMempools(cmd.Context())
	}
	var err error
	switch w := cmd.OutOrStdout(); {
	case wantsJSON(cmd):
		err = printJSON(w, c)
	case c.Converged:
		err = c.print(w)
	default:
		err = c.printMissing(w)
	}
	if err == nil && !c.Converged {
		return silent(exitFailure)
	}
	return err
}

// printMissing names every transaction that a node lacks.
func (c *convergence) printMissing(w io.Writer) error {
	for _, n := range c.Nodes {
		if n.Error != "" {
			fmt.Fprintf(w, "%s does not answer: %s\n", n.Name, n.Error)
		}
		for _, txid := range n.Missing {
			fmt.Fprintf(w, "%s lacks %s\n", n.Name, txid)
		}
	}
	_, err := fmt.Fprintf(w, "DIFFERENT: %d different mempools among %d nodes\n", c.Digests, len(c.Nodes))
	return err
}
