package inv

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// MaxKnown bounds the transactions remembered as known to a peer, by
	// announcement in either direction; at least the latest half of that
	// many are (Core: rolling filter of 50 000).
	MaxKnown = 50_000
	// MaxGranted is how many of the latest announcements to a peer are
	// remembered at least, at most twice as many. Older ones are NOTFOUND.
	MaxGranted = 50_000
	// RepeatBurst bounds how often a peer may GET what it got already: the first
	// GET of an announcement is its right, any further one takes from a bucket
	// of so many.
	RepeatBurst = 100
	// RepeatRate is what the bucket gains per second.
	RepeatRate = 10
)

// peer is everything about one connection. It dies with it.
type peer struct {
	id PeerID
	Peer
	mesh     bool
	prunedAt time.Time // when it left the mesh; zero: it never did

	known     generations[struct{}] // by our id
	waiting   []*entry              // to be announced at invAt
	invAt     time.Time             // zero: nothing waits
	toldAt    time.Time             // of the latest INV; zero: there was none
	addressed bool                  // a packet is on its way to it anyway

	granted   generations[grant] // what it may GET, by its id
	repeats   bucket
	ancestors bucket                              // bytes of PARENTS to it
	owes      map[relaymsg.ShortID]chainhash.Hash // GETPARENTS it has not answered

	pushed   bucket // bytes by it
	pushes   bucket // bytes by us
	unjudged int    // bytes by it that are being judged

	initiator recon.Initiator
	responder recon.Responder
	initiated *round                         // the round initiator is in
	answered  *round                         // the round responder is in
	own       span                           // of what completed rounds that we initiated have covered
	theirs    span                           // likewise of those that we answered
	settled   generations[struct{}]          // named in the latest rounds, by our id
	owed      map[relaymsg.ShortID]time.Time // what the latest round over whole mempools found us to lack, since when
	doneAt    time.Time                      // when the latest round that we initiated was complete
	timeouts  int                            // of rounds that we initiated, since then
	turn      uint64                         // of the latest regular round with it
	soonAt    time.Time                      // a round out of turn is due; zero: none
	requested bool                           // a round is wanted from outside
	busyUntil time.Time                      // it asked for no rounds before
	listAt    time.Time                      // the next parts of a summary are due; zero: none
	askAt     time.Time                      // asking for more of a difference is due; zero: there is no more
}

// grant is the right to GET a transaction once.
type grant struct {
	tx   *entry
	used bool
}

func newPeer(id PeerID, info Peer) *peer {
	return &peer{
		id: id, Peer: info,
		known:     generations[struct{}]{limit: MaxKnown / 2},
		granted:   generations[grant]{limit: MaxGranted},
		settled:   generations[struct{}]{limit: maxSettled},
		repeats:   newBucket(RepeatBurst, RepeatRate),
		ancestors: newBucket(ParentsBurst, ParentsRate),
		owes:      map[relaymsg.ShortID]chainhash.Hash{},
		pushed:    newBucket(PushBurst, PushRate),
		pushes:    newBucket(PushBurst/2, PushRate/2),
	}
}

func (p *peer) knows(id relaymsg.ShortID) bool {
	_, ok := p.known.get(id)
	return ok
}

// wants reports whether announcing the transaction would tell the peer
// something it can use.
func (p *peer) wants(e *entry) bool {
	return !e.gone && e.FeeRate >= p.FeeFloor && !p.knows(e.id)
}

// offered reports whether the peer has the right to GET the transaction.
func (p *peer) offered(e *entry) bool {
	g, ok := p.granted.get(p.Salt.ShortID(e.WTxID))
	return ok && g.tx == e
}

// offer names the transaction for the peer and gives it the right to GET it,
// once however often it is offered.
func (p *peer) offer(e *entry) relaymsg.ShortID {
	id := p.Salt.ShortID(e.WTxID)
	p.known.put(e.id, struct{}{})
	old, _ := p.granted.get(id)
	p.granted.put(id, grant{tx: e, used: old.tx == e && old.used})
	return id
}
