package node

import (
	"context"
	"maps"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// hearsay is a message of the topic on its way to the loop.
type hearsay struct {
	ctx     context.Context
	from    peer.ID
	data    []byte
	verdict chan bool // has room for one
}

// onTopic is the topic of the audience, or nil.
func (n *Node) onTopic() *p2p.Topic {
	if !n.cfg.Relay.Audience.Topic() {
		return nil
	}
	return &p2p.Topic{Judge: n.judgeHearsay, Bodies: n.cfg.Relay.Audience == inv.AudienceTopicBodies}
}

// judgeHearsay reports whether the transaction that a message is, or names,
// entered the mempool because of it.
func (n *Node) judgeHearsay(ctx context.Context, from peer.ID, data []byte) bool {
	h := hearsay{ctx, from, data, make(chan bool, 1)}
	select {
	case n.heard <- h:
	case <-ctx.Done():
		return false
	}
	select {
	case accepted := <-h.verdict:
		return accepted
	case <-ctx.Done():
		return false
	}
}

// hear takes a message of the topic: a body goes to admission, an id is an
// announcement of the peer that passed it on.
func (n *Node) hear(h hearsay) {
	wtxid, body := chainhash.DoubleHashH(h.data), n.cfg.Relay.Audience == inv.AudienceTopicBodies
	if !body {
		copy(wtxid[:], h.data)
	}
	link, linked := n.linkTo(h.from)
	switch {
	case !linked, !body && len(h.data) != chainhash.HashSize, n.pool.Get(wtxid) != nil:
		h.verdict <- false
		return
	case body && !n.admission.push(candidate{origin: link, wtxid: wtxid, raw: h.data}):
		h.verdict <- false
		return
	case !body:
		n.relay.Received(time.Now(), inv.PeerID(link), &relaymsg.Inv{IDs: []relaymsg.ShortID{n.salt.ShortID(wtxid)}})
	}
	n.verdicts[wtxid] = append(n.verdicts[wtxid], h)
}

func (n *Node) linkTo(id peer.ID) (link p2p.PeerID, ok bool) {
	for link, of := range n.peers {
		if of == id {
			return link, true
		}
	}
	return 0, false
}

// decided answers who passed the transaction on, and reports whether anybody did.
func (n *Node) decided(wtxid chainhash.Hash, accepted bool) bool {
	waiting := n.verdicts[wtxid]
	for _, h := range waiting {
		h.verdict <- accepted
	}
	delete(n.verdicts, wtxid)
	return len(waiting) > 0
}

// publishOnTopic publishes what entered the mempool, but for what the topic passes
// on by itself.
func (n *Node) publishOnTopic(e *mempool.Entry) {
	switch audience := n.cfg.Relay.Audience; {
	case n.decided(e.WTxID, true) || !audience.Topic():
	case audience == inv.AudienceTopicBodies:
		n.net.Publish(e.Raw)
	default:
		n.net.Publish(e.WTxID[:])
	}
}

// forgetHearsay drops what nobody waits for any more.
func (n *Node) forgetHearsay() {
	maps.DeleteFunc(n.verdicts, func(_ chainhash.Hash, waiting []hearsay) bool {
		return waiting[len(waiting)-1].ctx.Err() != nil
	})
}
