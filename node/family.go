package node

import (
	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/p2p"
)

// serveParents sends a peer the ancestors of what it was offered. The relay engine
// bounds how many bytes of them a peer is sent.
func (n *Node) serveParents(s inv.ServeParents) {
	m := &relaymsg.Parents{Child: s.Child}
	for _, wtxid := range s.WTxIDs {
		if entry := n.pool.Get(wtxid); entry != nil {
			m.Bodies = append(m.Bodies, entry.Raw)
		}
	}
	if len(m.Bodies) == 0 {
		n.net.Send(p2p.PeerID(s.Peer), &relaymsg.NotFound{IDs: []relaymsg.ShortID{s.Child}})
		return
	}
	n.net.Send(p2p.PeerID(s.Peer), m)
}

// judgeFamily judges an orphan again together with its ancestors, if it still waits.
func (n *Node) judgeFamily(f inv.Family) {
	o, waits := n.orphans.Take(f.Child)
	if !waits {
		return
	}
	n.again(o, candidate{origin: p2p.PeerID(f.Peer), pack: append(f.Parents, o.Raw), family: true})
}
