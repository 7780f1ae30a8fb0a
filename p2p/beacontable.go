package p2p

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"
)

const (
	// maxAuthors bounds the table. Later authors are ignored until others
	// expire.
	maxAuthors = 20_000
	// lifeInIntervals is after how many of its own intervals a silent author
	// is taken for gone.
	lifeInIntervals = 3
	// forwardBurst is how many bytes of beacons may be forwarded at once, as
	// when a whole testnet starts.
	forwardBurst = 64 << 10
)

// beaconTable holds the last beacon of every author. All methods are safe for
// concurrent use; time is an argument.
type beaconTable struct {
	mu      sync.Mutex
	limit   int
	forward *rate.Limiter // bytes
	authors map[peer.ID]authorState
}

// authorState outlives the author's expiry as long as there is room, so that
// an old beacon played back does not revive it.
type authorState struct {
	last     beaconMessage
	sequence uint64
	heard    time.Time
	expires  time.Time
}

// ahead is how far the author's clock is ahead of ours, at least: its sequence
// begins at its clock, in nanoseconds, and rises by one per message.
func (a *authorState) ahead() time.Duration {
	return max(time.Unix(0, int64(min(a.sequence, math.MaxInt64))).Sub(a.heard), 0)
}

func newBeaconTable(limit, forwardPerSecond int) *beaconTable {
	return &beaconTable{
		limit:   limit,
		forward: rate.NewLimiter(rate.Limit(forwardPerSecond), forwardBurst),
		authors: make(map[peer.ID]authorState),
	}
}

// admit takes the author's beacon unless it is stale, too early, or more than
// can be kept or forwarded. None of this is the forwarder's fault.
func (t *beaconTable) admit(now time.Time, author peer.ID, sequence uint64, size int, m beaconMessage) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.authors[author]
	switch {
	case known && (sequence <= old.sequence || now.Sub(old.heard) < minInterval):
		return false
	case !known && len(t.authors) >= t.limit && !t.forgetExpired(now):
		return false
	case !t.forward.AllowN(now, size):
		return false
	}
	t.authors[author] = authorState{
		last: m, sequence: sequence,
		heard: now, expires: now.Add(lifeInIntervals * m.interval),
	}
	return true
}

// forgetExpired makes room and reports whether it could.
func (t *beaconTable) forgetExpired(now time.Time) (room bool) {
	for author, a := range t.authors {
		if !a.expires.After(now) {
			delete(t.authors, author)
			room = true
		}
	}
	return room
}

// count is the number of living authors; next is when that will be less if no
// more beacons come, zero if never.
func (t *beaconTable) count(now time.Time) (authors int, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.authors {
		if !a.expires.After(now) {
			continue
		}
		authors++
		if next.IsZero() || a.expires.Before(next) {
			next = a.expires
		}
	}
	return authors, next
}

// living are the authors not yet expired, by peer id.
func (t *beaconTable) living(now time.Time) []Author {
	t.mu.Lock()
	defer t.mu.Unlock()
	var authors []Author
	for p, a := range t.authors {
		if a.expires.After(now) {
			authors = append(authors, Author{Peer: p, Beacon: a.last.Beacon, Heard: a.heard, Ahead: a.ahead(), Addrs: a.last.addrs})
		}
	}
	slices.SortFunc(authors, func(a, b Author) int { return strings.Compare(string(a.Peer), string(b.Peer)) })
	return authors
}

// pick returns some living author that fits; fits must not call back.
func (t *beaconTable) pick(now time.Time, fits func(peer.AddrInfo) bool) (peer.AddrInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, a := range t.authors {
		info := peer.AddrInfo{ID: p, Addrs: a.last.addrs}
		if a.expires.After(now) && fits(info) {
			return info, true
		}
	}
	return peer.AddrInfo{}, false
}
