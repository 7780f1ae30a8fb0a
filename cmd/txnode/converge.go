package main

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newConverge() *cobra.Command {
	var timeout time.Duration
	var wanted int
	cmd := &cobra.Command{
		Use:   "converge NODE...",
		Short: "Wait until nodes hold the same transactions: exit 0 or 1",
		Long: `Wait until the mempools of all nodes have the same digest, and exit with 0; or say
who lacks what after the timeout, and exit with 1. A node that does not answer
has not converged.

` + endpointsHelp,
		Example: `  txnode converge http://127.0.0.1:18443 http://127.0.0.1:18444
  txnode converge /data --nodes 5 --timeout 60s`,
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			c, err := l.awaitConvergence(ctx, args, wanted)
			if err != nil {
				return err
			}
			if !c.Converged {
				// The deadline has passed, but the user has not lost interest.
				c.compareMempools(cmd.Context())
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), c)
			} else {
				err = c.print(cmd.OutOrStdout())
			}
			if err == nil && !c.Converged {
				return silent(exitFailure)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	cmd.Flags().IntVar(&wanted, "nodes", 1, "wait until at least `n` nodes are there and agree")
	addSettingFlags(cmd, clientScope)
	return cmd
}

// convergePoll is the time between two looks at all nodes.
const convergePoll = 250 * time.Millisecond

// awaitConvergence looks at the nodes until they agree or ctx ends, and returns
// the last look. It searches for nodes anew each time: those of a directory may
// only be starting.
func (l *loaded) awaitConvergence(ctx context.Context, args []string, wanted int) (*convergence, error) {
	began := time.Now()
	tick := time.NewTicker(convergePoll)
	defer tick.Stop()
	for {
		nodes, err := l.endpoints(args)
		if err != nil {
			return nil, err
		}
		// The last look is not cut short, so that it tells who differs.
		c := look(context.WithoutCancel(ctx), nodes)
		c.Seconds = math.Round(time.Since(began).Seconds()*1000) / 1000
		c.Converged = c.Converged && len(nodes) >= wanted
		if c.Converged {
			return c, nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		if len(nodes) < wanted {
			return nil, failf("%d nodes of network %s run in %s, %d are wanted; start more, or name nodes by their URLs",
				len(nodes), l.Network, strings.Join(args, " "), wanted)
		}
		return c, nil
	}
}
