package testnet

import (
	"strings"
	"testing"
	"time"
)

// play shows a short run.
func play(p *Progress) {
	o := p.Observer()
	o.Phase(PhaseStart, 0)
	o.Phase(PhaseConnect, 1500*time.Millisecond)
	for i := range 9 {
		o.Sample(Sample{
			Phase: PhaseConnect, Elapsed: 1750*time.Millisecond + time.Duration(i)*sampleInterval,
			Submitted: i, Planned: 300, Digests: 1 + i%2, Mempool: Span{i / 2, i}, Peers: Span{16, 16}, Rate: 12345,
		})
	}
	o.Phase(PhaseVerdict, 4*time.Second)
	p.Finish()
}

func TestProgressInLines(t *testing.T) {
	var b strings.Builder
	play(NewProgress(&b, false, 0))
	const want = `   0.0s start     nodes open their sockets and storage
   1.5s connect   links are dialled, the mesh forms
   1.8s connect   txs 0/300  mempools 0, all equal  peers 16  12.3 kB/s
   2.8s connect   txs 4/300  mempools 2-4, all equal  peers 16  12.3 kB/s
   3.8s connect   txs 8/300  mempools 4-8, all equal  peers 16  12.3 kB/s
   4.0s verdict   mempools are compared
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var b strings.Builder
	play(NewProgress(&b, true, 50))
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines for three phases:\n%q", len(lines), b.String())
	}
	for _, line := range lines {
		for i, drawn := range strings.Split(line, "\r") {
			text, erased := strings.CutSuffix(drawn, "\x1b[K")
			if i > 0 && (!erased || len(text) > 49) {
				t.Errorf("%q was drawn", drawn)
			}
		}
	}
	if last := lines[1][strings.LastIndex(lines[1], "\r"):]; last != "\r   3.8s connect   txs 8/300  mempools 4-8, all eq\x1b[K" {
		t.Errorf("the phase's line ended as %q", last)
	}
}

func TestRateSince(t *testing.T) {
	at := func(ms int, sent uint64) Sample {
		return Sample{Elapsed: time.Duration(ms) * time.Millisecond, Sent: sent}
	}
	for _, c := range []struct {
		earlier, s Sample
		want       uint64
	}{
		{at(0, 0), at(500, 1000), 2000},
		{at(500, 1000), at(500, 1000), 0},
		{at(0, 1000), at(500, 0), 0},
	} {
		if got := rateSince(c.earlier, c.s); got != c.want {
			t.Errorf("%d bytes per second, want %d", got, c.want)
		}
	}
}
