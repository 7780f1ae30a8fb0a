package utxo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxBatch is how many outputs one request asks for.
	maxBatch = 100

	// maxTxOut bounds one output in JSON: besides the script in hexadecimal it
	// has its disassembly, of up to about 24 characters per byte.
	maxTxOut = 30*txscript.MaxScriptSize + 1024

	// maxHeader bounds a block header in JSON.
	maxHeader = 4096
)

// txOut is the result of gettxout that matters here.
type txOut struct {
	BestBlock     string  `json:"bestblock"`
	Confirmations int64   `json:"confirmations"`
	Value         float64 `json:"value"` // bitcoin; all amounts there are fit without loss
	ScriptPubKey  struct {
		Hex string `json:"hex"`
	} `json:"scriptPubKey"`
	Coinbase bool `json:"coinbase"`
}

// Lookup implements mempool.PrevOuts. The mempool of the Bitcoin node does not
// count, neither for outputs it would create nor for those it would spend.
func (r *RPC) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	a, err := r.cached(op)
	if err == nil && !a.known {
		var answers []answer
		if answers, err = r.ask([]wire.OutPoint{op}); err == nil {
			a = answers[0]
		}
	}
	return a.out, a.found, err
}

// Prefetch implements mempool.Prefetcher: it asks for those of ops it does not
// know, many in one request.
func (r *RPC) Prefetch(ops []wire.OutPoint) error {
	var unknown []wire.OutPoint
	for _, op := range ops {
		a, err := r.cached(op)
		if err != nil {
			return err
		}
		if !a.known {
			unknown = append(unknown, op)
		}
	}
	for len(unknown) > 0 {
		n := min(len(unknown), maxBatch)
		if _, err := r.ask(unknown[:n]); err != nil {
			return err
		}
		unknown = unknown[n:]
	}
	return nil
}

// answer is what is known of an outpoint.
type answer struct {
	out          mempool.PrevOut
	found, known bool
}

// cached fails while the node is away: what it said before may be outdated.
func (r *RPC) cached(op wire.OutPoint) (answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away != nil {
		return answer{}, r.away
	}
	if out, ok := r.existing.get(op); ok {
		return answer{out: out, found: true, known: true}, nil
	}
	_, missing := r.missing.get(op)
	return answer{known: missing}, nil
}

// ask asks the node for at most maxBatch outputs.
//
// That an output exists comes with the block at which the node looked; that none
// does holds at a tip which Follow may not know yet, and by which a transaction
// must not be judged before the observer has heard of it: what the output would
// come from may be among what a reorganization returns. So such an answer counts
// only at the tip that was told, and else Follow is hurried and the node asked
// again.
func (r *RPC) ask(ops []wire.OutPoint) ([]answer, error) {
	ctx, cancel := context.WithTimeout(r.ctx, callTimeout)
	defer cancel()
	for {
		answers, tip, err := r.askOnce(ctx, ops)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(answers, func(a answer) bool { return !a.found }) || r.isTold(tip) {
			return answers, nil
		}
		if !r.awaitSync(ctx) {
			return nil, r.failed(errMoved)
		}
	}
}

// askOnce also tells the tip that the node has afterwards.
func (r *RPC) askOnce(ctx context.Context, ops []wire.OutPoint) (answers []answer, tip chainhash.Hash, err error) {
	r.mu.Lock()
	before := r.changes
	r.mu.Unlock()
	results := make([]*txOut, len(ops))
	var best string
	calls := make([]*call, len(ops), len(ops)+1)
	for i, op := range ops {
		calls[i] = &call{method: "gettxout", params: []any{op.Hash.String(), op.Index, false}, limit: maxTxOut, result: &results[i]}
	}
	end := &call{method: "getbestblockhash", limit: maxHeader, result: &best}
	if err := r.client.do(ctx, append(calls, end)...); err != nil {
		return nil, tip, r.failed(err)
	}
	answers = make([]answer, len(ops))
	for i, op := range ops {
		if err = calls[i].err; err == nil {
			if answers[i], err = r.understand(ctx, results[i]); err != nil {
				err = r.failed(err)
			}
		}
		if err != nil {
			return nil, tip, fmt.Errorf("what the Bitcoin node tells of %v: %w", op, err)
		}
	}
	if err = end.err; err == nil {
		tip, err = parseHash(best)
	}
	if err != nil {
		return nil, tip, fmt.Errorf("asking the Bitcoin node for its tip: %w", err)
	}
	r.remember(before, ops, answers)
	return answers, tip, nil
}

