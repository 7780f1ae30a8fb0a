package node

import (
	"fmt"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/p2p"
)

const (
	// txsFrame is about how many bytes of bodies go into one TXS frame; a
	// larger transaction gets a frame of its own.
	txsFrame = 64 << 10

	// serveAhead is how many bytes may wait at a peer's writer before serving
	// it pauses until the writer drains. The rest waits here as ids.
	serveAhead = 256 << 10

	// maxOwed bounds the ids that wait here for one peer: two of the largest
	// GETs. An honest peer has at most 100 requests in flight.
	maxOwed = 2 * relaymsg.MaxInvIDs
)

// push sends a body that was not asked for, unless it left the mempool. The
// relay engine bounds how many bytes a peer is pushed.
func (n *Node) push(p inv.Push) {
	if entry := n.pool.Get(p.WTxID); entry != nil {
		n.net.Send(p2p.PeerID(p.Peer), &relaymsg.Push{Hop: p.Hop, Body: entry.Raw})
	}
}

// servings are the bodies still owed to each peer, in the order requested, at
// most maxOwed for each.
type servings map[p2p.PeerID][]inv.Named

// serve queues what the engine wants served and sends as much as the peer takes.
func (n *Node) serve(s inv.Serve) {
	id := p2p.PeerID(s.Peer)
	if len(n.servings[id])+len(s.Tx) > maxOwed {
		delete(n.servings, id)
		n.net.Misbehaving(id, fmt.Sprintf("asks for more than %d transactions without reading them", maxOwed))
		return
	}
	waiting := len(n.servings[id]) > 0
	n.servings[id] = append(n.servings[id], s.Tx...)
	if !waiting {
		n.serveMore(id)
	}
}

// serveMore sends owed bodies until the peer's writer has enough.
func (n *Node) serveMore(id p2p.PeerID) {
	owed := n.servings[id]
	for queued := 0; len(owed) > 0 && queued < serveAhead; {
		var msgs []relaymsg.Message
		owed, msgs = n.nextAnswer(owed)
		queued = n.net.Send(id, msgs...)
	}
	if len(owed) == 0 {
		delete(n.servings, id)
		return
	}
	n.servings[id] = owed
}

// nextAnswer reads bodies for one TXS frame, and names those that left the
// mempool since they were announced.
func (n *Node) nextAnswer(owed []inv.Named) (rest []inv.Named, msgs []relaymsg.Message) {
	var txs relaymsg.Txs
	var gone relaymsg.NotFound
	size := 0
	for len(owed) > 0 && len(txs.Bodies) < relaymsg.MaxTxs && len(gone.IDs) < relaymsg.MaxInvIDs {
		entry := n.pool.Get(owed[0].WTxID)
		switch {
		case entry == nil:
			gone.IDs = append(gone.IDs, owed[0].ID)
		case size > 0 && size+len(entry.Raw) > txsFrame:
			return owed, appendAnswer(nil, &txs, &gone)
		default:
			txs.Bodies = append(txs.Bodies, entry.Raw)
			size += len(entry.Raw)
		}
		owed = owed[1:]
	}
	return owed, appendAnswer(nil, &txs, &gone)
}

func appendAnswer(msgs []relaymsg.Message, txs *relaymsg.Txs, gone *relaymsg.NotFound) []relaymsg.Message {
	if len(txs.Bodies) > 0 {
		msgs = append(msgs, txs)
	}
	if len(gone.IDs) > 0 {
		msgs = append(msgs, gone)
	}
	return msgs
}
