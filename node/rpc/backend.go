package rpc

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
)

// Errors a [Backend] returns, wrapped or as they are, for what the server must
// answer with a code of its own.
var (
	// ErrNodeAdded: AddNode was given an address it keeps already.
	ErrNodeAdded = errors.New("node already added")
	// ErrNodeNotAdded: RemoveNode was given an address AddNode was not.
	ErrNodeNotAdded = errors.New("node has not been added")
	// ErrNotConnected: Disconnect was given a peer that is not there.
	ErrNotConnected = errors.New("node not found in connected nodes")
	// ErrBadAddress: an address is no multiaddr that could be dialled.
	ErrBadAddress = errors.New("invalid node address")
	// ErrNoLogging: the program around the node does not let its logging be changed.
	ErrNoLogging = errors.New("logging is up to the program that runs this node")
	// ErrNotSynced: ImportMempool was called while nobody can tell which outputs exist.
	ErrNotSynced = errors.New("the source of previous outputs does not answer")
)

// Backend is the node that a server speaks for. Its methods are called from
// many goroutines at once and, but for Submit, SubmitPackage,
// Stand, AbortStanding, Prioritise, SaveMempool, ImportMempool, Check, CheckPackage, TxOut, Connect, Ping, Reconcile and Propagation, return without waiting for anything.
type Backend interface {
	// Submit adds a serialized transaction to the mempool and has it announced.
	// It returns once the transaction is durable. One that is in the mempool
	// already is announced again, which is no error; a valid one that is not
	// enters it only if allow returns nil. A refusal is a *mempool.RuleError, or
	// what allow returned. The entry comes with it too, once the bytes were
	// decoded.
	Submit(ctx context.Context, raw []byte, allow func(*mempool.Entry) error) (*mempool.Entry, error)

	// SubmitPackage submits a child after its parents, of which some need it to pay
	// for them. The results are one per transaction, or none if the package as such
	// is refused. An error is a *mempool.RuleError if not all of them are in the
	// mempool.
	SubmitPackage(ctx context.Context, raws [][]byte, allow func(*mempool.Entry) error) ([]mempool.PackageResult, error)

	// Stand submits, and leaves standing what the mempool may take later: what
	// stands is returned, committed, or nil once the mempool has it. With a
	// maxFeeRate above 0, in satoshi per kvB, what pays more is refused with
	// mempool.ErrMaxFeeRate. Other errors are those of Submit, and
	// mempool.ErrLotFull. Standing is all that stands, the oldest first, and
	// AbortStanding gives up and returns what does with that txid or wtxid.
	Stand(ctx context.Context, raw []byte, maxFeeRate int64) (*mempool.Standing, error)
	Standing() []mempool.Standing
	AbortStanding(ctx context.Context, id chainhash.Hash) ([]mempool.Standing, error)

	// Prioritise adds to the fee delta of a transaction, in the mempool or not, and
	// returns once that is durable. Errors are those of [mempool.Pool.Prioritise].
	Prioritise(ctx context.Context, txid chainhash.Hash, delta int64) error

	// SaveMempool writes a mempool.dat and returns its path, and ImportMempool submits
	// what such a file of the node's host holds, durably. Relative paths begin where
	// SaveMempool writes. The report comes with an error too, of which one may be
	// [ErrNotSynced]; what was accepted until then stays.
	SaveMempool() (path string, err error)
	ImportMempool(ctx context.Context, path string, o mempooldat.ImportOptions) (mempooldat.ImportReport, error)

	// Check judges a transaction as Submit would and changes nothing. Unlike
	// Submit it refuses a transaction that is in the mempool. The entry comes
	// with a refusal too, once the bytes were decoded.
	Check(ctx context.Context, raw []byte) (*mempool.Entry, error)

	// CheckPackage judges transactions one after the other, each as if those before
	// it were in the mempool, and changes nothing. What was not judged has no entry.
	// An error is a *mempool.RuleError unless all are acceptable.
	CheckPackage(ctx context.Context, raws [][]byte) ([]mempool.PackageResult, error)

	// Mempool is what is read for every other question about transactions.
	Mempool() *mempool.Pool

	// Accepted yields the transactions that enter the mempool after it was called,
	// in order, until ctx ends. That it ends before means that the node stopped or
	// that this consumer was so slow that it missed some.
	Accepted(ctx context.Context) iter.Seq[*mempool.Entry]

	// Sequence is the number of the latest change of the mempool, and EventsSince
	// yields what happened after one and then what happens, until ctx ends or the
	// node stops. What it cannot yield any more it tells of as "missed".
	Sequence() uint64
	EventsSince(ctx context.Context, after uint64) iter.Seq[Event]

	// Tip is the block height and median time that transactions are judged at.
	Tip() (height int32, medianTime time.Time)

	// BestBlock is the block at that height, zero if there are no blocks, and TxOut
	// the unspent confirmed output at op, false when there is none. TxOut may ask a
	// Bitcoin node.
	BestBlock() chainhash.Hash
	TxOut(op wire.OutPoint) (mempool.PrevOut, bool, error)

	// Digest is the mempool digest and the number of transactions it covers.
	Digest() (digest [32]byte, count int)

	// Overlay is what the node hears of the network beyond its peers.
	Overlay() Overlay

	// Authors are the other nodes that it hears of, by peer id, and Interval is that
	// between its own beacons.
	Authors() (authors []OverlayNode, interval time.Duration)

	// Unbroadcast reports whether a transaction was submitted here and has not been
	// shown to have arrived anywhere; UnbroadcastCount is how many those are.
	Unbroadcast(wtxid chainhash.Hash) bool
	UnbroadcastCount() int

	// Network describes the node's own end of the network.
	Network() Network

	// Warnings are what is wrong with the node's surroundings, a line each, and
	// Failures the peers there is no link to although there should be.
	Warnings() []string
	Failures() []PeerFailure

	// NetTotals is how many stream bytes were sent and received.
	NetTotals() (sent, received uint64)

	// Peers are the connected peers, oldest first.
	Peers() []Peer

	// AddNode keeps the node connected to the multiaddr addr from now on.
	AddNode(addr string) error
	// RemoveNode ends what AddNode began. The connection stays.
	RemoveNode(addr string) error
	// Connect tries the multiaddr addr once.
	Connect(ctx context.Context, addr string) error
	// Disconnect closes the link with that [Peer.ID].
	Disconnect(id uint64) error

	// SetNetworkActive switches connections off and on, and Ping measures the round
	// trip times to all peers and waits for that.
	SetNetworkActive(active bool)
	Ping(ctx context.Context)

	// Logging switches debug messages of these categories on and off, and returns
	// for each category whether they are on. An error names a category that there
	// is none of, or wraps [ErrNoLogging].
	Logging(include, exclude []string) (map[string]bool, error)

	// Rounds are the last reconciliation rounds, oldest first.
	Rounds() []Round
	// Reconcile has a round with the peer of that [Peer.ID] and waits for its end.
	// An error is [ErrNotConnected] or says why there was none; that a round
	// failed is none.
	Reconcile(ctx context.Context, id uint64) (Round, Difference, error)

	// Propagation tells how far the transaction with this wtxid or, while it is in
	// the mempool, this txid has spread. With a fraction above 0 it waits until
	// that share of the peers holds it or ctx ends, which is no error. The verdict
	// is left empty. An error may be [ErrNoReceipt].
	Propagation(ctx context.Context, id chainhash.Hash, fraction float64) (Propagation, error)

	// Uptime is how long the node has been running.
	Uptime() time.Duration
	// Loaded reports whether the stored mempool has been read. Before, most
	// methods answer with code −28.
	Loaded() bool
	// Stop asks the node to shut down and returns at once.
	Stop()
}

