package recon

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"pgregory.net/rapid"

	"github.com/txnode/txnode/inv/relaymsg"
)

// pair is both ends of a link behind a round over whole mempools.
type pair struct {
	t   rapid.TB
	i   Initiator
	r   Responder
	now time.Time
}

func newPair(t rapid.TB) *pair {
	p := &pair{t: t, now: epoch, i: Initiator{Salt: naming}, r: Responder{Salt: naming}}
	answer, _, err := p.r.Request(p.now, p.i.Start(p.now, relaymsg.Nonce{1}, Set{}), responder, Set{}, false)
	if err == nil {
		err = p.i.Equal(answer.(*relaymsg.ReconEqual))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) fail(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
}

// round runs a round over what is new. It returns what it found, what the
// responder sent, and the bytes of its opening and summaries.
func (p *pair) round(ours, theirs Set) (diff *Difference, sent []relaymsg.Message, size int) {
	p.now = p.now.Add(time.Minute)
	count := func(m relaymsg.Message) { size += len(relaymsg.AppendFrame(nil, m)) }
	m := p.i.Steady(p.now, ours)
	count(m)
	answer, err := p.r.Steady(p.now, m, theirs, false)
	p.fail(err)
	switch answer := answer.(type) {
	case *relaymsg.ReconEqual:
		p.fail(p.i.Equal(answer))
		return &Difference{}, []relaymsg.Message{answer}, size
	case *relaymsg.ReconResync:
		p.fail(p.i.Resync(answer))
		return nil, []relaymsg.Message{answer}, size
	}
	for diff == nil {
		part := p.r.Chunk(p.now).(*relaymsg.ReconSketch)
		sent = append(sent, part)
		count(part)
		var more *relaymsg.ReconMore
		diff, more, err = p.i.Sketch(p.now, part, none)
		p.fail(err)
		if more != nil {
			count(more)
			p.fail(p.r.More(p.now, more))
		}
	}
	wanted, _, err := p.r.Diff(p.now, p.i.Ask(diff.Want, names(diff.Surplus), false))
	p.fail(err)
	_, err = p.i.Offer(p.now, &relaymsg.ReconOffer{Round: p.i.round.number, Have: names(wanted)})
	p.fail(err)
	if len(wanted) != len(diff.Want) || p.i.Active() || p.r.Active() {
		p.t.Fatal("the round did not end with what it found")
	}
	return diff, sent, size
}

// TestSteadyRounds compares rounds over what is new, whose sizes come as they
// like, with plain set difference.
func TestSteadyRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(t)
		next := 0
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			var sets [3][]chainhash.Hash // common, only ours, only theirs
			for k := range sets {
				for range rapid.IntRange(0, 60).Draw(t, "new") {
					sets[k] = append(sets[k], hash(next))
					next++
				}
			}
			diff, _, _ := p.round(setOf(slices.Concat(sets[0], sets[1])...), setOf(slices.Concat(sets[0], sets[2])...))
			if diff == nil {
				t.Fatal("whole mempools are to be compared")
			}
			slices.SortFunc(diff.Surplus, func(a, b chainhash.Hash) int { return slices.Compare(a[:], b[:]) })
			slices.SortFunc(sets[1], func(a, b chainhash.Hash) int { return slices.Compare(a[:], b[:]) })
			if !slices.Equal(diff.Surplus, sets[1]) || len(diff.Want) != len(sets[2]) {
				t.Fatalf("found %d and %d, want %d and %d", len(diff.Surplus), len(diff.Want), len(sets[1]), len(sets[2]))
			}
		}
	})
}

