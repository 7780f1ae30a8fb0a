package recon

import (
	"iter"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

// Initiator is the initiating side of the rounds on one link. One with nothing
// but a salt has started none.
type Initiator struct {
	Salt relaymsg.Salt // of the responder's HELLO

	numbers
	round *initiated // nil: none is active
	base  *base      // nil: no round over whole mempools is behind us
}

type initiated struct {
	number    uint64
	nonce     relaymsg.Nonce
	set       Set
	deadline  time.Time
	base      *base // of what is new since; nil: over whole mempools
	id        func(relaymsg.Salt, chainhash.Hash) relaymsg.ReconID
	responder *relaymsg.Nonce // nil: no summary yet
	index     index           // of set, once its salt is known
	theirs    int             // ids in the responder's summary
	cells     *sketch.CellDecoder
	done      bool // cells are, though more of those asked for may come
	list      *sketch.ListDecoder
	sketch    []byte // syndromes so far
	size      int    // of the difference
	known     bool   // the difference is
	asked     int    // ids wanted in a DIFF without answer, or -1
	more      bool   // another DIFF will follow
}

// Difference is what a summary revealed.
type Difference struct {
	Theirs  int                // transactions of the peer that take part
	Size    int                // transactions that only one side has
	Want    []relaymsg.ReconID // the peer's and not ours, ascending
	Surplus []chainhash.Hash   // ours and not the peer's, in random order
	Ignored []chainhash.Hash   // the peer's, left out of Want
}

// Active reports whether a round is under way.
func (i *Initiator) Active() bool { return i.round != nil }

// Deadline is when Abandon is due unless a message makes progress; zero
// without an active round.
func (i *Initiator) Deadline() time.Time {
	if i.round == nil {
		return time.Time{}
	}
	return i.round.deadline
}

// Abandon ends the active round; the peer's messages for it become stale. Since
// the peer may take it for complete, the next one is over whole mempools.
func (i *Initiator) Abandon() { i.round, i.base = nil, nil }

// Start begins a round over the set, which is all there is, and returns its first message. No round
// may be active.
func (i *Initiator) Start(now time.Time, nonce relaymsg.Nonce, set Set) *relaymsg.ReconRequest {
	i.started++
	i.round = &initiated{number: i.started, nonce: nonce, id: id40, set: set, deadline: now.Add(Timeout), asked: -1}
	return &relaymsg.ReconRequest{
		Round: i.started, Nonce: nonce, Count: uint64(set.Count), Digest: set.Digest,
		Sketch: set.counters(nonce).AppendTo(nil),
	}
}

func (i *Initiator) check(number uint64) error {
	var active uint64
	if i.round != nil {
		active = i.round.number
	}
	return i.numbers.check(number, active)
}

func (i *Initiator) end() {
	i.ended = i.round.number
	i.round = nil
}

// completed ends the round, from which on the next one may count what is new.
func (i *Initiator) completed() {
	i.base = i.round.base.next(i.round.number, i.round.nonce, i.Salt)
	i.end()
}

// Equal ends the round: the sets are equal.
func (i *Initiator) Equal(m *relaymsg.ReconEqual) error {
	if err := i.unanswered(m.Round); err != nil {
		return err
	}
	i.completed()
	return nil
}

// Busy ends the round: the peer does not answer it.
func (i *Initiator) Busy(m *relaymsg.ReconBusy) error {
	if err := i.unanswered(m.Round); err != nil {
		return err
	}
	i.end()
	return nil
}

// unanswered checks a message that comes in place of a summary.
func (i *Initiator) unanswered(number uint64) error {
	if err := i.check(number); err != nil {
		return err
	}
	if i.round.responder != nil || i.round.known || len(i.round.sketch) > 0 {
		return violation("round %d ended amid its summary", number)
	}
	return nil
}

// Cells takes a part of the peer's cells. After the last of those asked for it
// returns the difference, if they tell it, as List does; or else the message
// that asks for what may tell it.
func (i *Initiator) Cells(now time.Time, m *relaymsg.ReconCells, ignore iter.Seq[chainhash.Hash]) (*Difference, *relaymsg.ReconMore, error) {
	if err := i.summary(now, m.Round, m.Nonce, m.Count); err != nil {
		return nil, nil, err
	}
	r := i.round
	cells, err := sketch.ParseCells(m.Cells)
	if r.cells == nil {
		r.cells = sketch.NewCellDecoder(cellKey(r.salt()), r.index.ids())
	}
	limit := sketch.CellLimit(len(r.set.WTxIDs), r.theirs)
	switch {
	case err != nil:
		return nil, nil, violation("%v", err)
	case r.list != nil:
		return nil, nil, violation("cells amid a list")
	case len(cells) == 0 || r.cells.Cells()+len(cells) > limit:
		return nil, nil, violation("%d cells after %d, limit %d", len(cells), r.cells.Cells(), limit)
	}
	if !r.done {
		r.done, err = r.cells.Add(cells)
	}
	switch {
	case !m.Last:
		return nil, nil, nil
	case r.done:
		return r.differ(r.cells.Difference(), ignore), nil, nil
	}
	more := &relaymsg.ReconMore{Round: r.number}
	if next := sketch.MoreCells(r.cells.Cells()); err == nil && r.cells.Cells()+next <= limit {
		more.Cells = uint64(next)
	}
	return nil, more, nil
}

// List takes a chunk of the peer's list. After the last one it returns the
// difference, leaving out of what is wanted the transactions to be ignored;
// the caller goes on with Ask.
func (i *Initiator) List(now time.Time, m *relaymsg.ReconList, ignore iter.Seq[chainhash.Hash]) (*Difference, error) {
	if err := i.summary(now, m.Round, m.Nonce, m.Count); err != nil {
		return nil, err
	}
	r := i.round
	if r.list == nil {
		r.list, _ = sketch.NewListDecoder(r.theirs) // whose limit is MaxList
	}
	complete, err := r.list.Add(m.Chunk)
	switch {
	case err != nil:
		return nil, violation("%v", err)
	case complete:
		return r.differ(symmetric(r.index, r.list.IDs()), ignore), nil
	case len(m.Chunk) < fullChunk:
		return nil, violation("a chunk of %d bytes is not the last", len(m.Chunk))
	}
	return nil, nil
}

// fullChunk is the least that an encoder leaves of a chunk when another id does
// not fit.
const fullChunk = relaymsg.MaxReconBytes - 9

// summary checks what all parts of a summary have in common.
func (i *Initiator) summary(now time.Time, number uint64, nonce relaymsg.Nonce, count uint64) error {
	if err := i.check(number); err != nil {
		return err
	}
	r := i.round
	switch {
	case r.base != nil:
		return violation("a summary of all where that of what is new was wanted")
	case r.known:
		return violation("a summary goes on after its end")
	case count > MaxList:
		return violation("a summary of %d ids", count)
	case r.responder == nil:
		r.responder = &nonce
		r.theirs = int(count)
		r.index = newIndex(r.set, r.salt(), r.id)
	case *r.responder != nonce || r.theirs != int(count):
		return violation("nonce or count changed within a summary")
	}
	r.deadline = now.Add(Timeout)
	return nil
}

func (r *initiated) salt() relaymsg.Salt {
	if r.base != nil {
		return r.base.salt
	}
	return relaymsg.RoundSalt(r.nonce, *r.responder)
}

// symmetric is the ids that are in one of two ascending sequences.
func symmetric(ours index, theirs []uint64) (ids []uint64) {
	for _, e := range ours {
		for len(theirs) > 0 && theirs[0] < uint64(e.id) {
			ids, theirs = append(ids, theirs[0]), theirs[1:]
		}
		if len(theirs) > 0 && theirs[0] == uint64(e.id) {
			theirs = theirs[1:]
		} else {
			ids = append(ids, uint64(e.id))
		}
	}
	return append(ids, theirs...)
}

// differ tells apart which side each id of the difference is on.
func (r *initiated) differ(ids []uint64, ignore iter.Seq[chainhash.Hash]) *Difference {
	d := &Difference{Theirs: r.theirs, Size: len(ids)}
	for _, id := range ids {
		if n, ours := r.index.find(relaymsg.ReconID(id)); ours {
			d.Surplus = append(d.Surplus, r.set.WTxIDs[n])
		} else {
			d.Want = append(d.Want, relaymsg.ReconID(id))
		}
	}
	r.leaveOut(d, ignore)
	r.known, r.size = true, len(ids)
	r.set, r.index, r.cells, r.list, r.sketch = Set{}, nil, nil, nil, nil
	return d
}

// leaveOut takes the transactions to be ignored out of what is wanted.
func (r *initiated) leaveOut(d *Difference, ignore iter.Seq[chainhash.Hash]) {
	if len(d.Want) == 0 {
		return
	}
	ignored := map[relaymsg.ReconID]chainhash.Hash{}
	for wtxid := range ignore {
		ignored[r.id(r.salt(), wtxid)] = wtxid
	}
	d.Want = slices.DeleteFunc(d.Want, func(id relaymsg.ReconID) bool {
		wtxid, ok := ignored[id]
		if ok {
			d.Ignored = append(d.Ignored, wtxid)
		}
		return ok
	})
}

// Ask tells the peer the difference: want is the next part of Difference.Want,
// have names what the peer lacks under the peer's salt. Neither is longer than
// MaxDiff. With more, Ask is to be called again some time after Offer.
func (i *Initiator) Ask(want []relaymsg.ReconID, have []relaymsg.ShortID, more bool) *relaymsg.ReconDiff {
	i.round.asked, i.round.more = len(want), more
	return &relaymsg.ReconDiff{Round: i.round.number, More: more, Size: uint64(i.round.size), Want: want, Have: have}
}

// Offer takes the peer's answer to Ask, which ends the round unless there is
// more. What it has is ready for GET.
func (i *Initiator) Offer(now time.Time, m *relaymsg.ReconOffer) (have []relaymsg.ShortID, err error) {
	if err := i.check(m.Round); err != nil {
		return nil, err
	}
	switch r := i.round; {
	case r.asked < 0:
		return nil, violation("offer that was not asked for")
	case len(m.Have) > r.asked:
		return nil, violation("%d offered, %d wanted", len(m.Have), r.asked)
	case r.more:
		r.asked = -1
		r.deadline = now.Add(PageTimeout)
	default:
		i.completed()
	}
	return m.Have, nil
}
