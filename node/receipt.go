package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
)

// tracedTransactions is of how many of the latest transactions from peers there
// are receipts, beside those submitted here.
const tracedTransactions = 500

// ErrNoReceipt is wrapped by [Node.Receipt] for a transaction that never was in
// the mempool, or so long ago that its delivery is forgotten.
var ErrNoReceipt = errors.New("no receipt for this transaction")

// Receipt tells how a transaction has spread, as peers have told us. It is no
// proof: a peer can claim anything about itself.
type Receipt struct {
	inv.Delivery
	Peers []PeerReceipt // linked ones and, for as long as there is room, those that are gone
}

// PeerReceipt is what one peer has shown about a transaction.
type PeerReceipt struct {
	inv.Evidence
	PeerID peer.ID
}

// Propagated is the share of the linked peers that have shown that they hold the
// transaction, or that have requested it from us. Those that take nothing that
// pays so little do not count. It is 0 without peers.
func (r *Receipt) Propagated() float64 {
	have, want := 0, 0
	for _, p := range r.Peers {
		if !p.Linked || p.BelowFloor {
			continue
		}
		want++
		if p.Holds() || !p.Requested.IsZero() {
			have++
		}
	}
	if want == 0 {
		return 0
	}
	return float64(have) / float64(want)
}

// Receipt tells how the transaction with this wtxid or, while it is in the
// mempool, this txid has spread.
func (n *Node) Receipt(ctx context.Context, id chainhash.Hash) (Receipt, error) {
	return n.waitPropagated(ctx, id, func(*Receipt) bool { return true })
}

// WaitPropagated waits until the share of peers told by [Receipt.Propagated]
// is at least the fraction, above 0 and up to 1. When ctx ends first it returns
// the receipt as it is then, and ctx's error.
func (n *Node) WaitPropagated(ctx context.Context, id chainhash.Hash, fraction float64) (Receipt, error) {
	if !(fraction > 0 && fraction <= 1) {
		return Receipt{}, fmt.Errorf("node: WaitPropagated: fraction %v: want more than 0 and at most 1", fraction)
	}
	return n.waitPropagated(ctx, id, func(r *Receipt) bool { return r.Propagated() >= fraction })
}

// receiptCall is somebody who waits for a receipt that is good enough.
type receiptCall struct {
	ctx    context.Context
	id     chainhash.Hash
	enough func(*Receipt) bool // called by the loop
	done   chan<- receiptAnswer
}

type receiptAnswer struct {
	receipt Receipt
	err     error
}

func (n *Node) waitPropagated(ctx context.Context, id chainhash.Hash, enough func(*Receipt) bool) (Receipt, error) {
	select {
	case <-n.ready:
	default:
		return Receipt{}, fmt.Errorf("%w: the stored mempool is not loaded yet", ErrNotRunning)
	}
	done := make(chan receiptAnswer, 1)
	select {
	case n.receipts <- receiptCall{ctx, id, enough, done}:
	case <-n.ended:
		return Receipt{}, ErrNotRunning
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	select {
	case a := <-done:
		return a.receipt, a.err
	case <-n.ended:
		return Receipt{}, ErrNotRunning
	case <-ctx.Done():
		r, err := n.Receipt(context.WithoutCancel(ctx), id)
		return r, errors.Join(ctx.Err(), err)
	}
}

// answerReceipts answers, of those who wait for receipts, whoever has waited long
// enough. It runs in the loop.
func (n *Node) answerReceipts() {
	n.told = n.relay.DeliveryRevision()
	n.waiting = slices.DeleteFunc(n.waiting, func(c receiptCall) bool {
		r, err := n.receipt(c.id)
		if err != nil || c.enough(&r) {
			c.done <- receiptAnswer{r, err}
			return true
		}
		return c.ctx.Err() != nil
	})
}

func (n *Node) receipt(id chainhash.Hash) (Receipt, error) {
	if e := n.pool.GetByTxID(id); e != nil {
		id = e.WTxID
	}
	d, ok := n.relay.Delivery(id)
	if !ok {
		return Receipt{}, fmt.Errorf("%w: %v; there are receipts of the last %d submitted here and the last %d others",
			ErrNoReceipt, id, inv.MaxTracedLocal, tracedTransactions)
	}
	r := Receipt{Delivery: d}
	for _, e := range d.Peers {
		r.Peers = append(r.Peers, PeerReceipt{e, peer.ID(e.Name)})
	}
	r.Delivery.Peers = nil
	return r, nil
}
