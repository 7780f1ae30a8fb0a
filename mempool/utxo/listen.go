package utxo

import (
	"context"
	"errors"
	"time"
)

const (
	// listenTimeout bounds how long the node is asked to wait for a block. It is
	// how long one of its threads may go on waiting for a txnode that is gone.
	listenTimeout = 20 * time.Second

	// listenPause is between two times of waiting, for a node that answers at once.
	listenPause = 100 * time.Millisecond
)

// listen makes Follow look as soon as the node has a new block, until ctx ends, if
// the node offers to tell: bitcoind does (waitfornewblock), btcd does not. It spares
// the wait for the next poll, and nothing depends on it.
func (r *RPC) listen(ctx context.Context) {
	retry := backoff{interval: r.cfg.PollInterval}
	for ctx.Err() == nil {
		var notOffered *rpcError
		switch err := r.awaitBlock(ctx); {
		case errors.As(err, &notOffered) && notOffered.Code == codeNoMethod:
			return
		case err != nil:
			retry.wait(ctx)
		default:
			retry.failures = 0
			select {
			case r.hurry <- struct{}{}:
			default: // hurried already
			}
			pause(ctx, listenPause)
		}
	}
}

// awaitBlock waits for a block, but not for ever.
func (r *RPC) awaitBlock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout+callTimeout)
	defer cancel()
	var tip struct{}
	return r.client.one(ctx, maxHeader, &tip, "waitfornewblock", listenTimeout.Milliseconds())
}
