package p2p

import (
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// maxRetries bounds the strangers remembered for not answering.
const maxRetries = 1024

// retries paces the dialling of strangers, whose addresses anybody may have
// made up: each failure doubles the pause, up to an hour. One goroutine uses it.
type retries struct{ peers map[peer.ID]retry }

type retry struct {
	failures int
	next     time.Time
}

func newRetries() *retries { return &retries{peers: make(map[peer.ID]retry)} }

func (r *retries) due(p peer.ID, now time.Time) bool { return !r.peers[p].next.After(now) }

// tried notes the outcome of an attempt.
func (r *retries) tried(p peer.ID, err error, now time.Time) {
	if err == nil {
		delete(r.peers, p)
		return
	}
	if _, ok := r.peers[p]; !ok && len(r.peers) >= maxRetries {
		clear(r.peers)
	}
	e := r.peers[p]
	pause := min(10*time.Second<<min(e.failures, 10), time.Hour)
	if errors.Is(err, ErrIncompatible) {
		pause = time.Hour
	}
	r.peers[p] = retry{failures: e.failures + 1, next: now.Add(jitter(pause, 0.25))}
}
