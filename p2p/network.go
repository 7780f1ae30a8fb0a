package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/canonicallog"
	"github.com/multiformats/go-multiaddr"
	"golang.org/x/time/rate"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/txnode/txnode/inv/relaymsg"
)

// eventBuffer is small because each event may hold a frame of 512 KiB.
const eventBuffer = 64

// Network is a libp2p host with its links. All methods are safe for concurrent
// use; none blocks but where said.
type Network struct {
	cfg     Config
	log     *slog.Logger
	host    host.Host
	ownHost bool
	gater   *gater
	traffic *traffic
	mesh    *mesh
	spread  *mesh // of Config.Topic; nil without one
	overlay overlay
	topic   *pubsub.Topic // of Config.Topic
	local   *localPeers
	redial  broadcast
	blame   *rate.Limiter // lines about misbehaving peers
	coming  *rate.Limiter // lines about links that come and go
	events  chan Event

	running chan struct{}   // closed when links can be served
	ctx     context.Context // ends with Run or Close
	cancel  context.CancelCauseFunc
	wg      sync.WaitGroup
	once    sync.Once // shutdown

	// lifecycle orders PeerUp, PeerDown and MeshChanged; it is held while one
	// of them waits for the channel, and taken before mu.
	lifecycle sync.Mutex

	mu      sync.Mutex
	started bool
	closing bool // nothing joins wg any more
	lastID  PeerID
	slots   map[peer.ID]*link             // one per peer, from claim to settle
	live    map[PeerID]*link              // between PeerUp and PeerDown
	kept    map[string]context.CancelFunc // added and bootstrap peers by address

	failures failures
}

// New builds the host and listens; peers wait until Run serves them. A Network
// that is never run must be closed.
func New(cfg Config) (*Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	n := &Network{
		cfg: cfg, log: cfg.Logger,
		host:    cfg.Host,
		gater:   newGater(),
		traffic: newTraffic(cfg.Topic != nil && cfg.Topic.Bodies),
		mesh:    newMesh(),
		overlay: overlay{
			// Ten times what the budget lets honest authors send.
			table: newBeaconTable(maxAuthors, cfg.BeaconBudget),
			heard: make(chan struct{}, 1),
		},
		local:   newLocalPeers(),
		blame:   rate.NewLimiter(1, 20), // below 1 MiB of log per hour
		coming:  rate.NewLimiter(1, 100),
		events:  make(chan Event, eventBuffer),
		slots:   make(map[peer.ID]*link),
		live:    make(map[PeerID]*link),
		running: make(chan struct{}),
		kept:    make(map[string]context.CancelFunc),
	}
	if cfg.Topic != nil {
		n.spread = newMesh()
	}
	if n.host == nil {
		h, err := newHost(cfg, n.gater, n.traffic)
		if err != nil {
			return nil, err
		}
		n.host, n.ownHost = h, true
	}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.host.SetStreamHandler(relayProtocol, n.handleRelay)
	n.host.SetStreamHandler(reconProtocol, n.handleRecon)
	return n, nil
}

// Run serves until ctx ends or Close is called, then ends all links, closes the
// host if it is ours and, last, the Events channel. It may be called once; its
// error says why it could not start.
func (n *Network) Run(ctx context.Context) error {
	n.mu.Lock()
	again := n.started
	n.started = true
	n.mu.Unlock()
	if again {
		return errors.New("p2p: Run was called before")
	}
	defer n.shutdown()
	stop := context.AfterFunc(ctx, func() { n.cancel(errClosing) })
	defer stop()
	if err := n.start(); err != nil {
		return err
	}
	<-n.ctx.Done()
	return nil
}

func (n *Network) start() error {
	if err := n.joinOverlay(); err != nil {
		return err
	}
	if err := n.joinTopic(); err != nil {
		return err
	}
	close(n.running)
	if err := n.watchIdentified(n.ctx); err != nil {
		return err
	}
	for _, run := range []func(context.Context){n.followMesh, n.followSize, n.sendBeacons, n.sweep} {
		n.wg.Go(func() { run(n.ctx) })
	}
	if n.cfg.TargetOutbound > 0 {
		n.wg.Go(func() { n.find(n.ctx) })
	}
	for _, addr := range n.cfg.Bootstrap {
		if err := n.Add(addr); err != nil && !errors.Is(err, ErrAdded) {
			return err
		}
	}
	if n.cfg.MDNS {
		stop, err := n.startMDNS()
		if err != nil {
			n.log.Warn("no peers will be found by mDNS", "reason", err)
			return nil
		}
		n.wg.Go(func() {
			<-n.ctx.Done()
			stop()
		})
	}
	return nil
}

// Close ends Run, or releases a Network that was never run. It does not wait
// for Run.
func (n *Network) Close() error {
	n.mu.Lock()
	running := n.started
	n.started = true
	n.mu.Unlock()
	n.cancel(errClosing)
	if !running {
		n.shutdown()
	}
	return nil
}

func (n *Network) shutdown() {
	n.once.Do(func() {
		n.cancel(errClosing)
		for _, p := range []protocol.ID{relayProtocol, reconProtocol, meshProtocol, topicProtocol} {
			n.host.RemoveStreamHandler(p)
		}
		if n.ownHost {
			if err := n.host.Close(); err != nil {
				n.log.Warn("closing the host", "error", err)
			}
		} else {
			n.resetStreams()
		}
		n.mu.Lock()
		n.closing = true
		n.mu.Unlock()
		n.wg.Wait()
		close(n.events)
	})
}

