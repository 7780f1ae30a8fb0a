package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
)

// Propagation waits for the fraction, if that is not 0, as long as ctx lasts.
func (b *backend) Propagation(ctx context.Context, id chainhash.Hash, fraction float64) (rpc.Propagation, error) {
	var r node.Receipt
	var err error
	if fraction > 0 {
		r, err = b.node.WaitPropagated(ctx, id, fraction)
	}
	if fraction == 0 || errors.Is(err, context.DeadlineExceeded) { // which may have been before the node was asked
		r, err = b.node.Receipt(context.WithoutCancel(ctx), id)
	}
	switch {
	case errors.Is(err, node.ErrNoReceipt):
		return rpc.Propagation{}, fmt.Errorf("%w: %w", rpc.ErrNoReceipt, err)
	case err != nil:
		return rpc.Propagation{}, err
	}
	p := rpc.Propagation{
		WTxID: r.WTxID.String(), Local: r.Local, Unbroadcast: r.Unbroadcast, Coverage: r.Propagated(),
		Accepted: unix(r.Accepted), Removed: unix(r.Removed),
	}
	if e := b.node.Mempool().Get(r.WTxID); e != nil {
		p.TxID = e.TxID.String()
	}
	for _, e := range r.Peers {
		p.Peers = append(p.Peers, rpc.PropagationPeer{
			ID: uint64(e.Peer), PeerID: e.PeerID.String(), Connected: e.Linked, Inbound: !e.Outbound,
			Announced: unix(e.Announced), Pushed: e.Pushed, Requested: unix(e.Requested),
			AnnouncedBack: unix(e.Told), Reconciled: unix(e.Reconciled), BelowFloor: e.BelowFloor,
		})
	}
	return p, nil
}

// unix is a time in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}
