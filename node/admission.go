package node

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// local is the origin of transactions submitted to this node. Peer handles
// start at 1.
const local p2p.PeerID = 0

// maxBacklog is how many bytes of transactions may wait for validation before a
// peer that has more than its share of them waiting is refused more. So at most
// twice as many wait, and no peer can use up the room of the others. The
// heap takes twice what waits, for its garbage. It is some 20 000 transactions of
// ordinary size.
const maxBacklog = 8 << 20

// maxAgain is up to how many bytes a line always takes orphans that are judged again:
// the largest together with a parent as large.
const maxAgain = 2 * mempool.OrphanWeightPerPeer

// candidate is a transaction on its way through validation.
type candidate struct {
	origin p2p.PeerID
	wtxid  chainhash.Hash
	raw    []byte
	guess  time.Duration              // of its cost, by admission
	done   chan<- result              // of a local submission; nil for a peer's
	allow  func(*mempool.Entry) error // of a local submission: the submitter's own condition; may be nil

	pack       [][]byte // a package in place of raw
	family     bool     // the package is an orphan, which wtxid is, after its ancestors
	returned   bool     // by a block that left the chain; of local origin
	restored   bool     // from storage: nobody is told
	stood      bool     // it was left standing; of local origin
	announcers []uint64 // of an orphan judged again: everybody who offered it

	entered time.Time // of an imported one, of local origin: when it entered the mempool; else zero
}

func (c *candidate) imported() bool { return !c.entered.IsZero() }

// size is the bytes that wait with the candidate.
func (c *candidate) size() int {
	size := len(c.raw)
	for _, raw := range c.pack {
		size += len(raw)
	}
	return size
}

// again is those of them that are of an orphan judged again.
func (c *candidate) again() int {
	if c.announcers == nil {
		return 0
	}
	return c.size()
}

// declined is why the submitter's own condition is not met.
type declined struct{ error }

// allows applies the submitter's own condition.
func (c *candidate) allows(e *mempool.Entry) error {
	if c.allow == nil {
		return nil
	}
	if err := c.allow(e); err != nil {
		return declined{err}
	}
	return nil
}

// result is what became of a candidate. Err is nil, or why the mempool refused
// it (a *mempool.RuleError). Changes are what this did to the mempool, also if
// it was refused; those of blocks and of expiry come with no candidate. Stored
// is nil, or why storage does not have the changes.
type result struct {
	candidate
	since   uint64 // the pool's sequence before it judged the candidate
	chain   uint64 // the state of the chain then
	entry   *mempool.Entry
	changes []mempool.Change
	write   []chainhash.Hash // what storage must be brought in line with
	again   []chainhash.Hash // what was submitted here and in the mempool already
	err     error
	stored  error

	members []mempool.PackageResult // of a package, whose refusal is packErr
	packErr error
}

// admission is the queue of candidates before the validation workers. Each
// origin has its own line, and the line that has cost the least time so far is
// served next, so that a peer with expensive transactions delays itself and
// nobody else.
type admission struct {
	mu      sync.Mutex
	wake    *sync.Cond
	lines   map[p2p.PeerID]*line // with candidates waiting or in work
	backlog int                  // bytes waiting
	closed  bool
}

// line is the candidates of one origin.
type line struct {
	waiting []candidate
	bytes   int           // of those
	again   int           // of which so many are of orphans that are judged again
	working int           // taken and not yet charged, but for last
	last    time.Duration // what the latest charged one has cost
	spent   time.Duration // of validation; a new line starts with the least of all
}

func newAdmission() *admission {
	a := &admission{lines: make(map[p2p.PeerID]*line)}
	a.wake = sync.NewCond(&a.mu)
	return a
}

// push appends c to its origin's line, unless that is a peer's and has no room. For
// orphans that are judged again there is some room in each line besides, for nobody
// who announced one is asked for it twice.
func (a *admission) push(c candidate) (ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lines[c.origin]
	if l == nil {
		l = &line{spent: a.leastSpent()}
		a.lines[c.origin] = l
	}
	size := c.size()
	again := c.again()
	kept := c.origin == local || again > 0 && l.again+again <= maxAgain
	if !kept && a.backlog+size > maxBacklog && l.bytes+size > maxBacklog/len(a.lines) {
		a.drop(c.origin)
		return false
	}
	l.waiting = append(l.waiting, c)
	l.bytes += size
	l.again += again
	a.backlog += size
	a.wake.Signal()
	return true
}

// idlest is the origin with the fewest bytes waiting, the first of several.
func (a *admission) idlest(origins []uint64) p2p.PeerID {
	a.mu.Lock()
	defer a.mu.Unlock()
	bytes := func(origin uint64) int {
		if l := a.lines[p2p.PeerID(origin)]; l != nil {
			return l.bytes
		}
		return 0
	}
	return p2p.PeerID(slices.MinFunc(origins, func(x, y uint64) int { return cmp.Compare(bytes(x), bytes(y)) }))
}

