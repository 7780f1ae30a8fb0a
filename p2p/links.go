package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// replaceAfter is how long a peer must wait before it can replace the link
	// it opened by a new one, as it does after a crash that we have not noticed.
	replaceAfter = time.Second
	// crossedFor is how long after we opened a link an inbound one from the
	// same peer counts as a simultaneous dial, in which the lower id's lives.
	crossedFor = 30 * time.Second
	// crossingWait is how long a refused link waits for one that replaces it.
	crossingWait = 2 * time.Second
	// openTimeout bounds the opening of the two streams and the handshake.
	openTimeout = 20 * time.Second
)

var (
	errFull      = errors.New("all slots for peers are taken")
	errDuplicate = errors.New("there is a link already")
)

// claim takes the peer's slot for a new link, which the caller must serve. If
// we are to open one and there is one already, that is returned.
func (n *Network) claim(p peer.ID, outbound bool) (l *link, created bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return nil, false, errClosing
	}
	old := n.slots[p]
	switch {
	case old != nil && outbound:
		return old, false, nil
	case old != nil && !n.yields(old):
		return nil, false, errDuplicate
	case old != nil:
		old.cancel(errReplaced)
	case len(n.slots) >= n.cfg.MaxPeers, !outbound && n.inbound() >= n.maxInbound():
		return nil, false, errFull
	}
	n.lastID++
	l = newLink(n.ctx, n.lastID, p, outbound)
	l.prev = old
	n.slots[p] = l
	n.wg.Add(1)
	return l, true, nil
}

// yields reports whether the link gives way to an inbound one of the same peer.
func (n *Network) yields(old *link) bool {
	age := time.Since(old.begun)
	if !old.outbound {
		return age >= replaceAfter
	}
	return old.peer < n.host.ID() || age >= crossedFor
}

func (n *Network) inbound() (count int) {
	for _, l := range n.slots {
		if !l.outbound {
			count++
		}
	}
	return count
}

// maxInbound leaves slots for outbound links, so that inbound ones cannot
// surround us.
func (n *Network) maxInbound() int {
	return n.cfg.MaxPeers - min(max(n.cfg.TargetOutbound, 0), n.cfg.MaxPeers/2)
}

