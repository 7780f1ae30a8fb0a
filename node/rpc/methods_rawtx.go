package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// defaultMaxFeeRate is Core's DEFAULT_MAX_RAW_TX_FEE_RATE (node/transaction.h)
	// per kvB.
	defaultMaxFeeRate Amount = satoshiPerBTC / 10
	// maxPackage is Core's MAX_PACKAGE_COUNT (policy/packages.h).
	maxPackage = 25

	maxFeeExceeded = "max-fee-exceeded" // a reason of testmempoolaccept

	decodeFailed = "TX decode failed. Make sure the tx has at least one input."
)

func sendRawTransaction(ctx context.Context, s *service, a args) (any, error) {
	raw, err := hex.DecodeString(a.text(0))
	if err != nil {
		return nil, errorf(CodeDeserialization, "%s", decodeFailed)
	}
	maxBurn, err := a.amount(2, 0)
	if err != nil {
		return nil, err
	}
	maxRate, err := sendFeeRate(a)
	if err != nil {
		return nil, err
	}
	allow := func(e *mempool.Entry) error {
		if burnsMore(e.Raw, maxBurn) {
			return errBurns
		}
		if exceeds(e, maxRate) {
			return errMaxFee
		}
		return nil
	}
	e, err := s.backend.Submit(ctx, raw, allow) // what is there already is announced again, whatever it pays
	if errors.Is(err, mempool.ErrSameTxID) {    // the one with the other witness is announced again
		if held := s.backend.Mempool().GetByTxID(e.TxID); held != nil {
			e, err = s.backend.Submit(ctx, held.Raw, allow)
		}
	}
	switch {
	case e != nil && burnsMore(e.Raw, maxBurn): // Core asks this before anything else
		return nil, errBurns
	case err != nil:
		return nil, submitError(err)
	}
	return e.TxID.String(), nil
}

var (
	errBurns  = errorf(CodeTransaction, "Unspendable output exceeds maximum configured by user (maxburnamount)")
	errMaxFee = errorf(CodeTransaction, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)")
)

// burnsMore reports whether an output that nobody can spend is worth more than
// limit.
func burnsMore(raw []byte, limit Amount) bool {
	for _, out := range (&mempool.Entry{Raw: raw}).Outputs() {
		if Amount(out.Value) > limit && burns(out.PkScript) {
			return true
		}
	}
	return false
}

// sendFeeRate reads argument maxfeerate of sendrawtransaction. In its place
// older clients send the boolean allowhighfees.
func sendFeeRate(a args) (Amount, error) {
	if kindOf(a[1]) != kindBool {
		return a.feeRate(1)
	}
	if a.boolean(1) {
		return 0, nil
	}
	return defaultMaxFeeRate, nil
}

// feeRate is argument i as Core's ParseFeeRate reads it.
func (a args) feeRate(i int) (Amount, error) {
	rate, err := a.amount(i, defaultMaxFeeRate)
	if err == nil && rate >= satoshiPerBTC {
		return 0, errorf(CodeInvalidParameter, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
	}
	return rate, err
}

// exceeds reports whether e pays more than maxRate, in satoshi per kvB, for its
// size. Zero is no limit.
func exceeds(e *mempool.Entry, maxRate Amount) bool {
	return maxRate > 0 && e.PaysMoreThan(int64(maxRate))
}

// submitError gives a refusal the code Core's sendrawtransaction gives it.
func submitError(err error) *Error {
	var rule *mempool.RuleError
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case !errors.As(err, &rule):
		return errorf(CodeMisc, "%s", err)
	case rule.Kind == mempool.ErrDecode:
		return errorf(CodeDeserialization, "%s", decodeFailed)
	case rule.Kind == mempool.ErrMissingInputs:
		return errorf(CodeTransaction, "%s", rule)
	case rule.Kind == mempool.ErrAlreadyKnown:
		return errorf(CodeAlreadyInUTXOSet, "Transaction outputs already in utxo set")
	}
	return errorf(CodeRejected, "%s", rule)
}

