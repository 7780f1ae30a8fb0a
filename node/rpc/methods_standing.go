package rpc

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

func standTransaction(ctx context.Context, s *service, a args) (any, error) {
	raw, err := hex.DecodeString(a.text(0))
	if err != nil {
		return nil, errorf(CodeDeserialization, "%s", decodeFailed)
	}
	maxRate, err := sendFeeRate(a)
	if err != nil {
		return nil, err
	}
	maxBurn, err := a.amount(2, 0)
	if err != nil {
		return nil, err
	}
	tx, err := mempool.DecodeTx(raw)
	if err != nil {
		return nil, submitError(err)
	}
	if burnsMore(raw, maxBurn) {
		return nil, errBurns
	}
	standing, err := s.backend.Stand(ctx, raw, int64(maxRate))
	switch {
	case errors.Is(err, mempool.ErrMaxFeeRate):
		return nil, errMaxFee
	case errors.Is(err, mempool.ErrLotFull):
		return nil, errorf(CodeLimitExceeded, "%s", err)
	case err != nil:
		return nil, submitError(err)
	case standing == nil:
		return StandTransaction{TxID: tx.TxID(), WTxID: tx.WitnessHash().String()}, nil
	}
	return StandTransaction{
		TxID: tx.TxID(), WTxID: tx.WitnessHash().String(), Standing: true,
		Reason: standing.Err.Error(), WaitsFor: standing.WaitsFor(),
	}, nil
}

func listStanding(_ context.Context, s *service, _ args) (any, error) {
	list := []StandingTx{}
	for _, t := range s.backend.Standing() {
		d := StandingTx{
			TxID: t.TxID.String(), WTxID: t.WTxID.String(), Size: len(t.Raw), WaitsFor: t.WaitsFor(),
			MaxFeeRate: Amount(t.MaxFeeRate), Since: t.Since.Unix(), Expires: t.Since.Add(mempool.StandingExpiry).Unix(), Tries: t.Tries,
		}
		if t.Err != nil {
			d.Reason = t.Err.Error()
		}
		if t.Rival != (chainhash.Hash{}) {
			d.Rival = t.Rival.String()
		}
		if !t.Tried.IsZero() {
			d.Tried = t.Tried.Unix()
		}
		list = append(list, d)
	}
	return list, nil
}

func abortStanding(ctx context.Context, s *service, a args) (any, error) {
	id, err := a.hash(0, "id")
	if err != nil {
		return nil, err
	}
	removed, err := s.backend.AbortStanding(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case len(removed) == 0:
		return nil, errorf(CodeUnknownTx, "Transaction is not left standing. Try liststanding.")
	}
	answer := AbortStanding{RemovedTransactions: []RemovedTx{}}
	for _, t := range removed {
		answer.RemovedTransactions = append(answer.RemovedTransactions, RemovedTx{
			TxID: t.TxID.String(), WTxID: t.WTxID.String(), Hex: hex.EncodeToString(t.Raw),
		})
	}
	return answer, nil
}
