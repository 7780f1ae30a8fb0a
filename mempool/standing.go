package mempool

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Limits of a [ParkingLot].
const (
	// MaxStanding is how many transactions may stand, and MaxStandingBytes how many bytes they may have together.
	MaxStanding      = 1000
	MaxStandingBytes = 10 << 20
	// StandingExpiry is how long a transaction may stand: as long as one stays in the pool by default.
	StandingExpiry = DefaultExpiry
)

var (
	// ErrLotFull: there is no room for another standing transaction.
	ErrLotFull = fmt.Errorf("%d transactions stand, or more than %d bytes of them: abort one or wait", MaxStanding, MaxStandingBytes)
	// ErrMaxFeeRate: a transaction pays more than its submitter allows.
	ErrMaxFeeRate = errors.New("max feerate exceeded")
)

// A Standing is a transaction that the pool does not take now and may take later.
type Standing struct {
	TxID, WTxID chainhash.Hash
	Raw         []byte    // shared, read only
	MaxFeeRate  int64     // the most it may pay, in satoshi per kvB; 0: any
	Since       time.Time // when it was left standing
	Tried       time.Time // when the pool last judged it; zero: not since the start
	Tries       int       // how often it did since the start
	Err         error     // why the pool did not take it; nil before it was tried
	// Rival is the txid of a transaction that spends the same and that a block contained since the start. Zero: none.
	Rival chainhash.Hash
}

// Allow returns [ErrMaxFeeRate] for an entry that pays more than the submitter allows.
func (s *Standing) Allow(e *Entry) error {
	if s.MaxFeeRate > 0 && e.PaysMoreThan(s.MaxFeeRate) {
		return ErrMaxFeeRate
	}
	return nil
}

// WaitsFor says what has to change for the pool to take it.
func (s *Standing) WaitsFor() string {
	switch kindOf(s.Err) {
	case ErrFee, ErrFull:
		return "the minimum fee of the mempool to fall, or a child that pays for it and is left standing, too"
	case ErrMissingInputs:
		if s.Rival != (chainhash.Hash{}) {
			return fmt.Sprintf("a reorganization of the chain: %s is confirmed, and spends the same", s.Rival)
		}
		return "the transactions whose outputs it spends"
	case ErrConflict:
		return "the transactions that spend the same to leave the mempool"
	case ErrTopology:
		return "unconfirmed relatives to leave the mempool"
	case ErrPremature:
		return "a later block"
	}
	return "the mempool to judge it"
}

func kindOf(err error) ErrorKind {
	var rule *RuleError
	if errors.As(err, &rule) {
		return rule.Kind
	}
	return 0
}

// MayStand reports whether what was refused with err may be accepted later.
func MayStand(err error) bool {
	switch kindOf(err) {
	case ErrFee, ErrFull, ErrMissingInputs, ErrConflict, ErrTopology, ErrPremature:
		return true
	}
	return false
}

// A ParkingLot is the transactions left standing. It tells which of them are to be tried again when something changes
// that they may wait for; nothing is tried just because time passes. It is safe for concurrent use.
type ParkingLot struct {
	mu       sync.Mutex
	parked   map[chainhash.Hash]*parked          // by wtxid
	byParent map[chainhash.Hash][]*parked        // by txid spent from
	byTxID   map[chainhash.Hash][]chainhash.Hash // wtxids
	bytes    int
}

type parked struct {
	Standing
	spends  []wire.OutPoint
	feeRate int64 // known if it was refused for it
	floor   int64 // the pool's, when it was tried
	trying  bool
	again   bool // it was to be tried while it was
}

// NewParkingLot returns an empty one.
func NewParkingLot() *ParkingLot {
	return &ParkingLot{
		parked:   make(map[chainhash.Hash]*parked),
		byParent: make(map[chainhash.Hash][]*parked),
		byTxID:   make(map[chainhash.Hash][]chainhash.Hash),
	}
}

