package testnet

import (
	"context"
	"slices"
	"time"

	"github.com/txnode/txnode/node"
)

// pollInterval is how often the nodes are asked how far they are. It is the
// resolution of the times in a report, except for latency.
const pollInterval = 20 * time.Millisecond

// equalLimit bounds the wait for mempools that go on changing. It is far beyond
// what a run needs that fits the machine.
const equalLimit = 2 * time.Minute

// progress is what a node says of its mempool.
type progress struct {
	digest [32]byte
	count  int
}

func progressOf(members []*Member) []progress {
	all := make([]progress, len(members))
	for i, m := range members {
		all[i].digest, all[i].count = m.Node.Digest()
	}
	return all
}

// complete reports whether everybody has the same so many transactions.
func complete(all []progress, count int) bool {
	for _, p := range all {
		if p != all[0] || p.count != count {
			return false
		}
	}
	return true
}

// awaitEqual waits until the nodes hold all that was submitted, which it
// reports as true, or nothing has changed for so long that nothing will. Changed
// is called when some mempool has.
func (r *run) awaitEqual(ctx context.Context, members []*Member, changed func()) (bool, error) {
	began := time.Now()
	quiet := began
	last := progressOf(members)
	for !complete(last, r.ledger.len()) {
		if time.Since(quiet) > r.cfg.patience() || time.Since(began) > equalLimit {
			return false, nil
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return false, err
		}
		if now := progressOf(members); !slices.Equal(now, last) {
			last, quiet = now, time.Now()
			changed()
		}
	}
	return true, nil
}

// patience is how long nothing may change before nothing will: three
// reconciliation rounds of everybody, or, without rounds, the time in which a
// request to a silent peer is given up and made to another. Random ticks, of two
// seconds on average on the link that somebody dials to each node, are late at
// times.
func (c *Config) patience() time.Duration {
	switch {
	case c.Recon:
		return 3 * node.DefaultConfig().Relay.ReconInterval
	case c.Trickle:
		return 30 * time.Second
	}
	return 5 * time.Second
}
