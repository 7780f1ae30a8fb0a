package p2p

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// topicProtocol is the GossipSub of [Topic], apart from that of the beacons, for
// its messages are not signed.
const topicProtocol protocol.ID = "/txnode/topicsub/1"

// judgeLimit is how long a message of a [Topic] may take to be judged.
const judgeLimit = 30 * time.Second

// Topic spreads transactions by GossipSub with its usual parameters: the baseline
// that links of our own are compared with.
type Topic struct {
	// Judge is called for each message that came from a peer, from many
	// goroutines, and may block until ctx ends: only what it accepts is passed on.
	Judge func(ctx context.Context, from peer.ID, data []byte) bool
	// Bodies says that messages are transactions, and not ids of them: that is
	// how [Network.Traffic] counts them.
	Bodies bool
}

func (n *Network) joinTopic() error {
	cfg := n.cfg.Topic
	if cfg == nil {
		return nil
	}
	name := "txnode/" + n.cfg.Network + "/tx/1"
	ps, err := pubsub.NewGossipSub(n.ctx, n.host,
		pubsub.WithGossipSubProtocols([]protocol.ID{topicProtocol}, func(f pubsub.GossipSubFeature, p protocol.ID) bool {
			return f == pubsub.GossipSubFeatureMesh && p == topicProtocol
		}),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(func(m *pb.Message) string {
			h := sha256.Sum256(m.GetData())
			return string(h[:8])
		}),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(name), 4)),
		pubsub.WithPeerFilter(func(p peer.ID, _ string) bool { return n.gater.allowed(p) }),
		pubsub.WithPeerOutboundQueueSize(4096), // the usual 32 loses most of a burst
		pubsub.WithValidateQueueSize(4096),
		pubsub.WithRawTracer(&topicTracer{n.spread, n.traffic, cfg.Bodies}),
		pubsub.WithLogger(slog.New(warnings{n.log.With("component", "topic").Handler()})),
		pubsub.WithRPCLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return fmt.Errorf("p2p: start GossipSub for transactions: %w", err)
	}
	judge := func(ctx context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if from == n.host.ID() || cfg.Judge(ctx, from, m.GetData()) {
			return pubsub.ValidationAccept
		}
		return pubsub.ValidationIgnore
	}
	if err := ps.RegisterTopicValidator(name, judge, pubsub.WithValidatorTimeout(judgeLimit)); err != nil {
		return fmt.Errorf("p2p: validator of transactions: %w", err)
	}
	joined, err := ps.Join(name)
	if err != nil {
		return fmt.Errorf("p2p: join %s: %w", name, err)
	}
	if _, err := joined.Relay(); err != nil {
		return fmt.Errorf("p2p: join %s: %w", name, err)
	}
	n.topic = joined
	return nil
}

// Publish sends a message on the [Topic], of which there must be one. It waits
// for Run to begin.
func (n *Network) Publish(data []byte) {
	select {
	case <-n.running:
	case <-n.ctx.Done():
		return
	}
	if err := n.topic.Publish(n.ctx, data); err != nil && n.ctx.Err() == nil {
		n.log.Warn("transaction not published", "error", err)
	}
}

// topicTracer counts bodies.
type topicTracer struct {
	*mesh
	traffic *traffic
	bodies  bool
}

// SendRPC is part of [pubsub.RawTracer].
func (t *topicTracer) SendRPC(rpc *pubsub.RPC, _ peer.ID) {
	if t.bodies {
		t.traffic.sent.bodies.Add(uint64(len(rpc.GetPublish())))
	}
}
