package rpc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// ErrNoReceipt is returned by a [Backend] for a transaction of whose way into the
// network nothing is known.
var ErrNoReceipt = errors.New("no receipt for this transaction")

// MaxPropagationWait bounds the timeout of waittxpropagation: less than an answer
// may take.
const MaxPropagationWait = 20 * time.Second

// maxPropagationWaits is how many calls of waittxpropagation may wait at once:
// they leave most of the server's slots to other requests.
const maxPropagationWaits = maxConcurrent / 4

// Propagation is how far a transaction has spread, as peers have told the node.
// It is no proof: a peer can claim anything about itself. Times are Unix time in
// seconds, 0 if that has not happened.
type Propagation struct {
	TxID        string            `json:"txid"`
	WTxID       string            `json:"wtxid"`
	Local       bool              `json:"local"`       // submitted here
	Accepted    float64           `json:"accepted"`    // into the mempool
	Removed     float64           `json:"removed"`     // from it
	Unbroadcast bool              `json:"unbroadcast"` // it is announced again until enough peers hold it
	Coverage    float64           `json:"coverage"`    // share of the connected peers that want it and hold it or asked for it
	Verdict     string            `json:"verdict"`     // the same in words
	Peers       []PropagationPeer `json:"peers"`
}

// PropagationPeer is what one peer has shown about a transaction.
type PropagationPeer struct {
	ID            uint64  `json:"id"` // as in getpeerinfo
	PeerID        string  `json:"peer_id"`
	Connected     bool    `json:"connected"`
	Inbound       bool    `json:"inbound"`
	Announced     float64 `json:"announced"`     // to it
	Pushed        bool    `json:"pushed"`        // with the body
	Requested     float64 `json:"requested"`     // by it
	AnnouncedBack float64 `json:"announcedback"` // by it, to this node
	Reconciled    float64 `json:"reconciled"`    // a round found that it holds it
	BelowFloor    bool    `json:"belowfloor"`    // it takes nothing that pays so little
}

// has reports whether the peer has shown that it holds the transaction or asked
// for it.
func (p *PropagationPeer) has() bool {
	return p.Requested > 0 || p.AnnouncedBack > 0 || p.Reconciled > 0
}

func getTxPropagation(ctx context.Context, s *service, a args) (any, error) {
	id, err := a.hash(0, "txid")
	if err != nil {
		return nil, err
	}
	return propagation(ctx, s, id, 0)
}

func waitTxPropagation(ctx context.Context, s *service, a args) (any, error) {
	id, err := a.hash(0, "txid")
	if err != nil {
		return nil, err
	}
	fraction, err := strconv.ParseFloat(string(a[1]), 64)
	if err != nil || !(fraction > 0 && fraction <= 1) {
		return nil, errorf(CodeInvalidParameter, "fraction must be above 0 and at most 1")
	}
	seconds, err := a.integer(2, int64(MaxPropagationWait.Seconds()))
	if err != nil {
		return nil, err
	}
	if most := int64(MaxPropagationWait.Seconds()); seconds < 0 || seconds > most {
		return nil, errorf(CodeInvalidParameter, "timeout must be from 0 to %d seconds; call again to wait longer", most)
	}
	select {
	case s.waits <- struct{}{}:
		defer func() { <-s.waits }()
	default:
		return nil, errorf(CodeMisc, "%d calls wait for propagation already", maxPropagationWaits)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	return propagation(ctx, s, id, fraction)
}

func propagation(ctx context.Context, s *service, id chainhash.Hash, fraction float64) (any, error) {
	p, err := s.backend.Propagation(ctx, id, fraction)
	if errors.Is(err, ErrNoReceipt) {
		return nil, errorf(CodeUnknownTx, "%s", err)
	}
	if err != nil {
		return nil, err
	}
	p.Verdict = p.verdict()
	p.Peers = notNull(p.Peers)
	return p, nil
}

// verdict says how far the transaction has spread.
func (p *Propagation) verdict() string {
	var connected, have int
	var below, silent []string
	for i := range p.Peers {
		peer := &p.Peers[i]
		switch {
		case !peer.Connected:
			continue
		case peer.BelowFloor:
			below = append(below, peer.PeerID)
		case peer.has():
			have++
		default:
			silent = append(silent, peer.PeerID)
		}
		connected++
	}
	words := []string{fmt.Sprintf("%d of %d peers hold it or asked for it", have, connected)}
	switch {
	case connected == 0 && p.Removed > 0:
		words[0] = "the node has no peers"
	case connected == 0:
		words[0] = "the node has no peers and announces it when it has"
	}
	for _, list := range []struct {
		peers  []string
		reason string
	}{{below, "its fee floor is above it"}, {silent, "it has not shown that it holds it"}} {
		for _, id := range list.peers[:min(len(list.peers), 3)] {
			words = append(words, fmt.Sprintf("peer %s: %s", id, list.reason))
		}
		if more := len(list.peers) - 3; more > 0 {
			words = append(words, fmt.Sprintf("likewise %d more", more))
		}
	}
	if p.Removed > 0 {
		words = append(words, "it is not in the mempool any more")
	}
	return strings.Join(words, "; ")
}
