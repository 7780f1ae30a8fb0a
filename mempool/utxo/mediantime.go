package utxo

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// medianBlocks is how many blocks a median time is of (BIP 113).
const medianBlocks = 11

// MedianTime implements mempool.Chronicle. btcd does not tell the median time of
// a block, so it is made of the times of its headers.
func (r *RPC) MedianTime(height int32) (time.Time, error) {
	r.mu.Lock()
	median, known := r.medians.get(height)
	before, away := r.changes, r.away
	r.mu.Unlock()
	if away != nil || known {
		return time.Unix(median, 0), away
	}
	ctx, cancel := context.WithTimeout(r.ctx, callTimeout)
	defer cancel()
	times, err := r.blockTimes(ctx, max(height-medianBlocks+1, 0), height)
	if err != nil {
		return time.Time{}, r.failed(err)
	}
	slices.Sort(times)
	median = times[len(times)/2]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == before {
		r.medians.put(height, median)
	}
	return time.Unix(median, 0), nil
}

// blockTimes are the times in the headers of the blocks from first to last.
func (r *RPC) blockTimes(ctx context.Context, first, last int32) ([]int64, error) {
	n := last - first + 1
	hashes, headers := make([]string, n), make([]header, n)
	err := r.each(ctx, n, func(i int32) *call {
		return &call{method: "getblockhash", params: []any{first + i}, limit: maxHeader, result: &hashes[i]}
	})
	if err == nil {
		err = r.each(ctx, n, func(i int32) *call {
			return &call{method: "getblockheader", params: []any{hashes[i], true}, limit: maxHeader, result: &headers[i]}
		})
	}
	if err != nil {
		return nil, err
	}
	times := make([]int64, n)
	for i, h := range headers {
		if h.Height != first+int32(i) || i > 0 && h.Previous != hashes[i-1] {
			return nil, errMoved
		}
		times[i] = h.Time
	}
	return times, nil
}

// each makes the calls at once, all of which have to succeed.
func (r *RPC) each(ctx context.Context, n int32, nth func(i int32) *call) error {
	var calls []*call
	for i := range n {
		calls = append(calls, nth(i))
	}
	if err := r.client.do(ctx, calls...); err != nil {
		return err
	}
	for _, c := range calls {
		if c.err != nil {
			return fmt.Errorf("%w (%v)", errMoved, c.err)
		}
	}
	return nil
}
