package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
	"github.com/txnode/txnode/storage"
)

// Node is one participant of a transaction network. See the package comment for
// its life cycle and guarantees.
type Node struct {
	cfg   Config
	log   *slog.Logger
	pool  *mempool.Pool
	db    *storage.DB
	net   *p2p.Network
	feed  *feed
	ready chan struct{}
	began atomic.Bool
	ended chan struct{} // closed when Run returns

	admission   *admission
	writes      *writing
	uncommitted chan result
	results     chan result
	published   atomic.Pointer[state]
	askings     chan asking
	refusals    refusals

	chainState atomic.Uint64 // rises before the mempool follows a change of the chain

	reorganized, reviewed atomic.Uint64 // the latter is less while everything is still to be checked
	chain                 *mailbox[chainChange]
	returned              *mailbox[[]*wire.MsgTx] // of blocks that left the chain

	unwritten   atomic.Pointer[string] // why the latest write to storage failed; nil: it did not
	unbroadcast *unbroadcast
	broadcast   *mailbox[chainhash.Hash] // not unbroadcast any more, to be stored
	receipts    chan receiptCall
	standing    *standing
	deltas      *feeDeltas
	saving      sync.Mutex // of mempool.dat

	salt  relaymsg.Salt
	heard chan hearsay // on the topic

	// Owned by the loop.
	verdicts  map[chainhash.Hash][]hearsay // not judged yet
	relay     *inv.Relay
	peers     map[p2p.PeerID]peer.ID
	departed  map[p2p.PeerID]peer.ID // since the latest publish
	servings  servings
	asked     map[p2p.PeerID][]chan<- answer // who waits for a round
	orphans   *mempool.Orphanage
	applied   uint64          // the pool's sequence up to which settle has told of it
	past      *past           // until the stored mempool is loaded
	early     map[uint64]step // changes that do not follow applied yet, by sequence
	low       lowFee
	answers   []result      // to local submitters, once the loop's state is published
	untold    []Event       // to observers, likewise
	diskAlarm time.Time     // when a storage failure was last logged
	waiting   []receiptCall // for a receipt
	told      uint64        // the engine's delivery revision when they were last looked at
}

// state is what the loop publishes for other goroutines to read.
type state struct {
	digest [32]byte
	count  int
	rounds []Round // oldest first, never written again
}

// New checks the configuration, opens the data directory and binds the
// listening sockets. Its errors say which of these failed and what to do.
func New(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg:         cfg,
		log:         log,
		feed:        newFeed(),
		ready:       make(chan struct{}),
		ended:       make(chan struct{}),
		admission:   newAdmission(),
		writes:      newWriting(),
		early:       make(map[uint64]step),
		results:     make(chan result, 64),
		uncommitted: make(chan result, maxUncommitted),
		chain:       newMailbox[chainChange](),
		returned:    newMailbox[[]*wire.MsgTx](),
		peers:       make(map[p2p.PeerID]peer.ID),
		departed:    make(map[p2p.PeerID]peer.ID),
		servings:    make(servings),
		askings:     make(chan asking),
		heard:       make(chan hearsay),
		verdicts:    make(map[chainhash.Hash][]hearsay),
		asked:       make(map[p2p.PeerID][]chan<- answer),
		orphans:     mempool.NewOrphanage(),

		unbroadcast: newUnbroadcast(),
		broadcast:   newMailbox[chainhash.Hash](),
		receipts:    make(chan receiptCall),
		standing:    newStanding(),
		deltas:      newFeeDeltas(),
	}
	n.published.Store(&state{})
	n.pool = mempool.New(mempool.Config{
		PrevOuts:        cfg.PrevOuts,
		MinRelayFeeRate: cfg.Mempool.MinRelayFeeRate,
		MaxBytes:        cfg.Mempool.MaxBytes,
		Expiry:          cfg.Mempool.Expiry,
	})
	var salt relaymsg.Salt
	var seed [32]byte
	for _, b := range [][]byte{salt[:], seed[:]} {
		if _, err := io.ReadFull(cfg.random(), b); err != nil {
			return nil, fmt.Errorf("node: Config.Rand: %w", err)
		}
	}
	n.salt = salt
	n.relay = inv.New(inv.Config{
		Rand:          mathrand.New(mathrand.NewChaCha8(seed)),
		Salt:          salt,
		FeeFloor:      uint64(cfg.Mempool.MinRelayFeeRate),
		Audience:      cfg.Relay.Audience,
		InvInterval:   cfg.Relay.InvInterval,
		SendRate:      inv.DefaultConfig().SendRate,
		EagerHops:     cfg.Relay.EagerHops,
		Trickle:       cfg.Relay.Trickle,
		ReconInterval: cfg.Relay.ReconInterval,
		NoPull:        cfg.Relay.NoPull,
		Trace:         tracedTransactions,
	})
	if err := n.openStorage(); err != nil {
		return nil, err
	}
	if err := n.openNetwork(salt); err != nil {
		return nil, errors.Join(err, n.db.Close())
	}
	return n, nil
}

