package testnet

import (
	"crypto/sha256"
	"errors"
	"math/big"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

// Outcome is what became of the nodes' mempools.
type Outcome string

const (
	Converged Outcome = "converged" // all mempools hold the same transactions
	Settled   Outcome = "settled"   // every difference has a reason that time does not change
	Diverged  Outcome = "diverged"  // somebody lacks a transaction that it would accept, or may yet accept
)

// Verdict compares the mempools of all nodes at one time.
type Verdict struct {
	Outcome Outcome
	Nodes   int
	Txs     int      // that any node holds or was given
	Digests int      // distinct mempool digests
	Digest  [32]byte // of all mempools, if Converged
	Missing int      // pairs of a transaction and a node that lacks it
	Gaps    []Gap    // all of Missing, by node in their order
}

// OK reports whether a run with this verdict succeeded.
func (v *Verdict) OK() bool { return v.Outcome != Diverged }

// Gap is what one node lacks for one reason.
type Gap struct {
	Node   string
	Reason string           // Core's reject string and what it is about; empty: the node would accept the transactions
	Final  bool             // time does not change the reason
	Count  int              // transactions
	TxIDs  []chainhash.Hash // the first of them, at most [MaxListed]
}

// MaxListed bounds the transactions that a [Gap] names.
const MaxListed = 1000

// maxReasons is how many pairs are examined for a reason at most, once it is
// clear that the nodes have diverged.
const maxReasons = 2000

// unexamined is the reason of the pairs beyond that.
const unexamined = "not examined"

// held is a transaction in some mempool.
type held struct {
	txid, wtxid chainhash.Hash
	raw         []byte
	parents     []chainhash.Hash // txids it spends
}

func heldEntry(e *mempool.Entry) held {
	h := held{txid: e.TxID, wtxid: e.WTxID, raw: e.Raw}
	for in := range e.Inputs() {
		h.parents = append(h.parents, in.PreviousOutPoint.Hash)
	}
	return h
}

// holder is a node whose mempool is judged.
type holder struct {
	name    string
	mempool []held // parents before children

	// refusal is why the node does not accept a transaction now: nil if it
	// would, else a *mempool.RuleError. Text is for people.
	refusal func(raw []byte) (text string, err error)
}

// judge compares what the holders have with each other and with what was
// submitted, which nobody may have lost.
func judge(holders []holder, submitted []held) Verdict {
	v := Verdict{Nodes: len(holders)}
	union := unite(holders, submitted)
	v.Txs = len(union)
	digests := make(map[[32]byte]bool)
	examined := 0
	for _, h := range holders {
		has := make(map[chainhash.Hash]bool, len(h.mempool))
		for _, tx := range h.mempool {
			has[tx.wtxid] = true
		}
		v.Digest = digest(h.mempool)
		digests[v.Digest] = true
		gaps := newGaps(h)
		for _, tx := range union {
			if has[tx.wtxid] {
				continue
			}
			v.Missing++
			if v.Outcome == Diverged && examined >= maxReasons {
				gaps.add(tx, unexamined, false)
				continue
			}
			examined++
			if !gaps.examine(tx) {
				v.Outcome = Diverged
			}
		}
		v.Gaps = append(v.Gaps, gaps.list...)
	}
	v.Digests = len(digests)
	switch {
	case v.Missing == 0:
		v.Outcome = Converged
	case v.Outcome != Diverged:
		v.Outcome = Settled
	}
	return v
}

// unite lists every transaction once, parents before children.
func unite(holders []holder, submitted []held) (union []held) {
	seen := make(map[chainhash.Hash]bool)
	add := func(txs []held) {
		for _, tx := range txs {
			if !seen[tx.wtxid] {
				seen[tx.wtxid] = true
				union = append(union, tx)
			}
		}
	}
	for _, h := range holders {
		add(h.mempool)
	}
	add(submitted)
	return union
}

// gaps collects what one node lacks.
type gaps struct {
	holder  holder
	list    []Gap
	index   map[reason]int          // into list
	refused map[chainhash.Hash]bool // txids lacking for a final reason
}

type reason struct {
	text  string
	final bool
}

func newGaps(h holder) *gaps {
	return &gaps{holder: h, index: make(map[reason]int), refused: make(map[chainhash.Hash]bool)}
}

// examine asks the node why it lacks tx and reports whether the reason is final.
func (g *gaps) examine(tx held) (final bool) {
	text, err := g.holder.refusal(tx.raw)
	final = isFinal(err)
	if errors.Is(err, mempool.ErrMissingInputs) {
		for _, parent := range tx.parents {
			if g.refused[parent] {
				text, final = "spends a transaction that is refused there", true
			}
		}
	}
	if final {
		g.refused[tx.txid] = true
	}
	g.add(tx, text, final)
	return final
}

// isFinal reports whether time does not change the refusal.
func isFinal(err error) bool {
	var rule *mempool.RuleError
	if !errors.As(err, &rule) {
		return false
	}
	switch rule.Kind {
	case mempool.ErrAlreadyInMempool, mempool.ErrPremature:
		return false
	}
	return !rule.Kind.Transient()
}

func (g *gaps) add(tx held, text string, final bool) {
	i, known := g.index[reason{text, final}]
	if !known {
		i = len(g.list)
		g.index[reason{text, final}] = i
		g.list = append(g.list, Gap{Node: g.holder.name, Reason: text, Final: final})
	}
	gap := &g.list[i]
	gap.Count++
	if len(gap.TxIDs) < MaxListed {
		gap.TxIDs = append(gap.TxIDs, tx.txid)
	}
}

// digest is the mempool digest, computed from the transactions themselves: the
// verdict does not rest on the sum a node keeps.
func digest(txs []held) (d [32]byte) {
	sum, term := new(big.Int), new(big.Int)
	for _, tx := range txs {
		h := sha256.Sum256(tx.wtxid[:])
		sum.Add(sum, term.SetBytes(h[:]))
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), 256)
	sum.Mod(sum, modulus).FillBytes(d[:])
	return d
}
