package mempool

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// checkInvariants asserts what is true of a pool at any moment.
func checkInvariants(p *Pool, confirmed map[wire.OutPoint]PrevOut) error {
	entries := p.Snapshot()
	var total Info
	position := make(map[chainhash.Hash]int)
	spent := make(map[wire.OutPoint]bool)
	for i, e := range entries {
		var in, out int64
		tx := e.Tx()
		for _, txIn := range tx.TxIn {
			op := txIn.PreviousOutPoint
			if spent[op] {
				return fmt.Errorf("%s is spent twice", op)
			}
			spent[op] = true
			if p.Spender(op) != e {
				return fmt.Errorf("the spender of %s is not %s", op, e.TxID)
			}
			if coin, ok := confirmed[op]; ok {
				in += coin.Value
			} else if at, ok := position[op.Hash]; ok {
				in += entries[at].Tx().TxOut[op.Index].Value
			} else {
				return fmt.Errorf("%s comes before its parent %s", e.TxID, op.Hash)
			}
		}
		for _, txOut := range tx.TxOut {
			out += txOut.Value
		}
		if e.Fee != in-out {
			return fmt.Errorf("fee of %s is %d, not %d", e.TxID, e.Fee, in-out)
		}
		if p.Get(e.WTxID) != e || p.GetByTxID(e.TxID) != e {
			return fmt.Errorf("%s is not indexed", e.TxID)
		}
		if i > 0 && entries[i-1].Sequence >= e.Sequence {
			return fmt.Errorf("sequence %d after %d", e.Sequence, entries[i-1].Sequence)
		}
		position[e.TxID] = i
		total.Count++
		total.Bytes += int64(len(e.Raw))
		total.VBytes += e.VSize
		total.TotalFee += e.Fee
		total.Usage += memoryUsage(e, len(p.Parents(e)))
	}
	info := p.Info()
	if info.Usage > info.MaxBytes {
		return fmt.Errorf("%d bytes are used of %d", info.Usage, info.MaxBytes)
	}
	info.MaxBytes, info.MinFeeRate, info.MinRelayFeeRate, info.Sequence = 0, 0, 0, 0
	if info != total {
		return fmt.Errorf("totals %+v, sums %+v", info, total)
	}
	if err := checkClusters(p); err != nil {
		return err
	}
	if len(spent) != p.spenders.len() || len(entries) != p.byTxID.len() {
		return fmt.Errorf("%d spent outputs indexed, %d spent; %d txids for %d entries",
			p.spenders.len(), len(spent), p.byTxID.len(), len(entries))
	}
	return nil
}

// checkClusters asserts that every entry is in one cluster, with all its relatives and no one else, and that the worst
// chunk of all comes first in the heap.
func checkClusters(p *Pool) error {
	clustered := 0
	for i, c := range p.clusters {
		if c.slot != i {
			return fmt.Errorf("cluster %d believes to be %d", i, c.slot)
		}
		if err := checkLinearization(c.nodes, c.nodes, c.chunks); err != nil {
			return err
		}
		if family := connected(c.nodes[:1], nil); len(family) != len(c.nodes) {
			return fmt.Errorf("a cluster of %d has %d nodes", len(family), len(c.nodes))
		}
		for _, n := range c.nodes {
			if n.delta != p.deltas[n.entry.TxID] {
				return fmt.Errorf("%s counts with a fee delta of %d, not %d", n.entry.TxID, n.delta, p.deltas[n.entry.TxID])
			}
			if p.byWTxID.get(n.entry.WTxID) != n || n.cluster != c || !slices.Contains(c.chunkNodes(c.chunkOf(n)), n) {
				return fmt.Errorf("%s is not where it believes to be", n.entry.TxID)
			}
		}
		if c.worst().compareRate(p.clusters[0].worst()) < 0 {
			return errors.New("the worst chunk is not first")
		}
		clustered += len(c.nodes)
	}
	if clustered != p.byWTxID.len() {
		return fmt.Errorf("%d of %d entries are in clusters", clustered, p.byWTxID.len())
	}
	return nil
}

// diagram is that of the whole pool as it is linearised.
func (p *Pool) diagram() diagram {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var rates []feeFrac
	for _, c := range p.clusters {
		for _, k := range c.chunks {
			rates = append(rates, k.feeFrac)
		}
	}
	return newDiagram(rates)
}

// lowers reports whether the second of two diagrams is somewhere below the first, in what is worth mining: a bystander
// whose fee is negative with its delta comes last in both, and counts at other sizes if they differ in length.
func lowers(before, after diagram) bool {
	worth := func(d diagram) diagram {
		return slices.DeleteFunc(slices.Clone(d), func(c feeFrac) bool { return c.fee < 0 })
	}
	line := tracer{ahead: worth(after)}
	for corner := range worth(before).corners() { // concave as both are, between the corners it is no lower
		if line.compare(corner) < 0 {
			return true
		}
	}
	return false
}

// modifiedFees is the sum of all fees with their deltas.
func (p *Pool) modifiedFees() (sum int64) {
	for _, k := range p.diagram() {
		sum += k.fee
	}
	return sum
}

func reasonsOf(changes []Change) map[RemovalReason]int {
	reasons := make(map[RemovalReason]int)
	for _, c := range changes {
		if !c.Added() {
			reasons[c.Reason]++
		}
	}
	return reasons
}

// fataler is a test, of rapid or not.
type fataler interface {
	Fatalf(format string, args ...any)
}

// A replica is a pool rebuilt from its changes: sequences by wtxid.
type replica struct {
	held     map[chainhash.Hash]uint64
	sequence uint64
}

func (r *replica) apply(rt fataler, changes []Change) {
	for _, c := range changes {
		if r.sequence++; c.Sequence != r.sequence {
			rt.Fatalf("change %d follows %d", c.Sequence, r.sequence-1)
		}
		if _, held := r.held[c.Entry.WTxID]; held == c.Added() {
			rt.Fatalf("%+v, held: %t", c, held)
		}
		if c.Added() {
			r.held[c.Entry.WTxID] = c.Sequence
		} else {
			delete(r.held, c.Entry.WTxID)
		}
	}
}

func (r *replica) compare(rt fataler, p *Pool) {
	if i := p.Info(); i.Count != len(r.held) || i.Sequence != r.sequence {
		rt.Fatalf("%+v, the changes end at %d and leave %d", i, r.sequence, len(r.held))
	}
	for _, e := range p.Snapshot() {
		if r.held[e.WTxID] != e.Sequence {
			rt.Fatalf("%s is not what the changes tell", e.TxID)
		}
	}
}