// isTold reports whether the observer knows of all that led to the tip.
func (r *RPC) isTold(tip chainhash.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told == tip
}

// awaitSync has Follow look at the node now, and waits until it did.
func (r *RPC) awaitSync(ctx context.Context) bool {
	r.mu.Lock()
	synced := r.synced
	r.mu.Unlock()
	select {
	case r.hurry <- struct{}{}:
	default: // hurried already
	}
	select {
	case <-synced:
		return true
	case <-ctx.Done():
		return false
	}
}

// failed makes everybody wait for a node that is away until Follow has found it
// again.
func (r *RPC) failed(err error) error {
	if r.ctx.Err() != nil {
		return errors.New("the source of previous outputs is closed")
	}
	if errors.Is(err, errAway) {
		r.mu.Lock()
		r.away = err
		r.mu.Unlock()
	}
	return err
}

// remember caches answers unless the chain changed since the node was asked.
func (r *RPC) remember(before uint64, ops []wire.OutPoint, answers []answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes != before {
		return
	}
	for i, a := range answers {
		switch {
		case !a.known: // true of a newer tip than ours
		case a.found:
			r.existing.put(ops[i], a.out)
		default:
			r.missing.put(ops[i], mempool.PrevOut{})
		}
	}
}

// understand checks a result. An output's height is counted down from the block
// at which the node looked, which need not be the tip that we know.
func (r *RPC) understand(ctx context.Context, t *txOut) (answer, error) {
	if t == nil {
		return answer{known: true}, nil
	}
	best, err := parseHash(t.BestBlock)
	if err != nil {
		return answer{}, err
	}
	value, err := btcutil.NewAmount(t.Value)
	if err != nil || value < 0 || value > btcutil.MaxSatoshi {
		return answer{}, fmt.Errorf("a value of %v bitcoin cannot be", t.Value)
	}
	script, err := hex.DecodeString(t.ScriptPubKey.Hex)
	if err != nil || len(script) > txscript.MaxScriptSize {
		return answer{}, errors.New("its script cannot be")
	}
	height, atTip, err := r.heightOf(ctx, best)
	if err != nil {
		return answer{}, err
	}
	if t.Confirmations < 1 || t.Confirmations > int64(height)+1 {
		return answer{}, fmt.Errorf("%d confirmations at height %d cannot be", t.Confirmations, height)
	}
	return answer{
		out: mempool.PrevOut{
			Value:    int64(value),
			PkScript: script,
			Height:   height + 1 - int32(t.Confirmations),
			Coinbase: t.Coinbase,
		},
		found: true,
		known: atTip,
	}, nil
}

// heightOf is the height of a block and whether it is our tip.
func (r *RPC) heightOf(ctx context.Context, hash chainhash.Hash) (height int32, atTip bool, err error) {
	r.mu.Lock()
	b, known := r.recent.find(hash)
	atTip = r.recent.tip().hash == hash
	r.mu.Unlock()
	if known {
		return b.height, atTip, nil
	}
	h, err := r.header(ctx, hash)
	return h.Height, false, err
}

// header is the result of getblockheader that matters here.
type header struct {
	Height   int32  `json:"height"`
	Previous string `json:"previousblockhash"` // none for the first block
	Time     int64  `json:"time"`
}

func (r *RPC) header(ctx context.Context, hash chainhash.Hash) (h header, err error) {
	if err = r.client.one(ctx, maxHeader, &h, "getblockheader", hash.String(), true); err == nil && h.Height < 0 {
		err = fmt.Errorf("block %v is at height %d, which cannot be", hash, h.Height)
	}
	return h, err
}

// parseHash wants all digits, for which NewHashFromStr would pad.
func parseHash(s string) (chainhash.Hash, error) {
	if len(s) != chainhash.MaxHashStringSize {
		return chainhash.Hash{}, fmt.Errorf("%.80q is not a hash", s)
	}
	h, err := chainhash.NewHashFromStr(s)
	if err != nil {
		return chainhash.Hash{}, fmt.Errorf("%.80q is not a hash", s)
	}
	return *h, nil
}
