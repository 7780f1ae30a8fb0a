package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

// ErrNotRunning is returned by calls that need the loop before [Node.Run] has
// loaded the stored mempool, or after it returned.
var ErrNotRunning = errors.New("node is not running")

// ErrNotDurable is wrapped by Submit when the transaction is valid, in the
// mempool and on its way to peers, but could not be committed to the data
// directory, so that a restart of this node would lose it.
var ErrNotDurable = errors.New("transaction is in memory only")

// Submit validates a serialized transaction, adds it to the mempool, commits it
// to the data directory and starts announcing it. It blocks until all but the
// last are done. Submitting a transaction that is in the mempool already is no
// error.
//
// A transaction that is refused gives a *[mempool.RuleError]; errors.Is tells
// its kind, as in errors.Is(err, mempool.ErrMissingInputs). The entry is nil
// unless the error is nil or [ErrNotDurable]. When ctx ends first the
// transaction may still be accepted.
func (n *Node) Submit(ctx context.Context, raw []byte) (*mempool.Entry, error) {
	e, err := n.SubmitIf(ctx, raw, nil)
	if err != nil && !errors.Is(err, ErrNotDurable) {
		return nil, err
	}
	return e, err
}

// SubmitIf is Submit for a caller with a condition of its own: a valid
// transaction that is not in the mempool yet enters it only if allow returns nil
// for its entry. An error of allow is returned as it is and is no rejection: no
// observer hears of it. The entry comes with a refusal too, once the bytes were
// decoded.
func (n *Node) SubmitIf(ctx context.Context, raw []byte, allow func(*mempool.Entry) error) (*mempool.Entry, error) {
	r, err := n.submit(ctx, candidate{wtxid: chainhash.DoubleHashH(raw), raw: raw, allow: allow})
	var own declined
	switch {
	case err != nil:
		return nil, err
	case errors.As(r.err, &own):
		return r.entry, own.error
	case r.err == nil && r.stored != nil:
		return r.entry, fmt.Errorf("%w: %w", ErrNotDurable, r.stored)
	}
	return r.entry, r.err
}

// SubmitPackage submits a transaction together with unconfirmed parents of it,
// which come first, so that it may pay for them: see [mempool.Pool.AddPackage].
// What has no Err in the results is in the mempool and committed. The error is a
// *[mempool.RuleError] when that is not all of them, and like that of Submit
// otherwise.
func (n *Node) SubmitPackage(ctx context.Context, raws [][]byte) ([]mempool.PackageResult, error) {
	return n.SubmitPackageIf(ctx, raws, nil)
}

// SubmitPackageIf is SubmitPackage for a caller with a condition of its own, as
// SubmitIf is Submit: what allow returns for a transaction is the Err of its
// result, and fails the package.
func (n *Node) SubmitPackageIf(ctx context.Context, raws [][]byte, allow func(*mempool.Entry) error) ([]mempool.PackageResult, error) {
	r, err := n.submit(ctx, candidate{pack: append([][]byte{}, raws...), allow: allow})
	var own declined
	for i := range r.members {
		if m := &r.members[i]; errors.As(m.Err, &own) {
			m.Err = own.error
		}
	}
	switch {
	case err != nil:
		return nil, err
	case r.stored != nil:
		return r.members, fmt.Errorf("%w: %w", ErrNotDurable, r.stored)
	}
	return r.members, r.packErr
}

// submit waits for what becomes of a local candidate.
func (n *Node) submit(ctx context.Context, c candidate) (result, error) {
	results, err := n.submitAll(ctx, []candidate{c})
	if err != nil {
		return result{}, err
	}
	return results[0], nil
}

// submitAll waits for what becomes of local candidates, which are judged at the same
// time.
func (n *Node) submitAll(ctx context.Context, candidates []candidate) ([]result, error) {
	if err := n.loaded(); err != nil {
		return nil, err
	}
	done := make([]chan result, len(candidates))
	for i, c := range candidates {
		done[i] = make(chan result, 1)
		c.origin, c.done = local, done[i]
		n.admission.push(c)
	}
	results := make([]result, len(candidates))
	for i := range done {
		select {
		case results[i] = <-done[i]:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-n.ended:
			return nil, ErrNotRunning
		}
	}
	return results, nil
}

// loaded fails until the stored mempool is loaded.
func (n *Node) loaded() error {
	select {
	case <-n.ready:
		return nil
	default:
		return fmt.Errorf("%w: the stored mempool is not loaded yet", ErrNotRunning)
	}
}

// CheckPackage reports whether the mempool would accept the transactions one after
// the other, without keeping any: see [mempool.Pool.CheckPackage].
func (n *Node) CheckPackage(raws [][]byte) ([]mempool.PackageResult, error) {
	return n.pool.CheckPackage(raws, time.Now())
}

// Check reports whether Submit would accept the transaction now, and what its
// entry would be, without keeping it.
func (n *Node) Check(raw []byte) (*mempool.Entry, error) {
	return n.pool.Check(raw, time.Now())
}
