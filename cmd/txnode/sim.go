package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/txnode/txnode/testnet/sim"
)

// simSeries is what the flags of 'txnode sim' ask for.
type simSeries struct {
	cfg      sim.Config
	latency  string
	relays   []string
	sizes    []int
	faults   bool
	csv, svg string
}

func newSim() *cobra.Command {
	s := simSeries{cfg: sim.DefaultConfig()}
	s.latency = fmt.Sprintf("%v-%v", s.cfg.LatencyMin, s.cfg.LatencyMax)
	s.relays = []string{string(s.cfg.Relay)}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate the relay among thousands of nodes",
		Long: `Simulate a network in virtual time: every node is the relay engine that 'txnode run'
has, joined by a random graph of links with latencies, and an overlay mesh as
GossipSub makes it. Print what a transaction costs, in bytes of whole frames by
what they were for, and how long it takes to reach the nodes.

The seed decides everything: the same flags print the same numbers, and the same
fingerprint of all events. Several relays and sizes make a series of runs with the
same load; --faults adds one run for each kind of fault.

Overhead is what was sent beyond one body per delivery. A write is a batch of
frames to one peer, thus at least one packet.

The exit code is 1 if an honest node lacks a transaction in the end.`,
		Example: `  txnode sim                                  # 1000 nodes
  txnode sim --relay mesh,flood,trickle       # and the baselines of the same run
  txnode sim --sizes 100,1000,10000           # how cost and time grow; takes minutes
  txnode sim --nodes 300 --faults             # sinks, teasers, churn, all of them
  txnode sim --reachable 0.1 --partition 20s  # few can be dialed; two halves, then one
  txnode sim --sizes 100,300,1000 --svg growth.svg --csv growth.csv`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			configs, err := s.configs(cmd)
			if err != nil {
				return err
			}
			return s.run(cmd, configs)
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *simSeries) flags(cmd *cobra.Command) {
	f, cfg := cmd.Flags(), &s.cfg
	f.IntVar(&cfg.Nodes, "nodes", cfg.Nodes, "how many nodes")
	f.IntSliceVar(&s.sizes, "sizes", nil, "`numbers` of nodes, to run each of them")
	f.IntVar(&cfg.Degree, "degree", cfg.Degree, "how many links each node dials")
	f.Float64Var(&cfg.Reachable, "reachable", cfg.Reachable, "`share` of the nodes that can be dialed")
	f.StringVar(&s.latency, "latency", s.latency, "`range` from which the one-way latency of each link is drawn")
	f.IntVar(&cfg.Txs, "txs", cfg.Txs, "how many transactions to submit in the steady phase")
	f.IntVar(&cfg.Warmup, "warmup", cfg.Warmup, "how many `transactions` to deliver before those that are measured")
	f.Float64Var(&cfg.Rate, "rate", cfg.Rate, "transactions per `second`")
	f.IntVar(&cfg.Size, "size", cfg.Size, "`bytes` per transaction")
	f.StringSliceVar(&s.relays, "relay", s.relays, "`whom` to announce transactions to: mesh, flood (every peer), trickle (every peer, at Bitcoin Core's random ticks) or none; several, to run each of them")
	f.IntVar(&cfg.MeshDegree, "mesh-degree", cfg.MeshDegree, "how many `links` of a node the overlay mesh aims at")
	f.IntVar(&cfg.MeshMax, "mesh-max", cfg.MeshMax, "how many mesh `links` make a node take no more")
	f.IntVar(&cfg.EagerHops, "eager-hops", cfg.EagerHops, "how many `hops` from its origin a transaction is pushed before it is announced; -1: by the size of the network")
	f.DurationVar(&cfg.InvInterval, "inv-interval", cfg.InvInterval, "how long an announcement waits for company")
	f.DurationVar(&cfg.ReconInterval, "recon-interval", cfg.ReconInterval, "mean time between the rounds that a node starts; 0: none")
	f.Float64Var(&cfg.Sinks, "sinks", 0, "`share` of the nodes that take transactions and pass nothing on")
	f.Float64Var(&cfg.Teasers, "teasers", 0, "`share` of the nodes that announce what they do not have")
	f.Float64Var(&cfg.Churn, "churn", 0, "`share` of the nodes that crash and come back all the time")
	f.BoolVar(&s.faults, "faults", false, "run clean, with 30 % sinks, with 30 % teasers, with 20 % churn, and with half of each at once")
	f.DurationVar(&cfg.Partition, "partition", 0, "how long to cut the network in two halves after the steady phase; 0: never")
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "`number` that decides everything")
	f.StringVar(&s.csv, "csv", "", "`file` to write the numbers to")
	f.StringVar(&s.svg, "svg", "", "`file` to draw a figure in")
}

