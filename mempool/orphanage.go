package mempool

import (
	"bytes"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Limits of an [Orphanage]. The first two are those of Core's node/txorphanage.h; Core has no expiry any more.
const (
	// OrphanWeightPerPeer is what every peer may have announced without fear of eviction: one transaction of the
	// largest standard weight.
	OrphanWeightPerPeer = 404_000
	// MaxOrphanLatencyScore bounds the work the orphanage can cause: one point per announcement, and one per ten
	// inputs of each orphan.
	MaxOrphanLatencyScore = 3_000
	// OrphanExpiry is how long an orphan waits for its parents.
	OrphanExpiry = 20 * time.Minute
)

// An Orphan is a transaction that waits for one it spends from. It is kept undecoded, for decoded it may take many
// times the memory its weight accounts for.
type Orphan struct {
	TxID, WTxID chainhash.Hash
	Raw         []byte
	Weight      int64
	Announcers  []uint64 // peers that offered it, the first one first
}

// An Orphanage keeps transactions whose parents are missing. Anybody can make up any number of those, so it is bounded
// both in weight and in work, and the bounds hold per peer:
//
//   - all orphans together weigh at most [OrphanWeightPerPeer] for each peer that announced one, and score at most
//     [MaxOrphanLatencyScore];
//   - beyond either, the oldest announcement of the peer that uses the most of its share goes, until the bounds hold;
//   - an orphan stays as long as somebody's announcement of it does.
//
// So no peer can push out what another announced, unless that one exceeds its own share.
//
// An Orphanage is not safe for concurrent use; one goroutine owns it. The zero value is not usable.
type Orphanage struct {
	orphans  map[chainhash.Hash]*orphan   // by wtxid
	byParent map[chainhash.Hash][]*orphan // by txid spent from
	peers    map[uint64]*orphanPeer       // those with announcements
	weight   int64                        // of all orphans
	score    int                          // latency score of all announcements and orphans
}

type orphan struct {
	Orphan
	parents []chainhash.Hash // txids it spends from, each once
	inputs  int
	added   time.Time
}

// inputScore is the part of the latency score that stands for the inputs to look up.
func (o *orphan) inputScore() int { return o.inputs / 10 }

type orphanPeer struct {
	queue  []*orphan // announced, oldest first
	weight int64
	score  int
}

// NewOrphanage returns an empty orphanage.
func NewOrphanage() *Orphanage {
	return &Orphanage{
		orphans:  make(map[chainhash.Hash]*orphan),
		byParent: make(map[chainhash.Hash][]*orphan),
		peers:    make(map[uint64]*orphanPeer),
	}
}

// Add keeps the transaction of e, which came from peer and was rejected with [ErrMissingInputs]. If it is here already,
// peer becomes one more announcer. Add reports whether the transaction is in the orphanage afterwards: making room may
// have cost peer its oldest announcements, this one included.
//
// The pool may have accepted a parent while it judged e. So the caller notes [Info.Sequence] before it calls [Pool.Add],
// and judges the transaction again if a parent with a later Sequence is there after this Add. That a parent is there is
// not reason enough: another may be missing, or e may spend an output the parent does not have, and it would go round
// for ever.
func (o *Orphanage) Add(e *Entry, peer uint64, now time.Time) bool {
	if o.orphans[e.WTxID] == nil {
		o.insert(e, now)
	}
	return o.AddAnnouncer(e.WTxID, peer)
}

func (o *Orphanage) insert(e *Entry, now time.Time) {
	t := &orphan{
		Orphan: Orphan{TxID: e.TxID, WTxID: e.WTxID, Raw: bytes.Clone(e.Raw), Weight: e.Weight},
		added:  now,
	}
	for in := range e.Inputs() {
		t.inputs++
		t.parents = append(t.parents, in.PreviousOutPoint.Hash)
	}
	slices.SortFunc(t.parents, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	t.parents = slices.Compact(t.parents)
	for _, txid := range t.parents {
		o.byParent[txid] = append(o.byParent[txid], t)
	}
	o.orphans[t.WTxID] = t
	o.weight += t.Weight
	o.score += t.inputScore()
}

// AddAnnouncer notes that peer, too, offers the orphan with this wtxid. It reports whether the orphan is here
// afterwards.
func (o *Orphanage) AddAnnouncer(wtxid chainhash.Hash, peer uint64) bool {
	t := o.orphans[wtxid]
	if t == nil {
		return false
	}
	if !slices.Contains(t.Announcers, peer) {
		p := o.peers[peer]
		if p == nil {
			p = new(orphanPeer)
			o.peers[peer] = p
		}
		t.Announcers = append(t.Announcers, peer)
		p.queue = append(p.queue, t)
		p.weight += t.Weight
		p.score += 1 + t.inputScore()
		o.score++
		o.trim()
	}
	return o.Has(wtxid)
}

// trim evicts until the bounds hold. While they do not, some peer exceeds its share. It follows on whatever adds an
// announcement, and on whatever may leave fewer peers, for then the bound on weight is lower.
func (o *Orphanage) trim() {
	for o.score > MaxOrphanLatencyScore || o.weight > OrphanWeightPerPeer*int64(len(o.peers)) {
		worst := o.worstPeer()
		o.withdraw(o.peers[worst].queue[0], worst)
	}
}

// worstPeer is the one that uses the most of its share of either bound; the newest of several.
func (o *Orphanage) worstPeer() (worst uint64) {
	scoreShare := float64(MaxOrphanLatencyScore) / float64(len(o.peers))
	most := -1.0
	for id, p := range o.peers {
		use := max(float64(p.weight)/OrphanWeightPerPeer, float64(p.score)/scoreShare)
		if use > most || use == most && id > worst {
			worst, most = id, use
		}
	}
	return worst
}

// withdraw removes peer's announcement of t, and t with its last one.
func (o *Orphanage) withdraw(t *orphan, peer uint64) {
	p := o.peers[peer]
	p.queue = without(p.queue, t)
	p.weight -= t.Weight
	p.score -= 1 + t.inputScore()
	o.score--
	if len(p.queue) == 0 {
		delete(o.peers, peer)
	}
	t.Announcers = without(t.Announcers, peer)
	if len(t.Announcers) > 0 {
		return
	}
	delete(o.orphans, t.WTxID)
	for _, txid := range t.parents {
		if rest := without(o.byParent[txid], t); len(rest) > 0 {
			o.byParent[txid] = rest
		} else {
			delete(o.byParent, txid)
		}
	}
	o.weight -= t.Weight
	o.score -= t.inputScore()
}

// remove withdraws all announcements of t, and t with them.
func (o *Orphanage) remove(t *orphan) {
	for _, peer := range slices.Clone(t.Announcers) {
		o.withdraw(t, peer)
	}
}

// Has reports whether the orphan with this wtxid is here.
func (o *Orphanage) Has(wtxid chainhash.Hash) bool { return o.orphans[wtxid] != nil }

// Len is the number of orphans.
func (o *Orphanage) Len() int { return len(o.orphans) }

// TakeChildren removes and returns the orphans that spend from txid, in the order of their arrival: to be judged again,
// a few at a time, now that txid is in the pool.
func (o *Orphanage) TakeChildren(txid chainhash.Hash) []Orphan {
	var taken []Orphan
	for _, t := range slices.Clone(o.byParent[txid]) {
		taken = append(taken, o.take(t))
	}
	o.trim()
	return taken
}

// Take removes and returns the orphan with this wtxid, if it is here.
func (o *Orphanage) Take(wtxid chainhash.Hash) (taken Orphan, ok bool) {
	t := o.orphans[wtxid]
	if t == nil {
		return Orphan{}, false
	}
	taken = o.take(t)
	o.trim()
	return taken, true
}

func (o *Orphanage) take(t *orphan) Orphan {
	taken := t.Orphan
	taken.Announcers = slices.Clone(t.Announcers)
	o.remove(t)
	return taken
}

// Remove drops the orphan with this wtxid and reports whether it was here.
func (o *Orphanage) Remove(wtxid chainhash.Hash) bool {
	t := o.orphans[wtxid]
	if t == nil {
		return false
	}
	o.remove(t)
	o.trim()
	return true
}

// RemovePeer withdraws everything peer announced: it is gone. Orphans that others announced stay.
func (o *Orphanage) RemovePeer(peer uint64) {
	for p := o.peers[peer]; p != nil; p = o.peers[peer] {
		o.withdraw(p.queue[0], peer)
	}
	o.trim()
}

// Expire drops the orphans that were added [OrphanExpiry] or longer before now, and returns how many.
func (o *Orphanage) Expire(now time.Time) int {
	n := 0
	for _, t := range o.orphans {
		if now.Sub(t.added) >= OrphanExpiry {
			o.remove(t)
			n++
		}
	}
	o.trim()
	return n
}

// without returns s with its first v removed.
func without[T comparable](s []T, v T) []T {
	i := slices.Index(s, v)
	return slices.Delete(s, i, i+1)
}
