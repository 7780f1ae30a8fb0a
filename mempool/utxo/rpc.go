package utxo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// DefaultPollInterval is how often a Bitcoin node is asked for its tip. It
	// is how long a mempool may hold what a block has decided, if the node is a
	// btcd; a bitcoind tells of blocks at once.
	DefaultPollInterval = time.Second

	// maxRetryInterval bounds the time between attempts to reach a node that is
	// away, which doubles from the poll interval on.
	maxRetryInterval = 10 * time.Second

	// callTimeout bounds a request that a transaction waits for, blockTimeout
	// one for a block.
	callTimeout  = 15 * time.Second
	blockTimeout = time.Minute
)

// RPCConfig says which Bitcoin node an [RPC] asks, and as whom. Network, URL and
// either User or CookieFile are required.
type RPCConfig struct {
	// Network is the name of the network the node must be on. The names of
	// Bitcoin's networks are Core's (main, test, testnet4, signet, regtest);
	// with any other name every chain will do.
	Network string

	// URL of the node's RPC server. Without a scheme it is taken for http.
	URL string

	// CookieFile holds the credentials; it is read for each request, since a
	// node writes another one whenever it starts.
	CookieFile string

	// User and Password are used instead of a cookie file when User is set.
	User, Password string

	// CertFile holds the certificate, in PEM, by which an https server is
	// recognized: btcd makes its own, rpc.cert. Empty: the system's authorities.
	CertFile string

	// PollInterval is how often the node is asked for its tip. Zero means
	// [DefaultPollInterval].
	PollInterval time.Duration

	// Logger is told when the node goes away and when it is back. Nil: nobody.
	Logger *slog.Logger
}

// RPC is the set of unspent outputs of a Bitcoin node, bitcoind or btcd, asked
// by JSON-RPC. It implements mempool.PrevOuts and is safe for concurrent use,
// but for [RPC.Follow]. See the package documentation for what it asks and
// what it does while the node is away.
type RPC struct {
	cfg     RPCConfig
	log     *slog.Logger
	client  *client
	genesis chainhash.Hash

	ctx   context.Context // ends with Close
	close context.CancelFunc

	mu       sync.Mutex
	away     error // why the node cannot be asked; nil: it can
	recent   chain
	median   time.Time
	changes  uint64 // of the chain, so that answers about an older one are told apart
	existing cache[wire.OutPoint, mempool.PrevOut]
	missing  cache[wire.OutPoint, mempool.PrevOut]
	medians  cache[int32, int64] // median times of blocks, by height
	told     chainhash.Hash      // the tip up to which the observer knows everything
	synced   chan struct{}       // closed when told is up to date, and then another

	hurry chan struct{} // makes Follow ask the node now

	// Owned by Follow.
	left     bool          // blocks left the chain, and the observer was not told
	returned []*wire.MsgTx // their transactions, parents first
}

var (
	_ mempool.PrevOuts   = (*RPC)(nil)
	_ mempool.Prefetcher = (*RPC)(nil)
	_ mempool.Chronicle  = (*RPC)(nil)
)

// Connect makes a source that asks the node cfg names. It waits for a node that
// is away, and says so in the log, until ctx ends; it fails at once if the node
// refuses the credentials or is on another network.
func Connect(ctx context.Context, cfg RPCConfig) (*RPC, error) {
	if err := checkNetwork(cfg.Network); err != nil {
		return nil, err
	}
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	cfg.PollInterval = cmp.Or(cfg.PollInterval, DefaultPollInterval)
	r := &RPC{cfg: cfg, log: cfg.Logger, client: c, existing: newOutputCache(maxCached), missing: newOutputCache(maxMissing),
		medians: newCache[int32](maxMedians, func(int64) int { return medianSize }),
		synced:  make(chan struct{}), hurry: make(chan struct{}, 1)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	for retry := (backoff{interval: cfg.PollInterval}); ; {
		err := r.start(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errAway) || ctx.Err() != nil {
			c.http.CloseIdleConnections()
			return nil, fmt.Errorf("connecting to the Bitcoin node: %w", err)
		}
		if retry.failures == 0 {
			r.log.Warn("waiting for the Bitcoin node", "url", c.url, "reason", err)
		}
		retry.wait(ctx)
	}
	r.ctx, r.close = context.WithCancel(context.Background())
	return r, nil
}

// backoff spaces attempts to reach a node that is away.
type backoff struct {
	interval time.Duration // between attempts that succeed
	failures int
}

// wait lasts longer with every failure, and no longer than ctx.
func (b *backoff) wait(ctx context.Context) {
	d := min(b.interval<<min(b.failures, 16), max(b.interval, maxRetryInterval))
	b.failures++
	pause(ctx, d)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Close ends what Lookup is waiting for. Lookups fail from then on.
func (r *RPC) Close() {
	r.close()
	r.client.http.CloseIdleConnections()
}

// start learns which chain the node is on and where it ends.
func (r *RPC) start(ctx context.Context) error {
	status, err := r.status(ctx)
	if err != nil {
		return err
	}
	if params := paramsOf(r.cfg.Network); params != nil && status.genesis != *params.GenesisHash {
		return fmt.Errorf("%s is on chain %.20q, whose first block is %v, and not on %s: give the address of a node of that network, or choose this one with --network",
			r.client.url, status.Chain, status.genesis, r.cfg.Network)
	}
	r.genesis = status.genesis
	if err := r.restart(ctx, status); err != nil {
		return err
	}
	r.allTold()
	return nil
}

// paramsOf is nil for names that are not of Bitcoin's networks.
func paramsOf(network string) *chaincfg.Params {
	switch network {
	case "main":
		return &chaincfg.MainNetParams
	case "test":
		return &chaincfg.TestNet3Params
	case "testnet4":
		return &chaincfg.TestNet4Params
	case "signet":
		return &chaincfg.SigNetParams
	case "regtest":
		return &chaincfg.RegressionNetParams
	}
	return nil
}

// URL is the address of the node's RPC server.
func (r *RPC) URL() string { return r.client.url }

// Tip implements mempool.PrevOuts: the newest block that [RPC.Follow] has seen.
func (r *RPC) Tip() (height int32, medianTime time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recent.tip().height, r.median
}

// BestBlock is the hash of the block at the height of Tip.
func (r *RPC) BestBlock() chainhash.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recent.tip().hash
}

// Digest implements mempool.PrevOuts: SHA-256 over the kind of source, the
// network and the hash of the chain's first block. It does not tell the tip,
// on which nodes of one network need not agree at every moment.
func (r *RPC) Digest() [sha256.Size]byte {
	b := []byte("txnode/chain/1")
	b = append(b, byte(len(r.cfg.Network)))
	b = append(b, r.cfg.Network...)
	return sha256.Sum256(append(b, r.genesis[:]...))
}
