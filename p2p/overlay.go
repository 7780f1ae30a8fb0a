package p2p

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	// maxRPC bounds one GossipSub RPC.
	maxRPC = 64 << 10
	// graylisted is the application score of a peer that is not allowed, below
	// every threshold.
	graylisted = -10_000

	// bootstrapScore is the application score of our bootstrap peers: enough,
	// as long as they behave, for the peers they tell of when they prune us to
	// be dialled. Nobody else's are, for they could surround us.
	bootstrapScore = 10
	// exchangedPeers is how many peers a bootstrap node tells of in a PRUNE.
	exchangedPeers = 4

	// firstInterval is the shortest time between two of our beacons; less its
	// jitter it is above minInterval. It doubles up to what the budget allows,
	// so that a newcomer is known soon.
	firstInterval = 6 * time.Second
	// usualCost is what a beacon costs its receiver, in bytes of all copies,
	// until we have seen some: five of 210.
	usualCost = 1050
	// dearest is the most it is taken to cost: a copy from each of a full mesh
	// and half as many others.
	dearest = 12 * maxBeacon

	// budgetShare of the budget is aimed at: who has more neighbours than the
	// author hears more copies than it.
	budgetShare = 0.8

	lonelyPoll   = time.Second
	sizeDebounce = time.Second
)

// overlay is our part in the GossipSub topic.
type overlay struct {
	pubsub *pubsub.PubSub
	topic  *pubsub.Topic
	table  *beaconTable
	heard  chan struct{} // holds a token after a beacon was taken
	// interval is that between our beacons, in nanoseconds; 0: none was sent yet.
	interval atomic.Int64
}

// beaconTopic is the one topic of a network.
func beaconTopic(network string) string { return "txnode/" + network + "/beacon/1" }

// joinOverlay starts GossipSub and joins the topic.
func (n *Network) joinOverlay() error {
	name := beaconTopic(n.cfg.Network)
	ps, err := pubsub.NewGossipSub(n.ctx, n.host, n.gossipOptions(name)...)
	if err != nil {
		return fmt.Errorf("p2p: start GossipSub: %w", err)
	}
	if err := ps.RegisterTopicValidator(name, n.validate, pubsub.WithValidatorInline(true)); err != nil {
		return fmt.Errorf("p2p: beacon validator: %w", err)
	}
	topic, err := ps.Join(name)
	if err != nil {
		return fmt.Errorf("p2p: join %s: %w", name, err)
	}
	// The validator sees all beacons; nobody needs to subscribe.
	if _, err := topic.Relay(); err != nil {
		return fmt.Errorf("p2p: join %s: %w", name, err)
	}
	n.overlay.pubsub, n.overlay.topic = ps, topic
	return nil
}

func (n *Network) gossipOptions(topic string) []pubsub.Option {
	params := pubsub.DefaultGossipSubParams()
	params.D, params.Dlo, params.Dhi, params.Dout = 6, 4, 8, 2
	params.Dlazy, params.GossipFactor = 0, 0 // IHAVE would cost more than the beacons
	params.PrunePeers = exchangedPeers

	// A filter is vital: without one, pubsub keeps every topic a peer names.
	filter := pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(topic), 4)

	return []pubsub.Option{
		pubsub.WithGossipSubProtocols([]protocol.ID{meshProtocol}, func(f pubsub.GossipSubFeature, p protocol.ID) bool {
			mesh := f == pubsub.GossipSubFeatureMesh || f == pubsub.GossipSubFeaturePX
			return mesh && p == meshProtocol
		}),
		pubsub.WithGossipSubParams(params),
		// Our own beacons go to all neighbours: a node whose only neighbour is a
		// bootstrap node with a full mesh is in nobody's mesh, and nobody would
		// ever learn its address.
		pubsub.WithFloodPublish(true),
		// For the same reason it tells those it has no room for about others.
		// Who has a bootstrap node is none, and nobody would believe it.
		pubsub.WithPeerExchange(len(n.cfg.Bootstrap) == 0),
		pubsub.WithSubscriptionFilter(filter),
		pubsub.WithPeerFilter(func(p peer.ID, _ string) bool { return n.gater.allowed(p) }),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictSign),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(maxRPC),
		pubsub.WithMaxControlMessageSize(maxRPC / 2),
		pubsub.WithPeerOutboundQueueSize(256),
		pubsub.WithValidateQueueSize(256),
		pubsub.WithPeerScore(n.scoring(topic)),
		pubsub.WithRawTracer(n.mesh),
		pubsub.WithLogger(slog.New(warnings{n.log.With("component", "gossipsub").Handler()})),
		pubsub.WithRPCLogger(slog.New(slog.DiscardHandler)), // peers could fill the log
	}
}

