package p2p

import (
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/txnode/txnode/inv/relaymsg"
)

// Traffic counts bytes of libp2p streams since the start, framing and protocol
// negotiation included, packets and encryption not. With a caller's own host
// only frames of the relay and recon streams are counted.
type Traffic struct{ Sent, Received TrafficBytes }

// TrafficBytes splits bytes by what they were for, and counts bodies.
type TrafficBytes struct {
	Announce  uint64 // INV; the stream of a Topic of ids
	Request   uint64 // GET, GETPARENTS, NOTFOUND
	Body      uint64 // TXS, PUSH, PARENTS; the stream of a Topic of bodies
	Bodies    uint64 // transactions in TXS and PUSH: a number, not bytes
	Reconcile uint64 // the recon stream
	Beacon    uint64 // the GossipSub streams
	Control   uint64 // HELLO, FEEFILTER, negotiation, identify and all else
}

// Total is the sum of all.
func (t TrafficBytes) Total() uint64 {
	return t.Announce + t.Request + t.Body + t.Reconcile + t.Beacon + t.Control
}

// meter counts one direction. Frames are counted by our readers and writers,
// streams by libp2p; every frame's bytes are also bytes of a stream.
type meter struct {
	announce, request, body, hello, reconcile atomic.Uint64 // bytes of frames
	bodies                                    atomic.Uint64 // transactions in them
	relayStream, reconStream, meshStream      atomic.Uint64 // stream bytes
	otherStream, topicStream                  atomic.Uint64
	topicBodies                               bool // topicStream carries bodies, not ids
}

func (m *meter) frame(f frame) {
	m.bodies.Add(uint64(f.bodies))
	kind, n := f.kind, f.size
	switch {
	case kind.Lane() == relaymsg.Recon:
		m.reconcile.Add(uint64(n))
	case kind == relaymsg.KindInv:
		m.announce.Add(uint64(n))
	case kind == relaymsg.KindGet, kind == relaymsg.KindGetParents, kind == relaymsg.KindNotFound:
		m.request.Add(uint64(n))
	case kind == relaymsg.KindTxs, kind == relaymsg.KindPush, kind == relaymsg.KindParents:
		m.body.Add(uint64(n))
	default:
		m.hello.Add(uint64(n))
	}
}

func (m *meter) stream(proto protocol.ID, n int64) {
	switch proto {
	case relayProtocol:
		m.relayStream.Add(uint64(n))
	case reconProtocol:
		m.reconStream.Add(uint64(n))
	case topicProtocol:
		m.topicStream.Add(uint64(n))
	case meshProtocol:
		m.meshStream.Add(uint64(n))
	default:
		m.otherStream.Add(uint64(n))
	}
}

func (m *meter) snapshot() TrafficBytes {
	t := TrafficBytes{
		Announce: m.announce.Load(), Request: m.request.Load(), Body: m.body.Load(), Bodies: m.bodies.Load(),
		Reconcile: max(m.reconcile.Load(), m.reconStream.Load()),
		Beacon:    m.meshStream.Load(),
	}
	// What the relay stream carried beyond these frames: HELLO, negotiation,
	// and frames under way.
	relay := m.announce.Load() + m.request.Load() + m.body.Load()
	t.Control = m.hello.Load()
	if stream := m.relayStream.Load(); stream > relay {
		t.Control = stream - relay
	}
	t.Control += m.otherStream.Load()
	if topic := m.topicStream.Load(); m.topicBodies {
		t.Body += topic
	} else {
		t.Announce += topic
	}
	return t
}

// traffic is a [metrics.Reporter] that keeps totals only; libp2p's own one runs
// a process-wide sweeper and keeps rates per peer.
type traffic struct{ sent, received meter }

func newTraffic(topicBodies bool) *traffic {
	return &traffic{sent: meter{topicBodies: topicBodies}, received: meter{topicBodies: topicBodies}}
}

var _ metrics.Reporter = (*traffic)(nil)

func (t *traffic) LogSentMessageStream(n int64, proto protocol.ID, _ peer.ID) {
	t.sent.stream(proto, n)
}

func (t *traffic) LogRecvMessageStream(n int64, proto protocol.ID, _ peer.ID) {
	t.received.stream(proto, n)
}

func (t *traffic) LogSentMessage(int64)                                      {}
func (t *traffic) LogRecvMessage(int64)                                      {}
func (t *traffic) GetBandwidthForPeer(peer.ID) (s metrics.Stats)             { return }
func (t *traffic) GetBandwidthForProtocol(protocol.ID) (s metrics.Stats)     { return }
func (t *traffic) GetBandwidthTotals() (s metrics.Stats)                     { return }
func (t *traffic) GetBandwidthByPeer() (m map[peer.ID]metrics.Stats)         { return }
func (t *traffic) GetBandwidthByProtocol() (m map[protocol.ID]metrics.Stats) { return }
func (t *traffic) Reset()                                                    {}
func (t *traffic) TrimIdle(time.Time)                                        {}
