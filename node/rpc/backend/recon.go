package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
)

func (b *backend) Rounds() []rpc.Round {
	rounds := b.node.Rounds()
	told := make([]rpc.Round, len(rounds))
	for i, r := range rounds {
		told[i] = round(r)
	}
	return told
}

func (b *backend) Reconcile(ctx context.Context, id uint64) (rpc.Round, rpc.Difference, error) {
	for _, p := range b.node.Peers() {
		if uint64(p.ID) != id {
			continue
		}
		r, err := b.node.Reconcile(ctx, p.Peer)
		if errors.Is(err, node.ErrNoRounds) {
			err = fmt.Errorf("%w: %w", rpc.ErrNotConnected, err)
		}
		return round(r), b.difference(r), err
	}
	return rpc.Round{}, rpc.Difference{}, rpc.ErrNotConnected
}

func (b *backend) difference(r node.Round) (d rpc.Difference) {
	if r.Details == nil {
		return d
	}
	for _, wtxid := range r.Details.Ours {
		d.Ours = append(d.Ours, wtxid.String())
	}
	for _, id := range r.Details.Theirs {
		d.Theirs = append(d.Theirs, id.String())
	}
	for _, wtxid := range r.Details.Refused {
		reason := b.node.WhyRefused(wtxid)
		if reason == "" {
			reason = "its parents are missing, or it was refused long ago"
		}
		d.Refused = append(d.Refused, rpc.Refused{WTxID: wtxid.String(), Reason: reason})
	}
	return d
}

func round(r node.Round) rpc.Round {
	kind := rpc.KindSync
	if r.Steady {
		kind = rpc.KindSteady
	}
	return rpc.Round{
		Kind: kind, ID: r.ID, PeerID: r.PeerID.String(), Link: uint64(r.Peer), Initiator: r.Initiator,
		Ours: r.Ours, Theirs: r.Theirs, Estimate: r.Estimate, Difference: r.Difference,
		Wanted: r.Wanted, Offered: r.Offered, Lacked: r.Lacked, Withheld: r.Withheld,
		BytesSent: r.BytesSent, BytesReceived: r.BytesReceived,
		Started: unix(r.Started), Seconds: r.Duration.Seconds(),
		Outcome: string(r.Outcome), Reason: r.Reason,
	}
}
