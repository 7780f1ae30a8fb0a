package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

const (
	// maxKept bounds the peers dialled persistently.
	maxKept = 64
	// dialTimeout bounds one attempt, handshake included.
	dialTimeout = 30 * time.Second
	// minBackoff doubles at each failure up to maxBackoff.
	minBackoff = time.Second
	maxBackoff = time.Minute
	// incompatibleBackoff is for peers that would refuse us again.
	incompatibleBackoff = 5 * time.Minute
	// stableAfter is how long a link must have lasted for its end not to count
	// as another failure.
	stableAfter = 10 * time.Second
)

// keep has a link to the peer until ctx ends.
func (n *Network) keep(ctx context.Context, addr string, info peer.AddrInfo) {
	failures, loud := 0, true
	defer n.failures.forget(info.ID)
	for {
		again := n.redial.wait()
		var err error
		if l := n.linkTo(info.ID); l != nil {
			select {
			case <-l.done:
			case <-ctx.Done():
				return
			}
			err = l.err
			if time.Since(l.begun) >= stableAfter {
				failures, loud = 0, true
			}
		} else if n.gater.allowed(info.ID) {
			err = n.dial(ctx, info)
			if err == nil {
				continue
			}
			if ctx.Err() == nil {
				n.failures.add(info.ID, addr, err, time.Now())
			}
		}
		delay := backoff(failures)
		failures++
		if errors.Is(err, ErrIncompatible) {
			delay = jitter(incompatibleBackoff, 0.25)
		}
		if err != nil && ctx.Err() == nil {
			n.logDial(loud, addr, err, delay)
			loud = false
		}
		if !n.pause(ctx, again, delay, &failures) {
			return
		}
	}
}

// logDial says the first failure loudly.
func (n *Network) logDial(loud bool, addr string, err error, delay time.Duration) {
	if loud {
		n.log.Warn("no link to peer, will keep trying", "addr", addr, "reason", err, "next", delay.Round(time.Second))
		return
	}
	n.log.Debug("no link to peer", "addr", addr, "reason", err, "next", delay.Round(time.Second))
}

// pause waits for the delay; a poke cuts it short and forgives the failures.
func (n *Network) pause(ctx context.Context, again <-chan struct{}, delay time.Duration, failures *int) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-again:
		*failures = 0
	case <-ctx.Done():
		return false
	}
	return true
}

// backoff is the pause after so many failures before this one.
func backoff(failures int) time.Duration {
	return jitter(min(minBackoff<<min(failures, 10), maxBackoff), 0.25)
}

// dial tries once to have a link to the peer.
func (n *Network) dial(ctx context.Context, info peer.AddrInfo) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if info.ID == n.host.ID() {
		return swarm.ErrDialToSelf
	}
	// We pace ourselves; libp2p's own backoff would make this attempt void.
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(info.ID)
	}
	if err := n.host.Connect(ctx, info); err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return n.open(ctx, info.ID)
}

// find dials strangers while there are too few outbound links: at most one at a
// time and two per second.
func (n *Network) find(ctx context.Context) {
	const pace = 500 * time.Millisecond
	tick := time.NewTicker(pace)
	defer tick.Stop()
	retries := newRetries()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if n.outbound() >= n.cfg.TargetOutbound {
			continue
		}
		info, ok := n.stranger(retries)
		if !ok {
			continue
		}
		err := n.dial(ctx, info)
		if err != nil {
			n.log.Debug("no link to stranger", "peer", info.ID, "reason", err)
		}
		retries.tried(info.ID, err, time.Now())
	}
}

// stranger is some peer we know of by mDNS or beacon, and could link to.
func (n *Network) stranger(r *retries) (peer.AddrInfo, bool) {
	now, reach := time.Now(), widest(n.host.Addrs())
	fits := func(p peer.ID) bool {
		return p != n.host.ID() && n.linkTo(p) == nil && n.gater.allowed(p) && r.due(p, now)
	}
	if info, ok := n.local.pick(fits); ok {
		return info, true
	}
	info, ok := n.overlay.table.pick(now, func(info peer.AddrInfo) bool {
		return len(dialable(info.Addrs, reach)) > 0 && fits(info.ID)
	})
	info.Addrs = dialable(info.Addrs, reach)
	return info, ok
}

// watchIdentified opens links on connections that somebody else dialled, as the
// owner of a shared host.
func (n *Network) watchIdentified(ctx context.Context) error {
	sub, err := n.host.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerProtocolsUpdated),
	})
	if err != nil {
		return fmt.Errorf("p2p: watch connections: %w", err)
	}
	n.wg.Go(func() {
		defer sub.Close()
		for _, p := range n.host.Network().Peers() {
			n.consider(ctx, p)
		}
		for {
			select {
			case e := <-sub.Out():
				switch e := e.(type) {
				case event.EvtPeerIdentificationCompleted:
					n.consider(ctx, e.Peer)
				case event.EvtPeerProtocolsUpdated:
					n.consider(ctx, e.Peer)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

// consider opens a link to a connected peer that has the protocol, if we are
// the dialler.
func (n *Network) consider(ctx context.Context, p peer.ID) {
	if n.linkTo(p) != nil || !n.gater.allowed(p) {
		return
	}
	protocols, err := n.host.Peerstore().SupportsProtocols(p, relayProtocol)
	if err != nil || len(protocols) == 0 {
		return
	}
	for _, c := range n.host.Network().ConnsToPeer(p) {
		if c.Stat().Direction == network.DirOutbound {
			n.wg.Go(func() {
				if err := n.open(ctx, p); err != nil {
					n.log.Debug("no link on connection", "peer", p, "reason", err)
				}
			})
			return
		}
	}
}
