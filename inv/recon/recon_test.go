package recon

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"pgregory.net/rapid"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

var epoch = time.Unix(1_700_000_000, 0)

func none(func(chainhash.Hash) bool) {}

func hash(n int) (h chainhash.Hash) {
	binary.LittleEndian.PutUint64(h[:], uint64(n))
	return h
}

func setOf(wtxids ...chainhash.Hash) Set {
	var d Digest
	for _, wtxid := range wtxids {
		d.Add(wtxid)
	}
	return Set{WTxIDs: wtxids, Digest: d.Sum(), Count: d.Count()}
}

func setOfSize(n int) Set {
	wtxids := make([]chainhash.Hash, n)
	for k := range wtxids {
		wtxids[k] = hash(k)
	}
	return setOf(wtxids...)
}

// exchange runs a whole round. Both sides name transactions for the other by
// naming; what each is told the other has comes back.
func exchange(t rapid.TB, i *Initiator, r *Responder, ours, theirs Set) (toInitiator, toResponder []relaymsg.ShortID) {
	req := i.Start(epoch, relaymsg.Nonce{1}, ours)
	reply, _, err := r.Request(epoch, req, relaymsg.Nonce{2}, theirs, false)
	if err != nil {
		t.Fatal(err)
	}
	if equal, ok := reply.(*relaymsg.ReconEqual); ok {
		if err := i.Equal(equal); err != nil {
			t.Fatal(err)
		}
		return nil, nil
	}
	diff, _ := summarise(t, i, r)
	surplus := names(diff.Surplus)
	surplus = surplus[:min(len(surplus), MaxDiff)]
	for want := diff.Want; ; surplus = nil {
		n := min(len(want), MaxDiff)
		wanted, have, err := r.Diff(epoch, i.Ask(want[:n], surplus, n < len(want)))
		if err != nil {
			t.Fatal(err)
		}
		toResponder = append(toResponder, have...)
		offered, err := i.Offer(epoch, &relaymsg.ReconOffer{Round: req.Round, Have: names(wanted)})
		if err != nil {
			t.Fatal(err)
		}
		toInitiator = append(toInitiator, offered...)
		if want = want[n:]; len(want) == 0 {
			return toInitiator, toResponder
		}
	}
}

// summarise hands the summary over until it tells the difference, and counts
// its frames' bytes.
func summarise(t rapid.TB, i *Initiator, r *Responder) (diff *Difference, size int) {
	for diff == nil {
		if !r.Listing() {
			t.Fatal("the summary ended without a difference")
		}
		m := r.Chunk(epoch)
		size += len(relaymsg.AppendFrame(nil, m))
		var more *relaymsg.ReconMore
		var err error
		switch m := m.(type) {
		case *relaymsg.ReconList:
			diff, err = i.List(epoch, m, none)
		case *relaymsg.ReconCells:
			diff, more, err = i.Cells(epoch, m, none)
		}
		if err == nil && more != nil {
			size += len(relaymsg.AppendFrame(nil, more))
			err = r.More(epoch, more)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return diff, size
}

var naming = relaymsg.Salt{9}

func names(wtxids []chainhash.Hash) (ids []relaymsg.ShortID) {
	for _, wtxid := range wtxids {
		ids = append(ids, naming.ShortID(wtxid))
	}
	return ids
}

// TestRoundFindsTheDifference compares a round with plain set difference.
func TestRoundFindsTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ours, theirs []chainhash.Hash
		var onlyOurs, onlyTheirs []chainhash.Hash
		for n, where := range rapid.SliceOfN(rapid.IntRange(0, 2), 0, 300).Draw(t, "where") {
			if where != 0 {
				ours = append(ours, hash(n))
			}
			if where != 1 {
				theirs = append(theirs, hash(n))
			}
			switch where {
			case 0:
				onlyTheirs = append(onlyTheirs, hash(n))
			case 1:
				onlyOurs = append(onlyOurs, hash(n))
			}
		}
		var i Initiator
		var r Responder
		toInitiator, toResponder := exchange(t, &i, &r, setOf(ours...), setOf(theirs...))
		for _, c := range []struct {
			got  []relaymsg.ShortID
			want []chainhash.Hash
		}{{toInitiator, onlyTheirs}, {toResponder, onlyOurs}} {
			want := names(c.want)
			slices.Sort(want)
			slices.Sort(c.got)
			if !slices.Equal(c.got, want) {
				t.Fatalf("got %v, want %v", c.got, want)
			}
		}
		if i.Active() || r.Active() || r.Held() != 0 {
			t.Fatal("round still active")
		}
	})
}

