package inv

import (
	"math/rand/v2"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/txrequest"
)

// PeerID names one connection for as long as it lives. The caller never uses
// one twice.
type PeerID = txrequest.PeerID

// Audience says whom an accepted transaction is announced to.
type Audience uint8

const (
	// AudienceMesh announces to the mesh links told by [Relay.MeshChanged].
	AudienceMesh Audience = iota
	// AudienceAll announces to every peer: the flood that other audiences are
	// measured against.
	AudienceAll
	// AudienceNone announces to nobody; reconciliation alone spreads
	// transactions, which it then lists from the moment of acceptance.
	AudienceNone
	// AudienceTopicIDs leaves announcing to the caller, who publishes the ids of
	// what is accepted where all peers may hear of it: each peer may GET it.
	AudienceTopicIDs
	// AudienceTopicBodies is the same where bodies are published.
	AudienceTopicBodies
)

// Topic reports whether the caller publishes what is accepted.
func (a Audience) Topic() bool { return a == AudienceTopicIDs || a == AudienceTopicBodies }

// Source says how a transaction came to be accepted.
type Source uint8

const (
	SourceLocal    Source = iota // submitted here, now or before a restart that found it unbroadcast
	SourcePeer                   // a body that Ready.Validate handed out
	SourceRestored               // loaded from disk: not announced, but listed in rounds
)

// Config is what a [Relay] is built from. Limits that an operator has no
// reason to change are constants of this package, txrequest and recon.
type Config struct {
	// Rand decides which of several equal announcers is asked, the nonces of
	// rounds and the jitter of their schedule. The Relay takes it over.
	// Required. Seeded from a cryptographic source outside of tests: whoever
	// predicts it knows whom we ask next.
	Rand *rand.Rand

	// Salt names transactions in everything this node receives; the same that
	// its HELLO tells.
	Salt relaymsg.Salt

	// FeeFloor is the lowest that the mempool's fee floor ever is, in satoshi
	// per 1000 virtual bytes: the same that HELLO tells.
	FeeFloor uint64

	// Audience of an accepted transaction. Default AudienceMesh.
	Audience Audience

	// InvInterval is how long the first announcement waiting for a link waits
	// for company. Lower spends more packets, higher more latency: at 100
	// nodes 50 ms cost 719 wire bytes per transaction and node at a p99 of
	// 0.72 s, 300 ms 540 bytes at 0.94 s. Default 300 ms; 0 waits for nothing.
	InvInterval time.Duration

	// Trickle hides better who had a transaction first, at the price of seconds:
	// links have their ticks at random, as Bitcoin Core's do, announcements wait
	// for them whatever else is sent, and nothing is pushed. InvInterval has no
	// effect. Default false.
	Trickle bool

	// SendRate is of how many transactions per second peers are told in the long
	// run; half a minute's worth may be told at once. What is beyond waits in a
	// backlog from which what pays the most goes first. Lower protects peers and
	// links from floods, higher keeps up with more load (Core: 14, or -txsendrate).
	// Default 500; 0: without limit.
	SendRate int

	// EagerHops is how far from its origin a transaction is pushed, as a body
	// that nobody asked for, before it is announced. Each hop saves a third of
	// a second and multiplies the pushes by the mesh degree; once more than one
	// in seven of them is a duplicate it costs more than it saves: from 1 hop
	// below 60 nodes, 2 below 600, 3 above. Negative: by the size told to
	// [Relay.NetworkSized], at most 2, and 1 until that is known. 0: nothing is
	// pushed. Without AudienceMesh it has no effect. Default AutoEagerHops.
	EagerHops int

	// ReconInterval is the mean time between rounds this node initiates, each
	// with one outbound peer, jittered by ±20 %. Default 5 s; 0: this node
	// neither starts nor answers rounds.
	ReconInterval time.Duration

	// Trace is of how many of the latest transactions from peers the delivery is
	// remembered, beside those submitted here ([Relay.Delivery]): up to 15 kB
	// each with 128 peers. Default 0.
	Trace int

	// NoPull is fault injection: the node never requests a body and drops
	// those that are pushed.
	NoPull bool
}

// DefaultConfig returns the defaults, without Rand and Salt.
func DefaultConfig() Config {
	return Config{
		InvInterval:   300 * time.Millisecond,
		SendRate:      500,
		EagerHops:     AutoEagerHops,
		ReconInterval: 5 * time.Second,
	}
}

// Peer is what the handshake told of a peer.
type Peer struct {
	Outbound bool          // we dialed: preferred when requesting, and ours to start rounds with
	Salt     relaymsg.Salt // from its HELLO: names transactions in what it receives
	FeeFloor uint64        // satoshi per 1000 virtual bytes, until it tells another by FEEFILTER
	Name     string        // who it is, for what [Relay.Delivery] tells after the link is gone
}

// Tx is what the relay needs to know of an accepted transaction.
type Tx struct {
	WTxID     chainhash.Hash
	FeeRate   uint64 // of its chunk, in satoshi per 1000 virtual bytes; see Relay.FeeRateChanged
	Size      int    // serialized, in bytes: what a PUSH of it costs
	Ancestors int    // in the mempool, without the transaction itself

	Parents []chainhash.Hash // those in the mempool
}

