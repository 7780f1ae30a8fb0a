// Package backend lets a node answer JSON-RPC: it joins package node, which
// knows nothing of RPC, and package rpc, whose client must not drag in a node.
package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/p2p"
)

// Options are what a node does not know of itself.
type Options struct {
	Network string           // as in node.Config
	Tip     mempool.PrevOuts // whose tip getblockchaininfo reports, and outputs gettxout
	Stop    func()           // what the method stop does
	DataDir string           // as in node.Config: where relative paths of importmempool begin; empty: there are none

	// Logging is what rpc.Backend says of it. Nil: logging cannot be changed.
	Logging func(include, exclude []string) (map[string]bool, error)
}

// New makes the node answer for an RPC server. The result is safe for
// concurrent use.
func New(n *node.Node, o Options) rpc.Backend {
	return &backend{node: n, options: o, started: time.Now()}
}

type backend struct {
	node    *node.Node
	options Options
	started time.Time
}

func (b *backend) Submit(ctx context.Context, raw []byte, allow func(*mempool.Entry) error) (*mempool.Entry, error) {
	return b.node.SubmitIf(ctx, raw, allow)
}

func (b *backend) SubmitPackage(ctx context.Context, raws [][]byte, allow func(*mempool.Entry) error) ([]mempool.PackageResult, error) {
	return b.node.SubmitPackageIf(ctx, raws, allow)
}

func (b *backend) Stand(ctx context.Context, raw []byte, maxFeeRate int64) (*mempool.Standing, error) {
	return b.node.Stand(ctx, raw, maxFeeRate)
}

func (b *backend) Standing() []mempool.Standing { return b.node.Standing() }

func (b *backend) AbortStanding(ctx context.Context, id chainhash.Hash) ([]mempool.Standing, error) {
	return b.node.AbortStanding(ctx, id)
}

func (b *backend) Prioritise(ctx context.Context, txid chainhash.Hash, delta int64) error {
	return b.node.Prioritise(ctx, txid, delta)
}

func (b *backend) Check(_ context.Context, raw []byte) (*mempool.Entry, error) {
	return b.node.Check(raw)
}

func (b *backend) CheckPackage(_ context.Context, raws [][]byte) ([]mempool.PackageResult, error) {
	return b.node.CheckPackage(raws)
}

func (b *backend) Mempool() *mempool.Pool               { return b.node.Mempool() }
func (b *backend) Tip() (int32, time.Time)              { return b.options.Tip.Tip() }
func (b *backend) Digest() (digest [32]byte, count int) { return b.node.Digest() }
func (b *backend) Uptime() time.Duration                { return time.Since(b.started) }
func (b *backend) Stop()                                { b.options.Stop() }
func (b *backend) Connect(ctx context.Context, addr string) error {
	return address(b.node.Connect(ctx, addr))
}

func (b *backend) Accepted(ctx context.Context) iter.Seq[*mempool.Entry] {
	events := b.node.Events(ctx)
	return func(yield func(*mempool.Entry) bool) {
		for e := range events {
			if e.Kind == node.EventMissed || e.Kind == node.EventAdded && !yield(e.Entry) {
				return
			}
		}
	}
}

func (b *backend) Sequence() uint64 { return b.node.Sequence() }

func (b *backend) EventsSince(ctx context.Context, after uint64) iter.Seq[rpc.Event] {
	events := b.node.EventsSince(ctx, after)
	return func(yield func(rpc.Event) bool) {
		for e := range events {
			if !yield(eventOf(e)) {
				return
			}
		}
	}
}

// BestBlock is known only where previous outputs come from a Bitcoin node.
func (b *backend) BestBlock() chainhash.Hash {
	if source, ok := b.options.Tip.(interface{ BestBlock() chainhash.Hash }); ok {
		return source.BestBlock()
	}
	return chainhash.Hash{}
}

func (b *backend) TxOut(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	return b.options.Tip.Lookup(op)
}

func (b *backend) Loaded() bool {
	select {
	case <-b.node.Ready():
		return true
	default:
		return false
	}
}

func (b *backend) NetTotals() (sent, received uint64) {
	t := b.node.Traffic()
	return t.Sent.Total(), t.Received.Total()
}

func (b *backend) Unbroadcast(wtxid chainhash.Hash) bool { return b.node.Unbroadcast(wtxid) }
func (b *backend) UnbroadcastCount() int                 { return b.node.UnbroadcastCount() }

func (b *backend) Network() rpc.Network {
	id := b.node.ID()
	network := rpc.Network{Name: b.options.Network, PeerID: id.String(), Active: b.node.NetworkActive()}
	for _, addr := range b.node.Addrs() {
		network.ListenAddrs = append(network.ListenAddrs, strings.TrimSuffix(addr.String(), "/p2p/"+id.String()))
	}
	return network
}

func (b *backend) Peers() []rpc.Peer {
	infos := b.node.Peers()
	peers := make([]rpc.Peer, len(infos))
	for i, p := range infos {
		peers[i] = rpc.Peer{
			ID:        uint64(p.ID),
			PeerID:    p.Peer.String(),
			Addr:      p.Addr.String(),
			Agent:     p.Agent,
			Inbound:   !p.Outbound,
			Mesh:      p.InMesh,
			FeeFloor:  int64(p.FeeFloor),
			Connected: p.Connected,
			LastSend:  p.LastSend,
			LastRecv:  p.LastRecv,
			Ping:      p.Ping,
		}
		peers[i].SentPerMsg, peers[i].BytesSent = perMessage(p.Sent)
		peers[i].RecvPerMsg, peers[i].BytesRecv = perMessage(p.Received)
	}
	return peers
}

// perMessage names message kinds as relaymsg does, in lower case, and sums up.
func perMessage(bytes map[relaymsg.Kind]uint64) (byName map[string]uint64, total uint64) {
	byName = make(map[string]uint64, len(bytes))
	for kind, n := range bytes {
		byName[kind.String()] = n
		total += n
	}
	return byName, total
}

func (b *backend) AddNode(addr string) error    { return address(b.node.AddPeer(addr)) }
func (b *backend) RemoveNode(addr string) error { return address(b.node.RemovePeer(addr)) }

func (b *backend) SetNetworkActive(active bool) { b.node.SetNetworkActive(active) }
func (b *backend) Ping(ctx context.Context)     { b.node.Ping(ctx) }

func (b *backend) Logging(include, exclude []string) (map[string]bool, error) {
	if b.options.Logging == nil {
		return nil, rpc.ErrNoLogging
	}
	return b.options.Logging(include, exclude)
}

func (b *backend) Disconnect(id uint64) error {
	for _, p := range b.node.Peers() {
		if uint64(p.ID) == id {
			return address(b.node.Disconnect(p.Peer))
		}
	}
	return rpc.ErrNotConnected
}

// address tells the server which of its codes an address error has.
func address(err error) error {
	switch {
	case errors.Is(err, p2p.ErrAdded):
		return rpc.ErrNodeAdded
	case errors.Is(err, p2p.ErrNotAdded):
		return rpc.ErrNodeNotAdded
	case errors.Is(err, p2p.ErrNotConnected):
		return rpc.ErrNotConnected
	case errors.Is(err, p2p.ErrAddress):
		return fmt.Errorf("%w: %w", rpc.ErrBadAddress, err)
	}
	return err
}
