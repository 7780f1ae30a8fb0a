package utxo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxInfo bounds the result of getblockchaininfo in JSON: deployments and
	// warnings make most of it.
	maxInfo = 64 << 10

	// maxBlockJSON bounds a block in hexadecimal.
	maxBlockJSON = 2*wire.MaxBlockPayload + 2

	// maxReturned bounds the transactions of blocks that left the chain, in
	// serialized bytes, as Core's MAX_DISCONNECTED_TX_POOL_BYTES does.
	maxReturned = 20_000_000
)

var (
	// errOtherChain says that the node follows a chain that has nothing to do
	// with the one it had.
	errOtherChain = errors.New("the Bitcoin node is on another chain than before: restart with a data directory for that one, or bring the former node back")

	// errMoved says that the node's tip changed while it was asked about it.
	errMoved = fmt.Errorf("%w consistently: its tip keeps changing", errAway)
)

// status is the result of getblockchaininfo that matters here, and the first
// block.
type status struct {
	Chain      string `json:"chain"`
	Blocks     int32  `json:"blocks"`
	BestHash   string `json:"bestblockhash"`
	MedianTime int64  `json:"mediantime"`

	best, genesis chainhash.Hash
}

func (s *status) tip() blockRef { return blockRef{s.best, s.Blocks} }

// status asks where the node's chain ends, and that it is the same one still.
func (r *RPC) status(ctx context.Context) (*status, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var s status
	var first string
	info := &call{method: "getblockchaininfo", limit: maxInfo, result: &s}
	genesis := &call{method: "getblockhash", params: []any{0}, limit: maxHeader, result: &first}
	if err := r.client.do(ctx, info, genesis); err != nil {
		return nil, err
	}
	err := errors.Join(info.err, genesis.err)
	if err == nil {
		s.best, err = parseHash(s.BestHash)
	}
	if err == nil {
		s.genesis, err = parseHash(first)
	}
	if err == nil {
		err = checkTip(Tip{Height: s.Blocks, MedianTime: time.Unix(s.MedianTime, 0)})
	}
	if err == nil && r.genesis != (chainhash.Hash{}) && r.genesis != s.genesis {
		err = errOtherChain
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.client.url, err)
	}
	return &s, nil
}

// Follow keeps the source at the node's tip and tells o what changes, until ctx
// ends. It must run for the source to notice blocks, and to recover when the
// node was away; it may run once at a time. The functions of o are called
// from this goroutine and must not wait for lookups, which may wait for it.
func (r *RPC) Follow(ctx context.Context, o mempool.ChainObserver) {
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { r.listen(ctx) })
	retry := backoff{interval: r.cfg.PollInterval}
	for ctx.Err() == nil {
		err := r.sync(ctx, o)
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		r.away = err
		r.mu.Unlock()
		if err != nil {
			if retry.failures == 0 {
				r.log.Warn("the Bitcoin node is away; transactions wait until it is back", "url", r.client.url, "reason", err)
			}
			retry.wait(ctx)
			continue
		}
		if retry.failures > 0 {
			r.log.Info("the Bitcoin node is back", "url", r.client.url)
			retry.failures = 0
		}
		r.rest(ctx)
	}
}

// Away tells why the Bitcoin node could not be asked lately, nil if it could. While
// it is away, transactions are neither accepted nor refused.
func (r *RPC) Away() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.away
}

// rest lasts until the node is to be asked again.
func (r *RPC) rest(ctx context.Context) {
	t := time.NewTimer(r.cfg.PollInterval)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.hurry:
	case <-ctx.Done():
	}
}

// sync goes to the node's tip, block by block. What it did before it fails
// holds; the next one goes on from there.
func (r *RPC) sync(ctx context.Context, o mempool.ChainObserver) error {
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	path, fork, err := r.path(ctx, s.tip())
	if err != nil {
		return err
	}
	if fork == nil {
		if err := r.restart(ctx, s); err != nil {
			return err
		}
		r.log.Warn("the chain changed by more than can be followed; the mempool is checked anew", "height", s.Blocks)
		r.returned, r.left = nil, false
		o.Reorganized(nil)
		r.allTold()
		return nil
	}
	for r.recent.tip() != *fork {
		if err := r.disconnect(ctx); err != nil {
			return err
		}
	}
	for _, b := range path {
		if err := r.connect(ctx, b, s, o); err != nil {
			return err
		}
	}
	r.settle(s)
	if r.left {
		o.Reorganized(r.returned)
		r.returned, r.left = nil, false
	}
	r.allTold()
	return nil
}

// allTold notes that the observer knows how the tip was reached.
func (r *RPC) allTold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = r.recent.tip().hash
	close(r.synced)
	r.synced = make(chan struct{})
}