func (n *Node) openStorage() error {
	dir := ""
	if n.cfg.DataDir != "" {
		dir = filepath.Join(n.cfg.DataDir, "mempool")
	}
	db, err := storage.Open(dir, storage.Options{
		Network:  n.cfg.Network,
		PrevOuts: n.cfg.PrevOuts.Digest(),
		Logger:   n.log.With("part", "storage"),
	})
	if err != nil {
		return err
	}
	n.db = db
	if reason := db.Deferred(); reason != nil {
		n.log.Error("the stored mempool is left alone and everything kept in memory only; peers will fill it", "cause", reason)
	}
	switch lost := db.Recovery(); {
	case lost == nil:
	case lost.MovedTo == "":
		n.log.Error("the stored mempool was damaged and a part is lost; peers will refill it", "cause", lost.Cause)
	default:
		n.log.Error("the stored mempool was damaged and set aside; peers will refill it",
			"cause", lost.Cause, "moved to", lost.MovedTo)
	}
	return nil
}

func (n *Node) openNetwork(salt relaymsg.Salt) error {
	identity, err := n.identity()
	if err != nil {
		return err
	}
	hello := relaymsg.Hello{
		Version:  relaymsg.Version,
		Network:  n.cfg.Network,
		PrevOuts: n.cfg.PrevOuts.Digest(),
		Salt:     salt,
		FeeFloor: uint64(n.cfg.Mempool.MinRelayFeeRate), // the engine tells what evictions add
	}
	n.net, err = p2p.New(p2p.Config{
		Network:        n.cfg.Network,
		Host:           n.cfg.Host,
		Identity:       identity,
		Listen:         n.cfg.Listen,
		HostOptions:    n.cfg.HostOptions,
		Bootstrap:      n.cfg.P2P.Bootstrap,
		MDNS:           n.cfg.P2P.MDNS,
		PreSharedKey:   n.cfg.P2P.PreSharedKey,
		MaxPeers:       n.cfg.P2P.MaxPeers,
		TargetOutbound: outboundTarget(n.cfg.P2P.TargetOutbound),
		BeaconBudget:   n.cfg.P2P.BeaconBudget,
		Topic:          n.onTopic(),
		Hello:          func() relaymsg.Hello { return hello },
		Beacon:         n.beacon,
		UserAgent:      n.cfg.P2P.UserAgent,
		Logger:         n.log.With("part", "p2p"),
	})
	return err
}

// random is where random bytes come from.
func (c *Config) random() io.Reader {
	if c.Rand != nil {
		return c.Rand
	}
	return rand.Reader
}

// outboundTarget is n as package p2p wants it, where 0 is the default.
func outboundTarget(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// identity is the configured key, the data directory's, or one for this run.
func (n *Node) identity() (crypto.PrivKey, error) {
	switch {
	case n.cfg.Identity != nil || n.cfg.Host != nil:
		return n.cfg.Identity, nil
	case n.cfg.DataDir != "":
		return p2p.LoadOrCreateIdentity(filepath.Join(n.cfg.DataDir, "identity.key"))
	}
	key, _, err := crypto.GenerateEd25519Key(n.cfg.random())
	return key, err
}

// beacon is what the node tells the whole network about itself.
func (n *Node) beacon() p2p.Beacon {
	s, info := n.published.Load(), n.pool.Info()
	return p2p.Beacon{
		Digest:   s.digest,
		Count:    uint64(s.count),
		Bytes:    uint64(info.Bytes),
		FeeFloor: uint64(info.MinFeeRate),
		Sequence: n.Sequence(),
	}
}

// Run loads the stored mempool, joins the network and works until ctx ends,
// which it reports as nil, or something fatal happens. It releases everything
// before it returns. It must be called once.
func (n *Node) Run(ctx context.Context) error {
	if n.began.Swap(true) {
		return errors.New("node: Run was called before, or the node was closed; make a new one")
	}
	defer close(n.ended)
	defer n.feed.close()
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()

	var group sync.WaitGroup
	if source, ok := n.cfg.PrevOuts.(mempool.ChainSource); ok {
		group.Go(func() { source.Follow(runCtx, n.observer(runCtx)) })
	}
	err := n.load(runCtx)
	if err == nil {
		err = n.work(runCtx, cancel)
	} else {
		err = errors.Join(err, n.net.Close())
	}
	cancel()
	group.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, n.db.Close())
}

// work runs the network, the validation workers and the loop until ctx ends or
// one of them fails, and joins them.
func (n *Node) work(ctx context.Context, cancel context.CancelFunc) error {
	var group, commits sync.WaitGroup
	for range workers() {
		group.Go(func() { n.validate(ctx) })
	}
	commits.Go(func() { n.commitResults(ctx) })
	group.Go(func() { n.review(ctx) })
	group.Go(func() { n.expire(ctx) })
	group.Go(func() { n.storeBroadcast(ctx) })
	network := make(chan error, 1)
	group.Go(func() { network <- n.net.Run(ctx) })
	n.retryAll()
	err := n.loop(ctx, network)
	cancel()
	n.admission.close()
	for range n.net.Events() {
		// Run ends once nobody waits to hand over an event.
	}
	group.Wait()
	close(n.uncommitted)
	commits.Wait()
	n.forgetUnbroadcast(ctx)
	n.forgetStanding(ctx)
	return err
}

// Close releases a node that was never run. After Run it does nothing.
func (n *Node) Close() error {
	if n.began.Swap(true) {
		return nil
	}
	close(n.ended)
	n.feed.close()
	return errors.Join(n.net.Close(), n.db.Close())
}

// workers is how many validations run at once. More would only stand in line
// for the mempool, where nobody is fair.
func workers() int { return runtime.GOMAXPROCS(0) }
