package inv

import (
	"iter"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// MaxRejects bounds the transactions remembered as rejected for good
	// (Core: rolling filter of 120 000).
	MaxRejects = 120_000
	// MaxUnpaid is the same for those that pay too little: other ones may not push
	// them out, nor they the others (Core: a filter of its own).
	MaxUnpaid = 120_000
	// RejectTurn is how often the older half of them is forgotten, so that each
	// is remembered for one to two turns; with every block all are, as in Core
	// ([Relay.ChainChanged]).
	RejectTurn = 15 * time.Minute

	// MaxOrphans bounds the transactions remembered as orphans: what the
	// mempool's orphanage holds at the most.
	MaxOrphans = 3_000
	// OrphanTurn is the same for orphans. It is short because nobody tells when
	// the orphanage gives one up.
	OrphanTurn = 20 * time.Second
)

// unwanted is what need not be requested: rejected for good, for its fee, or
// waiting for its parents.
type unwanted struct {
	rejects, unpaid, orphans memory
}

func newUnwanted(salt relaymsg.Salt) unwanted {
	return unwanted{
		rejects: newMemory(salt, MaxRejects, RejectTurn),
		unpaid:  newMemory(salt, MaxUnpaid, RejectTurn),
		orphans: newMemory(salt, MaxOrphans, OrphanTurn),
	}
}

func (u *unwanted) hasID(now time.Time, id relaymsg.ShortID) bool {
	return u.rejects.hasID(now, id) || u.unpaid.hasID(now, id) || u.orphans.hasID(now, id)
}

func (u *unwanted) has(now time.Time, wtxid chainhash.Hash) bool {
	return u.rejects.has(now, wtxid) || u.unpaid.has(now, wtxid) || u.orphans.has(now, wtxid)
}

// all ranges over them in no order.
func (u *unwanted) all(now time.Time) iter.Seq[chainhash.Hash] {
	return func(yield func(chainhash.Hash) bool) {
		for _, m := range []*memory{&u.rejects, &u.unpaid, &u.orphans} {
			for wtxid := range m.all(now) {
				if !yield(wtxid) {
					return
				}
			}
		}
	}
}

// memory remembers transactions for one to two turns, less only if more than
// half the limit are added in one.
type memory struct {
	salt   relaymsg.Salt
	set    generations[chainhash.Hash]
	turn   time.Duration
	turnAt time.Time // zero: nothing is remembered
}

func newMemory(salt relaymsg.Salt, limit int, turn time.Duration) memory {
	return memory{salt: salt, set: generations[chainhash.Hash]{limit: limit / 2}, turn: turn}
}

func (m *memory) add(now time.Time, wtxid chainhash.Hash) {
	m.forget(now)
	if turned := m.set.put(m.salt.ShortID(wtxid), wtxid); turned || m.turnAt.IsZero() {
		m.turnAt = now.Add(m.turn)
	}
}

// drop forgets the transaction.
func (m *memory) drop(wtxid chainhash.Hash) {
	if id := m.salt.ShortID(wtxid); m.set.young[id] == wtxid || m.set.old[id] == wtxid {
		m.set.forget(id)
	}
}

// forget turns the generations as often as time demands.
func (m *memory) forget(now time.Time) {
	for !m.turnAt.IsZero() && !m.turnAt.After(now) {
		m.set.turn()
		m.turnAt = m.turnAt.Add(m.turn)
		if m.set.len() == 0 {
			m.turnAt = time.Time{}
		}
	}
}

func (m *memory) clear() {
	m.set = generations[chainhash.Hash]{limit: m.set.limit}
	m.turnAt = time.Time{}
}

// get is the remembered transaction with this id.
func (m *memory) get(now time.Time, id relaymsg.ShortID) (wtxid chainhash.Hash, ok bool) {
	m.forget(now)
	return m.set.get(id)
}

func (m *memory) hasID(now time.Time, id relaymsg.ShortID) bool {
	_, ok := m.get(now, id)
	return ok
}

func (m *memory) has(now time.Time, wtxid chainhash.Hash) bool {
	found, ok := m.get(now, m.salt.ShortID(wtxid))
	return ok && found == wtxid
}

func (m *memory) all(now time.Time) iter.Seq[chainhash.Hash] {
	return func(yield func(chainhash.Hash) bool) {
		m.forget(now)
		for _, generation := range []map[relaymsg.ShortID]chainhash.Hash{m.set.young, m.set.old} {
			for _, wtxid := range generation {
				if !yield(wtxid) {
					return
				}
			}
		}
	}
}
