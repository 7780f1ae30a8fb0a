package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxTogether is how many submissions of a batch are worked on at once: enough
	// for all processors while others of them wait for storage.
	maxTogether = 16
	// maxTogetherSize bounds the transactions among those, in bytes. A larger one
	// is submitted alone.
	maxTogetherSize = 10_000
)

// batched is one request of a batch.
type batched struct {
	request
	method  *method
	args    args
	result  []byte
	failure *Error
}

// batch answers requests one after the other, but for neighbours that have
// nothing to do with each other.
func (h *handler) batch(ctx context.Context, user string, list []json.RawMessage) (status int, answer []byte) {
	calls := make([]batched, len(list))
	for i, raw := range list {
		calls[i].request, calls[i].failure = parseRequest(raw)
	}
	status = http.StatusOK
	if h.bindAll(ctx, user, calls) != nil {
		status = http.StatusForbidden
	}
	var b bytes.Buffer
	for rest := calls; len(rest) > 0; {
		n := max(1, independent(rest))
		h.service.callTogether(ctx, rest[:n], b.Len())
		for _, c := range rest[:n] {
			if c.notification() {
				continue
			}
			separator := byte(',')
			if b.Len() == 0 {
				separator = '['
			}
			b.WriteByte(separator)
			b.Write(c.answer(c.result, c.failure))
		}
		rest = rest[n:]
	}
	switch {
	case len(list) == 0:
		return http.StatusOK, []byte("[]")
	case b.Len() == 0 && status == http.StatusOK: // notifications only
		return http.StatusNoContent, nil
	case b.Len() == 0:
		return status, nil
	}
	b.WriteByte(']')
	return status, b.Bytes()
}

// bindAll finds the methods that calls name, and their arguments. When the user may
// not call one of them, that is the failure of all, as in Core.
func (h *handler) bindAll(ctx context.Context, user string, calls []batched) (forbidden *Error) {
	for i := range calls {
		if c := &calls[i]; c.failure == nil && forbidden == nil {
			forbidden = h.forbids(user, c.request.method)
		}
	}
	for i := range calls {
		switch c := &calls[i]; {
		case forbidden != nil:
			c.failure = forbidden
		case c.failure == nil:
			c.method, c.args, c.failure = h.service.bind(ctx, c.request)
		}
	}
	return forbidden
}

// callTogether carries out the calls of a batch whose answers take this many
// bytes so far.
func (s *service) callTogether(ctx context.Context, calls []batched, answered int) {
	work := make(chan *batched, len(calls))
	for i := range calls {
		work <- &calls[i]
	}
	close(work)
	carryOut := func() {
		for c := range work {
			switch {
			case c.failure != nil:
			case ctx.Err() != nil:
				c.failure = errorf(CodeInternal, "Not done: this batch took longer than %s", maxDuration)
			case answered > maxBatchAnswer:
				c.failure = errorf(CodeInternal, "Not done: the answers to this batch exceed %d bytes already", maxBatchAnswer)
			default:
				c.result, c.failure = s.call(ctx, c.method, c.args)
			}
		}
	}
	var helpers sync.WaitGroup
	for range min(len(calls), maxTogether) - 1 {
		helpers.Go(carryOut)
	}
	carryOut()
	helpers.Wait()
}

// independent counts the calls, from the first, that submit transactions of
// which none spends from another, or what another spends: their order does not
// matter, so that they need not wait for each other.
func independent(calls []batched) (n int) {
	ids := make(map[chainhash.Hash]bool)
	parents := make(map[chainhash.Hash]bool)
	spent := make(map[wire.OutPoint]bool)
	for _, c := range calls {
		tx := c.submits()
		if tx == nil {
			return n
		}
		id := tx.TxHash()
		if ids[id] || parents[id] {
			return n
		}
		for _, in := range tx.TxIn {
			if ids[in.PreviousOutPoint.Hash] || spent[in.PreviousOutPoint] {
				return n
			}
		}
		ids[id] = true
		for _, in := range tx.TxIn {
			parents[in.PreviousOutPoint.Hash] = true
			spent[in.PreviousOutPoint] = true
		}
		n++
	}
	return n
}

// submits is the transaction that the call submits, if that is what it does and
// the transaction is small.
func (c *batched) submits() *wire.MsgTx {
	if c.failure != nil || c.method.name != "sendrawtransaction" || len(c.args[0]) > 2*maxTogetherSize {
		return nil
	}
	raw, err := hex.DecodeString(c.args.text(0))
	if err != nil {
		return nil
	}
	tx, err := mempool.DecodeTx(raw)
	if err != nil {
		return nil
	}
	return tx
}
