package testnet

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// cutLimit is how long links across a partition may survive it.
const cutLimit = 10 * time.Second

// partition splits the network into two halves, gives both their load, and
// joins them again.
func (r *run) partition(ctx context.Context) error {
	side := halves(len(r.members), r.cfg.random(halvesStream))
	began := time.Now()
	r.split(side)
	if err := r.cut(ctx, side); err != nil {
		return err
	}
	var groups [2][]int
	for i, s := range side {
		groups[s] = append(groups[s], i)
	}
	rng := r.cfg.random(partitionStream)
	n := r.cfg.partitionTxs()
	rate := float64(n) / r.cfg.Partition.Seconds()
	err := r.load(ctx, n, rate, func(i int) int {
		group := groups[i%2]
		return group[rng.IntN(len(group))]
	})
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Until(began.Add(r.cfg.Partition))); err != nil {
		return err
	}
	r.healed = time.Now()
	r.heal()
	r.report.Partition = Partition{
		Seconds:     seconds(r.healed.Sub(began)),
		HealSeconds: never,
		Nodes:       [2]int{len(groups[0]), len(groups[1])},
		Txs:         [2]int{n / 2, n / 2},
	}
	return nil
}

// split makes every node refuse those of the other side.
func (r *run) split(side []int) {
	sides := make(map[peer.ID]int, len(side))
	for i, m := range r.members {
		sides[m.Node.ID()] = side[i]
	}
	for i, m := range r.members {
		own := side[i]
		m.Node.SetPeerFilter(func(id peer.ID) bool {
			s, known := sides[id]
			return known && s == own
		})
	}
}

// cut waits until no link crosses the partition.
func (r *run) cut(ctx context.Context, side []int) error {
	began := time.Now()
	for {
		across := 0
		for i, m := range r.members {
			for _, p := range m.Node.Peers() {
				if side[r.index[p.Peer]] != side[i] {
					across++
				}
			}
		}
		if across == 0 {
			return nil
		}
		if time.Since(began) > cutLimit {
			return fmt.Errorf("testnet: %d links still cross the partition after %v", across, cutLimit)
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// heal lifts the partition. The nodes dial the links that it cut at once, but
// the first of them may meet others that still refuse them; being told again
// makes them try again.
func (r *run) heal() {
	for range 2 {
		for _, m := range r.members {
			m.Node.SetPeerFilter(nil)
		}
	}
}

// converge waits for equal mempools everywhere.
func (r *run) converge(ctx context.Context) error {
	equal, err := r.awaitEqual(ctx, r.members, func() {})
	if equal && !r.healed.IsZero() {
		r.report.Partition.HealSeconds = seconds(time.Since(r.healed))
		r.report.Partition.Rounds = roundsSince(r.members, r.healed)
	}
	return err
}

// roundsSince is how many rounds each node has started since then, on average,
// and completed.
func roundsSince(members []*Member, since time.Time) Ratio {
	rounds := 0
	for _, m := range members {
		for _, round := range m.Node.Rounds() {
			if round.Initiator && !round.Outcome.Failed() && round.Started.After(since) {
				rounds++
			}
		}
	}
	return Ratio(float64(rounds) / float64(len(members)))
}
