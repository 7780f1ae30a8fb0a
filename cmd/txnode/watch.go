package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newWatch() *cobra.Command {
	var interval time.Duration
	var count int
	var since string
	cmd := &cobra.Command{
		Use:   "watch [NODE...]",
		Short: "Follow what happens on one node or several",
		Long: `Print a line per node and interval: how many transactions it holds, the beginning
of their digest, peers, what it sent to them by kind of message, and rounds of
reconciliation; and below who differs from the most. Without a NODE it is the one
that the flags name. A node that goes away is waited for; if none is there to begin
with, that is an error.

With --json, print the events of one node, one object a line: its mempool in parts,
then each change with its number. --since goes on after a number seen before
instead, also across restarts of the node.

` + endpointsHelp,
		Example: `  txnode watch
  txnode watch --interval 10s /data
  txnode watch --json --since 1200`,
		Args: takes(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			nodes := []endpoint{{name: "node"}}
			if len(args) > 0 {
				if nodes, err = l.endpoints(args); err != nil {
					return err
				}
				if len(nodes) == 0 {
					return l.noNodes(args)
				}
			} else if nodes[0].client, err = client(cmd); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				if len(nodes) != 1 {
					return usagef("--json follows one node and %d are named", len(nodes))
				}
				return watchEvents(cmd.Context(), cmd.OutOrStdout(), nodes[0].client, since, count)
			}
			return watchNodes(cmd.Context(), cmd.OutOrStdout(), nodes, interval, count)
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "how long between two looks")
	cmd.Flags().IntVar(&count, "count", 0, "end after so many looks, or with --json events; 0: never")
	cmd.Flags().StringVar(&since, "since", "", "with --json: go on after the event with this `number`")
	addSettingFlags(cmd, clientScope)
	return cmd
}

// watchEvents prints the stream as it comes.
func watchEvents(ctx context.Context, w io.Writer, c *rpc.Client, since string, count int) error {
	n := 0
	for object, err := range c.Stream(ctx, since) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", object); err != nil {
			return err
		}
		if n++; n == count {
			break
		}
	}
	return nil
}

// watched is one look at a node.
type watched struct {
	at    time.Time
	pool  rpc.MempoolDigest
	peers int
	sent  map[string]uint64 // bytes by kind of message, to the peers of the moment
	recon rpc.ReconInfo
	err   error
}

// watchNodes looks until ctx ends, or so many times. Unless a node answers the
// first time, there is nothing to watch.
func watchNodes(ctx context.Context, w io.Writer, nodes []endpoint, interval time.Duration, count int) error {
	tick := time.NewTicker(max(interval, 100*time.Millisecond))
	defer tick.Stop()
	before := make([]watched, len(nodes))
	for n := 1; ; n++ {
		now := make([]watched, len(nodes))
		var asked sync.WaitGroup
		for i, node := range nodes {
			asked.Go(func() { now[i] = watchOnce(ctx, node.client) })
		}
		asked.Wait()
		if ctx.Err() != nil {
			return nil
		}
		if n == 1 && !slices.ContainsFunc(now, func(n watched) bool { return n.err == nil }) {
			return now[0].err
		}
		for i, node := range nodes {
			fmt.Fprintln(w, now[i].line(node.name, before[i]))
		}
		if len(nodes) > 1 {
			fmt.Fprintln(w, whoDiffers(nodes, now))
		}
		if n == count {
			return nil
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func watchOnce(ctx context.Context, c *rpc.Client) watched {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	n := watched{at: time.Now(), sent: make(map[string]uint64)}
	var peers []rpc.PeerInfo
	if n.pool, n.err = c.GetMempoolDigest(ctx); n.err != nil {
		return n
	}
	if peers, n.err = c.GetPeerInfo(ctx); n.err != nil {
		return n
	}
	n.recon, n.err = c.GetReconInfo(ctx, 0)
	n.peers = len(peers)
	for _, p := range peers {
		for kind, bytes := range p.BytesSentPerMsg {
			n.sent[kind] += bytes
		}
	}
	return n
}

// line tells of the look, with what has changed since the one before.
func (n watched) line(name string, before watched) string {
	head := n.at.Format(time.TimeOnly) + " " + name
	if n.err != nil {
		return head + ": no answer: " + n.err.Error()
	}
	text := fmt.Sprintf("%s: %d transactions, %s, %.8s, %d peers", head, n.pool.Count, byteSize(uint64(n.pool.Bytes)), n.pool.Digest, n.peers)
	seconds := n.at.Sub(before.at).Seconds()
	if before.at.IsZero() || before.err != nil {
		seconds = 0
	} else {
		text += fmt.Sprintf(", %+.1f tx/s", float64(n.pool.Count-before.pool.Count)/seconds)
	}
	var lanes []string
	for _, kind := range slices.Sorted(maps.Keys(n.sent)) {
		if more := n.sent[kind] - min(n.sent[kind], before.sent[kind]); seconds > 0 && more > 0 {
			lanes = append(lanes, fmt.Sprintf("%s %s/s", kind, byteSize(uint64(float64(more)/seconds))))
		}
	}
	if len(lanes) > 0 {
		text += ", sent " + strings.Join(lanes, " ")
	}
	rounds, failed := 0, 0
	for _, p := range n.recon.Peers {
		rounds, failed = rounds+p.Rounds, failed+p.Failed
	}
	return text + fmt.Sprintf(", %d rounds (%d failed)", rounds, failed)
}

// whoDiffers says whose mempool is not that which most have.
func whoDiffers(nodes []endpoint, now []watched) string {
	holders := make(map[string][]string)
	for i, n := range now {
		if n.err == nil {
			holders[n.pool.Digest] = append(holders[n.pool.Digest], nodes[i].name)
		}
	}
	if len(holders) < 2 {
		return "         all that answer hold the same"
	}
	most := slices.MaxFunc(slices.Sorted(maps.Keys(holders)), func(a, b string) int { return cmp.Compare(len(holders[a]), len(holders[b])) })
	var others []string
	for _, digest := range slices.Sorted(maps.Keys(holders)) {
		if digest != most {
			others = append(others, holders[digest]...)
		}
	}
	return fmt.Sprintf("         %d different mempools; %d nodes hold %.8s, not %s", len(holders), len(holders[most]), most, strings.Join(others, ", "))
}
