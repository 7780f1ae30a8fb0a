package testnet

import (
	"context"
	"time"

	"github.com/txnode/txnode/p2p"
)

// steady submits transactions to random nodes, waits for their delivery and
// measures it. A faulty node is not waited for.
func (r *run) steady(ctx context.Context) error {
	rng := r.cfg.random(loadStream)
	before := r.sent()
	err := r.load(ctx, r.cfg.Txs, r.cfg.Rate, func(int) int { return rng.IntN(len(r.members)) })
	if err != nil {
		return err
	}
	r.observer.enter(PhaseDeliver)
	after := r.sent()
	if _, err := r.awaitEqual(ctx, r.healthy(), func() { after = r.sent() }); err != nil {
		return err
	}
	r.measure(since(before, after))
	return nil
}

// healthy are the nodes without the faulty one.
func (r *run) healthy() []*Member {
	var healthy []*Member
	for i, m := range r.members {
		if i != r.cfg.FaultNode {
			healthy = append(healthy, m)
		}
	}
	return healthy
}

// measure fills in what the report says of the steady phase, in which so many
// bytes were sent.
func (r *run) measure(sent p2p.TrafficBytes) {
	var latencies []time.Duration
	var delivered uint64 // bytes
	submitted := r.ledger.all()
	for i, m := range r.members {
		pool := m.Node.Mempool()
		for _, s := range submitted {
			if s.origin == i {
				continue
			}
			if e := pool.Get(s.entry.WTxID); e != nil {
				latencies = append(latencies, e.Time.Sub(s.at))
				delivered += uint64(len(e.Raw))
			}
		}
	}
	r.report.Txs = len(submitted)
	r.report.Deliveries = len(latencies)
	r.report.Latency = summarize(latencies)
	r.report.Bytes = perTxNode(sent, delivered, len(submitted), len(r.members))
	r.report.BodiesPerTxNode = Ratio(float64(sent.Bodies) / float64(len(submitted)) / float64(len(r.members)))
}
