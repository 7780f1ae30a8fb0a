package p2p

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxFailures bounds the peers whose failures are remembered. It holds all
	// that may be kept; strangers push each other out.
	maxFailures = maxKept
	// maxFailureText bounds what is told of one: libp2p lists every address.
	maxFailureText = 400
)

// Failure is a peer to which there is no link although there should be one, or
// which tried to have one.
type Failure struct {
	Peer         peer.ID
	Addr         string // as it was added, or from where it came
	Time         time.Time
	Reason       string // one line
	Incompatible bool   // it is [ErrIncompatible]: trying again does not help
}

// failures remembers the latest failure of each peer. It is safe for concurrent
// use.
type failures struct {
	mu   sync.Mutex
	list []Failure // oldest first
}

// add notes that there is no link with the peer.
func (f *failures) add(p peer.ID, addr string, err error, now time.Time) {
	reason := strings.Join(strings.Fields(err.Error()), " ")
	if len(reason) > maxFailureText {
		reason = strings.ToValidUTF8(reason[:maxFailureText], "") + "…"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(p)
	if len(f.list) >= maxFailures {
		f.list = slices.Delete(f.list, 0, 1)
	}
	f.list = append(f.list, Failure{p, addr, now, reason, errors.Is(err, ErrIncompatible)})
}

// forget notes that there is a link with the peer, or that none is wanted.
func (f *failures) forget(p peer.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(p)
}

func (f *failures) drop(p peer.ID) {
	f.list = slices.DeleteFunc(f.list, func(e Failure) bool { return e.Peer == p })
}

// Failures are the added and bootstrap peers that there is no link to and why,
// and incompatible ones that came lately; oldest first.
func (n *Network) Failures() []Failure {
	n.failures.mu.Lock()
	defer n.failures.mu.Unlock()
	return slices.Clone(n.failures.list)
}
