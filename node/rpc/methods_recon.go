package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
)

// shownRounds is how many rounds getreconinfo shows unless told otherwise.
const shownRounds = 10

// ReconInfo is the result of getreconinfo.
type ReconInfo struct {
	Peers  []ReconPeer `json:"peers"`
	Rounds []Round     `json:"rounds"` // the latest, oldest first
}

// ReconPeer sums up the latest rounds with a connected peer.
type ReconPeer struct {
	ID            uint64  `json:"id"` // as in getpeerinfo
	PeerID        string  `json:"peer_id"`
	Inbound       bool    `json:"inbound"`
	Rounds        int     `json:"rounds"`
	Failed        int     `json:"failed"` // of those
	BytesSent     int     `json:"bytessent"`
	BytesReceived int     `json:"bytesrecv"`
	LastRound     float64 `json:"lastround"` // Unix time of its beginning; 0: none
	LastOutcome   string  `json:"lastoutcome,omitempty"`
	LastReason    string  `json:"lastreason,omitempty"`
	Lacks         int     `json:"lacks"`     // transactions it was offered a minute or longer ago and never took
	Withholds     int     `json:"withholds"` // transactions it offered then and never served
}

// MempoolDiff is the result of getmempooldiff.
type MempoolDiff struct {
	PeerID string `json:"peer_id"`
	Equal  bool   `json:"equal"`
	Difference
	Round Round `json:"round"`
}

func getReconInfo(_ context.Context, s *service, a args) (any, error) {
	count, err := a.integer(0, shownRounds)
	if err != nil {
		return nil, err
	}
	if count < 0 {
		return nil, errorf(CodeInvalidParameter, "Negative count")
	}
	rounds := s.backend.Rounds()
	latest := rounds[max(0, int64(len(rounds))-count):]
	info := ReconInfo{Peers: []ReconPeer{}, Rounds: notNull(latest)}
	for _, p := range s.backend.Peers() {
		info.Peers = append(info.Peers, summarize(p, rounds))
	}
	return info, nil
}

// summarize sums up the rounds with a peer.
func summarize(p Peer, rounds []Round) ReconPeer {
	sum := ReconPeer{ID: p.ID, PeerID: p.PeerID, Inbound: p.Inbound}
	for _, r := range rounds {
		if r.Link != p.ID {
			continue
		}
		sum.Rounds++
		sum.BytesSent += r.BytesSent
		sum.BytesReceived += r.BytesReceived
		sum.LastRound, sum.LastOutcome, sum.LastReason = r.Started, r.Outcome, r.Reason
		switch {
		case r.Reason != "":
			sum.Failed++
		case r.Kind == KindSync: // the other ones leave out what was found before
			sum.Lacks, sum.Withholds = r.Lacked, r.Withheld
		}
	}
	return sum
}

func reconcile(ctx context.Context, s *service, a args) (any, error) {
	r, _, err := reconcileWith(ctx, s, a)
	return r, err
}

func getMempoolDiff(ctx context.Context, s *service, a args) (any, error) {
	r, d, err := reconcileWith(ctx, s, a)
	if err != nil {
		return nil, err
	}
	if r.Reason != "" {
		return nil, errorf(CodeMisc, "The round with %s failed (%s): %s", r.PeerID, r.Outcome, r.Reason)
	}
	d.Ours, d.Theirs, d.Refused = notNull(d.Ours), notNull(d.Theirs), notNull(d.Refused)
	return MempoolDiff{PeerID: r.PeerID, Equal: r.Difference == 0, Difference: d, Round: r}, nil
}

// notNull makes an absent list an empty one, which JSON tells apart.
func notNull[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// reconcileWith has a round with the peer that argument 0 names.
func reconcileWith(ctx context.Context, s *service, a args) (Round, Difference, error) {
	id, ok := findPeer(a[0], s.backend.Peers())
	if !ok {
		return Round{}, Difference{}, errorf(CodeNotConnected, "Node not found in connected nodes")
	}
	r, d, err := s.backend.Reconcile(ctx, id)
	if errors.Is(err, ErrNotConnected) {
		err = errorf(CodeNotConnected, "%s", err)
	}
	return r, d, err
}

// findPeer is the connected peer with that id, libp2p peer id or address.
func findPeer(argument json.RawMessage, peers []Peer) (id uint64, ok bool) {
	var name string
	if json.Unmarshal(argument, &name) != nil {
		name = string(argument) // a number
	}
	for _, p := range peers {
		if name == p.PeerID || name == p.Addr || name == strconv.FormatUint(p.ID, 10) {
			return p.ID, true
		}
	}
	return 0, false
}
