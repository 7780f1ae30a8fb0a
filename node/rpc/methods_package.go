package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

var errTopology = errorf(CodeTransaction, "package topology disallowed. not child-with-parents or parents depend on each other.")

func submitPackage(ctx context.Context, s *service, a args) (any, error) {
	list, err := elements(a[0], maxPackage)
	if err != nil || len(list) == 0 {
		return nil, errorf(CodeInvalidParameter, "Array must contain between 1 and %d transactions.", maxPackage)
	}
	maxRate, err := a.feeRate(1)
	if err != nil {
		return nil, err
	}
	maxBurn, err := a.amount(2, 0)
	if err != nil {
		return nil, err
	}
	raws, txs, err := decodePackage(list)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(raws, func(raw []byte) bool { return burnsMore(raw, maxBurn) }) {
		return nil, errBurns
	}
	results, err := s.backend.SubmitPackage(ctx, raws, func(e *mempool.Entry) error {
		if exceeds(e, maxRate) {
			return mempool.ErrMaxFeeRate
		}
		return nil
	})
	return describePackage(s.backend.Mempool(), txs, results, err)
}

// checkPackage is testmempoolaccept of several: each is judged as if those before
// it were in the mempool.
func (s *service) checkPackage(ctx context.Context, list []json.RawMessage, maxRate Amount) (any, error) {
	raws, txs, err := decodePackage(list)
	if err != nil {
		return nil, err
	}
	results, err := s.backend.CheckPackage(ctx, raws)
	var rule *mempool.RuleError
	if err != nil && !errors.As(err, &rule) {
		return nil, err
	}
	verdicts, tooMuch := make([]TestMempoolAccept, len(txs)), false
	for i, tx := range txs {
		v := &verdicts[i]
		v.TxID, v.WTxID = tx.TxID(), tx.WitnessHash().String()
		switch {
		case results == nil: // the package as such is refused
			v.PackageError = rule.Error()
		case results[i].Entry != nil && !tooMuch: // what follows one that pays too much would not be submitted
			if *v, err = verdict(s.backend.Mempool(), results[i].Entry, results[i].Err, maxRate); err != nil {
				return nil, err
			}
			tooMuch = v.RejectReason == maxFeeExceeded
		}
	}
	return verdicts, nil
}

// decodePackage reads an array of transactions in hex.
func decodePackage(list []json.RawMessage) (raws [][]byte, txs []*wire.MsgTx, err error) {
	for _, item := range list {
		raw, undecodable, err := hexElement(item)
		if err != nil {
			return nil, nil, err
		}
		tx, err := mempool.DecodeTx(raw)
		switch {
		case errors.Is(err, mempool.ErrDecode):
			return nil, nil, undecodable
		case err != nil: // too heavy to be looked at
			return nil, nil, submitError(err)
		}
		raws, txs = append(raws, raw), append(txs, tx)
	}
	return raws, txs, nil
}

// hexElement reads one of an array of transactions in hex. Undecodable is the
// error of one that turns out to be none.
func hexElement(item json.RawMessage) (raw []byte, undecodable *Error, err error) {
	if k := kindOf(item); k != kindString {
		return nil, nil, errorf(CodeType, "JSON value of type %s is not of expected type string", k)
	}
	text := stringOf(item)
	undecodable = errorf(CodeDeserialization, "TX decode failed: %s Make sure the tx has at least one input.", text)
	if raw, err = hex.DecodeString(text); err != nil {
		return nil, nil, undecodable
	}
	return raw, undecodable, nil
}

// describePackage is what submitpackage answers. There are results for all
// transactions or, when the package as such is refused, for none.
func describePackage(pool *mempool.Pool, txs []*wire.MsgTx, results []mempool.PackageResult, refusal error) (any, error) {
	answer := SubmitPackage{PackageMsg: "success", TxResults: make(map[string]PackageTx, len(txs)), ReplacedTransactions: []string{}}
	var rule *mempool.RuleError
	switch {
	case refusal == nil:
	case !errors.As(refusal, &rule):
		return nil, submitError(refusal)
	case rule.Reason == "package-not-child-with-parents", rule.Reason == "package-not-sorted":
		return nil, errTopology
	default:
		answer.PackageMsg = rule.Error()
	}
	for _, tx := range txs {
		answer.TxResults[tx.WitnessHash().String()] = PackageTx{TxID: tx.TxID(), Error: "package-not-validated"}
	}
	for i, r := range results {
		wtxid := txs[i].WitnessHash().String()
		answer.TxResults[wtxid] = describeMember(pool, txs[i].TxHash(), r)
		for _, e := range r.Replaced {
			answer.ReplacedTransactions = append(answer.ReplacedTransactions, e.TxID.String())
		}
	}
	return answer, nil
}

func describeMember(pool *mempool.Pool, txid chainhash.Hash, r mempool.PackageResult) PackageTx {
	t := PackageTx{TxID: txid.String()}
	switch {
	case errors.Is(r.Err, mempool.ErrSameTxID):
		if held := pool.GetByTxID(txid); held != nil {
			t.OtherWTxID = held.WTxID.String()
			return t
		}
		t.Error = r.Err.Error()
		return t
	case r.Err != nil && !errors.Is(r.Err, mempool.ErrAlreadyInMempool):
		t.Error = r.Err.Error()
		return t
	}
	t.VSize, t.VSizeAdjusted, t.VSizeBIP141 = r.Entry.VSize, r.Entry.VSize, bip141VSize(r.Entry.Weight)
	t.Fees = &PackageFees{Base: Amount(r.Entry.Fee)}
	if r.Together == nil {
		return t
	}
	var fee, vsize int64
	for _, e := range r.Together {
		fee, vsize = fee+int64(modifiedFee(pool, e)), vsize+e.VSize
		t.Fees.EffectiveIncludes = append(t.Fees.EffectiveIncludes, e.WTxID.String())
	}
	rate := Amount(fee * 1000 / vsize)
	t.Fees.EffectiveFeeRate = &rate
	return t
}