// Ready is what the caller has to do, drained by [Relay.Ready]. The fields can
// be carried out in any order: nothing is addressed to a peer in Disconnect.
type Ready struct {
	// Send is to be written in this order.
	Send []Send
	// Push asks for bodies to be sent unasked: read them from the mempool and
	// send them as PUSH, but for those that are gone meanwhile.
	Push []Push
	// Serve asks for bodies: read them from the mempool and send them as TXS,
	// and NOTFOUND with the ids of those that are gone meanwhile.
	Serve []Serve
	// ServeParents asks for ancestors: read them from the mempool and send them
	// as PARENTS, or NOTFOUND if all are gone meanwhile.
	ServeParents []ServeParents
	// Families hands orphans with their ancestors to admission: what enters the
	// mempool is told by Accepted and what does not by Rejected.
	Families []Family
	// Validate hands bodies to admission, in this order. Each must be answered
	// by Accepted, Rejected or Orphaned, once; until then it occupies one of the
	// request slots of the peer that sent it.
	Validate []Body
	// Orphans tells who else announced what waits for its parents.
	Orphans []Announcement
	// Disconnect names peers that violated the protocol. The Relay has
	// forgotten them already; PeerDisconnected may still be called.
	Disconnect []Disconnect
	// Broadcast names transactions submitted here that need not be announced
	// again, for [Delivery.Unbroadcast] ended: forget to do so after a restart.
	Broadcast []chainhash.Hash
	// Rounds are the reconciliation rounds that ended, for observers.
	Rounds []Round
	// Wake is when to call Tick at the latest; zero when nothing is armed.
	Wake time.Time
}

// Send is one message to one peer.
type Send struct {
	Peer PeerID
	Msg  relaymsg.Message
}

// Push is one transaction to be pushed to one peer.
type Push struct {
	Peer  PeerID
	WTxID chainhash.Hash
	Hop   uint8 // as on the wire
}

// Serve is a peer's request for bodies it has the right to.
type Serve struct {
	Peer PeerID
	Tx   []Named
}

// Named is a transaction and the id under which the peer asked for it.
type Named struct {
	ID    relaymsg.ShortID
	WTxID chainhash.Hash
}

// Body is a received serialization that was asked for or pushed. WTxID is its
// double SHA-256; nothing else about it has been checked.
type Body struct {
	Peer  PeerID
	WTxID chainhash.Hash
	Raw   []byte
}

// ServeParents is the answer to a peer's GETPARENTS.
type ServeParents struct {
	Peer   PeerID
	Child  relaymsg.ShortID // as in the GETPARENTS
	WTxIDs []chainhash.Hash // its ancestors, parents before children
}

// Family is an orphan with what its announcer says are its ancestors, without
// those that are in the mempool. Nothing about them has been checked.
type Family struct {
	Peer    PeerID
	Child   chainhash.Hash // its wtxid
	Parents [][]byte       // parents before children
}

// Announcement is of one transaction by one peer.
type Announcement struct {
	Peer  PeerID
	WTxID chainhash.Hash
}

// Disconnect is a verdict on a peer.
type Disconnect struct {
	Peer   PeerID
	Reason string // for the log, in words
}

// Round is a finished reconciliation round as one side saw it.
type Round struct {
	ID            uint64 // as on the wire: counts the rounds of one link and initiator
	Peer          PeerID
	Initiator     bool // this side started it
	Steady        bool // it was over what was new on the link, not over whole mempools
	Ours          int  // transactions in this side's frozen set
	Theirs        int  // in the peer's, as far as it was told
	Equal         bool // the digests agreed
	Estimate      int  // transactions that only one side has, before the summary; 0 on the initiator's side
	Difference    int  // the same, as it came out: what the initiator found, what it told the other
	Wanted        int  // transactions this side lacked and the peer offered to serve
	Offered       int  // transactions this side offered to serve
	Lacked        int  // of Offered: those that the peer was offered before and has not taken in [Persistence]
	Withheld      int  // of Wanted: those that the peer offered before and has not served in that time
	BytesSent     int  // frames of the round, without bodies
	BytesReceived int
	Started       time.Time
	Duration      time.Duration
	Outcome       Outcome
	Reason        string   // why it failed, in words; empty unless it did
	Requested     bool     // by [Relay.Reconcile]
	Details       *Details // of a requested round that found a difference
}

// Details is what a round found, each at most recon.MaxDiff of them.
type Details struct {
	Ours    []chainhash.Hash   // the peer lacks them
	Theirs  []relaymsg.ShortID // we lack them; under our salt, as the peer offered them
	Refused []chainhash.Hash   // the peer has them, we refused them for good or wait for their parents
}

// Failed reports whether the round ended without a comparison.
func (o Outcome) Failed() bool { return o != OutcomeEqual && o != OutcomeReconciled }

// Outcome is how a round ended.
type Outcome string

const (
	OutcomeEqual        Outcome = "equal"        // same sets, nothing exchanged
	OutcomeReconciled   Outcome = "reconciled"   // both sides were told what they lack
	OutcomeBusy         Outcome = "busy"         // refused by the answering side
	OutcomeResync       Outcome = "resync"       // too much was new: a round over whole mempools follows
	OutcomeTimeout      Outcome = "timeout"      // no progress for recon.Timeout
	OutcomeSuperseded   Outcome = "superseded"   // the initiator started another one
	OutcomeDisconnected Outcome = "disconnected" // the link died
)