// TestLargeDifferenceIsAskedForInParts needs several chunks of a list and
// several DIFFs.
func TestLargeDifferenceIsAskedForInParts(t *testing.T) {
	const n = 40_000
	var all []chainhash.Hash
	for k := range n {
		all = append(all, hash(k))
	}
	var i Initiator
	var r Responder
	if got, _ := exchange(t, &i, &r, setOf(all[:n/10]...), setOf(all...)); len(got) != n-n/10 {
		t.Fatalf("%d offered", len(got))
	}
	if i.Active() || r.Active() {
		t.Error("round still active")
	}
}

// TestSummaryIsAsSmallAsItCanBe pins which summary is used, and what it costs:
// about 14 bytes for each of a few differences, and a list never exceeded.
func TestSummaryIsAsSmallAsItCanBe(t *testing.T) {
	const n = 20_000
	var all []chainhash.Hash
	for k := range 2 * n {
		all = append(all, hash(k))
	}
	for _, c := range []struct{ onlyOurs, onlyTheirs, limit int }{
		{0, 1, 200}, {5, 5, 400}, {100, 100, 200 * 19}, {1000, 0, 1000 * 16}, {0, 2000, 2000 * 16}, {n, n, sketch.ListLen(n) * 21 / 20},
	} {
		ours, theirs := setOf(all[:n]...), setOf(all[c.onlyOurs:n+c.onlyTheirs]...)
		var i Initiator
		var r Responder
		if _, _, err := r.Request(epoch, i.Start(epoch, relaymsg.Nonce{1}, ours), relaymsg.Nonce{2}, theirs, false); err != nil {
			t.Fatal(err)
		}
		diff, size := summarise(t, &i, &r)
		if len(diff.Surplus) != c.onlyOurs || len(diff.Want) != c.onlyTheirs || diff.Size != c.onlyOurs+c.onlyTheirs {
			t.Fatalf("%d and %d differ, found %d and %d", c.onlyOurs, c.onlyTheirs, len(diff.Surplus), len(diff.Want))
		}
		t.Logf("%d differ: %d bytes", diff.Size, size)
		if size > c.limit {
			t.Errorf("%d differ: %d bytes, want %d at most", diff.Size, size, c.limit)
		}
	}
}

// TestMisleadingSketch: a peer that lies about its set only makes the summary
// larger.
func TestMisleadingSketch(t *testing.T) {
	var all []chainhash.Hash
	for k := range 3000 {
		all = append(all, hash(k))
	}
	var i Initiator
	var r Responder
	req := i.Start(epoch, relaymsg.Nonce{1}, setOf(all[500:]...))
	req.Sketch = setOf(all...).counters(req.Nonce).AppendTo(nil) // as if nothing differed
	if _, estimate, err := r.Request(epoch, req, relaymsg.Nonce{2}, setOf(all...), false); err != nil || estimate > 1000 {
		t.Fatal(estimate, err)
	}
	diff, size := summarise(t, &i, &r)
	if len(diff.Want) != 500 || size > 2*sketch.ListLen(3000)+200 {
		t.Errorf("%d wanted after %d bytes", len(diff.Want), size)
	}
}

// TestIgnoredAreNotWanted leaves out what the caller rejects.
func TestIgnoredAreNotWanted(t *testing.T) {
	i := listing()
	ids := []uint64{uint64(id40(roundSalt, hash(1))), uint64(id40(roundSalt, hash(2)))}
	d, err := i.List(epoch, list(2, ids...), slices.Values([]chainhash.Hash{hash(1), hash(3)}))
	if err != nil || len(d.Want) != 1 || d.Want[0] != id40(roundSalt, hash(2)) || d.Theirs != 2 || d.Size != 102 {
		t.Errorf("%+v, %v", d, err)
	}
}

var (
	responder = relaymsg.Nonce{2}
	roundSalt = relaymsg.RoundSalt(relaymsg.Nonce{1}, responder)
)

// listing is an initiator with 100 transactions whose peer is about to answer.
func listing() *Initiator {
	i := &Initiator{}
	var wtxids []chainhash.Hash
	for k := range 100 {
		wtxids = append(wtxids, hash(1000+k))
	}
	i.Start(epoch, relaymsg.Nonce{1}, setOf(wtxids...))
	return i
}

