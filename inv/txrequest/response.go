package txrequest

import (
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// MinTimeout is the least time a peer gets to answer: more than twice a
	// round trip around the globe. Measured at 100 nodes with a tenth of them
	// killed, 2 s makes a tail of 5 s, 700 ms one of 2.2 s.
	MinTimeout = 700 * time.Millisecond
	// MaxTimeout is the most, however slow the peer was before.
	MaxTimeout = 10 * time.Second
	// SlowTimeout is the timeout above which a peer counts as slow.
	SlowTimeout = 2 * time.Second
	// firstTimeout is for a peer that has never answered: a round trip around
	// the globe. It is short because a wrong guess costs at most one body sent
	// twice, once in the life of a link, and a right one every transaction that
	// a silent peer announces until it is found out.
	firstTimeout = 500 * time.Millisecond
)

// responseTime estimates how long a peer takes to answer a request, as TCP
// estimates round trips (RFC 6298). The zero value is a peer without history.
type responseTime struct {
	smoothed  time.Duration // zero: no answer yet
	deviation time.Duration
	failures  int       // timeouts since the last answer; those of one moment count once
	failed    time.Time // the last of them
}

func (r *responseTime) answered(after time.Duration) {
	after = min(max(after, time.Microsecond), MaxTimeout)
	if r.smoothed == 0 {
		r.smoothed, r.deviation = after, after/2
	} else {
		r.deviation += ((r.smoothed - after).Abs() - r.deviation) / 4
		r.smoothed += (after - r.smoothed) / 8
	}
	r.failures = 0
}

// timedOut counts a failure, unless the request was already on its way when
// the last one was counted.
func (r *responseTime) timedOut(asked, now time.Time) {
	if r.failures == 0 || asked.After(r.failed) || asked.Equal(r.failed) {
		r.failures++
		r.failed = now
	}
}

func (r *responseTime) timeout() time.Duration {
	d := firstTimeout
	if r.smoothed > 0 {
		d = max(r.smoothed+4*r.deviation, MinTimeout)
	}
	for range r.failures {
		if d >= MaxTimeout {
			break
		}
		d *= 2
	}
	return min(d, MaxTimeout)
}

func (r *responseTime) slow() bool { return r.failures > 0 || r.timeout() > SlowTimeout }

// lateBodies remembers the abandoned requests of a peer whose bodies are still
// welcome, at most MaxAnnouncements of them. The zero value is empty.
type lateBodies struct {
	byID  map[relaymsg.ShortID]*lateBody
	queue []*lateBody // in order of expiry; may hold entries already taken
}

type lateBody struct {
	id           relaymsg.ShortID
	asked, until time.Time
}

func (l *lateBodies) add(id relaymsg.ShortID, asked, now time.Time) {
	for len(l.queue) > 0 && (len(l.queue) >= MaxAnnouncements || !l.queue[0].until.After(now)) {
		if oldest := l.queue[0]; l.byID[oldest.id] == oldest {
			delete(l.byID, oldest.id)
		}
		l.queue = l.queue[1:]
	}
	if l.byID == nil {
		l.byID = map[relaymsg.ShortID]*lateBody{}
	}
	b := &lateBody{id: id, asked: asked, until: now.Add(LateGrace)}
	l.byID[id] = b
	l.queue = append(l.queue, b)
}

// take reports when the id was asked for if its body is still welcome, and
// forgets it.
func (l *lateBodies) take(now time.Time, id relaymsg.ShortID) (asked time.Time, ok bool) {
	b := l.byID[id]
	if b == nil {
		return time.Time{}, false
	}
	delete(l.byID, id)
	return b.asked, b.until.After(now)
}
