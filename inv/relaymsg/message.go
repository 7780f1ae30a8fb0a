package relaymsg

import "fmt"

// Version is the relay protocol version told in [Hello]. Peers with another
// version are refused with a reason.
const Version = 3

// Lane names one of the two streams a pair of peers keeps open.
type Lane uint8

const (
	Relay Lane = iota // announcements, requests, bodies
	Recon             // reconciliation rounds
)

// ProtocolID is the libp2p protocol that carries the lane.
func (l Lane) ProtocolID() string {
	if l == Recon {
		return "/txnode/recon/1"
	}
	return "/txnode/relay/1"
}

// MaxFrame is the largest frame, in bytes of kind and body, the lane accepts.
// A relay frame must hold one transaction of the standard weight limit
// (400 000 weight units are at most 400 000 bytes); a recon frame holds a
// chunk of ids.
func (l Lane) MaxFrame() int {
	if l == Recon {
		return 64 << 10
	}
	return 512 << 10
}

// Limits on what one message may carry. Each is checked against the bytes that
// are really there before anything is allocated.
const (
	// MaxInvIDs bounds INV, GET and NOTFOUND. Bitcoin Core requests at most
	// 1000 (MAX_GETDATA_SZ) and tracks at most 5000 announcements per peer.
	MaxInvIDs = 5000
	// MaxTxs bounds the bodies in one TXS frame.
	MaxTxs = 1000
	// MaxParents bounds the bodies in one PARENTS frame: a cluster of the mempool
	// has at most 64 transactions, as in Bitcoin Core.
	MaxParents = 63
	// MaxReconIDs bounds the ids in one recon frame: 10 000 × 6 bytes stay
	// below the lane's 64 KiB frame.
	MaxReconIDs = 10_000
	// MaxReconBytes bounds the part of a summary in one recon frame, likewise.
	MaxReconBytes = 60_000
	// MaxReconSketch bounds the sketch in [ReconRequest]: 128 counters of at
	// most 3 bytes.
	MaxReconSketch = 384
	// MaxNetworkName bounds the network name in [Hello], in bytes.
	MaxNetworkName = 32
)

// Kind is the type byte of a frame.
type Kind uint8

// Kinds of the relay lane are below 0x40, those of the recon lane above.
const (
	KindHello      Kind = 0x01
	KindInv        Kind = 0x02
	KindGet        Kind = 0x03
	KindTxs        Kind = 0x04
	KindNotFound   Kind = 0x05
	KindPush       Kind = 0x06
	KindFeeFilter  Kind = 0x07
	KindGetParents Kind = 0x08
	KindParents    Kind = 0x09

	KindReconRequest Kind = 0x41
	KindReconEqual   Kind = 0x42
	KindReconList    Kind = 0x43
	KindReconDiff    Kind = 0x44
	KindReconOffer   Kind = 0x45
	KindReconBusy    Kind = 0x46
	KindReconCells   Kind = 0x47
	KindReconMore    Kind = 0x48
	KindReconSteady  Kind = 0x49
	KindReconSketch  Kind = 0x4a
	KindReconResync  Kind = 0x4b
)

// Lane is the lane the kind belongs to.
func (k Kind) Lane() Lane {
	if k >= 0x40 {
		return Recon
	}
	return Relay
}

// String is the message's name in lower case, as per-message statistics use it.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %#02x", byte(k))
}

var kindNames = map[Kind]string{
	KindHello:        "hello",
	KindInv:          "inv",
	KindGet:          "get",
	KindTxs:          "txs",
	KindNotFound:     "notfound",
	KindPush:         "push",
	KindFeeFilter:    "feefilter",
	KindGetParents:   "getparents",
	KindParents:      "parents",
	KindReconRequest: "reconrequest",
	KindReconEqual:   "reconequal",
	KindReconList:    "reconlist",
	KindReconDiff:    "recondiff",
	KindReconOffer:   "reconoffer",
	KindReconBusy:    "reconbusy",
	KindReconCells:   "reconcells",
	KindReconMore:    "reconmore",
	KindReconSteady:  "reconsteady",
	KindReconSketch:  "reconsketch",
	KindReconResync:  "reconresync",
}

// Message is one decoded frame: a *Hello, *Inv, *Get, … of this package.
type Message interface {
	Kind() Kind
}

