package recon

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

const (
	// MinSpacing is the least mean time between requests that are answered.
	MinSpacing = 500 * time.Millisecond
	// burst is how many requests may follow each other at once.
	burst = 4
	// idPrice is added to the spacing for each of up to MaxNew transactions that
	// take part, and paid for each demand for more. A summary costs some 400 ns and
	// 3 bytes for each.
	idPrice = 10 * time.Microsecond
	// SyncInterval is the least mean time between summaries of a whole mempool of
	// more than MaxNew transactions, but for the first of a link. One of fewer costs
	// no more than what is new may, and is paid for like it.
	SyncInterval = time.Minute
	// SyncSpacing is the least time between two of them for the same peer, on
	// this link or an earlier one.
	SyncSpacing = 10 * time.Second
)

// Responder is the answering side of the rounds on one link. One with nothing
// but a salt has answered none.
type Responder struct {
	Salt   relaymsg.Salt // of the responder's HELLO
	Synced time.Time     // when the latest summary of a large mempool began, be it on an earlier link; zero: never

	numbers
	round     *answered // nil: none is active
	base      *base     // nil: no round over whole mempools is behind us
	ratio     ratio
	allowance allowance // of requests
	syncs     allowance // of whole mempools
}

type answered struct {
	number   uint64
	nonce    relaymsg.Nonce // ours
	theirs   relaymsg.Nonce
	base     *base // of what is new since; nil: over whole mempools
	set      Set
	index    index
	peer     int                 // transactions of the peer that take part
	cells    *sketch.CellEncoder // nil: the list
	limit    int                 // of cells
	sent     int                 // cells or syndromes so far
	due      int                 // those to be sent
	list     *sketch.ListEncoder // nil: cells
	all      bool                // what is new is listed
	extended bool                // the sketch of what is new is a larger one
	complete bool                // nothing is to be sent
	wanted   relaymsg.ReconID    // the last one
	deadline time.Time
}

// Active reports whether a round is under way.
func (r *Responder) Active() bool { return r.round != nil }

// Listing reports whether Chunk has more of the summary to give.
func (r *Responder) Listing() bool { return r.round != nil && !r.round.complete }

// Held is the number of transactions frozen for the active round.
func (r *Responder) Held() int {
	if r.round == nil {
		return 0
	}
	return len(r.round.set.WTxIDs)
}

// Deadline is when Abandon is due unless a message makes progress; zero
// without an active round.
func (r *Responder) Deadline() time.Time {
	if r.round == nil {
		return time.Time{}
	}
	return r.round.deadline
}

// Abandon ends the active round; the peer's messages for it become stale.
func (r *Responder) Abandon() { r.round = nil }

// Request answers the opening of a round with an EQUAL or BUSY, which end it,
// or with nil: then the summary is to be taken from Chunk, and estimate is about
// how many transactions only one side has. A round still active is abandoned,
// as the peer has abandoned it. If busy is set the round is refused.
func (r *Responder) Request(now time.Time, m *relaymsg.ReconRequest, nonce relaymsg.Nonce, set Set, busy bool) (answer relaymsg.Message, estimate int, err error) {
	if m.Round <= r.started {
		return nil, 0, violation("round %d after round %d", m.Round, r.started)
	}
	theirs, err := sketch.ParseCountSketch(m.Sketch)
	if err != nil {
		return nil, 0, violation("%v", err)
	}
	r.started = m.Round
	r.round, r.base = nil, nil // the initiator has none, or does without
	equal := m.Count == uint64(set.Count) && m.Digest == set.Digest
	price, large := MinSpacing, false
	if !equal && !busy {
		if large = len(set.WTxIDs) > MaxNew; !large {
			price += summaryPrice(set)
		}
	}
	retry := r.allowance.spend(now, price, burst*MinSpacing)
	if large && retry == 0 {
		retry = r.sync(now)
	}
	switch {
	case busy || retry > 0:
		r.ended = m.Round
		return &relaymsg.ReconBusy{Round: m.Round, RetryMillis: uint64(max(retry, MinSpacing).Milliseconds())}, 0, nil
	case equal:
		r.ended = m.Round
		r.base = r.base.next(m.Round, m.Nonce, r.Salt)
		return &relaymsg.ReconEqual{Round: m.Round}, 0, nil
	}
	salt := relaymsg.RoundSalt(m.Nonce, nonce)
	a := &answered{
		number: m.Round, nonce: nonce, theirs: m.Nonce, set: set, deadline: now.Add(Timeout),
		index: newIndex(set, salt, id40),
		peer:  int(min(m.Count, MaxList)),
	}
	r.round = a
	estimate = set.counters(m.Nonce).Difference(theirs, len(set.WTxIDs), a.peer)
	a.limit = sketch.CellLimit(a.peer, len(a.index))
	if a.due = sketch.CellsFor(estimate); a.due <= a.limit {
		a.cells = sketch.NewCellEncoder(cellKey(salt), a.index.ids())
	} else {
		a.list = sketch.NewListEncoder(a.index.ids())
	}
	return nil, estimate, nil
}