// open has a link to the connected peer: the present one, or a new one.
func (n *Network) open(ctx context.Context, p peer.ID) error {
	select {
	case <-n.running:
	case <-n.ctx.Done():
		return errClosing
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		l, created, err := n.claim(p, true)
		if err != nil {
			return err
		}
		if created {
			go n.serve(l, nil)
		}
		select {
		case <-l.up:
			return nil
		case <-l.done:
			if !errors.Is(l.err, errReplaced) {
				return l.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// handleRelay is given the relay streams that peers open.
func (n *Network) handleRelay(s network.Stream) {
	select {
	case <-n.running:
	case <-n.ctx.Done():
	}
	p := s.Conn().RemotePeer()
	if !n.gater.allowed(p) {
		_ = s.Reset()
		return
	}
	l, _, err := n.claim(p, false)
	if err != nil {
		n.log.Debug("link refused", "peer", p, "reason", err)
		_ = s.Reset()
		return
	}
	n.serve(l, s)
}

// handleRecon is given the recon streams that peers open; each belongs to a
// link whose relay stream the same peer has opened.
func (n *Network) handleRecon(s network.Stream) {
	n.mu.Lock()
	l := n.slots[s.Conn().RemotePeer()]
	n.mu.Unlock()
	if l != nil && !l.outbound && l.ctx.Err() == nil {
		select {
		case l.recon <- s:
			return
		default:
		}
	}
	_ = s.Reset()
}

// serve takes a claimed link through its whole life. relay is the stream an
// inbound link came by.
func (n *Network) serve(l *link, relay network.Stream) {
	defer n.wg.Done()
	err := n.establish(l, relay)
	if errors.Is(err, ErrIncompatible) {
		n.failures.add(l.peer, fmt.Sprint(l.addr()), err, time.Now())
	}
	if cause := context.Cause(l.ctx); err != nil && cause != nil {
		err = cause // whatever else failed, failed because of it
	}
	if errors.Is(err, network.ErrReset) && l.outbound && l.peer < n.host.ID() {
		// Our dials may have crossed, and the peer refused ours before its own
		// has come.
		select {
		case <-l.ctx.Done():
			err = context.Cause(l.ctx)
		case <-time.After(crossingWait):
		}
	}
	if err == nil {
		n.goLive(l)
		n.run(l)
		err = context.Cause(l.ctx)
		n.goDown(l, err)
	}
	l.cancel(err)
	l.err = err
	n.settle(l, err)
	close(l.done)
}

// establish brings both lanes up and waits for the link that this one replaces.
func (n *Network) establish(l *link, relay network.Stream) error {
	ctx, cancel := context.WithTimeout(l.ctx, openTimeout)
	defer cancel()
	if l.outbound {
		var err error
		if relay, err = n.host.NewStream(network.WithNoDial(ctx, "link"), l.peer, relayProtocol); err != nil {
			return fmt.Errorf("open relay stream: %w", err)
		}
	}
	if err := l.attach(relaymsg.Relay, relay); err != nil {
		return err
	}
	if err := n.handshake(l); err != nil {
		return err
	}
	recon, err := n.reconStream(ctx, l)
	if err != nil {
		return err
	}
	if err := l.attach(relaymsg.Recon, recon); err != nil {
		return err
	}
	if l.prev != nil {
		select {
		case <-l.prev.done:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
		l.prev = nil
	}
	return nil
}

func (n *Network) reconStream(ctx context.Context, l *link) (network.Stream, error) {
	if l.outbound {
		s, err := n.host.NewStream(network.WithNoDial(ctx, "link"), l.peer, reconProtocol)
		if err != nil {
			return nil, fmt.Errorf("open recon stream: %w", err)
		}
		return s, nil
	}
	select {
	case s := <-l.recon:
		return s, nil
	case <-ctx.Done():
		return nil, errors.New("peer opened no recon stream")
	}
}

// run moves frames until the link is cancelled, and joins all it started.
func (n *Network) run(l *link) {
	var wg sync.WaitGroup
	for _, which := range []relaymsg.Lane{relaymsg.Relay, relaymsg.Recon} {
		wg.Go(func() { l.cancel(n.readLoop(l, which)) })
		wg.Go(func() { l.cancel(n.writeLoop(l, which)) })
	}
	wg.Wait()
}

// goLive tells the owner of the link. Lifecycle events are told under lifecycle,
// so that the set of live links and the order of events agree.
func (n *Network) goLive(l *link) {
	n.lifecycle.Lock()
	defer n.lifecycle.Unlock()
	n.mu.Lock()
	n.live[l.id] = l
	n.mu.Unlock()
	manager := n.host.ConnManager()
	if l.outbound {
		manager.Protect(l.peer, connTag)
	} else {
		manager.TagPeer(l.peer, connTag, 10)
	}
	n.emit(PeerUp{ID: l.id, Peer: l.peer, Outbound: l.outbound, Hello: l.hello})
	close(l.up)
	n.failures.forget(l.peer)
	n.mesh.poke()
	n.log.Log(n.ctx, n.linkLevel(), "peer up", "peer", l.peer, "addr", l.addr(), "outbound", l.outbound)
}

func (n *Network) goDown(l *link, reason error) {
	n.lifecycle.Lock()
	defer n.lifecycle.Unlock()
	n.mu.Lock()
	delete(n.live, l.id)
	n.mu.Unlock()
	manager := n.host.ConnManager()
	manager.Unprotect(l.peer, connTag)
	manager.UntagPeer(l.peer, connTag)
	n.emit(PeerDown{ID: l.id, Reason: oneLine(reason.Error())})
	n.mesh.poke()
	n.log.Log(n.ctx, n.linkLevel(), "peer down", "peer", l.peer, "addr", l.addr(), "reason", reason)
}

// settle draws the consequences of a link's end and frees its slot. A host of
// our own has no use for a connection without a link.
func (n *Network) settle(l *link, reason error) {
	if errors.Is(reason, errViolation) {
		n.punish(l, reason)
	}
	if errors.Is(reason, ErrIncompatible) && n.blame.Allow() {
		n.log.Info("peer refused", "peer", l.peer, "addr", l.addr(), "reason", reason)
	}
	n.mu.Lock()
	current := n.slots[l.peer] == l
	n.mu.Unlock()
	if current && n.ownHost {
		_ = n.host.Network().ClosePeer(l.peer)
	}
	n.mu.Lock()
	if n.slots[l.peer] == l {
		delete(n.slots, l.peer)
	}
	n.mu.Unlock()
}

// oneLine makes an error safe to show, for QUIC's may quote the peer.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s[:min(len(s), 300)])
}

// linkLevel is what links that come and go are logged at: peers that come and
// go all the time could fill the log.
func (n *Network) linkLevel() slog.Level {
	if n.coming.Allow() {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// connTag names our protections and tags in the connection manager.
const connTag = "txnode"