// TestSteadyBytes: opening and summaries of rounds with d differences among four
// times as many common transactions, once the ratio is learnt, cost what
// simulations of the design said, within 15 %.
func TestSteadyBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	next := 0
	take := func(n int) (wtxids []chainhash.Hash) {
		for range n {
			wtxids = append(wtxids, hash(next))
			next++
		}
		return wtxids
	}
	poisson := func(mean float64) (n int) {
		for at := rng.ExpFloat64(); at < mean; at += rng.ExpFloat64() {
			n++
		}
		return n
	}
	for _, c := range []struct{ differences, bytes int }{{5, 57}, {10, 84}, {20, 137}, {50, 283}} {
		p := newPair(t)
		const warmUp, rounds = 50, 300
		total, parts := 0, 0
		burst := 0.0 // log-normal, autoregressive: mempools grow in bursts
		for n := range warmUp + rounds {
			burst = 0.8*burst + 0.2*0.6*rng.NormFloat64()
			d := float64(c.differences) * math.Exp(burst)
			common := take(4 * c.differences)
			ours, theirs := append(take(poisson(d/2)), common...), append(take(poisson(d/2)), common...)
			_, sent, size := p.round(setOf(ours...), setOf(theirs...))
			if n >= warmUp {
				total += size
				parts += len(sent)
			}
		}
		mean := float64(total) / rounds
		t.Logf("%d differences: %.1f bytes, %.3f summaries a round", c.differences, mean, float64(parts)/rounds)
		if mean > 1.15*float64(c.bytes) || parts > rounds*9/8 {
			t.Errorf("%d differences: want %d bytes", c.differences, c.bytes)
		}
	}
}

// TestSteadyBoundaries: what is too much, or since when does not fit, is left to
// a round over whole mempools, and nothing is ever decoded wrongly.
func TestSteadyBoundaries(t *testing.T) {
	var many []chainhash.Hash
	for n := range MaxNew + 1 {
		many = append(many, hash(n))
	}
	resynced := func(p *pair, ours, theirs Set) bool {
		_, sent, _ := p.round(ours, theirs)
		_, ok := sent[0].(*relaymsg.ReconResync)
		return ok
	}
	if p := newPair(t); !resynced(p, Set{}, setOf(many...)) || p.i.CanBeSteady(Set{}) || p.r.base != nil {
		t.Error("too much was new at the responder")
	}
	if p := newPair(t); p.i.CanBeSteady(setOf(many...)) {
		t.Error("too much is new here")
	}
	if p := newPair(t); !resynced(p, setOf(many[:300]...), setOf(many[1000:2000]...)) {
		t.Error("a difference of 1300 is too much for a sketch")
	}
	p := newPair(t)
	p.r.Forget()
	if !resynced(p, Set{}, Set{}) {
		t.Error("the responder does not know since when")
	}
	p = newPair(t)
	p.i.Steady(p.now, Set{})
	p.i.Abandon()
	if p.i.CanBeSteady(Set{}) {
		t.Error("an abandoned round may be complete for the peer")
	}

	// A ratio learnt from rounds without differences is far too low for what
	// comes: the sketch is extended once, then the list comes.
	for _, d := range []int{20, 100} {
		p = newPair(t)
		for range 100 {
			p.round(setOf(many[:400]...), setOf(many[:400]...))
		}
		diff, sent, _ := p.round(setOf(many[:400]...), setOf(many[d/2:400+d/2]...))
		last := sent[len(sent)-1].(*relaymsg.ReconSketch)
		if diff.Size != d || len(sent) < 2 || last.List != (d == 100) {
			t.Errorf("%d differences: found %d in %d parts, list %v", d, diff.Size, len(sent), last.List)
		}
	}
}