// sync returns 0 if a large mempool may be summarised now, or how long to wait.
func (r *Responder) sync(now time.Time) (wait time.Duration) {
	if since := now.Sub(r.Synced); !r.Synced.IsZero() && since < SyncSpacing {
		return SyncSpacing - since
	}
	if wait = r.syncs.spend(now, SyncInterval, SyncInterval); wait == 0 {
		r.Synced = now
	}
	return wait
}

func summaryPrice(set Set) time.Duration { return time.Duration(len(set.WTxIDs)) * idPrice }

// Chunk returns the next part of the summary. Call it only while Listing.
func (r *Responder) Chunk(now time.Time) relaymsg.Message {
	a := r.round
	a.deadline = now.Add(Timeout)
	count := uint64(len(a.index))
	if a.base != nil {
		return a.sketch()
	}
	if a.list != nil {
		m := &relaymsg.ReconList{Round: a.number, Nonce: a.nonce, Count: count}
		m.Chunk, a.complete = a.list.AppendChunk(nil, relaymsg.MaxReconBytes)
		return m
	}
	n := min(a.due, relaymsg.MaxReconBytes/sketch.CellLen)
	a.due -= n
	a.sent += n
	a.complete = a.due == 0
	return &relaymsg.ReconCells{
		Round: a.number, Nonce: a.nonce, Count: count, Last: a.complete,
		Cells: sketch.AppendCells(nil, a.cells.Next(n)),
	}
}

// More takes the initiator's demand for more cells, or for the list. Then Chunk
// has it. It is not refused, for the round would be lost, but paid for.
func (r *Responder) More(now time.Time, m *relaymsg.ReconMore) error {
	a, err := r.summarised(m.Round)
	if err == nil && a.base != nil {
		return a.larger(now, m)
	}
	switch {
	case err != nil:
		return err
	case a.list != nil:
		return violation("more than a list is wanted")
	case m.Cells == 0:
		a.cells, a.list = nil, sketch.NewListEncoder(a.index.ids())
	case m.Cells != uint64(sketch.MoreCells(a.sent)) || m.Cells > uint64(a.limit-a.sent):
		// Fewer at a time would make us go through the set more often.
		return violation("%d cells are wanted after %d, limit %d", m.Cells, a.sent, a.limit)
	}
	a.due = int(m.Cells)
	a.complete = false
	a.deadline = now.Add(Timeout)
	r.allowance.level -= summaryPrice(a.set)
	return nil
}

// summarised is the active round, if the message for it comes after a summary.
func (r *Responder) summarised(number uint64) (*answered, error) {
	var active uint64
	if r.round != nil {
		active = r.round.number
	}
	if err := r.check(number, active); err != nil {
		return nil, err
	}
	if !r.round.complete {
		return nil, violation("an answer before the end of the summary")
	}
	return r.round, nil
}

// Diff takes the initiator's difference, which ends the round unless it has
// more. The caller sends what is wanted, named under the peer's salt, as the
// OFFER of the same round; what the peer has is ready for GET.
func (r *Responder) Diff(now time.Time, m *relaymsg.ReconDiff) (wanted []chainhash.Hash, have []relaymsg.ShortID, err error) {
	a, err := r.summarised(m.Round)
	if err != nil {
		return nil, nil, err
	}
	if len(m.Want) > MaxDiff || len(m.Have) > MaxDiff {
		return nil, nil, violation("difference of %d and %d", len(m.Want), len(m.Have))
	}
	for _, id := range m.Want {
		n, ok := a.index.find(id)
		if !ok || id <= a.wanted {
			return nil, nil, violation("wants %v, which does not take part or not ascending", id)
		}
		a.wanted = id
		wanted = append(wanted, a.set.WTxIDs[n])
	}
	if m.More {
		a.deadline = now.Add(PageTimeout)
		return wanted, m.Have, nil
	}
	switch {
	case a.base == nil && len(m.Have) == MaxDiff:
		r.syncs.level += SyncInterval // it most likely takes another round to tell us of the rest
	case a.base != nil:
		r.ratio.learn(int(min(m.Size, uint64(a.peer+len(a.index)))), max(a.peer, len(a.index)))
	}
	r.base = a.base.next(m.Round, a.theirs, r.Salt)
	r.ended = m.Round
	r.round = nil
	return wanted, m.Have, nil
}

// allowance is a token bucket of time.
type allowance struct {
	level time.Duration // may be negative
	at    time.Time     // zero: full
}

// spend takes the price if anything is left, which may leave a debt; otherwise
// it returns how long to wait until something is.
func (a *allowance) spend(now time.Time, price, full time.Duration) (wait time.Duration) {
	if a.at.IsZero() {
		a.level = full
	} else {
		a.level = min(full, a.level+now.Sub(a.at))
	}
	a.at = now
	if a.level <= 0 {
		return time.Millisecond - a.level
	}
	a.level -= price
	return 0
}
