package sim

import (
	"context"
	"fmt"
	"time"
)

const (
	// joining is within which all nodes dial: as long as a round takes to come
	// round, so that those of different nodes do not fall together.
	joining = 5 * time.Second
	// settling is from there to the first transaction.
	settling = 3 * time.Second
	// patience is how long after the last submission deliveries are awaited.
	patience = 2 * time.Minute
)

// Progress is how far a run is.
type Progress struct {
	Config    *Config
	Time      time.Duration // virtual
	Events    uint64
	Published int // transactions, of those Planned
	Planned   int
	Missing   int // of their deliveries to honest nodes
}

// Run simulates cfg until everything is delivered, or for so long that what is
// missing will not be. Progress is told now and then if observe is not nil.
// The same configuration always gives the same report.
func Run(ctx context.Context, cfg Config, observe func(Progress)) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := newNetwork(cfg)
	n.observe = observe
	return n.simulate(ctx)
}

func (n *network) simulate(ctx context.Context) (*Report, error) {
	cfg := n.cfg
	if k := parts(cfg.Nodes, n.edges, func(int) bool { return true }); k > 1 {
		return nil, fmt.Errorf("sim: the random graph of %d nodes that dial %d others each is in %d parts: raise the degree or the share of reachable nodes, or take another seed",
			cfg.Nodes, cfg.Degree, k)
	}
	for i := range n.edges {
		n.after(time.Duration(n.rng.Int64N(int64(joining))), func() { n.connect(i) })
	}
	never := func() bool { return false }
	if err := n.run(ctx, joining+settling, never); err != nil {
		return nil, err
	}
	r := &Report{Config: cfg}
	n.churn()
	if cfg.Churn > 0 { // until as many come as go
		if err := n.run(ctx, n.now+2*(meanUp+meanDown), never); err != nil {
			return nil, err
		}
	}
	if err := n.phase(ctx, cfg.Warmup); err != nil {
		return nil, err
	}
	if err := n.steadyPhase(ctx, r); err != nil {
		return nil, err
	}
	if cfg.Partition > 0 {
		if err := n.partitionPhase(ctx, r); err != nil {
			return nil, err
		}
	}
	n.conclude(r)
	return r, nil
}

// phase submits so many transactions and awaits their delivery.
func (n *network) phase(ctx context.Context, txs int) error {
	first := n.txs.published
	last := n.load(first, first+txs, time.Duration(float64(txs)/n.cfg.Rate*float64(time.Second)))
	return n.run(ctx, last+patience, func() bool { return n.txs.published == first+txs && n.missingSteady == 0 })
}

// steadyPhase is what is measured. After it churners leave no more and have time
// to catch up.
func (n *network) steadyPhase(ctx context.Context, r *Report) error {
	began := n.now
	n.meter = meter{}
	if err := n.phase(ctx, n.cfg.Txs); err != nil {
		return err
	}
	n.measure(r, n.now-began)
	n.churning = false
	return n.run(ctx, n.now+patience, func() bool { return n.missing == 0 })
}

// partitionPhase splits the network, submits transactions to both halves, joins
// them and takes the time until everybody has everything.
func (n *network) partitionPhase(ctx context.Context, r *Report) error {
	n.partition()
	end := n.now + n.cfg.Partition
	n.load(n.txs.published, n.cfg.planned(), n.cfg.Partition)
	if err := n.run(ctx, end, func() bool { return false }); err != nil {
		return err
	}
	n.heal()
	if err := n.run(ctx, end+patience, func() bool { return n.missing == 0 }); err != nil {
		return err
	}
	r.Partition = Partition{Seconds: seconds(n.cfg.Partition), Txs: n.cfg.partitionTxs(), HealSeconds: seconds(n.now - end)}
	if n.missing > 0 {
		r.Partition.HealSeconds = never
	}
	return nil
}
