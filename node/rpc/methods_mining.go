package rpc

import (
	"context"
	"errors"
	"strconv"

	"github.com/txnode/txnode/mempool"
)

func prioritiseTransaction(ctx context.Context, s *service, a args) (any, error) {
	txid, err := a.hash(0, "txid")
	if err != nil {
		return nil, err
	}
	delta, err := a.integer(2, 0)
	if err != nil {
		return nil, err
	}
	if a[1] != nil {
		if v, err := strconv.ParseFloat(string(a[1]), 64); err != nil || v != 0 {
			return nil, errorf(CodeInvalidParameter, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.")
		}
	}
	switch err := s.backend.Prioritise(ctx, txid, delta); {
	case errors.Is(err, mempool.ErrDustDelta):
		return nil, errorf(CodeInvalidParameter, "Priority is not supported for transactions with dust outputs.")
	case errors.Is(err, mempool.ErrFeeDeltasFull):
		return nil, errorf(CodeLimitExceeded, "%s", err)
	case err != nil:
		return nil, err
	}
	return true, nil
}

func getPrioritisedTransactions(_ context.Context, s *service, _ args) (any, error) {
	pool := s.backend.Mempool()
	list := make(map[string]PrioritisedTx)
	for txid, delta := range pool.FeeDeltas() {
		p := PrioritisedTx{FeeDelta: delta}
		if e := pool.GetByTxID(txid); e != nil {
			modified := e.Fee + delta
			p.InMempool, p.ModifiedFee = true, &modified
		}
		list[txid.String()] = p
	}
	return list, nil
}
