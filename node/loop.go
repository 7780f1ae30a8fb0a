package node

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/p2p"
)

// loop owns the relay engine: it feeds it what peers, workers and the clock
// bring and carries out what it asks for. It never blocks on anything but its
// own select.
func (n *Node) loop(ctx context.Context, network <-chan error) error {
	clock := time.NewTimer(0)
	defer clock.Stop()
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	close(n.ready)
	for {
		select {
		case e := <-n.net.Events():
			n.handle(e)
		case r := <-n.results:
			n.settle(r)
			for range len(n.results) { // one commit may have brought many
				n.settle(<-n.results)
			}
		case <-n.chain.wake:
			for _, c := range n.chain.take() {
				n.chainChanged(c)
			}
		case <-n.deltas.news.wake:
			n.repriced(time.Now())
		case h := <-n.heard:
			n.hear(h)
		case a := <-n.askings:
			n.ask(a)
		case c := <-n.receipts:
			n.waiting = append(n.waiting, c)
			n.answerReceipts()
		case <-clock.C:
			n.relay.Tick(time.Now())
		case <-sweep.C:
			n.sweep(time.Now())
		case err := <-network:
			return err
		case <-ctx.Done():
			return nil
		}
		n.perform(clock)
	}
}

// sweepInterval is how often the loop looks what time alone has changed.
const sweepInterval = time.Minute

// sweep forgets old orphans and lets peers know of a minimum fee that decays.
func (n *Node) sweep(now time.Time) {
	n.orphans.Expire(now)
	n.forgetHearsay()
	n.sweepStanding(now)
	n.relay.FeeFloorChanged(now, uint64(n.pool.Info().MinFeeRate))
}

// handle tells the engine what happened on the network.
func (n *Node) handle(e p2p.Event) {
	now := time.Now()
	switch e := e.(type) {
	case p2p.PeerUp:
		n.peers[e.ID] = e.Peer
		n.relay.PeerConnected(now, inv.PeerID(e.ID), inv.Peer{
			Outbound: e.Outbound,
			Salt:     e.Hello.Salt,
			FeeFloor: e.Hello.FeeFloor,
			Name:     string(e.Peer),
		})
		n.tell(Event{Time: now, Kind: EventPeerUp, Peer: e.Peer})
	case p2p.PeerDown:
		n.relay.PeerDisconnected(now, inv.PeerID(e.ID))
		n.tell(Event{Time: now, Kind: EventPeerDown, Peer: n.peers[e.ID]})
		n.orphans.RemovePeer(uint64(e.ID))
		n.departed[e.ID] = n.peers[e.ID]
		delete(n.peers, e.ID)
		for _, c := range n.bequeath(n.admission.cut(e.ID)) {
			n.relay.Abandoned(now, c.wtxid)
		}
		delete(n.servings, e.ID)
	case p2p.Received:
		n.relay.Received(now, inv.PeerID(e.ID), e.Msg)
	case p2p.MeshChanged:
		ids := make([]inv.PeerID, len(e.IDs))
		for i, id := range e.IDs {
			ids[i] = inv.PeerID(id)
		}
		n.relay.MeshChanged(now, ids)
	case p2p.NetworkSize:
		n.relay.NetworkSized(now, e.Nodes)
	case p2p.Drained:
		n.serveMore(e.ID)
	}
}

// perform does what the engine asks for, answers submitters, who then find the
// published state to include their transaction, and sets the clock for the next
// tick.
func (n *Node) perform(clock *time.Timer) {
	ready := n.relay.Ready()
	for _, s := range ready.Send {
		n.net.Send(p2p.PeerID(s.Peer), s.Msg)
	}
	for _, p := range ready.Push {
		n.push(p)
	}
	for _, s := range ready.Serve {
		n.serve(s)
	}
	for _, s := range ready.ServeParents {
		n.serveParents(s)
	}
	n.orphansAnnounced(ready.Orphans)
	for _, f := range ready.Families {
		n.judgeFamily(f)
	}
	var refused []candidate
	for _, b := range ready.Validate {
		c := candidate{origin: p2p.PeerID(b.Peer), wtxid: b.WTxID, raw: b.Raw}
		if !n.admission.push(c) {
			refused = append(refused, c)
		}
	}
	for _, d := range ready.Disconnect {
		n.net.Misbehaving(p2p.PeerID(d.Peer), d.Reason)
	}
	n.arrived(ready.Broadcast)
	n.publish(ready.Rounds)
	for _, r := range n.answers {
		r.done <- r
	}
	n.answers = n.answers[:0]
	if len(n.waiting) > 0 && n.told != n.relay.DeliveryRevision() {
		n.answerReceipts()
	}
	if !ready.Wake.IsZero() {
		clock.Reset(time.Until(ready.Wake))
	}
	if len(refused) > 0 {
		n.unjudged(refused)
		n.perform(clock)
	}
}

// unjudged lets the engine want again what nobody will judge.
func (n *Node) unjudged(candidates []candidate) {
	for _, c := range candidates {
		n.relay.Rejected(time.Now(), c.wtxid, false)
	}
}

// keptRounds is how many reconciliation rounds Rounds tells of.
const keptRounds = 256

// publish makes the loop's state readable by others, then tells observers what
// made it so: who hears of an event finds what it tells of.
func (n *Node) publish(rounds []inv.Round) {
	old := n.published.Load()
	digest, count := n.relay.Digest()
	ended := make([]Round, len(rounds))
	for i, r := range rounds {
		ended[i] = Round{r, n.peerOf(p2p.PeerID(r.Peer))}
	}
	if len(rounds) > 0 || digest != old.digest {
		kept := old.rounds[:len(old.rounds):len(old.rounds)]
		for _, r := range ended {
			r.Details = nil // of interest to who asked only
			kept = append(kept, r)
		}
		n.published.Store(&state{digest: digest, count: count, rounds: kept[max(0, len(kept)-keptRounds):]})
	}
	for _, r := range ended {
		n.tell(Event{Time: r.Started.Add(r.Duration), Kind: EventRound, Peer: r.PeerID, Round: r.Round})
		if r.Requested {
			n.answered(r)
		}
	}
	for _, e := range n.untold {
		if n.cfg.Observer != nil {
			n.cfg.Observer(e)
		}
		n.feed.publish(e)
	}
	clear(n.untold)
	n.untold = n.untold[:0]
	clear(n.departed)
}

// peerOf is who is, or lately was, at the other end of a link.
func (n *Node) peerOf(link p2p.PeerID) peer.ID {
	if id, ok := n.peers[link]; ok {
		return id
	}
	return n.departed[link]
}

// tell has observers hear of the event once the loop's state is published.
func (n *Node) tell(e Event) { n.untold = append(n.untold, e) }

// storageFailed tells the operator, at most once a minute, that storage lacks
// accepted transactions, or keeps some that left.
func (n *Node) storageFailed(err error) {
	now, reason := time.Now(), err.Error()
	n.unwritten.Store(&reason)
	if now.Sub(n.diskAlarm) < time.Minute {
		return
	}
	n.diskAlarm = now
	n.log.Error("storage does not follow the mempool: accepted transactions may be in memory only", "reason", err)
}
