package testnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/txnode/txnode/mempool/utxo"
)

// Cluster is a number of nodes that run in this process. Its methods are safe
// for concurrent use, but only one Run may be under way.
type Cluster struct {
	cfg      Config
	log      *slog.Logger
	observer *observation
	dir      string // of all data directories; empty: everything in memory
	wire     wire
	prevOuts *utxo.Static
	started  time.Time

	dials   [][]int // whom each node dials
	members []*Member
	index   map[peer.ID]int // of members

	ctx     context.Context // ends with the cluster; its cause says why
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
}

// errClosed is why a cluster ended that was closed.
var errClosed = errors.New("testnet: the cluster was closed")

// Start brings up the nodes, which dial their links. The cluster lives until
// ctx ends, a node fails, a node is told to stop by RPC, or Close is called,
// which must happen in any case.
func Start(ctx context.Context, cfg Config, o Observer) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dir, err := makeDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return start(ctx, cfg, o, loopback, dir)
}

// makeDir makes the directory of all data directories: a temporary one, or the
// one named.
func makeDir(name string) (dir string, err error) {
	if name == "" {
		return os.MkdirTemp("", "txnode-testnet-")
	}
	if dir, err = filepath.Abs(name); err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	var entries []os.DirEntry
	if err == nil {
		entries, err = os.ReadDir(dir)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("testnet: no directory for the nodes' data: %w", err)
	case len(entries) > 0:
		return "", fmt.Errorf("testnet: %s is not empty, but nodes of a run must have no past: name another directory, or empty this one", dir)
	}
	return dir, nil
}

// start is Start for any wire and directory; dir "" keeps everything in memory.
func start(ctx context.Context, cfg Config, o Observer, w wire, dir string) (_ *Cluster, err error) {
	c := &Cluster{
		cfg:     cfg,
		log:     cfg.Logger,
		dir:     dir,
		wire:    w,
		started: time.Now(),
		dials:   topology(cfg.Nodes, cfg.Degree, cfg.random(graphStream)),
		members: make([]*Member, cfg.Nodes),
		index:   make(map[peer.ID]int, cfg.Nodes),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.observer = newObservation(o, c.started)
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	c.observer.enter(PhaseStart)
	outputs := max(utxo.DefaultTestOutputs, cfg.planned())
	if c.prevOuts, err = utxo.TestAllocation(Network, outputs); err != nil {
		return nil, err
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	for _, m := range c.members {
		c.running.Go(func() { c.run(m) })
	}
	if err := c.ready(); err != nil {
		return nil, err
	}
	if err := c.dial(); err != nil {
		return nil, err
	}
	return c, nil
}

// open makes all nodes, as many at a time as there are cores.
func (c *Cluster) open() error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range c.members {
		group.Go(func() (err error) {
			c.members[i], err = c.newMember(i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, m := range c.members {
		c.index[m.Node.ID()] = i
	}
	return nil
}

// dial tells each node whom to keep a link to. It comes after all listen, so
// that no dial fails and waits for its turn again.
func (c *Cluster) dial() error {
	for i, m := range c.members {
		for _, to := range c.dials[i] {
			if err := m.Node.AddPeer(c.members[to].addr()); err != nil {
				return fmt.Errorf("testnet: %s is to dial %s: %w", m.Name, c.members[to].Name, err)
			}
		}
	}
	return nil
}

// run works until the cluster ends, and ends it when the node fails.
func (c *Cluster) run(m *Member) {
	err := m.Node.Run(c.ctx)
	switch {
	case c.ctx.Err() != nil && err != nil:
		c.log.Error("the node did not stop cleanly", "node", m.Name, "reason", err)
	case err == nil:
		c.cancel(fmt.Errorf("testnet: %s stopped by itself", m.Name))
	default:
		c.cancel(fmt.Errorf("testnet: %s failed: %w", m.Name, err))
	}
}

// ready waits until every node takes transactions, and opens its RPC server.
func (c *Cluster) ready() error {
	for _, m := range c.members {
		select {
		case <-m.Node.Ready():
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
		if c.cfg.RPC {
			if err := c.serve(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// Members are the nodes, node0 first. The caller must not change the slice.
func (c *Cluster) Members() []*Member { return c.members }

// Dir is the directory with the nodes' data directories.
func (c *Cluster) Dir() string { return c.dir }

// Done is closed when the cluster ends. Err then says why.
func (c *Cluster) Done() <-chan struct{} { return c.ctx.Done() }

// Err is nil while the cluster lives, and then why it ended: a failed node by
// name, or the error of the context given to Start.
func (c *Cluster) Err() error { return context.Cause(c.ctx) }

// Close stops all nodes, waits for them and removes the data directories,
// unless they are to be kept. It may be called more than once.
func (c *Cluster) Close() error {
	c.cancel(errClosed)
	c.running.Wait()
	var errs []error
	for _, m := range c.members {
		if m != nil {
			errs = append(errs, m.close())
		}
	}
	if c.dir != "" && c.cfg.Dir == "" && !c.cfg.Keep {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// The independent streams of randomness that a seed gives.
const (
	graphStream uint64 = iota
	loadStream
	halvesStream
	partitionStream
)

func (c *Config) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, stream))
}