func TestSteadyViolations(t *testing.T) {
	set := setOf(hash(1), hash(2), hash(3), hash(4), hash(5), hash(6), hash(7), hash(8), hash(9), hash(10))
	part := func(p *pair, change func(m *relaymsg.ReconSketch)) error {
		m := &relaymsg.ReconSketch{Round: 2, Count: 2, Data: make([]byte, 8)}
		change(m)
		_, _, err := p.i.Sketch(epoch, m, none)
		return err
	}
	for name, do := range map[string]func(p *pair) error{
		"part of a syndrome": func(p *pair) error { return part(p, func(m *relaymsg.ReconSketch) { m.Data = m.Data[:7] }) },
		"no syndromes":       func(p *pair) error { return part(p, func(m *relaymsg.ReconSketch) { m.Data = nil }) },
		"too many syndromes": func(p *pair) error {
			return part(p, func(m *relaymsg.ReconSketch) { m.Data = make([]byte, 4*maxCapacity+4) })
		},
		"too many in all": func(p *pair) error {
			part(p, func(m *relaymsg.ReconSketch) { m.Checksum = 1 })
			return part(p, func(m *relaymsg.ReconSketch) { m.Data = make([]byte, 4*maxCapacity-4) })
		},
		"too many ids":       func(p *pair) error { return part(p, func(m *relaymsg.ReconSketch) { m.Count = MaxNew + 1 }) },
		"list of other size": func(p *pair) error { return part(p, func(m *relaymsg.ReconSketch) { m.List, m.Count = true, 3 }) },
		"list out of order":  func(p *pair) error { return part(p, func(m *relaymsg.ReconSketch) { m.List = true }) },
		"count changed": func(p *pair) error {
			part(p, func(m *relaymsg.ReconSketch) { m.Checksum = 1 })
			return part(p, func(m *relaymsg.ReconSketch) { m.Count = 3 })
		},
		"summary of all": func(p *pair) error { _, err := p.i.List(epoch, &relaymsg.ReconList{Round: 2}, none); return err },
		"cells of all":   func(p *pair) error { _, _, err := p.i.Cells(epoch, &relaymsg.ReconCells{Round: 2}, none); return err },
		"resync amid a summary": func(p *pair) error {
			part(p, func(m *relaymsg.ReconSketch) { m.Checksum = 1 })
			return p.i.Resync(&relaymsg.ReconResync{Round: 2})
		},
		"resync of a round over all": func(p *pair) error {
			p.i.Abandon()
			p.i.Start(epoch, relaymsg.Nonce{1}, Set{})
			return p.i.Resync(&relaymsg.ReconResync{Round: 3})
		},
		"sketch in a round over all": func(p *pair) error {
			p.i.Abandon()
			p.i.Start(epoch, relaymsg.Nonce{1}, Set{})
			return part(p, func(m *relaymsg.ReconSketch) { m.Round = 3 })
		},
		"since nothing": func(p *pair) error {
			_, err := p.r.Steady(epoch, &relaymsg.ReconSteady{Round: 3}, set, false)
			return err
		},
		"since before the first": func(p *pair) error {
			_, err := p.r.Steady(epoch, &relaymsg.ReconSteady{Round: 3, Since: 3}, set, false)
			return err
		},
		"more at once": func(p *pair) error {
			p.r.Chunk(epoch)
			return p.r.More(epoch, &relaymsg.ReconMore{Round: 2, Cells: maxCapacity})
		},
		"more twice": func(p *pair) error {
			for range 2 {
				p.r.Chunk(epoch)
				if err := p.r.More(epoch, &relaymsg.ReconMore{Round: 2, Cells: 5}); err != nil {
					return err
				}
			}
			return nil
		},
		"more than the list": func(p *pair) error {
			p.r.Chunk(epoch)
			p.r.More(epoch, &relaymsg.ReconMore{Round: 2})
			p.r.Chunk(epoch)
			return p.r.More(epoch, &relaymsg.ReconMore{Round: 2, Cells: 5})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			if answer, err := p.r.Steady(epoch, p.i.Steady(epoch, Set{WTxIDs: set.WTxIDs[:8]}), set, false); answer != nil || err != nil {
				t.Fatal(answer, err)
			}
			if err := do(p); !errors.Is(err, ErrViolation) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// FuzzSteady: whatever a summary holds, it is refused or tells a difference of
// at most as many transactions as it has room for.
func FuzzSteady(f *testing.F) {
	f.Add(false, uint64(3), uint32(7), []byte("12341234"))
	f.Add(true, uint64(1), uint32(7), []byte("1234"))
	f.Fuzz(func(t *testing.T, list bool, count uint64, checksum uint32, data []byte) {
		p := newPair(t)
		p.i.Steady(epoch, setOf(hash(1), hash(2)))
		m := &relaymsg.ReconSketch{Round: 2, List: list, Count: count, Checksum: checksum, Data: data}
		diff, more, err := p.i.Sketch(epoch, m, none)
		switch {
		case err != nil && !errors.Is(err, ErrViolation):
			t.Fatal(err)
		case diff != nil && len(diff.Want)+len(diff.Surplus) > len(data)/4+2:
			t.Fatalf("%d from %d bytes", len(diff.Want), len(data))
		case more != nil && more.Cells > maxCapacity:
			t.Fatalf("%d more", more.Cells)
		}
	})
}
