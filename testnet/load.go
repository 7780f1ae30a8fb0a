package testnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"golang.org/x/sync/errgroup"

	"github.com/txnode/txnode/mempool"
)

// submission is a transaction that a node took.
type submission struct {
	entry  *mempool.Entry
	origin int       // of the node
	at     time.Time // when it was handed over
}

// ledger is what has been submitted. It is safe for concurrent use.
type ledger struct {
	mu          sync.Mutex
	submissions []submission
}

func (l *ledger) add(s submission) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.submissions = append(l.submissions, s)
}

// len is how many transactions were submitted.
func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.submissions)
}

// all is what was submitted so far. The caller must not change it.
func (l *ledger) all() []submission {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.submissions[:len(l.submissions):len(l.submissions)]
}

// maxSubmitting is how many submissions may be under way at once. A node that
// answers slowly lowers the rate only when that many wait.
const maxSubmitting = 256

// load submits n new transactions at a steady rate per second, the i-th to the
// node that origin chooses for it.
func (r *run) load(ctx context.Context, n int, rate float64, origin func(i int) int) error {
	group, loading := errgroup.WithContext(ctx)
	group.SetLimit(maxSubmitting)
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if sleep(loading, time.Until(due)) != nil {
			break
		}
		tx, err := r.coins.Next()
		if err != nil {
			return errors.Join(fmt.Errorf("testnet: no transaction to submit: %w", err), group.Wait())
		}
		to := origin(i)
		group.Go(func() error { return r.submit(loading, tx.Raw, to) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// submit hands a transaction to a node, which has no reason to refuse it.
func (r *run) submit(ctx context.Context, raw []byte, to int) error {
	m := r.members[to]
	at := time.Now()
	entry, err := m.Node.Submit(ctx, raw)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("testnet: %s does not take transaction %v: %w", m.Name, chainhash.DoubleHashH(raw), err)
	}
	r.ledger.add(submission{entry: entry, origin: to, at: at})
	return nil
}

// sleep waits for d or until ctx ends, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
