package mempool

import (
	"bytes"
	"cmp"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Defaults of [Config].
const (
	DefaultMinRelayFeeRate = 100             // satoshi per kvB: Core policy/policy.h
	DefaultMaxBytes        = 300_000_000     // of memory: Core's -maxmempool
	DefaultExpiry          = 336 * time.Hour // Core's -mempoolexpiry

	sigCacheEntries = 20_000 // about 200 bytes each
)

// Config sets up a [Pool]. Only PrevOuts is required.
type Config struct {
	// PrevOuts tells which confirmed outputs exist.
	PrevOuts PrevOuts
	// MinRelayFeeRate is the least fee rate admitted, in satoshi per kvB. Zero means [DefaultMinRelayFeeRate].
	MinRelayFeeRate int64
	// MaxBytes bounds the memory that entries take, [Info.Usage]. Beyond it the chunk that pays the least is evicted
	// and the minimum fee rate rises above it. Zero means [DefaultMaxBytes].
	MaxBytes int64
	// Expiry is how long an entry may stay. Zero means [DefaultExpiry].
	Expiry time.Duration
	// Workers bounds how many transactions are decoded and verified at a time; further callers wait. Zero means one
	// per processor. Each holds up to about 15 MB while it works.
	Workers int
	// SigCache remembers good signatures of inputs that a key alone spends, so that Add after Check is cheap. It may be
	// shared by the pools of one process, which then verify each signature once between them. Nil means a small one of
	// its own.
	SigCache *txscript.SigCache
}

// A Pool holds valid unconfirmed transactions: no two of them spend the same output, and each one's previous outputs
// are confirmed or in the pool. All methods are safe for concurrent use, and what they return is never changed.
type Pool struct {
	cfg     Config
	workers chan struct{} // one token per transaction being judged

	mu       sync.RWMutex
	byWTxID  index[chainhash.Hash, *node]
	byTxID   index[chainhash.Hash, *node]
	spenders index[wire.OutPoint, spender]
	clusters clusterHeap
	deltas   map[chainhash.Hash]int64 // added to fees, by txid; also of what is not in the pool
	floor    rollingFloor
	changes  []Change // of the critical section that is under way
	sequence uint64
	usage    int64
	vbytes   int64
	bytes    int64
	totalFee int64
}

// New returns an empty pool. It panics without cfg.PrevOuts: a pool that cannot judge fees cannot defend itself.
func New(cfg Config) *Pool {
	if cfg.PrevOuts == nil {
		panic("mempool: Config.PrevOuts is nil")
	}
	cfg.MinRelayFeeRate = cmp.Or(cfg.MinRelayFeeRate, DefaultMinRelayFeeRate)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, DefaultMaxBytes)
	cfg.Expiry = cmp.Or(cfg.Expiry, DefaultExpiry)
	cfg.Workers = cmp.Or(cfg.Workers, runtime.GOMAXPROCS(0))
	if cfg.SigCache == nil {
		cfg.SigCache = txscript.NewSigCache(sigCacheEntries)
	}
	return &Pool{
		cfg:      cfg,
		workers:  make(chan struct{}, cfg.Workers),
		byWTxID:  newWTxIDIndex(),
		byTxID:   newTxIDIndex(),
		spenders: newSpenderIndex(),
		deltas:   make(map[chainhash.Hash]int64),
	}
}

// Resume makes the first change be the one after the given sequence. Call it before any other method, for a pool that
// continues another one's history.
func (p *Pool) Resume(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sequence = sequence
}

// Restore adds like [Pool.Add] what was in the pool whose history this one continues, as of when and with the sequence
// that it had there. That it is here again is no change. The pool keeps raw.
func (p *Pool) Restore(raw []byte, accepted time.Time, sequence uint64) (*Entry, []Change, error) {
	return p.add(candidate{sequence: sequence}, raw, accepted, allowAll)
}

// Add judges the serialized transaction and takes it into the pool, stamped with now. It keeps no reference to raw. The
// changes are what this did to the pool: entries may leave it too, even with an error.
//
// A rejection is a [*RuleError]; any other error means the previous outputs could not be looked up. Along with an error
// comes what is known of the transaction, nil if the bytes are not one: with [ErrAlreadyInMempool] the entry that is in
// the pool, else one that is not.
func (p *Pool) Add(raw []byte, now time.Time) (*Entry, []Change, error) {
	return p.add(candidate{}, raw, now, allowAll)
}