// Put leaves a transaction standing, of which Raw, MaxFeeRate and Since are given. One that stands keeps its Since. It
// returns it as it stands. Errors are [ErrLotFull] and those of [DecodeTx].
func (l *ParkingLot) Put(s Standing) (Standing, error) {
	tx, err := DecodeTx(s.Raw)
	if err != nil {
		return Standing{}, err
	}
	s.TxID, s.WTxID = tx.TxHash(), chainhash.DoubleHashH(s.Raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.parked[s.WTxID]; old != nil {
		old.MaxFeeRate = s.MaxFeeRate
		return old.Standing, nil
	}
	if len(l.parked) >= MaxStanding || l.bytes+len(s.Raw) > MaxStandingBytes {
		return Standing{}, ErrLotFull
	}
	s.Raw = bytes.Clone(s.Raw)
	p := &parked{Standing: s}
	for _, in := range tx.TxIn {
		p.spends = append(p.spends, in.PreviousOutPoint)
	}
	for _, txid := range p.parents() {
		l.byParent[txid] = append(l.byParent[txid], p)
	}
	l.parked[s.WTxID] = p
	l.byTxID[s.TxID] = append(l.byTxID[s.TxID], s.WTxID)
	l.bytes += len(s.Raw)
	return p.Standing, nil
}

// parents are the txids spent from, each once.
func (p *parked) parents() (txids []chainhash.Hash) {
	for _, op := range p.spends {
		if !slices.Contains(txids, op.Hash) {
			txids = append(txids, op.Hash)
		}
	}
	return txids
}

// Remove takes a transaction out, by wtxid or txid, and returns what it took.
func (l *ParkingLot) Remove(id chainhash.Hash) (removed []Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, wtxid := range append(slices.Clone(l.byTxID[id]), id) {
		if p := l.parked[wtxid]; p != nil {
			l.remove(p)
			removed = append(removed, p.Standing)
		}
	}
	return removed
}

func (l *ParkingLot) remove(p *parked) {
	delete(l.parked, p.WTxID)
	l.bytes -= len(p.Raw)
	for _, txid := range p.parents() {
		cut(l.byParent, txid, p)
	}
	cut(l.byTxID, p.TxID, p.WTxID)
}

func cut[K, V comparable](lists map[K][]V, key K, value V) {
	rest := slices.DeleteFunc(lists[key], func(v V) bool { return v == value })
	if lists[key] = rest; len(rest) == 0 {
		delete(lists, key)
	}
}

// Refused notes why the pool, at that minimum fee rate, did not take the transaction of e, whose Fee includes its fee
// delta. It reports whether the transaction is to be tried again at once, because of something that happened meanwhile.
func (l *ParkingLot) Refused(e *Entry, err error, floor int64, now time.Time) (again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.parked[e.WTxID]
	if p == nil {
		return false
	}
	p.refused(e, err, floor, now)
	again = p.again
	p.trying, p.again = false, false
	return again
}

// RefusedParent notes the same of one that was tried as the parent of another: whether it is being tried itself stays
// as it is.
func (l *ParkingLot) RefusedParent(e *Entry, err error, floor int64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.parked[e.WTxID]; p != nil {
		p.refused(e, err, floor, now)
	}
}

func (p *parked) refused(e *Entry, err error, floor int64, now time.Time) {
	p.Err, p.Tried, p.floor = err, now, floor
	p.Tries++
	p.feeRate = e.FeeRate()
}

// Get returns the transaction with this wtxid if it stands.
func (l *ParkingLot) Get(wtxid chainhash.Hash) (Standing, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.parked[wtxid]; p != nil {
		return p.Standing, true
	}
	return Standing{}, false
}

// All returns what stands, the oldest first.
func (l *ParkingLot) All() []Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Standing, 0, len(l.parked))
	for _, p := range l.parked {
		all = append(all, p.Standing)
	}
	slices.SortFunc(all, func(a, b Standing) int {
		return cmp.Or(a.Since.Compare(b.Since), bytes.Compare(a.WTxID[:], b.WTxID[:]))
	})
	return all
}

