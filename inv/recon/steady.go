package recon

import (
	"iter"
	"math"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

const (
	// MaxNew bounds the transactions that take part in a round over what is new:
	// beyond, whole mempools are compared.
	MaxNew = 4096
	// maxCapacity bounds the sketch of what is new. Decoding it takes 1 ms.
	maxCapacity = 128
)

// base is what the rounds over what is new on a link rest on: the salt of their
// ids, which joins the initiator's nonce in the last round over whole mempools
// and the responder's salt, and the latest round that both sides know to be
// complete.
type base struct {
	salt   relaymsg.Salt
	key    sketch.Key
	number uint64
}

// next is the base after a round: the same, if that was over what is new.
func (b *base) next(number uint64, initiator relaymsg.Nonce, responder relaymsg.Salt) *base {
	if b != nil {
		return &base{b.salt, b.key, number}
	}
	salt := relaymsg.RoundSalt(initiator, relaymsg.Nonce(responder))
	return &base{salt, KeyOfNew(salt), number}
}

// KeyOfNew is the key of checksums over what is new, by the salt of its ids.
func KeyOfNew(salt relaymsg.Salt) sketch.Key { return cellKey(salt) }

// ids32 is the index's ids as a PinSketch takes them.
func (x index) ids32() []uint32 {
	ids := make([]uint32, len(x))
	for i, e := range x {
		ids[i] = uint32(e.id)
	}
	return ids
}

// CanBeSteady reports whether a round over the set of what is new may be begun.
func (i *Initiator) CanBeSteady(set Set) bool { return i.base != nil && len(set.WTxIDs) <= MaxNew }

// Forget makes the next round one over whole mempools.
func (i *Initiator) Forget() { i.base = nil }

// Forget makes the peer's next round one over whole mempools.
func (r *Responder) Forget() { r.base = nil }

// Steady begins a round over the set of what is new here since the last one that
// was complete, which must be possible, and returns its first message. No round
// may be active.
func (i *Initiator) Steady(now time.Time, set Set) *relaymsg.ReconSteady {
	i.started++
	r := &initiated{
		number: i.started, base: i.base, id: id32, set: set, deadline: now.Add(Timeout), asked: -1,
		index: newIndex(set, i.base.salt, id32),
	}
	i.round = r
	return &relaymsg.ReconSteady{
		Round: r.number, Since: r.number - r.base.number,
		Count: uint64(len(r.index)), Checksum: r.base.key.Checksum(r.index.ids32()...),
	}
}

// Resync ends the round: the next one must be over whole mempools.
func (i *Initiator) Resync(m *relaymsg.ReconResync) error {
	if err := i.unanswered(m.Round); err != nil {
		return err
	}
	if i.round.base == nil {
		return violation("round %d is over whole mempools", m.Round)
	}
	i.end()
	i.base = nil
	return nil
}

// Sketch takes the summary of what is new at the peer, and returns the
// difference if that tells it, as List does; or else the message that asks for
// what may.
func (i *Initiator) Sketch(now time.Time, m *relaymsg.ReconSketch, ignore iter.Seq[chainhash.Hash]) (*Difference, *relaymsg.ReconMore, error) {
	if err := i.check(m.Round); err != nil {
		return nil, nil, err
	}
	r := i.round
	first := len(r.sketch) == 0
	switch {
	case r.base == nil:
		return nil, nil, violation("a summary of what is new where that of all was wanted")
	case r.known:
		return nil, nil, violation("a summary goes on after its end")
	case m.Count > MaxNew || (!first && r.theirs != int(m.Count)):
		return nil, nil, violation("a summary of %d ids", m.Count)
	}
	r.deadline = now.Add(Timeout)
	r.theirs = int(m.Count)
	if m.List {
		ids, err := sketch.ParseList32(m.Data)
		if err != nil || len(ids) != r.theirs {
			return nil, nil, violation("a list of %d, said to be of %d ids (%v)", len(ids), r.theirs, err)
		}
		theirs := make([]uint64, len(ids))
		for n, id := range ids {
			theirs[n] = uint64(id)
		}
		return r.differ(symmetric(r.index, theirs), ignore), nil, nil
	}
	r.sketch = append(r.sketch, m.Data...)
	capacity := len(r.sketch) / 4
	if len(m.Data) == 0 || len(r.sketch)%4 != 0 || capacity > maxCapacity {
		return nil, nil, violation("a sketch of %d bytes", len(r.sketch))
	}
	theirs, err := sketch.ParsePinSketch(r.base.key, m.Checksum, r.sketch)
	if err != nil {
		return nil, nil, violation("%v", err)
	}
	ours := sketch.NewPinSketch(r.base.key, capacity)
	ours.Add(r.index.ids32()...)
	theirs.Merge(ours)
	if ids, err := theirs.Decode(capacity); err == nil {
		found := make([]uint64, len(ids))
		for n, id := range ids {
			found[n] = uint64(id)
		}
		return r.differ(found, ignore), nil, nil
	}
	more := &relaymsg.ReconMore{Round: r.number}
	if larger := largerCapacity(capacity, len(r.index), r.theirs); first && larger-capacity < r.theirs {
		more.Cells = uint64(larger - capacity)
	}
	return nil, more, nil
}

// largerCapacity is what to try after a capacity was too small.
func largerCapacity(capacity, ours, theirs int) int {
	return min(maxCapacity, max(5*capacity/2+8, max(ours-theirs, theirs-ours)+8))
}

// Steady answers the opening of a round over what is new with an EQUAL, BUSY or
// RESYNC, which end it, or with nil: then the summary is to be taken from Chunk.
// A round still active is abandoned. If busy is set the round is refused.
func (r *Responder) Steady(now time.Time, m *relaymsg.ReconSteady, set Set, busy bool) (answer relaymsg.Message, err error) {
	if m.Round <= r.started || m.Since == 0 || m.Since >= m.Round {
		return nil, violation("round %d since %d before, after round %d", m.Round, m.Since, r.started)
	}
	r.started = m.Round
	r.round = nil
	retry := r.allowance.spend(now, MinSpacing+summaryPrice(set), burst*MinSpacing)
	switch {
	case busy || retry > 0:
		r.ended = m.Round
		return &relaymsg.ReconBusy{Round: m.Round, RetryMillis: uint64(max(retry, MinSpacing).Milliseconds())}, nil
	case r.base == nil || m.Round-m.Since != r.base.number || m.Count > MaxNew || len(set.WTxIDs) > MaxNew:
		return r.resync(m), nil
	}
	x := newIndex(set, r.base.salt, id32)
	if m.Count == uint64(len(x)) && m.Checksum == r.base.key.Checksum(x.ids32()...) {
		r.ended = m.Round
		r.ratio.learn(0, len(x))
		r.base = r.base.next(m.Round, relaymsg.Nonce{}, r.Salt)
		return &relaymsg.ReconEqual{Round: m.Round}, nil
	}
	a := &answered{number: m.Round, base: r.base, set: set, index: x, peer: int(m.Count), deadline: now.Add(Timeout)}
	a.due = r.ratio.capacity(a.peer, len(x))
	a.all = len(x) <= max(a.due, 4)
	if a.due > maxCapacity && !a.all {
		return r.resync(m), nil
	}
	r.round = a
	return nil, nil
}

func (r *Responder) resync(m *relaymsg.ReconSteady) *relaymsg.ReconResync {
	r.ended = m.Round
	r.base = nil
	return &relaymsg.ReconResync{Round: m.Round}
}

// sketch is the next part of the summary of what is new.
func (a *answered) sketch() *relaymsg.ReconSketch {
	ids := a.index.ids32()
	m := &relaymsg.ReconSketch{
		Round: a.number, List: a.all, Count: uint64(len(ids)), Checksum: a.base.key.Checksum(ids...),
	}
	if a.complete = true; a.all {
		m.Data = sketch.AppendList32(nil, ids)
		return m
	}
	s := sketch.NewPinSketch(a.base.key, a.sent+a.due)
	s.Add(ids...)
	m.Data = s.AppendTo(nil)[4*a.sent:]
	a.sent += a.due
	a.due = 0
	return m
}

// larger takes the demand for more syndromes, once, or for the list.
func (a *answered) larger(now time.Time, m *relaymsg.ReconMore) error {
	switch {
	case a.all:
		return violation("more than a list is wanted")
	case m.Cells == 0:
		a.all = true
	case a.extended || m.Cells > uint64(maxCapacity-a.sent):
		return violation("%d syndromes are wanted after %d, limit %d", m.Cells, a.sent, maxCapacity)
	}
	a.extended = true
	a.due = int(m.Cells)
	a.complete = false
	a.deadline = now.Add(Timeout)
	return nil
}

// ratio is how many transactions differ for each that takes part, as it was in
// the latest rounds over what is new. The zero value has learnt nothing.
type ratio struct {
	mean   float64
	rounds int // learnt from
}

const (
	// firstRatio is expected of a link: what two nodes come to list at slightly
	// different times in half a minute.
	firstRatio = 0.1
	minRatio   = 0.02
	maxRatio   = 2
	// ratioWeight is the weight of the latest round, once there were as many as
	// to make it that.
	ratioWeight = 0.1
)

func (r *ratio) learn(difference, n int) {
	latest := float64(difference) / float64(max(n, 1))
	weight := max(ratioWeight, 1/float64(r.rounds+2))
	r.mean = min(max(float64((1-weight)*r.expected())+float64(weight*latest), minRatio), maxRatio)
	r.rounds++
}

func (r *ratio) expected() float64 {
	if r.rounds == 0 {
		return firstRatio
	}
	return r.mean
}

// capacity is enough for the difference of two sets of these sizes, but for one
// or two rounds in a hundred. It is beyond maxCapacity only when the difference
// is expected to be.
func (r *ratio) capacity(n, m int) int {
	e := max(r.expected()*float64(max(n, m)), math.Abs(float64(n-m)))
	if c := int(math.Ceil(e + float64(1.5*math.Sqrt(e)) + 2)); c <= maxCapacity || e > maxCapacity {
		return c
	}
	return maxCapacity
}
