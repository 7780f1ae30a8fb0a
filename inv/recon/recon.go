package recon

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

const (
	// Timeout is how long a round may go without progress.
	Timeout = 10 * time.Second
	// PageTimeout is the same while the initiator fetches a part of what it
	// misses before it asks for the next.
	PageTimeout = time.Minute
	// MaxList bounds the transactions that take part in a round.
	MaxList = sketch.MaxSet
	// MaxDiff bounds what one DIFF moves in each direction: the announcements
	// that a request tracker takes from one peer. Both directions together
	// fill one frame.
	MaxDiff = relaymsg.MaxReconIDs / 2
)

var (
	// ErrViolation is wrapped by errors that no honest peer causes.
	ErrViolation = errors.New("reconciliation protocol violated")
	// ErrStale is returned for a message of a round abandoned here.
	ErrStale = errors.New("message of an abandoned round")
)

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrViolation, fmt.Sprintf(format, args...))
}

// Set is a frozen set of transactions: at most MaxList of them, and a digest
// and count. The slice may be shared and is never written.
type Set struct {
	WTxIDs []chainhash.Hash
	Digest [32]byte
	Count  int
}

// counters is the sketch by which the size of the difference is estimated,
// under the initiator's nonce, for the round's salt is not known yet.
func (s Set) counters(initiator relaymsg.Nonce) *sketch.CountSketch {
	var c sketch.CountSketch
	for _, wtxid := range s.WTxIDs {
		c.Add(relaymsg.Salt(initiator).Hash(wtxid))
	}
	return &c
}

// index is a set under a round's salt: its ids, ascending, without duplicates.
type index []indexed

type indexed struct {
	id relaymsg.ReconID
	n  uint32 // into Set.WTxIDs
}

// newIndex takes ids of 40 or 32 bits.
func newIndex(set Set, salt relaymsg.Salt, id func(relaymsg.Salt, chainhash.Hash) relaymsg.ReconID) index {
	entries := make([]indexed, len(set.WTxIDs))
	for i, wtxid := range set.WTxIDs {
		entries[i] = indexed{id(salt, wtxid), uint32(i)}
	}
	sortByID(entries)
	return slices.CompactFunc(entries, func(a, b indexed) bool { return a.id == b.id })
}

// id40 names a transaction in a round over whole mempools, id32 in one over
// what is new.
func id40(salt relaymsg.Salt, wtxid chainhash.Hash) relaymsg.ReconID {
	return relaymsg.ReconID(sketch.ID40(salt.Hash(wtxid)))
}

func id32(salt relaymsg.Salt, wtxid chainhash.Hash) relaymsg.ReconID {
	return relaymsg.ReconID(sketch.ID32(salt.Hash(wtxid)))
}

// ids is the index's ids as package sketch takes them.
func (x index) ids() []uint64 {
	ids := make([]uint64, len(x))
	for i, e := range x {
		ids[i] = uint64(e.id)
	}
	return ids
}

// cellKey is the key of the cells of the round with this salt.
func cellKey(salt relaymsg.Salt) sketch.Key {
	sum := sha256.Sum256(append([]byte("txnode/recon/cells"), salt[:]...))
	return sketch.Key(sum[:len(sketch.Key{})])
}

// sortByID sorts in linear time, for ids are spread evenly: into about as many
// buckets as there are entries, by the leading bits, then each bucket. Should
// the ids be skewed it is as fast as an ordinary sort.
func sortByID(entries []indexed) {
	leading := bits.Len(uint(len(entries)))
	bucket := func(e indexed) int { return int(e.id >> (8*relaymsg.ReconIDLen - leading)) }
	ends := make([]int, 1<<leading)
	for _, e := range entries {
		ends[bucket(e)]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	starts := ends // once every entry has been placed from its bucket's end
	for _, e := range slices.Backward(slices.Clone(entries)) {
		starts[bucket(e)]--
		entries[starts[bucket(e)]] = e
	}
	for b, start := range starts {
		end := len(entries)
		if b+1 < len(starts) {
			end = starts[b+1]
		}
		if end-start < 2 {
			continue
		}
		slices.SortFunc(entries[start:end], func(a, b indexed) int {
			return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.n, b.n))
		})
	}
}

func (x index) find(id relaymsg.ReconID) (n uint32, ok bool) {
	i, ok := slices.BinarySearchFunc(x, id, func(e indexed, id relaymsg.ReconID) int { return cmp.Compare(e.id, id) })
	if !ok {
		return 0, false
	}
	return x[i].n, true
}

// numbers keeps the round numbers of one initiator on one link apart.
type numbers struct {
	started uint64 // the highest seen
	ended   uint64 // the highest ended by a message, not by a timeout
}

// check classifies a message for a round, given the number of the active one
// (0: none).
func (n *numbers) check(number, active uint64) error {
	switch {
	case number > n.started:
		return violation("round %d was never started", number)
	case number <= n.ended:
		return violation("round %d has ended", number)
	case number != active:
		return ErrStale
	}
	return nil
}
