package testnet

import (
	"context"
	"sync"
	"time"

	"github.com/txnode/txnode/p2p"
	"github.com/txnode/txnode/testnet/txgen"
)

// run is one experiment on a cluster.
type run struct {
	*Cluster
	coins  *txgen.Generator // of transactions none of which conflict
	ledger ledger
	healed time.Time // when the partition ended; zero: there was none
	report Report
}

// Run takes the cluster through the phases of its configuration and reports
// what it found. A run whose nodes diverge is not an error: see [Verdict.OK].
// Run ends early, with the reason as its error, when ctx or the cluster does.
// A cluster has one run in its life.
func (c *Cluster) Run(ctx context.Context) (*Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()

	r := &run{Cluster: c, report: Report{Nodes: len(c.members), Relay: c.cfg.Relay, Trickle: c.cfg.Trickle}}
	if c.cfg.FaultNode != NoFault {
		r.report.Fault = nodeName(c.cfg.FaultNode)
	}
	var observing sync.WaitGroup
	observing.Go(func() { c.observer.samples(ctx, r.sample) })
	err := r.phases(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	observing.Wait()
	if err != nil {
		return nil, err
	}
	r.report.Elapsed = time.Since(c.started)
	return &r.report, nil
}

func (r *run) phases(ctx context.Context) (err error) {
	// The last outputs, so that the first are free for other tools.
	outputs := r.prevOuts.Len()
	r.coins, err = txgen.New(txgen.Config{Network: Network, From: outputs - r.cfg.planned(), To: outputs})
	if err != nil {
		return err
	}
	steps := []struct {
		phase Phase
		step  func(context.Context) error
	}{
		{PhaseConnect, r.connect},
		{PhaseLoad, r.steady},
		{PhasePartition, r.partition},
		{PhaseConverge, r.converge},
		{PhaseVerdict, r.judge},
	}
	for _, s := range steps {
		if s.phase == PhasePartition && r.cfg.Partition == 0 {
			continue
		}
		r.observer.enter(s.phase)
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sample is the state of the cluster for an observer.
func (r *run) sample() Sample {
	s := Sample{
		Submitted: r.ledger.len(),
		Planned:   r.cfg.planned(),
		Nodes:     len(r.members),
		Mempool:   spanOf(r.members, func(m *Member) int { _, n := m.Node.Digest(); return n }),
		Peers:     spanOf(r.members, func(m *Member) int { return len(m.Node.Peers()) }),
		Sent:      r.sent().Total(),
	}
	digests := make(map[[32]byte]bool)
	for _, m := range r.members {
		d, _ := m.Node.Digest()
		digests[d] = true
	}
	s.Digests = len(digests)
	return s
}

// sent is what all nodes have sent since the start.
func (r *run) sent() (t p2p.TrafficBytes) {
	for _, m := range r.members {
		t = sum(t, m.Node.Traffic().Sent)
	}
	return t
}
