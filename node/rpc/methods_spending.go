package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// maxOutpoints bounds the outputs of one gettxspendingprevout.
const maxOutpoints = 10_000

// getTxSpendingPrevout looks the mempool up and nothing else: there is no index
// of spent outputs.
func getTxSpendingPrevout(_ context.Context, s *service, a args) (any, error) {
	list, err := elements(a[0], maxOutpoints)
	switch {
	case err != nil:
		return nil, errorf(CodeInvalidParameter, "Invalid parameter, more than %d outputs", maxOutpoints)
	case len(list) == 0:
		return nil, errorf(CodeInvalidParameter, "Invalid parameter, outputs are missing")
	}
	mempoolOnly, withTx := true, false
	if a[1] != nil {
		options, err := fields(a[1], true, field{"mempool_only", kindBool}, field{"return_spending_tx", kindBool})
		if err != nil {
			return nil, err
		}
		mempoolOnly, withTx = string(options[0]) != "false", string(options[1]) == "true"
	}
	pool := s.backend.Mempool()
	spendings := make([]TxSpendingPrevout, len(list))
	for i, item := range list {
		op, err := outpoint(item)
		if err != nil {
			return nil, err
		}
		spendings[i] = TxSpendingPrevout{TxID: op.Hash.String(), Vout: op.Index}
		e := pool.Spender(op)
		switch {
		case e == nil && !mempoolOnly:
			return nil, errorf(CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
		case e == nil:
			continue
		case withTx:
			spendings[i].SpendingTx = hex.EncodeToString(e.Raw)
		}
		spendings[i].SpendingTxID = e.TxID.String()
	}
	return spendings, nil
}

// getTxOut answers null for an output that does not exist or is spent.
func getTxOut(_ context.Context, s *service, a args) (any, error) {
	txid, err := a.hash(0, "txid")
	if err != nil {
		return nil, err
	}
	vout, err := a.integer(1, 0)
	if err != nil {
		return nil, err
	}
	if vout < 0 || vout > math.MaxUint32 {
		return nil, nil
	}
	op := wire.OutPoint{Hash: txid, Index: uint32(vout)}
	pool, withMempool := s.backend.Mempool(), a[2] == nil || a.boolean(2)
	if withMempool {
		if pool.Spender(op) != nil {
			return nil, nil
		}
		if e := pool.GetByTxID(txid); e != nil {
			for i, out := range e.Outputs() {
				if i == op.Index {
					return describeTxOut(s.backend, mempool.PrevOut{Value: out.Value, PkScript: out.PkScript}, 0), nil
				}
			}
			return nil, nil
		}
	}
	out, exists, err := s.backend.TxOut(op)
	if err != nil || !exists {
		return nil, err
	}
	height, _ := s.backend.Tip()
	return describeTxOut(s.backend, out, height-out.Height+1), nil
}

func describeTxOut(b Backend, out mempool.PrevOut, confirmations int32) TxOut {
	return TxOut{
		BestBlock:     b.BestBlock().String(),
		Confirmations: confirmations,
		Value:         Amount(out.Value),
		ScriptPubKey:  describeScript(out.PkScript, paramsOf(b.Network().Name)),
		Coinbase:      out.Coinbase,
	}
}

// outpoint is an object of txid and vout.
func outpoint(value json.RawMessage) (wire.OutPoint, error) {
	values, err := fields(value, false, field{"txid", kindString}, field{"vout", kindNumber})
	if err != nil {
		return wire.OutPoint{}, err
	}
	txid, err := args(values).hash(0, "txid")
	if err != nil {
		return wire.OutPoint{}, err
	}
	vout, err := strconv.ParseInt(string(values[1]), 10, 32)
	switch {
	case err != nil:
		return wire.OutPoint{}, errorf(CodeMisc, "JSON integer out of range")
	case vout < 0:
		return wire.OutPoint{}, errorf(CodeInvalidParameter, "Invalid parameter, vout cannot be negative")
	}
	return wire.OutPoint{Hash: txid, Index: uint32(vout)}, nil
}

// field is a member that an object may have.
type field struct {
	name string
	kind kind
}

// fields returns the members of an object that has no others, with the errors of
// Core's RPCTypeCheckObj. Nil: absent or null, an error unless optional.
func fields(object json.RawMessage, optional bool, want ...field) ([]json.RawMessage, error) {
	if k := kindOf(object); k != kindObject {
		return nil, errorf(CodeType, "JSON value of type %s is not of expected type object", k)
	}
	values := make([]json.RawMessage, len(want))
	var unexpected error
	err := eachMember(object, func(name string, value json.RawMessage) error {
		for i, f := range want {
			if f.name == name {
				if values[i] == nil { // the first counts, as in Core
					values[i] = value
				}
				return nil
			}
		}
		if unexpected == nil {
			unexpected = errorf(CodeType, "Unexpected key %.100s", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, f := range want {
		switch k := kindOf(values[i]); {
		case k == kindNull && optional:
			values[i] = nil
		case k == kindNull:
			return nil, errorf(CodeType, "Missing %s", f.name)
		case k != f.kind:
			return nil, errorf(CodeType, "JSON value of type %s for field %s is not of expected type %s", k, f.name, f.kind)
		}
	}
	return values, unexpected
}
