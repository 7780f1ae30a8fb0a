package p2p

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// meshDebounce gathers the changes of one heartbeat.
const meshDebounce = 50 * time.Millisecond

// mesh follows the peers that GossipSub has in its mesh, as a
// [pubsub.RawTracer]. Its callbacks run in pubsub's event loop: they only note
// the change and poke. The set is idempotent and knows nothing of links, for
// GRAFT may come before there is a link, PRUNE for peers never grafted, and a
// disconnect is reported as a closed stream and not as PRUNE.
type mesh struct {
	mu      sync.Mutex
	peers   map[peer.ID]struct{}
	changed chan struct{} // holds a token after a change
	dropped atomic.Uint64 // messages and RPCs that a full queue cost
	fresh   atomic.Uint64 // messages received, each counted once
	bytes   atomic.Uint64 // of all their copies
}

var _ pubsub.RawTracer = (*mesh)(nil)

func newMesh() *mesh {
	return &mesh{peers: make(map[peer.ID]struct{}), changed: make(chan struct{}, 1)}
}

// poke asks for the set to be looked at again.
func (m *mesh) poke() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

func (m *mesh) has(p peer.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.peers[p]
	return ok
}

func (m *mesh) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.peers)
}

func (m *mesh) snapshot() map[peer.ID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.peers)
}

// Graft is part of [pubsub.RawTracer].
func (m *mesh) Graft(p peer.ID, _ string) {
	m.mu.Lock()
	m.peers[p] = struct{}{}
	m.mu.Unlock()
	m.poke()
}

// Prune is part of [pubsub.RawTracer].
func (m *mesh) Prune(p peer.ID, _ string) {
	m.mu.Lock()
	delete(m.peers, p)
	m.mu.Unlock()
	m.poke()
}

// OnClosedOutboundStream is part of [pubsub.RawTracer].
func (m *mesh) OnClosedOutboundStream(p peer.ID) { m.Prune(p, "") }

// DropRPC is part of [pubsub.RawTracer].
func (m *mesh) DropRPC(*pubsub.RPC, peer.ID) { m.dropped.Add(1) }

// RejectMessage is part of [pubsub.RawTracer].
func (m *mesh) RejectMessage(_ *pubsub.Message, reason string) {
	if reason == pubsub.RejectValidationQueueFull || reason == pubsub.RejectValidationThrottled {
		m.dropped.Add(1)
	}
}

// RecvRPC is part of [pubsub.RawTracer].
func (m *mesh) RecvRPC(rpc *pubsub.RPC) {
	const framing = 16 // protobuf tags and lengths of a message and its fields
	for _, msg := range rpc.GetPublish() {
		m.bytes.Add(uint64(len(msg.GetFrom()) + len(msg.GetSeqno()) + len(msg.GetTopic()) +
			len(msg.GetSignature()) + len(msg.GetData()) + framing))
	}
}

func (m *mesh) OnNewOutboundStream(peer.ID, protocol.ID) {}
func (m *mesh) Join(string)                              {}
func (m *mesh) Leave(string)                             {}
func (m *mesh) ValidateMessage(*pubsub.Message)          {}
func (m *mesh) DeliverMessage(*pubsub.Message)           {}
func (m *mesh) ThrottlePeer(peer.ID)                     {}
func (m *mesh) DuplicateMessage(*pubsub.Message)         {}
func (m *mesh) SendRPC(*pubsub.RPC, peer.ID)             {}
func (m *mesh) UndeliverableMessage(*pubsub.Message)     {}

// followMesh tells the owner the live links of mesh peers whenever they change.
func (n *Network) followMesh(ctx context.Context) {
	var told []PeerID
	for {
		select {
		case <-n.mesh.changed:
		case <-ctx.Done():
			return
		}
		if !sleep(ctx, meshDebounce) {
			return
		}
		told = n.tellMesh(told)
	}
}

// tellMesh holds lifecycle, so that no link it names has gone down before.
func (n *Network) tellMesh(told []PeerID) []PeerID {
	n.lifecycle.Lock()
	defer n.lifecycle.Unlock()
	peers := n.mesh.snapshot()
	var ids []PeerID
	n.mu.Lock()
	for id, l := range n.live {
		if _, ok := peers[l.peer]; ok {
			ids = append(ids, id)
		}
	}
	n.mu.Unlock()
	slices.Sort(ids)
	if !slices.Equal(ids, told) {
		n.emit(MeshChanged{IDs: ids})
	}
	return ids
}

// sleep reports whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