// resetStreams leaves nothing of ours on a shared host.
func (n *Network) resetStreams() {
	for _, c := range n.host.Network().Conns() {
		for _, s := range c.GetStreams() {
			if p := s.Protocol(); p == meshProtocol || p == topicProtocol {
				_ = s.Reset()
			}
		}
	}
}

func (n *Network) emit(e Event) {
	select {
	case n.events <- e:
	case <-n.ctx.Done():
	}
}

// Events must be read until it is closed: while it is full, peers have to wait.
func (n *Network) Events() <-chan Event { return n.events }

// Host is the libp2p host, ours or the caller's.
func (n *Network) Host() host.Host { return n.host }

// Addrs are the listen addresses, with /p2p/<id>, as others can dial them.
func (n *Network) Addrs() []multiaddr.Multiaddr {
	addrs, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()})
	if err != nil {
		return nil // the host's own id cannot fail to encode
	}
	return addrs
}

// Send queues messages, each on its lane, and returns the bytes now waiting on
// the relay lane; 0 for an unknown id. A peer for whom the queue is full is
// disconnected.
func (n *Network) Send(id PeerID, msgs ...relaymsg.Message) (queued int) {
	if l := n.liveLink(id); l != nil {
		return l.send(msgs)
	}
	return 0
}

// Misbehaving ends the link for a protocol violation, denies the peer for ten
// minutes and lets GossipSub know.
func (n *Network) Misbehaving(id PeerID, reason string) {
	if l := n.liveLink(id); l != nil {
		l.violation(reason)
	}
}

func (n *Network) punish(l *link, reason error) {
	now := time.Now()
	n.gater.deny(l.peer, now)
	if n.blame.AllowN(now, 1) {
		n.log.Warn("peer misbehaved", "peer", l.peer, "addr", l.addr(), "reason", reason, "denied", denyFor)
		canonicallog.LogMisbehavingPeer(l.peer, l.addr(), "txnode", reason, "denied")
	}
	// It fails only at shutdown.
	_ = n.overlay.pubsub.PeerFeedback(beaconTopic(n.cfg.Network), l.peer, pubsub.PeerFeedbackInvalidMessage)
}

// Errors that Add, Remove, Connect and Disconnect wrap.
var (
	ErrAddress      = errors.New("bad peer address")
	ErrAdded        = errors.New("already added")
	ErrNotAdded     = errors.New("has not been added")
	ErrNotConnected = errors.New("not connected")
)

// Add keeps a link to the peer of the address, which ends in /p2p/<id>, as for
// Bootstrap; our own address is accepted and ignored.
func (n *Network) Add(addr string) error {
	info, err := parsePeerAddr(addr)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closing:
		return errClosing
	case info.ID == n.host.ID():
		return nil
	case n.kept[addr] != nil:
		return fmt.Errorf("p2p: %s: %w", addr, ErrAdded)
	case len(n.kept) >= maxKept:
		return fmt.Errorf("p2p: %d peers are added already, at most %d", len(n.kept), maxKept)
	}
	ctx, cancel := context.WithCancel(n.ctx)
	n.kept[addr] = cancel
	n.wg.Go(func() { n.keep(ctx, addr, info) })
	return nil
}

// Remove undoes Add or Bootstrap; the link, if there is one, stays.
func (n *Network) Remove(addr string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	cancel := n.kept[addr]
	if cancel == nil {
		return fmt.Errorf("p2p: %s: %w", addr, ErrNotAdded)
	}
	cancel()
	delete(n.kept, addr)
	return nil
}

// Connect tries once to have a link to the peer of the address and waits for
// PeerUp or the reason why not. The goroutine that reads Events must not call
// it.
func (n *Network) Connect(ctx context.Context, addr string) error {
	info, err := parsePeerAddr(addr)
	if err != nil {
		return err
	}
	if err := n.dial(ctx, info); err != nil {
		return fmt.Errorf("p2p: %s: %w", addr, err)
	}
	return nil
}

// Disconnect ends the link to the peer. A persistent one will be dialled again.
func (n *Network) Disconnect(p peer.ID) error {
	l := n.linkTo(p)
	if l == nil {
		return fmt.Errorf("p2p: %s: %w", p, ErrNotConnected)
	}
	l.cancel(errAsked)
	return nil
}

// Peers are the open links by ascending ID.
func (n *Network) Peers() []PeerInfo {
	n.mu.Lock()
	links := make([]*link, 0, len(n.live))
	for _, l := range n.live {
		links = append(links, l)
	}
	n.mu.Unlock()
	slices.SortFunc(links, func(a, b *link) int { return int(a.id) - int(b.id) })
	infos := make([]PeerInfo, len(links))
	for i, l := range links {
		infos[i] = n.describe(l)
	}
	return infos
}

// Traffic is what was sent and received so far.
func (n *Network) Traffic() Traffic {
	return Traffic{Sent: n.traffic.sent.snapshot(), Received: n.traffic.received.snapshot()}
}

func (n *Network) liveLink(id PeerID) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.live[id]
}

func (n *Network) linkTo(p peer.ID) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.slots[p]
}

// outbound counts the links we opened or are opening.
func (n *Network) outbound() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.slots) - n.inbound()
}
