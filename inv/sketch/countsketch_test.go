package sketch

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestCountSketchEstimate(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, tt := range []struct{ mine, theirs, trials int }{
		{3, 2, 400}, {0, 10, 400}, {50, 50, 300}, {1000, 0, 200}, {300, 700, 200}, {10_000, 10_000, 20},
	} {
		d := tt.mine + tt.theirs
		var sum, squares float64
		for range tt.trials {
			var a, b CountSketch
			for range 30 {
				common := rng.Uint64()
				a.Add(common)
				b.Add(common)
			}
			for range tt.mine {
				a.Add(rng.Uint64())
			}
			for range tt.theirs {
				b.Add(rng.Uint64())
			}
			e := float64(a.Difference(&b, tt.mine+30, tt.theirs+30))/float64(d) - 1
			sum += e
			squares += e * e
		}
		mean, rms := sum/float64(tt.trials), math.Sqrt(squares/float64(tt.trials))
		t.Logf("difference %d + %d: bias %+.3f, rms error %.3f", tt.mine, tt.theirs, mean, rms)
		// One-sided differences are never underestimated, which biases them.
		if rms > .17 || mean < -.04 || mean > .08 {
			t.Errorf("difference %d + %d: bias %+.3f, rms error %.3f", tt.mine, tt.theirs, mean, rms)
		}
	}
}

func TestCountSketchBounds(t *testing.T) {
	var a, b CountSketch
	for i := range a.counts {
		a.counts[i], b.counts[i] = MaxSet, -MaxSet
	}
	if got := a.Difference(&b, 300, 500); got != 800 {
		t.Errorf("sets of 300 and 500 differ in %d", got)
	}
	if got := a.Difference(&a, 300, 500); got != 200 {
		t.Errorf("sets of 300 and 500 differ in %d", got)
	}
}

func TestCountSketchEncoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	for _, tt := range []struct{ n, least, most int }{{0, 128, 128}, {300, 128, 128}, {300_000, 128, 180}} {
		var s CountSketch
		for range tt.n {
			s.Add(rng.Uint64())
		}
		b := s.AppendTo(nil)
		if len(b) < tt.least || len(b) > tt.most {
			t.Errorf("a set of %d takes %d bytes, want %d to %d", tt.n, len(b), tt.least, tt.most)
		}
		if got, err := ParseCountSketch(b); err != nil || *got != s {
			t.Errorf("a set of %d: %v, %v", tt.n, got, err)
		}
	}
}

func TestCountSketchRefuses(t *testing.T) {
	var s CountSketch
	b := s.AppendTo(nil)
	s.counts[5] = MaxSet + 1
	for name, bad := range map[string][]byte{
		"nothing":        nil,
		"one too few":    b[1:],
		"one too many":   append(b[:len(b):len(b)], 0),
		"cut varint":     append(b[1:len(b):len(b)], 0x80),
		"long varint":    append(b[1:len(b):len(b)], 0x80, 0),
		"counter beyond": s.AppendTo(nil),
	} {
		if _, err := ParseCountSketch(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