type (
	// Hello is the first frame in each direction on the relay lane. A peer
	// whose Version, Network or PrevOuts differs is disconnected with a reason.
	Hello struct {
		Version  uint32
		Network  string   // "regtest", "signet", …
		PrevOuts [32]byte // digest of the previous-output source: both sides must judge transactions alike
		Salt     Salt     // of the sender; names transactions in what it receives
		FeeFloor uint64   // satoshi per 1000 virtual bytes below which the sender accepts nothing
	}

	// Inv announces transactions the sender holds and will serve on this link.
	Inv struct{ IDs []ShortID }

	// Get asks for announced transactions by the ids under which they were announced.
	Get struct{ IDs []ShortID }

	// Txs carries bodies, each a serialized Bitcoin transaction, in answer to a Get.
	Txs struct{ Bodies [][]byte }

	// NotFound answers the part of a Get that cannot be served, or a GetParents.
	NotFound struct{ IDs []ShortID }

	// Push carries a transaction that was not asked for, at its first hops. It
	// also announces it: the sender serves it on this link.
	Push struct {
		Hop  uint8  // how many links it has travelled when it arrives, or one more; never 0
		Body []byte // a serialized Bitcoin transaction
	}

	// GetParents asks for the unconfirmed ancestors of a transaction that was
	// announced on this link and turned out to be an orphan.
	GetParents struct{ Child ShortID }

	// Parents answers a GetParents with those ancestors, parents before children.
	Parents struct {
		Child  ShortID // as in the GetParents
		Bodies [][]byte
	}

	// FeeFilter replaces the fee floor that HELLO told (BIP133).
	FeeFilter struct {
		FeeFloor uint64 // satoshi per 1000 virtual bytes
	}
)

type (
	// ReconRequest opens a round over whole mempools: the initiator's nonce and
	// what it holds.
	ReconRequest struct {
		Round  uint64   // strictly increasing per link and direction
		Nonce  Nonce    // the initiator's half of the round's salt
		Count  uint64   // transactions of the initiator that take part
		Digest [32]byte // of those
		Sketch []byte   // sketch.CountSketch of those, under Nonce
	}

	// ReconEqual ends a round whose digests agree.
	ReconEqual struct{ Round uint64 }

	// ReconCells is a part of the coded cells of the responder's ids under the
	// round's salt.
	ReconCells struct {
		Round uint64
		Nonce Nonce  // the responder's half of the round's salt, the same in every part
		Count uint64 // ids of the responder
		Last  bool   // no more come unless asked for
		Cells []byte // as sketch.AppendCells writes them
	}

	// ReconMore asks for more cells, or a larger sketch, than came.
	ReconMore struct {
		Round uint64
		Cells uint64 // how many cells, or syndromes; 0: for the list in their place
	}

	// ReconList is a chunk of the list of the responder's ids under the round's
	// salt.
	ReconList struct {
		Round uint64
		Nonce Nonce
		Count uint64 // ids in the whole list
		Chunk []byte // as a sketch.ListEncoder writes it
	}

	// ReconSteady opens a round over what is new on the link since the last one
	// that came to an end.
	ReconSteady struct {
		Round    uint64 // counted together with ReconRequest
		Since    uint64 // the round that ended, counted back from this one
		Count    uint64 // new transactions of the initiator
		Checksum uint32 // sketch.Key.Checksum of those
	}

	// ReconSketch is the sketch.PinSketch of the responder's new transactions, the
	// next syndromes of it, or the list of their ids.
	ReconSketch struct {
		Round    uint64
		List     bool
		Count    uint64
		Checksum uint32
		Data     []byte // 4 bytes for each syndrome or id
	}

	// ReconResync ends a round that ReconSteady opened: the two sides do not
	// agree since when it should be, or too much is new.
	ReconResync struct{ Round uint64 }

	// ReconDiff is the initiator's answer to the responder's summary: what it
	// misses and what only it has.
	ReconDiff struct {
		Round uint64
		More  bool      // it misses more, and will ask for that later in this round
		Size  uint64    // how many transactions only one side has
		Want  []ReconID // under the round's salt
		Have  []ShortID // under the receiver's salt, as in an INV: ready to GET
	}

	// ReconOffer is the responder's answer to ReconDiff, and ends the round
	// unless that has more. It is a kind of its own because rounds of both
	// directions may be under way on one link, with equal numbers.
	ReconOffer struct {
		Round uint64
		Have  []ShortID // what was wanted and is still there, under the receiver's salt
	}

	// ReconBusy refuses a round; the initiator tries again no sooner than RetryMillis.
	ReconBusy struct {
		Round       uint64
		RetryMillis uint64
	}
)

func (*Hello) Kind() Kind        { return KindHello }
func (*Inv) Kind() Kind          { return KindInv }
func (*Get) Kind() Kind          { return KindGet }
func (*Txs) Kind() Kind          { return KindTxs }
func (*NotFound) Kind() Kind     { return KindNotFound }
func (*Push) Kind() Kind         { return KindPush }
func (*FeeFilter) Kind() Kind    { return KindFeeFilter }
func (*GetParents) Kind() Kind   { return KindGetParents }
func (*Parents) Kind() Kind      { return KindParents }
func (*ReconRequest) Kind() Kind { return KindReconRequest }
func (*ReconEqual) Kind() Kind   { return KindReconEqual }
func (*ReconList) Kind() Kind    { return KindReconList }
func (*ReconDiff) Kind() Kind    { return KindReconDiff }
func (*ReconOffer) Kind() Kind   { return KindReconOffer }
func (*ReconBusy) Kind() Kind    { return KindReconBusy }
func (*ReconCells) Kind() Kind   { return KindReconCells }
func (*ReconMore) Kind() Kind    { return KindReconMore }
func (*ReconSteady) Kind() Kind  { return KindReconSteady }
func (*ReconSketch) Kind() Kind  { return KindReconSketch }
func (*ReconResync) Kind() Kind  { return KindReconResync }