// Network is the node's own end of the network.
type Network struct {
	Name        string   // as Core names chains: main, test, testnet4, signet, regtest
	PeerID      string   // own libp2p peer id
	ListenAddrs []string // multiaddrs peers can dial, without /p2p
	Active      bool     // connections are made and accepted
}

// Overlay is what the node hears of the network beyond its peers, by beacons.
// It is hearsay: nobody vouches for it.
type Overlay struct {
	Nodes   int `json:"nodes"`   // nodes heard lately, this one included
	Digests int `json:"digests"` // distinct mempool digests among them; 1: converged
}

// OverlayNode is what the last beacon of another node tells.
type OverlayNode struct {
	PeerID   string  `json:"peerid"`
	Agent    string  `json:"agent"`
	Digest   string  `json:"digest"` // of its mempool, in hex
	Count    uint64  `json:"count"`  // transactions in it
	Bytes    uint64  `json:"bytes"`
	FeeFloor Amount  `json:"feefloor"` // BTC/kvB
	Sequence uint64  `json:"sequence"` // of its latest change
	Heard    float64 `json:"heard"`    // seconds since 1970
	Lags     bool    `json:"lags"`     // it held another mempool than this node does now, of fewer transactions
	Lacks    int     `json:"lacks"`    // at least so many that this node had held for half a minute by then
	Differs  bool    `json:"differs"`  // it held another mempool although this node's had been the same for half a minute
	Ahead    float64 `json:"ahead"`    // seconds by which its clock is ahead, at least; 0: not known to be
}