func testMempoolAccept(ctx context.Context, s *service, a args) (any, error) {
	list, err := elements(a[0], maxPackage)
	if err != nil || len(list) == 0 {
		return nil, errorf(CodeInvalidParameter, "Array must contain between 1 and %d transactions.", maxPackage)
	}
	maxRate, err := a.feeRate(1)
	if err != nil {
		return nil, err
	}
	if len(list) > 1 {
		return s.checkPackage(ctx, list, maxRate)
	}
	v, err := s.check(ctx, list[0], maxRate)
	if err != nil {
		return nil, err
	}
	return []TestMempoolAccept{v}, nil
}

// check judges the only element of testmempoolaccept's array. What is not a
// transaction fails the whole call.
func (s *service) check(ctx context.Context, item json.RawMessage, maxRate Amount) (TestMempoolAccept, error) {
	raw, undecodable, err := hexElement(item)
	if err != nil {
		return TestMempoolAccept{}, err
	}
	e, err := s.backend.Check(ctx, raw)
	if errors.Is(err, mempool.ErrDecode) {
		return TestMempoolAccept{}, undecodable
	}
	return verdict(s.backend.Mempool(), e, err, maxRate)
}

// verdict is what testmempoolaccept says of a checked transaction. What is not
// a refusal but a failure to judge is returned as an error.
func verdict(pool *mempool.Pool, e *mempool.Entry, refusal error, maxRate Amount) (TestMempoolAccept, error) {
	var rule *mempool.RuleError
	if refusal != nil && !errors.As(refusal, &rule) {
		return TestMempoolAccept{}, refusal
	}
	allowed := false
	v := TestMempoolAccept{TxID: e.TxID.String(), WTxID: e.WTxID.String(), Allowed: &allowed}
	switch {
	case rule != nil && rule.Kind == mempool.ErrMissingInputs:
		v.RejectReason = "missing-inputs" // and no details
	case rule != nil:
		v.RejectReason, v.RejectDetails = rule.Reason, rule.Error()
	case exceeds(e, maxRate):
		v.RejectReason = maxFeeExceeded
	default:
		allowed = true
		v.VSize, v.VSizeAdjusted, v.VSizeBIP141 = e.VSize, e.VSize, bip141VSize(e.Weight)
		v.Fees = &AcceptFees{
			Base:              Amount(e.Fee),
			EffectiveFeeRate:  modifiedFee(pool, e) * 1000 / Amount(e.VSize),
			EffectiveIncludes: []string{v.WTxID},
		}
	}
	return v, nil
}

func getRawTransaction(_ context.Context, s *service, a args) (any, error) {
	txid, err := a.hash(0, "parameter 1")
	if err != nil {
		return nil, err
	}
	verbosity, err := verbosityOf(a, 1)
	if err != nil {
		return nil, err
	}
	if a[2] != nil {
		if _, err := a.hash(2, "parameter 3"); err != nil {
			return nil, err
		}
		return nil, errorf(CodeUnknownTx, "Block hash not found")
	}
	e := s.backend.Mempool().GetByTxID(txid)
	if e == nil {
		return nil, errorf(CodeUnknownTx, "No such mempool transaction. A txnode keeps no blocks: only what is in its mempool can be looked up.")
	}
	if verbosity <= 0 {
		return hex.EncodeToString(e.Raw), nil
	}
	t := describeTx(e.Tx(), s.backend.Network().Name)
	t.Hex = hex.EncodeToString(e.Raw)
	return t, nil
}

// verbosityOf reads a verbosity, for which older clients send a boolean.
func verbosityOf(a args, i int) (int64, error) {
	switch kindOf(a[i]) {
	case kindBool:
		if a.boolean(i) {
			return 1, nil
		}
		return 0, nil
	case kindNull, kindNumber:
		return a.integer(i, 0)
	}
	return 0, errorf(CodeType, "JSON value of type %s is not of expected type number", kindOf(a[i]))
}

func decodeRawTransaction(_ context.Context, s *service, a args) (any, error) {
	raw, err := hex.DecodeString(a.text(0))
	var tx *wire.MsgTx
	if err == nil {
		tx, err = mempool.DecodeTx(raw)
	}
	if err != nil {
		return nil, errorf(CodeDeserialization, "TX decode failed")
	}
	return describeTx(tx, s.backend.Network().Name), nil
}
