package rpc

import (
	"context"

	"github.com/txnode/txnode/mempool"
)

const (
	// largeMempool is how many transactions make an answer that lists them all
	// large: 0.5 kB each, and three times that while it is made.
	largeMempool = 10_000
	// maxLarge is how many large answers there are at once, and maxLargeREST those
	// to callers without credentials.
	maxLarge     = 2
	maxLargeREST = 1
)

// lease is one request's right to make large answers. It lasts until they are
// written, for until then they are in memory.
type lease struct {
	slots chan struct{}
	held  bool
}

type leaseKey struct{}

// withLease lets the request of ctx find a lease, which release ends.
func withLease(ctx context.Context, slots chan struct{}) (leased context.Context, release func()) {
	l := &lease{slots: slots}
	return context.WithValue(ctx, leaseKey{}, l), func() {
		if l.held {
			<-slots
		}
	}
}

// listing waits until the whole of pool may be listed.
func listing(ctx context.Context, pool *mempool.Pool) error {
	l, ok := ctx.Value(leaseKey{}).(*lease)
	if !ok || l.held || pool.Info().Count <= largeMempool {
		return nil
	}
	select {
	case l.slots <- struct{}{}:
		l.held = true
		return nil
	case <-ctx.Done():
		return errorf(CodeMisc, "Others list the mempool, which is large; try again")
	}
}