// drop forgets the origin's line if it is idle.
func (a *admission) drop(origin p2p.PeerID) {
	if l := a.lines[origin]; l.working == 0 && len(l.waiting) == 0 {
		delete(a.lines, origin)
	}
}

// cut takes out what waits of an origin that is gone.
func (a *admission) cut(origin p2p.PeerID) []candidate {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lines[origin]
	if l == nil {
		return nil
	}
	waiting := l.waiting
	a.backlog -= l.bytes
	l.waiting, l.bytes, l.again = nil, 0, 0
	a.drop(origin)
	return waiting
}

func (a *admission) leastSpent() time.Duration {
	if _, l := a.next(func(*line) bool { return true }); l != nil {
		return l.spent
	}
	return 0
}

// next is the line that has cost the least of those that fit; of equals the
// one with less in work, then the older origin.
func (a *admission) next(fits func(*line) bool) (origin p2p.PeerID, best *line) {
	for id, l := range a.lines {
		if fits(l) && (best == nil || cmp.Or(
			cmp.Compare(l.spent, best.spent), cmp.Compare(l.working, best.working), cmp.Compare(id, origin)) < 0) {
			origin, best = id, l
		}
	}
	return origin, best
}

// pop waits for the next candidate; ok is false once the queue is closed. Each
// candidate popped must be charged.
func (a *admission) pop() (c candidate, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed {
		if _, l := a.next(func(l *line) bool { return len(l.waiting) > 0 }); l != nil {
			c, l.waiting = l.waiting[0], l.waiting[1:]
			l.working++
			l.spent += l.last // a guess, which charge corrects
			c.guess = l.last
			l.bytes -= c.size()
			a.backlog -= c.size()
			l.again -= c.again()
			return c, true
		}
		a.wake.Wait()
	}
	return candidate{}, false
}

// charge notes what validating a candidate of the origin has cost.
func (a *admission) charge(c candidate, cost time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lines[c.origin]
	l.spent += cost - c.guess
	l.last = cost
	l.working--
	a.drop(c.origin)
}

func (a *admission) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.wake.Broadcast()
}

// validate takes candidates through validation until the queue closes. Storage
// is waited for elsewhere, so that a core never waits for the disk.
func (n *Node) validate(ctx context.Context) {
	for {
		c, ok := n.admission.pop()
		if !ok {
			return
		}
		start := time.Now()
		r := n.judged(ctx, c)
		n.admission.charge(c, time.Since(start))
		if len(r.write) == 0 {
			n.deliver(ctx, r)
		} else {
			n.uncommitted <- r
		}
	}
}

// judged validates the candidate and adds it to the mempool. One that is there
// already counts as accepted when it was submitted here, and is committed
// again: the commit of the first copy may still be under way, or may have
// failed, and the submitter is promised durability.
func (n *Node) judged(ctx context.Context, c candidate) result {
	r := result{candidate: c, since: n.pool.Info().Sequence, chain: n.chainState.Load()}
	if c.pack != nil {
		n.admitPackage(ctx, &r)
		return r
	}
	r.changes, r.err = n.judge(ctx, func() (changes []mempool.Change, err error) {
		switch at := time.Now(); {
		case c.returned:
			r.entry, changes, err = n.pool.AddReturned(c.raw, at)
		case c.imported():
			r.entry, changes, err = n.pool.AddIf(c.raw, c.entered, c.allows)
		default:
			r.entry, changes, err = n.pool.AddIf(c.raw, at, c.allows)
		}
		return changes, err
	})
	r.write = wtxidsOf(r.changes)
	if c.origin == local && !c.imported() && errors.Is(r.err, mempool.ErrAlreadyInMempool) {
		r.err, r.write = nil, append(r.write, r.entry.WTxID)
		r.again = append(r.again, r.entry.WTxID)
	}
	return r
}

// admitPackage does the same for a package.
func (n *Node) admitPackage(ctx context.Context, r *result) {
	r.changes, r.packErr = n.judge(ctx, func() (changes []mempool.Change, err error) {
		if r.family {
			r.members, changes = n.pool.AddFamily(r.pack, time.Now())
			return changes, nil
		}
		r.members, changes, err = n.addPackage(r.candidate, time.Now())
		return changes, err
	})
	r.write = wtxidsOf(r.changes)
	for _, m := range r.members {
		if errors.Is(m.Err, mempool.ErrAlreadyInMempool) && !slices.Contains(r.write, m.Entry.WTxID) {
			r.write = append(r.write, m.Entry.WTxID)
			r.again = append(r.again, m.Entry.WTxID)
		}
	}
}

// addPackage adds a package to the mempool. A member that could not be judged is
// no verdict on the package.
func (n *Node) addPackage(c candidate, at time.Time) ([]mempool.PackageResult, []mempool.Change, error) {
	members, changes, err := n.pool.AddPackageIf(c.pack, at, c.allows)
	for _, m := range members {
		if m.Err != nil && !refused(m.Err) && !errors.As(m.Err, new(declined)) {
			return members, changes, m.Err
		}
	}
	return members, changes, err
}