// AddReturned is Add for what a block held that left the chain. As Core does then, it asks for no minimum fee, breaks the
// shape of TRUC if it has to, and lets dust be left unspent: a package that was mined comes back one by one.
func (p *Pool) AddReturned(raw []byte, now time.Time) (*Entry, []Change, error) {
	return p.add(candidate{returned: true}, raw, now, allowAll)
}

// AddIf is Add for a caller with conditions of its own: a valid transaction that is not in the pool enters it only if
// allow returns nil for its entry, which has no Sequence yet. Any other error of allow is returned.
func (p *Pool) AddIf(raw []byte, now time.Time, allow func(*Entry) error) (*Entry, []Change, error) {
	return p.add(candidate{}, raw, now, allow)
}

func allowAll(*Entry) error { return nil }

// add fills in the candidate and commits it.
func (p *Pool) add(c candidate, raw []byte, now time.Time, allow func(*Entry) error) (*Entry, []Change, error) {
	sequence := c.sequence
	c, err := p.judge(c, raw, now)
	if err == nil {
		err = allow(c.entry)
	}
	if err != nil {
		return c.entry, nil, err
	}
	if sequence == 0 {
		c.entry.Raw = bytes.Clone(raw)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor.decay(now, p.usage, p.cfg.MaxBytes)
	replaced, err := p.admissible(&c)
	if err != nil {
		return c.entry, nil, err
	}
	p.remove(replaced, Change{Reason: ReasonReplaced, ReplacedBy: c.entry})
	p.insert(c.entry)
	if sequence > 0 {
		p.changes = p.changes[:len(p.changes)-1]
		c.entry.Sequence = sequence
	}
	p.trim(now)
	changes := p.flush()
	if p.byWTxID.get(c.entry.WTxID).get() != c.entry {
		return c.entry, changes, reject(ErrFull, "mempool full")
	}
	return c.entry, changes, nil
}

// Check judges the serialized transaction like Add, but the pool stays as it is. The entry's Raw is raw itself. Like
// Core's testmempoolaccept it does not foresee that the transaction would be evicted at once.
func (p *Pool) Check(raw []byte, now time.Time) (*Entry, error) {
	c, err := p.judge(candidate{}, raw, now)
	return c.entry, err
}

// Get returns the entry with this wtxid, or nil.
func (p *Pool) Get(wtxid chainhash.Hash) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byWTxID.get(wtxid).get()
}

// GetByTxID returns the entry with this txid, or nil.
func (p *Pool) GetByTxID(txid chainhash.Hash) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byTxID.get(txid).get()
}

// Spender returns the entry that spends op, or nil.
func (p *Pool) Spender(op wire.OutPoint) *Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.spenders.get(op).node.get()
}

// Snapshot returns all entries in the order of their acceptance: parents come before their children, unless a
// reorganization brought the parent back.
func (p *Pool) Snapshot() []*Entry {
	p.mu.RLock()
	entries := make([]*Entry, 0, p.byWTxID.len())
	for n := range p.byWTxID.all {
		entries = append(entries, n.entry)
	}
	p.mu.RUnlock()
	slices.SortFunc(entries, bySequence)
	return entries
}

// Info is a pool's state in numbers, taken at one moment.
type Info struct {
	Count      int   // entries
	VBytes     int64 // sum of Entry.VSize
	Bytes      int64 // sum of serialized sizes
	TotalFee   int64 // satoshi, without fee deltas
	Usage      int64 // bytes of memory, estimated
	MaxBytes   int64 // bound on Usage
	MinFeeRate int64 // satoshi per kvB below which nothing is admitted, as of the latest Add or Expire
	// MinRelayFeeRate is [Config.MinRelayFeeRate]; MinFeeRate is above it while the pool remembers an eviction.
	MinRelayFeeRate int64
	Sequence        uint64 // changes so far: each addition and each removal is one
}

// Info returns the pool's totals.
func (p *Pool) Info() Info {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return Info{
		Count:           p.byWTxID.len(),
		VBytes:          p.vbytes,
		Bytes:           p.bytes,
		TotalFee:        p.totalFee,
		Usage:           p.usage,
		MaxBytes:        p.cfg.MaxBytes,
		MinFeeRate:      max(p.floor.perKvB(), p.cfg.MinRelayFeeRate),
		MinRelayFeeRate: p.cfg.MinRelayFeeRate,
		Sequence:        p.sequence,
	}
}

func bySequence(a, b *Entry) int { return cmp.Compare(a.Sequence, b.Sequence) }
