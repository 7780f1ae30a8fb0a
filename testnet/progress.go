package testnet

import (
	"fmt"
	"io"
	"time"
)

// Progress renders a run for people as it goes: on a terminal one line per
// phase, redrawn in place; elsewhere a line when a phase begins and one per
// second. What cannot be written is lost and does not stop the run.
type Progress struct {
	w       io.Writer
	live    bool
	columns int

	drawn bool          // the line being redrawn is on the terminal
	shown time.Duration // when a sample was last rendered
}

// plainInterval is how often there is a line when the output is no terminal.
const plainInterval = time.Second

// NewProgress renders to w. Live is for terminals; columns is then their width.
func NewProgress(w io.Writer, live bool, columns int) *Progress {
	return &Progress{w: w, live: live, columns: columns}
}

// Observer passes what happens to p.
func (p *Progress) Observer() Observer { return Observer{Phase: p.enter, Sample: p.sample} }

// Finish ends the line that is being redrawn, so that other output can follow.
func (p *Progress) Finish() {
	if p.drawn {
		fmt.Fprintln(p.w)
		p.drawn = false
	}
}

func (p *Progress) enter(phase Phase, elapsed time.Duration) {
	p.Finish()
	p.draw(fmt.Sprintf("%s %v", heading(phase, elapsed), phase))
}

func (p *Progress) sample(s Sample) {
	if !p.live && s.Elapsed-p.shown < plainInterval {
		return
	}
	p.shown = s.Elapsed
	p.draw(heading(s.Phase, s.Elapsed) + " " + s.String())
}

func heading(phase Phase, elapsed time.Duration) string {
	return fmt.Sprintf("%6.1fs %-9s", elapsed.Seconds(), string(phase))
}

// draw replaces the line of a terminal, or writes another.
func (p *Progress) draw(line string) {
	if !p.live {
		fmt.Fprintln(p.w, line)
		return
	}
	if runes := []rune(line); p.columns > 1 && len(runes) >= p.columns {
		line = string(runes[:p.columns-1]) // the last column would wrap
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", line) // EL: erase to the end of the line
	p.drawn = true
}

// String says where the run stands.
func (s Sample) String() string {
	mempools := "all equal"
	if s.Digests > 1 {
		mempools = fmt.Sprintf("%d different", s.Digests)
	}
	return fmt.Sprintf("txs %d/%d  mempools %v, %s  peers %v  %.1f kB/s",
		s.Submitted, s.Planned, s.Mempool, mempools, s.Peers, float64(s.Rate)/1000)
}

// String is the span as one number or two.
func (s Span) String() string {
	if s.Min == s.Max {
		return fmt.Sprint(s.Min)
	}
	return fmt.Sprintf("%d-%d", s.Min, s.Max)
}