// scoring punishes what only the scored peer can have done: malformed beacons
// (P4), broken GossipSub rules (P7), and violations on a link (P5, and P4 by
// PeerFeedback). It favours bootstrap peers. Deliveries are not scored, for beacons are rare, nor are
// shared addresses, for testnets share one.
func (n *Network) scoring(topic string) (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	bootstrap := bootstrapPeers(n.cfg.Bootstrap)
	return &pubsub.PeerScoreParams{
			SkipAtomicValidation: true,
			Topics: map[string]*pubsub.TopicScoreParams{topic: {
				SkipAtomicValidation:           true,
				TopicWeight:                    1,
				TimeInMeshQuantum:              time.Second, // a zero would divide
				InvalidMessageDeliveriesWeight: -100,
				InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(10 * time.Minute),
			}},
			AppSpecificWeight: 1,
			AppSpecificScore: func(p peer.ID) float64 {
				switch {
				case !n.gater.allowed(p):
					return graylisted
				case bootstrap[p]:
					return bootstrapScore
				}
				return 0
			},
			BehaviourPenaltyWeight:    -10,
			BehaviourPenaltyThreshold: 6,
			BehaviourPenaltyDecay:     pubsub.ScoreParameterDecay(10 * time.Minute),
			DecayInterval:             time.Second,
			DecayToZero:               0.01,
			RetainScore:               denyFor,
		}, &pubsub.PeerScoreThresholds{
			AcceptPXThreshold: bootstrapScore,
			GossipThreshold:   -100,
			PublishThreshold:  -500,
			GraylistThreshold: -1000,
		}
}

// bootstrapPeers are the peers of the addresses.
func bootstrapPeers(addrs []string) map[peer.ID]bool {
	peers := make(map[peer.ID]bool, len(addrs))
	for _, addr := range addrs {
		if info, err := parsePeerAddr(addr); err == nil {
			peers[info.ID] = true
		}
	}
	return peers
}

// messageID is short because ids are only kept, never sent.
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write(m.GetFrom())
	h.Write(m.GetSeqno())
	return string(h.Sum(nil)[:8])
}

// validate judges beacons. Rejecting punishes the forwarder, so only what every
// honest node would have rejected too is; all else is not passed on.
func (n *Network) validate(_ context.Context, _ peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	author := m.GetFrom()
	if author == n.host.ID() {
		return pubsub.ValidationAccept
	}
	n.mesh.fresh.Add(1)
	data := m.GetData()
	beacon, err := decodeBeacon(data)
	switch {
	case errors.Is(err, errBeaconVersion):
		return pubsub.ValidationIgnore
	case err != nil, len(m.GetSeqno()) != 8:
		return pubsub.ValidationReject
	}
	// The sequence number of a message is part of what its author signs, and
	// pubsub starts it at the author's clock: it rises over restarts too.
	sequence := binary.BigEndian.Uint64(m.GetSeqno())
	if !n.overlay.table.admit(time.Now(), author, sequence, len(data), beacon) {
		return pubsub.ValidationIgnore
	}
	select {
	case n.overlay.heard <- struct{}{}:
	default:
	}
	return pubsub.ValidationAccept
}

// beaconInterval is how often each of the nodes may send a beacon so that what
// each receives stays within the budget of bytes per second.
func beaconInterval(nodes int, cost float64, budget int) time.Duration {
	seconds := float64(nodes) * cost / (budgetShare * float64(budget))
	return min(max(time.Duration(seconds*float64(time.Second)), firstInterval), maxInterval)
}

// beaconCost follows what a beacon costs us as its receiver, which depends on
// how dense our neighbourhood is.
type beaconCost struct {
	perBeacon    float64 // bytes of all copies
	fresh, bytes uint64  // counters at the last update
}

func (c *beaconCost) update(fresh, bytes uint64) float64 {
	if fresh > c.fresh {
		// A neighbour that repeats itself must not slow us down.
		seen := min(float64(bytes-c.bytes)/float64(fresh-c.fresh), dearest)
		c.perBeacon = (c.perBeacon + seen) / 2
		c.fresh, c.bytes = fresh, bytes
	}
	return c.perBeacon
}

// sendBeacons publishes ours, the first as soon as there is somebody to hear it.
func (n *Network) sendBeacons(ctx context.Context) {
	ramp, cost := firstInterval, beaconCost{perBeacon: usualCost}
	for {
		for len(n.overlay.topic.ListPeers()) == 0 {
			ramp = firstInterval
			if !sleep(ctx, lonelyPoll+rand.N(lonelyPoll)) {
				return
			}
		}
		authors, _ := n.overlay.table.count(time.Now())
		paid := cost.update(n.mesh.fresh.Load(), n.mesh.bytes.Load())
		m := beaconMessage{
			Beacon:   n.cfg.Beacon(),
			interval: min(ramp, beaconInterval(authors+1, paid, n.cfg.BeaconBudget)),
			addrs:    advertised(n.host.Addrs()),
		}
		n.overlay.interval.Store(int64(m.interval))
		if err := n.overlay.topic.Publish(ctx, m.encode()); err != nil && ctx.Err() == nil {
			n.log.Warn("beacon not sent", "error", err)
		}
		ramp = min(2*ramp, maxInterval)
		if !sleep(ctx, jitter(m.interval, 0.1)) {
			return
		}
	}
}

// followSize tells the owner how many nodes there are whenever that changes.
func (n *Network) followSize(ctx context.Context) {
	told := 1
	for {
		authors, next := n.overlay.table.count(time.Now())
		if authors+1 != told {
			told = authors + 1
			n.emit(NetworkSize{Nodes: told})
		}
		var expiry <-chan time.Time
		if !next.IsZero() {
			expiry = time.After(time.Until(next))
		}
		select {
		case <-n.overlay.heard:
		case <-expiry:
		case <-ctx.Done():
		}
		if !sleep(ctx, sizeDebounce) {
			return
		}
	}
}

// jitter spreads d by up to the share to either side.
func jitter(d time.Duration, share float64) time.Duration {
	return time.Duration(float64(d) * (1 + share*(2*rand.Float64()-1)))
}