// path are the blocks from our chain to the node's tip, and the newest block
// both have in common, nil if that is too far away.
func (r *RPC) path(ctx context.Context, tip blockRef) (path []blockRef, fork *blockRef, err error) {
	ctx, cancel := context.WithTimeout(ctx, blockTimeout)
	defer cancel()
	for b := tip; ; {
		if ours, ok := r.recent.find(b.hash); ok {
			return path, &ours, nil
		}
		if len(path) == maxRecent || b.height == 0 {
			return nil, nil, nil
		}
		path = append([]blockRef{b}, path...)
		h, err := r.header(ctx, b.hash)
		var unknown *rpcError
		if err != nil && !errors.As(err, &unknown) {
			return nil, nil, err
		}
		previous, malformed := parseHash(h.Previous)
		if err != nil || malformed != nil || h.Height != b.height {
			return nil, nil, errMoved
		}
		b = blockRef{previous, b.height - 1}
	}
}

// restart forgets everything and takes the node's chain as it is.
func (r *RPC) restart(ctx context.Context, s *status) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n := min(int(s.Blocks)+1, maxRecent)
	hashes := make([]string, n)
	calls := make([]*call, n)
	recent := make(chain, n)
	for i := range calls {
		recent[i].height = s.Blocks - int32(n-1-i)
		calls[i] = &call{method: "getblockhash", params: []any{recent[i].height}, limit: maxHeader, result: &hashes[i]}
	}
	if err := r.client.do(ctx, calls...); err != nil {
		return err
	}
	for i := range calls {
		var err error
		if calls[i].err != nil {
			return errMoved // it had that height a moment ago
		}
		if recent[i].hash, err = parseHash(hashes[i]); err != nil {
			return err
		}
	}
	if recent.tip().hash != s.best {
		return errMoved
	}
	r.mu.Lock()
	r.recent = recent
	r.existing.clear()
	r.missing.clear()
	r.medians.clear()
	r.changes++
	r.mu.Unlock()
	r.settle(s)
	return nil
}

// settle notes the median time of the tip, once the tip is reached.
func (r *RPC) settle(s *status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.median = time.Unix(s.MedianTime, 0)
}

// connect puts b on top of our chain and tells o.
func (r *RPC) connect(ctx context.Context, b blockRef, s *status, o mempool.ChainObserver) error {
	block, err := r.block(ctx, b.hash)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.touch(block)
	r.recent = r.recent.with(b)
	if b.hash == s.best {
		r.median = time.Unix(s.MedianTime, 0)
	}
	r.mu.Unlock()
	o.Connected(mempool.Block{Hash: b.hash, Height: b.height, Txs: block.Transactions})
	return nil
}

// disconnect takes our tip off. A node that does not have its transactions any
// more, because it pruned them or started anew, cannot be made to tell them.
func (r *RPC) disconnect(ctx context.Context) error {
	block, err := r.block(ctx, r.recent.tip().hash)
	var unknown *rpcError
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recent = r.recent[:len(r.recent)-1]
	r.medians.clear()
	r.left = true
	if err != nil {
		r.existing.clear()
		r.missing.clear()
		r.changes++
		return nil
	}
	r.touch(block)
	r.returned = append(block.Transactions[1:], r.returned...)
	size := 0
	for i, tx := range r.returned {
		if size += tx.SerializeSize(); size > maxReturned {
			r.returned = r.returned[:i]
			break
		}
	}
	return nil
}

// touch forgets what a block that came or left creates or spends. The caller
// holds the lock.
func (r *RPC) touch(block *wire.MsgBlock) {
	r.changes++
	forget := func(op wire.OutPoint) {
		r.existing.forget(op)
		r.missing.forget(op)
	}
	for _, tx := range block.Transactions {
		for _, in := range tx.TxIn {
			forget(in.PreviousOutPoint)
		}
		op := wire.OutPoint{Hash: tx.TxHash()}
		for i := range tx.TxOut {
			op.Index = uint32(i)
			forget(op)
		}
	}
}

// block fetches a block. An rpcError says that the node does not have it.
func (r *RPC) block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	ctx, cancel := context.WithTimeout(ctx, blockTimeout)
	defer cancel()
	var text string
	if err := r.client.one(ctx, maxBlockJSON, &text, "getblock", hash.String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("block %v is not in hexadecimal", hash)
	}
	var block wire.MsgBlock
	rest := bytes.NewReader(raw)
	if err := block.Deserialize(rest); err != nil || rest.Len() > 0 || len(block.Transactions) == 0 {
		return nil, fmt.Errorf("block %v is malformed (%v)", hash, err)
	}
	if block.BlockHash() != hash {
		return nil, fmt.Errorf("asked for block %v, the Bitcoin node sends %v", hash, block.BlockHash())
	}
	return &block, nil
}
