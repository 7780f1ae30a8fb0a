package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

const (
	// healthTimeout is below the usual timeout of container health checks.
	healthTimeout = 3 * time.Second
	// healthPoll is how often --wait asks.
	healthPoll = 100 * time.Millisecond
)

func newHealth() *cobra.Command {
	var patience time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Tell whether a node is up: exit 0 or 1",
		Long: `Tell in one line whether the node answers and has loaded its mempool, and exit
with 0 or 1. Made for the health checks of containers, and for scripts that wait
until a node is up.`,
		Example: `  txnode health
  txnode health --wait 30s && txnode tx send tx.hex`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := awaitHealth(cmd, patience)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), h)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "up: %s, %d transactions, %d peers\n", h.URL, h.Transactions, h.Peers)
			return err
		},
	}
	cmd.Flags().DurationVar(&patience, "wait", 0, "wait so long for the node to come up")
	addSettingFlags(cmd, clientScope)
	return cmd
}

// health is what a node that is up tells.
type health struct {
	URL          string `json:"url"`
	Transactions int    `json:"transactions"`
	Peers        int    `json:"peers"`
}

// awaitHealth asks once, and then again until the node is up or patience is
// over. Each time it looks anew for where the node is: one that starts may
// choose another port.
func awaitHealth(cmd *cobra.Command, patience time.Duration) (h health, err error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	for {
		c, err := client(cmd)
		if err == nil {
			h, err = askHealth(cmd.Context(), c)
		}
		if err == nil {
			return h, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return h, err
		}
	}
}

// askHealth asks once. A node that is still loading is not up.
func askHealth(ctx context.Context, c *rpc.Client) (health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	mempool, err := c.GetMempoolInfo(ctx)
	if err != nil {
		return health{}, err
	}
	if !mempool.Loaded {
		return health{}, failf("the node at %s is still loading its mempool; --wait waits for it", c.URL())
	}
	peers, err := c.GetConnectionCount(ctx)
	return health{URL: c.URL(), Transactions: mempool.Size, Peers: peers}, err
}
