package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

const (
	// doctorPatience is how long a node may take for all that is asked.
	doctorPatience = 30 * time.Second
	// searched is the largest mempool, in transactions, of which each one is looked
	// at: the answer has some 700 bytes for each.
	searched = 10_000
	// receiptsRead is of how many transactions submitted there the receipt is read.
	receiptsRead = 100
	// compared is with how many peers that differ mempools are compared.
	compared = 3
)

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say why a node does not converge: exit 0 if nothing is wrong",
		Long: `Look for what keeps a node's mempool from being that of the others, and print each
finding in a line, with what to do: no peers, or peers that cannot be reached, are
refused for another network or allocation, have other fee floors, fail in
reconciliation, lack or withhold transactions; a mempool that is still loading; a
full or damaged disk; a Bitcoin node that is away; clocks that differ; nodes of the
network that lag; transactions submitted here that arrived nowhere. Other versions
among the peers are told beside another finding. Only what time alone does not mend
is one: transactions may be under way for half a minute.

With a peer that differs for no such reason it has the node compare mempools, as the
RPC getmempooldiff does. The exit code is 0 without findings, else 1.`,
		Example: `  txnode doctor
  txnode doctor --datadir ./data --json | jq -r '.findings[].do'
  txnode doctor --rpc http://127.0.0.1:18444`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			c, err := client(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorPatience)
			defer cancel()
			d := l.examine(ctx, c)
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), d)
			} else {
				err = d.print(cmd.OutOrStdout())
			}
			if err == nil && !d.Healthy {
				return silent(exitFailure)
			}
			return err
		},
	}
	addSettingFlags(cmd, clientScope)
	return cmd
}

// diagnosis is what there is to say of a node.
type diagnosis struct {
	URL      string    `json:"url"`
	Healthy  bool      `json:"healthy"`
	Findings []finding `json:"findings"`

	seen vitals
}

// finding is one reason for which a node may not converge.
type finding struct {
	Check string `json:"check"` // what was looked at
	Found string `json:"found"`
	Do    string `json:"do"`
}

// examine asks the node and judges what it says.
func (l *loaded) examine(ctx context.Context, c *rpc.Client) diagnosis {
	d := diagnosis{URL: c.URL(), Findings: []finding{}}
	var err error
	if d.seen, err = l.look(ctx, c); err != nil {
		d.Findings = append(d.Findings, finding{"node", err.Error(), "'txnode health --wait 30s' waits for one that is starting"})
		return d
	}
	d.Findings = append(d.Findings, d.seen.findings()...)
	d.Healthy = len(d.Findings) == 0
	return d
}

func (d *diagnosis) print(w io.Writer) error {
	if d.Healthy {
		_, err := fmt.Fprintf(w, "healthy: %s, %d transactions, %d peers, %d nodes heard\n",
			d.URL, d.seen.mempool.Size, len(d.seen.peers), d.seen.overlay.Nodes)
		return err
	}
	for _, f := range d.Findings {
		if _, err := fmt.Fprintf(w, "%s: %s; %s\n", f.Check, f.Found, f.Do); err != nil {
			return err
		}
	}
	return nil
}

// vitals is what a node says of itself, and what can be seen of it from here.
type vitals struct {
	mempool rpc.MempoolInfo
	network rpc.NetworkInfo
	peers   []rpc.PeerInfo
	overlay rpc.OverlayInfo
	recon   rpc.ReconInfo
	totals  rpc.NetTotals
	uptime  time.Duration

	asked, answered time.Time // on this computer's clock, around totals
	setAside        []string  // damaged databases, if they are on this computer
	waiting         []string  // txids submitted there a minute ago that arrived nowhere
	whyWaiting      string    // the verdict on the first
	differences     map[string]rpc.MempoolDiff
}

// look asks for everything, of a node that is loading for no more than that.
func (l *loaded) look(ctx context.Context, c *rpc.Client) (v vitals, err error) {
	if v.mempool, err = c.GetMempoolInfo(ctx); err != nil || !v.mempool.Loaded {
		return v, err
	}
	seconds, err := c.Uptime(ctx)
	v.uptime = time.Duration(seconds) * time.Second
	for _, ask := range []func() error{
		func() (err error) { v.network, err = c.GetNetworkInfo(ctx); return err },
		func() (err error) { v.peers, err = c.GetPeerInfo(ctx); return err },
		func() (err error) { v.overlay, err = c.GetOverlayInfo(ctx); return err },
		func() (err error) { v.recon, err = c.GetReconInfo(ctx, 0); return err },
		func() error { return v.lookAtClock(ctx, c) },
		func() error { return v.lookForWaiting(ctx, c) },
	} {
		if err == nil {
			err = ask()
		}
	}
	if err == nil {
		v.lookAtDifferences(ctx, c)
	}
	if dir, dirErr := l.networkDir(); dirErr == nil && l.RPC.URL == "" {
		v.setAside, _ = filepath.Glob(filepath.Join(dir, "mempool.damaged-*"))
	}
	return v, err
}

func (v *vitals) lookAtClock(ctx context.Context, c *rpc.Client) error {
	v.asked = time.Now()
	err := c.Call(ctx, &v.totals, "getnettotals")
	v.answered = time.Now()
	return err
}

// lookForWaiting finds what was submitted a while ago and arrived nowhere.
func (v *vitals) lookForWaiting(ctx context.Context, c *rpc.Client) error {
	if v.mempool.UnbroadcastCount == 0 || v.mempool.Size > searched {
		return nil
	}
	pool, err := c.GetRawMempoolVerbose(ctx)
	if err != nil {
		return err
	}
	unbroadcast := slices.DeleteFunc(slices.Sorted(maps.Keys(pool)), func(txid string) bool {
		return !pool[txid].Unbroadcast || v.now().Sub(time.Unix(pool[txid].Time, 0)) < arrival
	})
	for _, txid := range unbroadcast[:min(len(unbroadcast), receiptsRead)] {
		p, err := c.GetTxPropagation(ctx, txid)
		if err != nil && !isAnswer(err) {
			return err
		}
		if err == nil && p.Coverage == 0 && p.Removed == 0 {
			v.waiting, v.whyWaiting = append(v.waiting, txid), cmp.Or(v.whyWaiting, p.Verdict)
		}
	}
	return nil
}

// lookAtDifferences has the node compare mempools with some peers that differ.
// A comparison that fails only leaves it at what beacons tell.
func (v *vitals) lookAtDifferences(ctx context.Context, c *rpc.Client) {
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	v.differences = make(map[string]rpc.MempoolDiff)
	for _, o := range v.overlay.Others {
		if p := v.peer(o.PeerID); p == nil || !v.differs(o) || len(v.differences) == compared {
			continue
		}
		if diff, err := c.GetMempoolDiff(ctx, o.PeerID); err == nil {
			v.differences[o.PeerID] = diff
		}
	}
}
