package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/p2p"
)

// Round is a finished reconciliation round. Its Peer names the link, PeerID the
// node behind it.
type Round struct {
	inv.Round
	PeerID peer.ID
}

// Difference is in what the mempools of two nodes differed.
type Difference struct {
	Round Round
	inv.Details
}

// ErrNoRounds is wrapped by errors of [Node.Reconcile] when there can be no
// round with the peer.
var ErrNoRounds = errors.New("no reconciliation with this peer")

// asking is a call of Reconcile on its way to the loop.
type asking struct {
	peer peer.ID
	done chan<- answer
}

type answer struct {
	round Round
	err   error
}

// Reconcile compares mempools with a connected peer now and returns once both
// sides were told what they lack, which they fetch from then on, or the round
// has failed. Its Outcome says which, its Reason why.
func (n *Node) Reconcile(ctx context.Context, id peer.ID) (Round, error) {
	done := make(chan answer, 1)
	select {
	case n.askings <- asking{id, done}:
	case <-n.ended:
		return Round{}, ErrNotRunning
	case <-ctx.Done():
		return Round{}, ctx.Err()
	}
	select {
	case a := <-done:
		return a.round, a.err
	case <-n.ended:
		return Round{}, ErrNotRunning
	case <-ctx.Done():
		return Round{}, ctx.Err()
	}
}

// Difference tells in what the mempools of this node and a connected peer
// differ, at most 5000 transactions each way. It does so by a round of
// reconciliation, so that afterwards both sides fetch what they lack.
func (n *Node) Difference(ctx context.Context, id peer.ID) (Difference, error) {
	r, err := n.Reconcile(ctx, id)
	d := Difference{Round: r}
	switch {
	case err != nil:
		return d, err
	case r.Outcome.Failed():
		return d, fmt.Errorf("the round with %s failed (%s): %s", id, r.Outcome, r.Reason)
	case r.Details != nil:
		d.Details = *r.Details
	}
	return d, nil
}

// ask has the engine begin a round and remembers who waits for it.
func (n *Node) ask(a asking) {
	for link, id := range n.peers {
		if id == a.peer && n.relay.Reconcile(time.Now(), inv.PeerID(link)) {
			n.asked[link] = append(n.asked[link], a.done)
			return
		}
	}
	a.done <- answer{err: fmt.Errorf("%w: %s is not connected, or relay.recon_interval is 0", ErrNoRounds, a.peer)}
}

// answered tells who waits for a round how it ended.
func (n *Node) answered(r Round) {
	link := p2p.PeerID(r.Peer)
	for _, done := range n.asked[link] {
		done <- answer{round: r}
	}
	delete(n.asked, link)
}

// maxRefusals bounds the refusals remembered: the latest so many at least, at
// most twice as many.
const maxRefusals = 5000

// refusals remembers why transactions of peers were refused for good. It is safe
// for concurrent use.
type refusals struct {
	mu         sync.Mutex
	young, old map[chainhash.Hash]string
}

func (r *refusals) add(wtxid chainhash.Hash, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil {
		r.young = make(map[chainhash.Hash]string)
	}
	r.young[wtxid] = why.Error()
	if len(r.young) >= maxRefusals {
		r.young, r.old = nil, r.young
	}
}

// WhyRefused tells why a peer's transaction was refused for good, if that was
// lately, and else "".
func (n *Node) WhyRefused(wtxid chainhash.Hash) string {
	n.refusals.mu.Lock()
	defer n.refusals.mu.Unlock()
	if why, ok := n.refusals.young[wtxid]; ok {
		return why
	}
	return n.refusals.old[wtxid]
}
