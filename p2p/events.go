package p2p

import (
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

// PeerID is the handle of one link. It is scoped to the connection: a peer
// that comes back gets another one, and none is ever used twice.
type PeerID uint64

// Event is something the host tells its owner: [PeerUp], [PeerDown],
// [Received], [MeshChanged], [Drained] or [NetworkSize].
type Event interface{ event() }

type (
	// PeerUp says that a link is open: both lanes are up and both HELLOs agree.
	// It is the first event of its ID.
	PeerUp struct {
		ID       PeerID
		Peer     peer.ID
		Outbound bool           // we opened it
		Hello    relaymsg.Hello // the peer's
	}

	// PeerDown says that a link is gone. It is the last event of its ID, and no
	// later MeshChanged names it. Every PeerUp is followed by one, but at
	// shutdown: there the closing of the channel says it of all links.
	PeerDown struct {
		ID     PeerID
		Reason string
	}

	// Received is one message, of either lane, in the order of its lane.
	Received struct {
		ID  PeerID
		Msg relaymsg.Message
	}

	// MeshChanged is the complete set, ascending, of links whose peers are
	// neighbours in the GossipSub mesh.
	MeshChanged struct{ IDs []PeerID }

	// Drained says that a relay queue which [Network.Send] reported at or above
	// [QueueLow] bytes has fallen below it.
	Drained struct{ ID PeerID }

	// NetworkSize says how many nodes the network has, this one included, as
	// far as their beacons tell.
	NetworkSize struct{ Nodes int }
)

func (PeerUp) event()      {}
func (PeerDown) event()    {}
func (Received) event()    {}
func (MeshChanged) event() {}
func (Drained) event()     {}
func (NetworkSize) event() {}
