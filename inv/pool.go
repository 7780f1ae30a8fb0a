package inv

import (
	"cmp"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
)

// ListAge is the age from which a transaction is listed in rounds even if it
// was announced to nobody.
const ListAge = 30 * time.Second

// entry is a transaction in the mempool, or (gone) one that was.
type entry struct {
	Tx
	id        relaymsg.ShortID // under our salt
	sameID    *entry           // the next one with this id: chained, for ids collide
	at        time.Time        // of acceptance
	listed    uint64           // place in the order of listing; 0: not yet
	trace     *trace           // of its delivery; nil: it is not traced
	announced bool             // to some peer
	gone      bool
}

// pool mirrors what the relay must know of the mempool, and which of it is
// public enough to take part in rounds.
type pool struct {
	id     func(wtxid chainhash.Hash) relaymsg.ShortID
	byID   map[relaymsg.ShortID]*entry
	digest recon.Digest // of all

	aging      []*entry     // in order of acceptance; those at the front may be listed or gone
	public     []*entry     // in order of listing; may hold some that are gone
	publicSum  recon.Digest // of those listed and not gone
	listings   uint64
	frozen     recon.Set // valid unless thawed
	frozenFrom uint64    // listing order of its oldest entry
	thawed     bool
}

func newPool(salt relaymsg.Salt) *pool {
	return &pool{id: salt.ShortID, byID: map[relaymsg.ShortID]*entry{}}
}

func (l *pool) get(wtxid chainhash.Hash) *entry {
	e := l.byID[l.id(wtxid)]
	for e != nil && e.WTxID != wtxid {
		e = e.sameID
	}
	return e
}

func (l *pool) add(tx Tx, now time.Time) *entry {
	e := &entry{Tx: tx, id: l.id(tx.WTxID), at: now}
	e.sameID = l.byID[e.id]
	l.byID[e.id] = e
	l.digest.Add(tx.WTxID)
	l.aging = append(l.aging, e)
	return e
}

func (l *pool) remove(wtxid chainhash.Hash) {
	e := l.get(wtxid)
	if e == nil {
		return
	}
	e.gone = true
	l.unchain(e)
	l.digest.Sub(wtxid)
	if e.listed > 0 {
		l.publicSum.Sub(wtxid)
		l.thawed = true
		if len(l.public) > 2*l.publicSum.Count()+16 {
			l.public = slices.DeleteFunc(l.public, func(e *entry) bool { return e.gone })
		}
	}
}

func (l *pool) unchain(e *entry) {
	switch first := l.byID[e.id]; {
	case first != e:
		for first.sameID != e {
			first = first.sameID
		}
		first.sameID = e.sameID
	case e.sameID != nil:
		l.byID[e.id] = e.sameID
	default:
		delete(l.byID, e.id)
	}
}

// list makes the transaction take part in rounds.
func (l *pool) list(e *entry) {
	if e.listed > 0 || e.gone {
		return
	}
	l.listings++
	e.listed = l.listings
	l.public = append(l.public, e)
	l.publicSum.Add(e.WTxID)
	l.thawed = true
}

// age lists what has become old enough.
func (l *pool) age(now time.Time) {
	n := 0
	for _, e := range l.aging {
		if !e.gone && e.listed == 0 {
			if now.Sub(e.at) < ListAge {
				break
			}
			l.list(e)
		}
		n++
	}
	clear(l.aging[:n])
	l.aging = l.aging[n:]
}

// freeze returns the public set, of which the latest recon.MaxList take part,
// and the span of listing order that it covers.
func (l *pool) freeze() (recon.Set, span) {
	if l.thawed {
		public := l.public
		ids := make([]chainhash.Hash, 0, min(l.publicSum.Count(), recon.MaxList))
		for i := len(public) - 1; i >= 0 && len(ids) < recon.MaxList; i-- {
			if !public[i].gone {
				ids = append(ids, public[i].WTxID)
				l.frozenFrom = public[i].listed
			}
		}
		l.frozen = recon.Set{WTxIDs: ids, Digest: l.publicSum.Sum(), Count: l.publicSum.Count()}
		l.thawed = false
	}
	return l.frozen, span{l.frozenFrom, l.listings}
}

// since returns what of the public set has been listed after the span and is
// not among the settled, but no more than makes clear that it is too much, and
// the span up to now.
func (l *pool) since(s span, settled *generations[struct{}]) (recon.Set, span) {
	first, _ := slices.BinarySearchFunc(l.public, s.to+1, func(e *entry, n uint64) int { return cmp.Compare(e.listed, n) })
	var ids []chainhash.Hash
	for _, e := range l.public[first:] {
		if _, ok := settled.get(e.id); !ok && !e.gone {
			ids = append(ids, e.WTxID)
		}
		if len(ids) > recon.MaxNew {
			break
		}
	}
	return recon.Set{WTxIDs: ids, Count: len(ids)}, span{s.to + 1, l.listings}
}

// span is a range in the order of listing, ends included.
type span struct{ from, to uint64 }

// holds reports whether the transaction was in the set.
func (s span) holds(e *entry) bool { return e.listed > 0 && s.from <= e.listed && e.listed <= s.to }

// covers reports whether a transaction with this id was in the set.
func (l *pool) covers(s span, id relaymsg.ShortID) bool {
	for e := l.byID[id]; e != nil; e = e.sameID {
		if s.holds(e) {
			return true
		}
	}
	return false
}