// Take begins to try a transaction again: alone, or as a package after those parents of it that stand and for which a
// child may pay ([Reconsiderable]). By the rules of packages ([Pool.AddPackage]) it cannot pay for their parents, nor
// for one parent that spends from another. Nothing is returned for one that does not stand or is being tried.
// [ParkingLot.Refused], which tells then that it was to be tried again, or Remove end the trying.
func (l *ParkingLot) Take(wtxid chainhash.Hash) (s Standing, pack [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.parked[wtxid]
	if p == nil {
		return Standing{}, nil
	}
	if p.trying {
		p.again = true
		return Standing{}, nil
	}
	p.trying = true
	for _, txid := range p.parents() {
		if parent := l.payable(txid); parent != nil {
			if checkFamily(append(slices.Clone(pack), parent.Raw, p.Raw)) == nil {
				pack = append(pack, parent.Raw)
			}
		}
	}
	return p.Standing, append(pack, p.Raw)
}

// payable is the one with this txid for which a child may pay.
func (l *ParkingLot) payable(txid chainhash.Hash) *parked {
	for _, id := range l.byTxID[txid] {
		if p := l.parked[id]; Reconsiderable(p.Err) {
			return p
		}
	}
	return nil
}

// ChildrenOf are those that spend from the transaction with this txid.
func (l *ParkingLot) ChildrenOf(txid chainhash.Hash) (wtxids []chainhash.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.byParent[txid] {
		wtxids = append(wtxids, p.WTxID)
	}
	return wtxids
}

// Changed returns the wtxids to be tried because of a change of the pool p, which has happened.
func (l *ParkingLot) Changed(c Change, p *Pool) []chainhash.Hash {
	if c.Added() {
		return l.ChildrenOf(c.Entry.TxID)
	}
	return l.Blocked(c.Entry, p)
}

// Blocked returns the wtxids of those that may have been refused because of an entry of the pool p, or because of the
// cluster it is or was in: the cluster that they would join, or of which they would replace a part. Children that may
// pay for them are among them.
func (l *ParkingLot) Blocked(e *Entry, p *Pool) (wtxids []chainhash.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.parked) == 0 {
		return nil
	}
	blocked := func(q *parked) {
		// A verdict under way may be of before the change.
		kind := kindOf(q.Err)
		if !q.trying && kind != ErrConflict && kind != ErrTopology || slices.Contains(wtxids, q.WTxID) {
			return
		}
		wtxids = append(wtxids, q.WTxID)
		for _, child := range l.byParent[q.TxID] {
			if Reconsiderable(q.Err) && !slices.Contains(wtxids, child.WTxID) {
				wtxids = append(wtxids, child.WTxID)
			}
		}
	}
	for _, member := range append(p.Related(e), e) {
		for _, q := range l.byParent[member.TxID] {
			blocked(q)
		}
		for in := range member.Inputs() {
			for _, q := range l.byParent[in.PreviousOutPoint.Hash] {
				if slices.Contains(q.spends, in.PreviousOutPoint) {
					blocked(q)
				}
			}
		}
	}
	return wtxids
}

// Connect notes which transactions of a block spend the same as what stands, and returns what does so.
func (l *ParkingLot) Connect(b Block) (decided []Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range b.Txs {
		for _, in := range tx.TxIn {
			for _, p := range l.byParent[in.PreviousOutPoint.Hash] {
				if id := tx.TxHash(); slices.Contains(p.spends, in.PreviousOutPoint) && id != p.TxID && id != p.Rival {
					p.Rival = id
					decided = append(decided, p.Standing)
				}
			}
		}
	}
	return decided
}

// Sweep takes out what has stood for too long, and returns that and the wtxids to be tried at a minimum fee rate, to be
// called now and then: those that pay it and did not pay the rate they were last tried at, and those that could not be
// judged.
func (l *ParkingLot) Sweep(floor int64, now time.Time) (expired []Standing, due []chainhash.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.parked {
		kind := kindOf(p.Err)
		switch {
		case now.Sub(p.Since) > StandingExpiry:
			l.remove(p)
			expired = append(expired, p.Standing)
		case (kind == ErrFee || kind == ErrFull) && p.feeRate >= floor && p.floor > floor,
			kind == 0 && p.Err != nil: // the previous outputs could not be looked up
			due = append(due, p.WTxID)
		}
	}
	return expired, due
}