// PeerFailure is a peer there is no link to although there should be one, or
// that wanted one.
type PeerFailure struct {
	PeerID       string  `json:"peer_id"`
	Addr         string  `json:"addr"`
	Time         float64 `json:"time"` // Unix time
	Reason       string  `json:"reason"`
	Incompatible bool    `json:"incompatible"` // another network, allocation or protocol version
}

// Peer is one connected peer. Fields the node does not measure are zero.
type Peer struct {
	ID        uint64 // of the link; rises, never reused
	PeerID    string // libp2p peer id
	Addr      string // remote multiaddr, without /p2p
	LocalAddr string // local multiaddr
	Agent     string // as identify tells it, e.g. txnode/0.1.0
	Inbound   bool
	Manual    bool  // connected because of AddNode or Connect
	Mesh      bool  // transactions are pushed on this link
	FeeFloor  int64 // lowest fee rate the peer wants to hear of, in sat/kvB
	ToSend    int   // transactions waiting to be announced

	Connected time.Time
	LastSend  time.Time
	LastRecv  time.Time
	LastTx    time.Time // last valid transaction got from the peer

	BytesSent, BytesRecv uint64 // on relay streams
	// SentPerMsg and RecvPerMsg split the bytes by message kind. Nil: unknown.
	SentPerMsg, RecvPerMsg map[string]uint64

	Ping, MinPing time.Duration // zero: not measured
}

// Kinds of rounds.
const (
	KindSteady = "steady" // over what is new on the link
	KindSync   = "sync"   // over whole mempools
)

// Round is a finished round of reconciliation with a peer.
type Round struct {
	ID            uint64  `json:"id"` // counts the rounds of one link and initiator
	PeerID        string  `json:"peer_id"`
	Link          uint64  `json:"peer"` // [Peer.ID]
	Initiator     bool    `json:"initiator"`
	Kind          string  `json:"kind"`       // KindSteady or KindSync
	Ours          int     `json:"ours"`       // transactions of this node that took part
	Theirs        int     `json:"theirs"`     // of the peer
	Estimate      int     `json:"estimate"`   // how many only one side has, before the comparison; known to the answering side
	Difference    int     `json:"difference"` // the same, as it came out
	Wanted        int     `json:"wanted"`     // offered by the peer
	Offered       int     `json:"offered"`    // offered to the peer
	Lacked        int     `json:"lacked"`     // of Offered: for a minute or longer
	Withheld      int     `json:"withheld"`   // of Wanted: for a minute or longer
	BytesSent     int     `json:"bytessent"`  // without bodies
	BytesReceived int     `json:"bytesrecv"`
	Started       float64 `json:"started"` // Unix time
	Seconds       float64 `json:"duration"`
	Outcome       string  `json:"outcome"`          // equal, reconciled, busy, resync, timeout, superseded, disconnected
	Reason        string  `json:"reason,omitempty"` // of a failure
}

// Difference is in what two mempools differed, at most 5000 transactions each.
type Difference struct {
	Ours    []string  `json:"ours"`    // wtxids that the peer lacks
	Theirs  []string  `json:"theirs"`  // short ids that this node lacks and now requests
	Refused []Refused `json:"refused"` // transactions of the peer that this node refused for good
}

// Refused is a transaction and why it is not in the mempool.
type Refused struct {
	WTxID  string `json:"wtxid"`
	Reason string `json:"reason"`
}