// configs are the runs of the series, checked before the first one begins.
func (s *simSeries) configs(cmd *cobra.Command) (configs []sim.Config, err error) {
	least, most, ok := strings.Cut(s.latency, "-")
	if !ok {
		most = least
	}
	if s.cfg.LatencyMin, err = time.ParseDuration(least); err == nil {
		s.cfg.LatencyMax, err = time.ParseDuration(most)
	}
	if err != nil {
		return nil, usagef("--latency %q is no range of times such as 20ms-150ms", s.latency)
	}
	switch set := cmd.Flags().Changed; {
	case set("sizes") && set("nodes"):
		return nil, usagef("--sizes and --nodes say twice how many nodes there are: leave one out")
	case s.faults && (set("sinks") || set("teasers") || set("churn")):
		return nil, usagef("--faults has its own shares of sinks, teasers and churn: leave it or them out")
	case !set("sizes"):
		s.sizes = []int{s.cfg.Nodes}
	}
	for _, nodes := range s.sizes {
		for _, relay := range s.relays {
			cfg := s.cfg
			cfg.Nodes, cfg.Relay = nodes, sim.Relay(relay)
			configs = append(configs, cfg)
			if s.faults {
				configs = append(configs, withFaults(cfg)...)
			}
		}
	}
	if len(configs) == 0 {
		return nil, usagef("--sizes and --relay leave nothing to run")
	}
	for _, cfg := range configs {
		if err := cfg.Validate(); err != nil {
			return nil, usagef("%v; see 'txnode sim --help'", err)
		}
	}
	return configs, nil
}

// withFaults are the same run with each fault.
func withFaults(cfg sim.Config) []sim.Config {
	sinks, teasers, churn, all := cfg, cfg, cfg, cfg
	sinks.Sinks, teasers.Teasers, churn.Churn = 0.3, 0.3, 0.2
	all.Sinks, all.Teasers, all.Churn = 0.15, 0.15, 0.2
	return []sim.Config{sinks, teasers, churn, all}
}

func (s *simSeries) run(cmd *cobra.Command, configs []sim.Config) (err error) {
	// A run may take minutes: find out before whether its results can be kept.
	csv, err := createFile(s.csv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, csv.Close()) }()
	svg, err := createFile(s.svg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, svg.Close()) }()
	var reports []*sim.Report
	for i, cfg := range configs {
		p := newSimProgress(cmd.ErrOrStderr(), fmt.Sprintf("run %d of %d: %s, seed %d", i+1, len(configs), cfg.Name(), cfg.Seed))
		r, err := sim.Run(cmd.Context(), cfg, p.show)
		p.finish()
		if err != nil {
			return interrupted(cmd.Context(), err)
		}
		reports = append(reports, r)
	}
	if err := errors.Join(sim.WriteCSV(csv, reports), sim.WriteSVG(svg, reports), s.print(cmd, reports)); err != nil {
		return err
	}
	for _, r := range reports {
		if !r.Complete() {
			return silent(exitFailure)
		}
	}
	return nil
}

func (s *simSeries) print(cmd *cobra.Command, reports []*sim.Report) error {
	if wantsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
			Runs []*sim.Report `json:"runs"`
			Fits []sim.Fit     `json:"fits"`
		}{reports, append([]sim.Fit{}, sim.Fits(reports)...)})
	}
	return sim.WriteText(cmd.OutOrStdout(), reports)
}

// createFile makes the file of that name. Without a name, what is written is
// lost.
func createFile(name string) (io.WriteCloser, error) {
	if name == "" {
		return discard{io.Discard}, nil
	}
	return os.Create(name)
}

type discard struct{ io.Writer }

// Close implements [io.Closer].
func (discard) Close() error { return nil }

// simProgress tells people how far a run is: on a terminal in one line, else in
// a line now and then, and not at all if the run is short.
type simProgress struct {
	w           io.Writer
	name        string
	live        bool
	began, told time.Time
}

func newSimProgress(w io.Writer, name string) *simProgress {
	f, ok := w.(*os.File)
	now := time.Now()
	return &simProgress{w: w, name: name, live: ok && term.IsTerminal(int(f.Fd())), began: now, told: now}
}

func (p *simProgress) show(s sim.Progress) {
	every := 10 * time.Second
	if p.live {
		every = 200 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(p.told) < every {
		return
	}
	p.told = now
	elapsed := now.Sub(p.began)
	line := fmt.Sprintf("%s: %.1f s virtual in %.0f s, %d of %d transactions, %d deliveries missing, %.0f events/s",
		p.name, s.Time.Seconds(), elapsed.Seconds(), s.Published, s.Planned, s.Missing, float64(s.Events)/elapsed.Seconds())
	if p.live {
		fmt.Fprintf(p.w, "\r%s\x1b[K", line) // EL: erase to the end of the line
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// finish erases the line of a terminal.
func (p *simProgress) finish() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