// list is a chunk with the ids, of a list of count.
func list(count uint64, ids ...uint64) *relaymsg.ReconList {
	chunk, _ := sketch.NewListEncoder(ids).AppendChunk(nil, relaymsg.MaxReconBytes)
	return &relaymsg.ReconList{Round: 1, Nonce: responder, Count: count, Chunk: chunk}
}

// cells are n cells of a set of two.
func cells(n int, last bool) *relaymsg.ReconCells {
	return &relaymsg.ReconCells{Round: 1, Nonce: responder, Count: 100, Last: last,
		Cells: sketch.AppendCells(nil, sketch.NewCellEncoder(cellKey(roundSalt), []uint64{1, 2}).Next(n))}
}

func TestInitiatorViolations(t *testing.T) {
	listed := func(i *Initiator, m *relaymsg.ReconList) error {
		_, err := i.List(epoch, m, none)
		return err
	}
	celled := func(i *Initiator, m *relaymsg.ReconCells) error {
		_, _, err := i.Cells(epoch, m, none)
		return err
	}
	offer := func(i *Initiator, have ...relaymsg.ShortID) error {
		_, err := i.Offer(epoch, &relaymsg.ReconOffer{Round: 1, Have: have})
		return err
	}
	for name, do := range map[string]func(i *Initiator) error{
		"round never started": func(i *Initiator) error { return i.Equal(&relaymsg.ReconEqual{Round: 2}) },
		"round zero":          func(i *Initiator) error { return i.Equal(&relaymsg.ReconEqual{}) },
		"equal twice": func(i *Initiator) error {
			i.Equal(&relaymsg.ReconEqual{Round: 1})
			return i.Equal(&relaymsg.ReconEqual{Round: 1})
		},
		"busy amid the summary": func(i *Initiator) error {
			celled(i, cells(4, false))
			return i.Busy(&relaymsg.ReconBusy{Round: 1})
		},
		"too many ids":   func(i *Initiator) error { return listed(i, list(1, 1, 2)) },
		"chunk not full": func(i *Initiator) error { return listed(i, list(3, 1, 2)) },
		"empty chunk":    func(i *Initiator) error { return listed(i, list(3)) },
		"list too long":  func(i *Initiator) error { return listed(i, list(MaxList+1, 1)) },
		"no cells":       func(i *Initiator) error { return celled(i, cells(0, true)) },
		"part of a cell": func(i *Initiator) error { m := cells(2, true); m.Cells = m.Cells[:15]; return celled(i, m) },
		"too many cells": func(i *Initiator) error { return celled(i, cells(sketch.CellLimit(100, 100)+1, true)) },
		"too many in all": func(i *Initiator) error {
			celled(i, cells(20, false))
			return celled(i, cells(sketch.CellLimit(100, 100)-19, true))
		},
		"cells after the list": func(i *Initiator) error {
			listed(i, list(0))
			return celled(i, cells(2, true))
		},
		"other nonce": func(i *Initiator) error {
			celled(i, cells(4, false))
			m := cells(4, true)
			m.Nonce[0]++
			return celled(i, m)
		},
		"other count": func(i *Initiator) error {
			celled(i, cells(4, false))
			m := cells(4, true)
			m.Count++
			return celled(i, m)
		},
		"list goes on": func(i *Initiator) error {
			listed(i, list(1, 1))
			i.Ask(nil, nil, false)
			return listed(i, list(1, 2))
		},
		"offer before the summary": func(i *Initiator) error { return offer(i) },
		"offer of too much": func(i *Initiator) error {
			listed(i, list(2, 1, 2))
			i.Ask([]relaymsg.ReconID{1}, nil, false)
			return offer(i, 4, 5)
		},
		"offer twice": func(i *Initiator) error {
			listed(i, list(1, 1))
			i.Ask([]relaymsg.ReconID{1}, nil, false)
			offer(i, 4)
			return offer(i, 4)
		},
		"offer between parts": func(i *Initiator) error {
			listed(i, list(1, 1))
			i.Ask([]relaymsg.ReconID{1}, nil, true)
			offer(i, 4)
			return offer(i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(listing()); !errors.Is(err, ErrViolation) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestCellsThatTellNothing are given up for the list at the latest when they are
// as large as that.
func TestCellsThatTellNothing(t *testing.T) {
	i := listing()
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 8; ; {
		noise := make([]sketch.Cell, n)
		for k := range noise {
			noise[k] = sketch.Cell(rng.Uint64())
		}
		m := cells(n, true)
		m.Cells = sketch.AppendCells(nil, noise)
		diff, more, err := i.Cells(epoch, m, none)
		if err != nil || diff != nil {
			t.Fatal(diff, err)
		}
		if n = int(more.Cells); n == 0 {
			break
		}
	}
	if d, err := i.List(epoch, list(100, full(100)...), none); err != nil || len(d.Want) != 100 || len(d.Surplus) != 100 {
		t.Errorf("%+v, %v", d, err)
	}
}

func full(n int) []uint64 {
	ids := make([]uint64, n)
	for k := range ids {
		ids[k] = uint64(k + 1)
	}
	return ids
}

// request opens a round of a peer that has nothing.
func request(round uint64) *relaymsg.ReconRequest {
	return &relaymsg.ReconRequest{Round: round, Sketch: Set{}.counters(relaymsg.Nonce{}).AppendTo(nil)}
}

func TestResponderViolations(t *testing.T) {
	set := setOf(hash(1), hash(2))
	requested := func(r *Responder, round uint64) error {
		_, _, err := r.Request(epoch, request(round), responder, set, false)
		return err
	}
	diff := func(r *Responder, want ...relaymsg.ReconID) error {
		_, _, err := r.Diff(epoch, &relaymsg.ReconDiff{Round: 1, Want: want})
		return err
	}
	id := id40(relaymsg.RoundSalt(relaymsg.Nonce{}, responder), hash(1))
	for name, do := range map[string]func(r *Responder) error{
		"round repeated": func(r *Responder) error { return requested(r, 1) },
		"round zero":     func(r *Responder) error { return requested(r, 0) },
		"no sketch": func(r *Responder) error {
			_, _, err := r.Request(epoch, &relaymsg.ReconRequest{Round: 2}, responder, set, false)
			return err
		},
		"diff amid the summary": func(r *Responder) error { return diff(r) },
		"more amid the summary": func(r *Responder) error { return r.More(epoch, &relaymsg.ReconMore{Round: 1}) },
		"more than the list":    func(r *Responder) error { r.Chunk(epoch); return r.More(epoch, &relaymsg.ReconMore{Round: 1}) },
		"diff for no round":     func(r *Responder) error { _, _, err := r.Diff(epoch, &relaymsg.ReconDiff{Round: 9}); return err },
		"wants what is secret":  func(r *Responder) error { r.Chunk(epoch); return diff(r, 5) },
		"wants twice":           func(r *Responder) error { r.Chunk(epoch); return diff(r, id, id) },
		"wants again": func(r *Responder) error {
			r.Chunk(epoch)
			r.Diff(epoch, &relaymsg.ReconDiff{Round: 1, Want: []relaymsg.ReconID{id}, More: true})
			return diff(r, id)
		},
		"wants too much": func(r *Responder) error {
			r.Chunk(epoch)
			return diff(r, make([]relaymsg.ReconID, MaxDiff+1)...)
		},
		"has too much": func(r *Responder) error {
			r.Chunk(epoch)
			_, _, err := r.Diff(epoch, &relaymsg.ReconDiff{Round: 1, Have: make([]relaymsg.ShortID, MaxDiff+1)})
			return err
		},
		"diff twice": func(r *Responder) error {
			r.Chunk(epoch)
			diff(r)
			return diff(r)
		},
		"diff after equal": func(r *Responder) error {
			m := request(2)
			m.Count, m.Digest = uint64(set.Count), set.Digest
			r.Request(epoch, m, relaymsg.Nonce{}, set, false)
			_, _, err := r.Diff(epoch, &relaymsg.ReconDiff{Round: 2})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Responder{}
			if err := requested(r, 1); err != nil {
				t.Fatal(err)
			}
			if err := do(r); !errors.Is(err, ErrViolation) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestMoreCellsAreBounded: a peer that never has enough gets more by a quarter
// each time, nothing else, and no more than the list would be.
func TestMoreCellsAreBounded(t *testing.T) {
	var all []chainhash.Hash
	for k := range 5000 {
		all = append(all, hash(k))
	}
	start := func() (*Responder, int) {
		var r Responder
		var i Initiator
		if _, _, err := r.Request(epoch, i.Start(epoch, relaymsg.Nonce{1}, setOf(all...)), responder, setOf(all[1:]...), false); err != nil {
			t.Fatal(err)
		}
		return &r, len(r.Chunk(epoch).(*relaymsg.ReconCells).Cells) / sketch.CellLen
	}
	r, sent := start()
	for _, n := range []int{1, sketch.MoreCells(sent) - 1, sketch.MoreCells(sent) + 1} {
		if r, _ := start(); !errors.Is(r.More(epoch, &relaymsg.ReconMore{Round: 1, Cells: uint64(n)}), ErrViolation) {
			t.Errorf("%d more cells after %d", n, sent)
		}
	}
	level, demands := r.allowance.level, 0
	for ; ; demands++ {
		n := sketch.MoreCells(sent)
		err := r.More(epoch, &relaymsg.ReconMore{Round: 1, Cells: uint64(n)})
		if err != nil {
			if limit := sketch.CellLimit(5000, 4999); !errors.Is(err, ErrViolation) || sent+n <= limit || demands > 30 {
				t.Errorf("after %d cells in %d parts, limit %d: %v", sent, demands, limit, err)
			}
			break
		}
		for r.Listing() {
			sent += len(r.Chunk(epoch).(*relaymsg.ReconCells).Cells) / sketch.CellLen
		}
	}
	if paid := level - r.allowance.level; paid != time.Duration(demands*4999)*idPrice {
		t.Errorf("%d parts cost %v", demands, paid)
	}
}

// TestStale: what comes for an abandoned round is no violation.
func TestStale(t *testing.T) {
	i := listing()
	i.Abandon()
	i.Start(epoch, relaymsg.Nonce{3}, Set{})
	if _, err := i.List(epoch, list(0), none); !errors.Is(err, ErrStale) {
		t.Errorf("list: %v", err)
	}
	if err := i.Equal(&relaymsg.ReconEqual{Round: 2}); err != nil {
		t.Errorf("the next round: %v", err)
	}
	if err := i.Busy(&relaymsg.ReconBusy{Round: 1}); !errors.Is(err, ErrViolation) {
		t.Errorf("round 1 after round 2 ended: %v", err)
	}

	var r Responder
	for round := range uint64(2) {
		now := epoch.Add(time.Duration(round) * SyncSpacing)
		if _, _, err := r.Request(now, request(round+1), responder, setOf(hash(1)), false); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Diff(epoch, &relaymsg.ReconDiff{Round: 1}); !errors.Is(err, ErrStale) {
		t.Errorf("diff: %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	i := listing()
	if got := i.Deadline(); !got.Equal(epoch.Add(Timeout)) {
		t.Errorf("deadline %v", got)
	}
	later := epoch.Add(5 * time.Second)
	i.Cells(later, cells(4, false), none)
	if got := i.Deadline(); !got.Equal(later.Add(Timeout)) {
		t.Errorf("deadline %v after progress", got)
	}
	i.List(later, list(1, 1), none)
	i.Ask([]relaymsg.ReconID{1}, nil, true)
	i.Offer(later, &relaymsg.ReconOffer{Round: 1})
	if got := i.Deadline(); !got.Equal(later.Add(PageTimeout)) {
		t.Errorf("deadline %v between parts", got)
	}
	i.Abandon()
	if got := i.Deadline(); !got.IsZero() || i.Active() {
		t.Errorf("deadline %v after the end", got)
	}
}

// TestAllowance: four at once, then two a second; a long summary costs more.
func TestAllowance(t *testing.T) {
	var a allowance
	granted := 0
	for n := range 10_000 {
		if a.spend(epoch.Add(time.Duration(n)*time.Millisecond), MinSpacing, burst*MinSpacing) == 0 {
			granted++
		}
	}
	if granted < 20 || granted > 24 {
		t.Errorf("%d granted in 10 s", granted)
	}
	a = allowance{}
	a.spend(epoch, MinSpacing+MaxList*idPrice, burst*MinSpacing)
	if wait := a.spend(epoch, MinSpacing, burst*MinSpacing); wait < 2*time.Second || wait > 5*time.Second {
		t.Errorf("next after %v", wait)
	}
}

// TestSyncsAreRare asks ten times a second for summaries of a large mempool that
// differs: there is one at once, one after 10 s, and then one a minute.
func TestSyncsAreRare(t *testing.T) {
	var r Responder
	large := setOfSize(MaxNew + 1)
	var at []int // seconds
	for n := range 2400 {
		now := epoch.Add(time.Duration(n) * 100 * time.Millisecond)
		reply, _, err := r.Request(now, request(uint64(n+1)), relaymsg.Nonce{}, large, false)
		if err != nil {
			t.Fatal(err)
		}
		if reply == nil {
			at = append(at, n/10)
		}
	}
	if !slices.Equal(at, []int{0, 10, 60, 120, 180}) {
		t.Errorf("summaries after %v s", at)
	}
}

// TestSmallSyncsAreNoRarer: what costs no more than what is new may is as often.
func TestSmallSyncsAreNoRarer(t *testing.T) {
	var r Responder
	small, lists := setOfSize(MaxNew), 0
	for n := range 100 {
		now := epoch.Add(time.Duration(n) * 100 * time.Millisecond)
		reply, _, err := r.Request(now, request(uint64(n+1)), relaymsg.Nonce{}, small, false)
		if err != nil {
			t.Fatal(err)
		}
		if reply == nil {
			lists++
		}
	}
	if lists < 20 || lists > 24 {
		t.Errorf("%d lists in 10 s", lists)
	}
}

// TestSyncsOfALateLink: a peer that was sent a summary on an earlier link waits,
// and one that asks again is told how long.
func TestSyncsOfALateLink(t *testing.T) {
	r := Responder{Synced: epoch.Add(-3 * time.Second)}
	large := setOfSize(MaxNew + 1)
	reply, _, err := r.Request(epoch, request(1), relaymsg.Nonce{}, large, false)
	if busy, ok := reply.(*relaymsg.ReconBusy); err != nil || !ok || busy.RetryMillis != 7000 {
		t.Fatalf("%+v, %v", reply, err)
	}
	equal := request(2)
	equal.Count, equal.Digest = uint64(large.Count), large.Digest
	if reply, _, err = r.Request(epoch, equal, relaymsg.Nonce{}, large, false); err != nil || reply.(*relaymsg.ReconEqual) == nil {
		t.Fatalf("equal mempools: %+v, %v", reply, err)
	}
	if reply, _, err = r.Request(epoch.Add(7*time.Second), request(3), relaymsg.Nonce{}, large, false); err != nil || reply != nil {
		t.Fatalf("after the pause: %+v, %v", reply, err)
	}
}

// TestSyncsGoOnWhileThereIsMore: an initiator with more than fits a DIFF may go
// on every 10 s.
func TestSyncsGoOnWhileThereIsMore(t *testing.T) {
	var r Responder
	large := setOfSize(MaxNew + 1)
	for n := range 5 {
		now := epoch.Add(time.Duration(n) * SyncSpacing)
		reply, _, err := r.Request(now, request(uint64(n+1)), relaymsg.Nonce{}, large, false)
		if reply != nil || err != nil {
			t.Fatalf("round %d: %+v, %v", n+1, reply, err)
		}
		for r.Listing() {
			r.Chunk(now)
		}
		if _, _, err := r.Diff(now, &relaymsg.ReconDiff{Round: uint64(n + 1), Have: make([]relaymsg.ShortID, MaxDiff)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDigest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var wtxids []chainhash.Hash
	for n := range 100 {
		wtxids = append(wtxids, hash(n))
	}
	var a, b Digest
	for _, wtxid := range wtxids {
		a.Add(wtxid)
	}
	rng.Shuffle(len(wtxids), func(i, j int) { wtxids[i], wtxids[j] = wtxids[j], wtxids[i] })
	b.Add(hash(1000))
	for _, wtxid := range wtxids {
		b.Add(wtxid)
	}
	b.Sub(hash(1000))
	if a != b || a.Count() != 100 {
		t.Error("digest depends on order or history")
	}
	for _, wtxid := range wtxids {
		a.Sub(wtxid)
	}
	if a != (Digest{}) {
		t.Error("empty set has a digest")
	}
	var golden Digest
	golden.Add(chainhash.Hash{})
	// SHA-256 of 32 zero bytes.
	want := "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
	if sum := golden.Sum(); hex.EncodeToString(sum[:]) != want {
		t.Errorf("digest %x", sum)
	}
	golden.Add(hash(1))
	golden.Sub(chainhash.Hash{})
	golden.Sub(hash(1))
	if golden != (Digest{}) {
		t.Error("carries do not cancel")
	}
}

// BenchmarkIndex is the cost of a round in the size of the set.
func BenchmarkIndex(b *testing.B) {
	var all []chainhash.Hash
	for k := range 100_000 {
		all = append(all, hash(k))
	}
	for b.Loop() {
		newIndex(Set{WTxIDs: all}, relaymsg.Salt{1}, id40)
	}
}
