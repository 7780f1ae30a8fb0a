package inv

import (
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// twin is a naive Relay: flat maps of who said what on which link, searched for
// everything. It does not decide; it checks that what the Relay did was allowed,
// that every GET is answered once, and that no peer changes what is kept about
// another.
type twin struct {
	s       *script
	pool    map[chainhash.Hash]uint64 // fee rates
	local   map[chainhash.Hash]bool   // was ever submitted here: may be announced again
	judging map[chainhash.Hash]bool
	peers   map[PeerID]*twinPeer

	// Of the message that is being answered.
	heard  PeerID // whose it is; 0: none
	others map[PeerID]string
	gets   map[relaymsg.ShortID]int
	bodies map[chainhash.Hash]bool // that may be judged

	err error // the first
}

// twinPeer is what was said on a link. Ids are under our salt except for those
// of offered.
type twinPeer struct {
	salt     relaymsg.Salt
	floor    uint64
	mesh     bool
	everMesh bool
	offered  map[relaymsg.ShortID]chainhash.Hash // by us
	named    map[relaymsg.ShortID]bool           // by it, in rounds
	told     map[relaymsg.ShortID]bool           // by it, in any way
	knows    map[relaymsg.ShortID]bool           // was told by either side, rounds of it apart
	asked    map[relaymsg.ShortID]bool           // by us
	wondered map[relaymsg.ShortID]bool           // about its ancestors, by us
}

func newTwin(s *script) *twin {
	t := &twin{
		s: s, pool: map[chainhash.Hash]uint64{}, local: map[chainhash.Hash]bool{},
		judging: map[chainhash.Hash]bool{}, peers: map[PeerID]*twinPeer{},
	}
	s.hears, s.does = t.hear, t.check
	return t
}

func (t *twin) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

// command follows one that is no message.
func (t *twin) command(name string, plain []string, opt map[string]string) {
	switch name {
	case "connect":
		t.peers[t.s.peers[plain[0]].id] = &twinPeer{
			salt: t.s.peers[plain[0]].salt, floor: number(opt["floor"]),
			offered: map[relaymsg.ShortID]chainhash.Hash{}, named: map[relaymsg.ShortID]bool{},
			told: map[relaymsg.ShortID]bool{}, knows: map[relaymsg.ShortID]bool{}, asked: map[relaymsg.ShortID]bool{},
			wondered: map[relaymsg.ShortID]bool{},
		}
	case "disconnect":
		t.left(t.s.peers[plain[0]].id)
	case "mesh":
		for _, p := range t.peers {
			p.mesh = false
		}
		for _, name := range plain {
			if p := t.peers[t.s.peers[name].id]; p != nil {
				p.mesh, p.everMesh = true, true
			}
		}
	case "accept":
		for _, name := range plain {
			tx := t.s.wtxid(name)
			delete(t.judging, tx)
			if _, held := t.pool[tx]; !held {
				t.pool[tx] = number(opt["fee"])
				t.local[tx] = t.local[tx] || opt["src"] == "local"
			}
		}
	case "reject", "orphan":
		delete(t.judging, t.s.wtxid(plain[0]))
	case "remove":
		delete(t.pool, t.s.wtxid(plain[0]))
	}
}

// left checks that nothing about the peer is left.
func (t *twin) left(id PeerID) {
	delete(t.peers, id)
	if r := t.s.relay; r.peers[id] != nil || r.mesh[id] || r.tracker.Len(id) > 0 {
		t.fail("something of peer %d is left", id)
	}
}

// hear notes a message before the Relay gets it.
func (t *twin) hear(id PeerID, m relaymsg.Message) {
	p := t.peers[id]
	t.heard, t.others = id, t.entries(id)
	t.gets, t.bodies = map[relaymsg.ShortID]int{}, map[chainhash.Hash]bool{}
	switch m := m.(type) {
	case *relaymsg.Inv:
		for _, id := range m.IDs {
			p.told[id], p.knows[id] = true, true
		}
	case *relaymsg.Push:
		wtxid := chainhash.DoubleHashH(m.Body)
		id := t.s.cfg.Salt.ShortID(wtxid)
		p.told[id], p.knows[id], t.bodies[wtxid] = true, true, p.everMesh
	case *relaymsg.Txs:
		for _, raw := range m.Bodies {
			wtxid := chainhash.DoubleHashH(raw)
			id := t.s.cfg.Salt.ShortID(wtxid)
			p.knows[id] = true // or it is cut off
			t.bodies[wtxid] = p.asked[id]
		}
	case *relaymsg.Get:
		for _, id := range m.IDs {
			t.gets[id]++
		}
	case *relaymsg.GetParents:
		t.gets[m.Child]++
	case *relaymsg.Parents:
		for _, raw := range m.Bodies {
			p.knows[t.s.cfg.Salt.ShortID(chainhash.DoubleHashH(raw))] = true // or it is cut off
		}
	case *relaymsg.FeeFilter:
		p.floor = m.FeeFloor
	case *relaymsg.ReconDiff:
		p.name(m.Have)
	case *relaymsg.ReconOffer:
		p.name(m.Have)
	}
}

func (p *twinPeer) name(ids []relaymsg.ShortID) {
	for _, id := range ids {
		p.told[id], p.named[id] = true, true
	}
}

// entries is all that is kept about each peer but one.
func (t *twin) entries(but PeerID) map[PeerID]string {
	all := map[PeerID]string{}
	for id, p := range t.s.relay.peers {
		if id != but {
			all[id] = fmt.Sprintf("%+v", *p)
		}
	}
	return all
}

// apart checks that the message changed nothing about other peers.
func (t *twin) apart() {
	for id, after := range t.entries(t.heard) {
		if before := t.others[id]; before != after {
			t.fail("a message of %d changed %d from\n%s\nto\n%s", t.heard, id, before, after)
		}
	}
}

// check judges what the Relay wants to be done.
func (t *twin) check(r Ready) {
	for _, d := range r.Disconnect {
		if d.Peer != t.heard {
			t.fail("%d is cut off after a message of %d", d.Peer, t.heard)
		}
		t.left(d.Peer)
	}
	for _, m := range r.Send {
		if p := t.peers[m.Peer]; p == nil {
			t.fail("%T to %d, who is gone", m.Msg, m.Peer)
		} else {
			t.sent(p, m.Msg)
		}
	}
	for _, q := range r.Push {
		if p := t.peers[q.Peer]; p == nil || !p.mesh || q.Hop == 0 {
			t.fail("%d is pushed to", q.Peer)
		} else {
			t.offer(p, p.salt.ShortID(q.WTxID), true)
		}
	}
	for _, q := range r.Serve {
		for _, tx := range q.Tx {
			_, held := t.pool[tx.WTxID]
			if p := t.peers[q.Peer]; p == nil || !held || p.offered[tx.ID] != tx.WTxID {
				t.fail("%v is served to %d", tx.WTxID, q.Peer)
			}
			t.gets[tx.ID]--
		}
	}
	t.families(r)
	for _, b := range r.Validate {
		_, held := t.pool[b.WTxID]
		if b.Peer != t.heard || !t.bodies[b.WTxID] || chainhash.DoubleHashH(b.Raw) != b.WTxID || held || t.judging[b.WTxID] {
			t.fail("%v of %d is to be judged", b.WTxID, b.Peer)
		}
		t.judging[b.WTxID] = true
	}
	for id, left := range t.gets {
		if left != 0 && t.peers[t.heard] != nil {
			t.fail("%v was asked for %d times more than answered", id, left)
		}
	}
	t.heard, t.gets, t.bodies = 0, nil, nil
	t.remembers()
}

// families checks what is served and judged because of orphans.
func (t *twin) families(r Ready) {
	for _, q := range r.ServeParents {
		p := t.peers[q.Peer]
		if p == nil || q.Peer != t.heard {
			t.fail("ancestors are served to %d", q.Peer)
			continue
		}
		if _, held := t.pool[p.offered[q.Child]]; !held {
			t.fail("ancestors of %v are served to %d", q.Child, q.Peer)
		}
		for _, tx := range q.WTxIDs {
			if _, held := t.pool[tx]; !held {
				t.fail("%v is served to %d and not here", tx, q.Peer)
			}
			p.knows[t.s.cfg.Salt.ShortID(tx)] = true
		}
		t.gets[q.Child]--
	}
	for _, f := range r.Families {
		if id := t.s.cfg.Salt.ShortID(f.Child); f.Peer != t.heard || !t.peers[f.Peer].wondered[id] {
			t.fail("ancestors of %v were not asked of %d", f.Child, f.Peer)
		}
	}
}

func (t *twin) sent(p *twinPeer, m relaymsg.Message) {
	switch m := m.(type) {
	case *relaymsg.Inv:
		for _, id := range m.IDs {
			t.offer(p, id, true)
		}
	case *relaymsg.ReconDiff:
		for _, id := range m.Have {
			t.offer(p, id, false)
		}
	case *relaymsg.ReconOffer:
		for _, id := range m.Have {
			t.offer(p, id, false)
		}
	case *relaymsg.NotFound:
		for _, id := range m.IDs {
			t.gets[id]--
		}
	case *relaymsg.GetParents:
		if !p.told[m.Child] {
			t.fail("ancestors of %v are asked of who never told of it", m.Child)
		}
		p.wondered[m.Child] = true
	case *relaymsg.Get:
		for _, id := range m.IDs {
			if !p.told[id] {
				t.fail("%v is asked of who never told of it", id)
			}
			if t.held(id) && !p.named[id] { // in a round it may be another with the same id
				t.fail("%v is asked for and here", id)
			}
			p.asked[id] = true
		}
	}
}

// held reports whether a transaction with this id is here or being judged.
func (t *twin) held(id relaymsg.ShortID) bool {
	for tx := range t.judging {
		if t.s.cfg.Salt.ShortID(tx) == id {
			return true
		}
	}
	for tx := range t.pool {
		if t.s.cfg.Salt.ShortID(tx) == id {
			return true
		}
	}
	return false
}

// offer follows the telling of a transaction to the peer. Announced is none that
// it knows.
func (t *twin) offer(p *twinPeer, id relaymsg.ShortID, announced bool) {
	for tx, fee := range t.pool {
		if p.salt.ShortID(tx) != id {
			continue
		}
		ours := t.s.cfg.Salt.ShortID(tx)
		if fee < p.floor || announced && !t.local[tx] && (p.knows[ours] || !p.everMesh) {
			t.fail("%s is told of, which pays %d, known %v", t.s.names[tx], fee, p.knows[ours])
		}
		p.offered[id] = tx
		p.knows[ours] = true
		return
	}
	t.fail("%v is told of and not here", id)
}

// remembers checks what the Relay keeps about its peers.
func (t *twin) remembers() {
	for id, p := range t.peers {
		kept := t.s.relay.peers[id]
		if kept == nil {
			t.fail("peer %d is lost", id)
			continue
		}
		for id, tx := range p.offered {
			if g, ok := kept.granted.get(id); !ok || g.tx.WTxID != tx {
				t.fail("the right to GET %s is lost", t.s.names[tx])
			}
		}
		if kept.granted.len() > len(p.offered) {
			t.fail("%d may be asked for, %d were offered", kept.granted.len(), len(p.offered))
		}
		for tx := range t.s.names {
			ours := t.s.cfg.Salt.ShortID(tx)
			knows := kept.knows(ours)
			if knows && !p.knows[ours] && !p.named[ours] || !knows && p.knows[ours] && !t.local[tx] {
				t.fail("that %d knows %s: %v", id, t.s.names[tx], knows)
			}
		}
	}
}

// step runs one line through both.
func (t *twin) step(line string) error {
	fields := strings.Fields(line)
	if err := t.s.command(fields[0], fields[1:]); err != nil {
		return err
	}
	if fields[0] == "recv" {
		t.apart()
	} else {
		plain, opt := options(fields[1:])
		t.command(fields[0], plain, opt)
	}
	t.s.ready()
	return t.err
}
