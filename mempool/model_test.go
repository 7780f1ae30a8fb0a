package mempool

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"pgregory.net/rapid"
)

// A model is the naive twin of a pool: a list.
type model struct {
	held   []*wire.MsgTx
	floor  int64
	deltas map[chainhash.Hash]int64
}

// fee is the modified one.
func (m *model) fee(e *Entry) int64 { return e.Fee + m.deltas[e.TxID] }

func (m *model) spends(child, parent *wire.MsgTx) bool {
	return slices.ContainsFunc(child.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint.Hash == parent.TxHash() })
}

// verdict is the kind of rejection, 0 if tx, which pays e.Fee, is to be accepted where there is room. If so, replaced is
// what it replaces.
func (m *model) verdict(tx *wire.MsgTx, e *Entry, confirmed map[wire.OutPoint]PrevOut, judged map[chainhash.Hash]*Entry) (kind ErrorKind, replaced []*wire.MsgTx) {
	for _, h := range m.held {
		if h.TxHash() == tx.TxHash() {
			return ErrAlreadyInMempool, nil
		}
	}
	for _, in := range tx.TxIn {
		_, ok := confirmed[in.PreviousOutPoint]
		if !ok && !slices.ContainsFunc(m.held, func(p *wire.MsgTx) bool { return p.TxHash() == in.PreviousOutPoint.Hash }) {
			for i := range tx.TxOut {
				if _, ok := confirmed[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}]; ok {
					return ErrAlreadyKnown, nil
				}
			}
			return ErrMissingInputs, nil
		}
	}
	if m.fee(e) < feeFor(max(m.floor, DefaultMinRelayFeeRate), e.VSize) {
		return ErrFee, nil
	}
	conflicts := func(h *wire.MsgTx) bool {
		return slices.ContainsFunc(h.TxIn, func(in *wire.TxIn) bool {
			return slices.ContainsFunc(tx.TxIn, func(i *wire.TxIn) bool { return i.PreviousOutPoint == in.PreviousOutPoint })
		})
	}
	fee := m.fee(e) - feeFor(IncrementalRelayFeeRate, e.VSize)
	for _, h := range m.held {
		if conflicts(h) || slices.ContainsFunc(replaced, func(r *wire.MsgTx) bool { return m.spends(h, r) }) {
			replaced = append(replaced, h)
			fee -= m.fee(judged[h.TxHash()])
		}
	}
	if len(replaced) == 0 {
		return 0, nil
	}
	next := model{held: append(m.without(replaced), tx), deltas: m.deltas}
	judged[e.TxID] = e
	if fee < 0 || !m.improvedBy(&next, judged) {
		return ErrConflict, nil
	}
	if slices.ContainsFunc(replaced, func(r *wire.MsgTx) bool { return m.spends(tx, r) }) {
		// Its parent is a conflict or depends on one.
		return ErrConsensus, nil
	}
	return 0, replaced
}

func (m *model) without(txs []*wire.MsgTx) []*wire.MsgTx {
	return slices.DeleteFunc(slices.Clone(m.held), func(h *wire.MsgTx) bool { return slices.Contains(txs, h) })
}

// link makes nodes of all that is held.
func (m *model) link(judged map[chainhash.Hash]*Entry) []*node {
	nodes := make([]*node, len(m.held))
	for i, tx := range m.held {
		e := *judged[tx.TxHash()]
		e.Sequence = uint64(i)
		nodes[i] = &node{entry: &e, delta: m.deltas[e.TxID]}
		for j, parent := range m.held[:i] {
			if m.spends(tx, parent) {
				relate(nodes[j], nodes[i])
			}
		}
	}
	return nodes
}

// clusters are the connected sets of what is held, by the txids of their members.
func (m *model) clusters(judged map[chainhash.Hash]*Entry) map[string][]*node {
	clusters := make(map[string][]*node)
	for _, part := range components(m.link(judged), nil) {
		name := ""
		for _, n := range part {
			name += n.entry.TxID.String()
		}
		clusters[name] = part
	}
	return clusters
}

// improvedBy compares the clusters that are not the same in next. Others would count at different sizes where their fees
// are negative with their deltas.
func (m *model) improvedBy(next *model, judged map[chainhash.Hash]*Entry) bool {
	rates := func(clusters, others map[string][]*node) (rates []feeFrac) {
		for name, part := range clusters {
			if others[name] == nil {
				rates = appendRates(rates, part)
			}
		}
		return rates
	}
	before, after := m.clusters(judged), next.clusters(judged)
	return newDiagram(rates(after, before)).improves(newDiagram(rates(before, after)))
}

// evict shrinks the list to maxBytes. It links all of it anew at every step and looks at every chunk.
func (m *model) evict(judged map[chainhash.Hash]*Entry, maxBytes int64) {
	for {
		var usage int64
		nodes := m.link(judged)
		for _, n := range nodes {
			usage += memoryUsage(n.entry, len(n.parents()))
		}
		if usage <= maxBytes {
			return
		}
		var worst *cluster
		for _, part := range components(nodes, nil) {
			c := newCluster(part)
			if worst == nil || c.worst().compareRate(worst.worst()) < 0 ||
				c.worst().compareRate(worst.worst()) == 0 && newest(c) > newest(worst) {
				worst = c
			}
		}
		m.floor = max(m.floor, worst.worst().perKvB()+IncrementalRelayFeeRate)
		for _, n := range worst.chunkNodes(len(worst.chunks) - 1) {
			m.held = slices.DeleteFunc(m.held, func(h *wire.MsgTx) bool { return h.TxHash() == n.entry.TxID })
		}
	}
}

// descendants of tx, in order of acceptance.
func (m *model) descendants(tx *wire.MsgTx) []*wire.MsgTx {
	family := []*wire.MsgTx{tx}
	for _, h := range m.held {
		if h != tx && slices.ContainsFunc(family, func(f *wire.MsgTx) bool { return m.spends(h, f) }) {
			family = append(family, h)
		}
	}
	return family[1:]
}

// connect confirms tx, held or not.
func (m *model) connect(tx *wire.MsgTx) {
	for _, h := range slices.Clone(m.held) {
		rival := h.TxHash() != tx.TxHash() && slices.ContainsFunc(h.TxIn, func(in *wire.TxIn) bool {
			return slices.ContainsFunc(tx.TxIn, func(i *wire.TxIn) bool { return i.PreviousOutPoint == in.PreviousOutPoint })
		})
		if rival {
			m.held = m.without(append(m.descendants(h), h))
			delete(m.deltas, h.TxHash())
		}
	}
	m.held = slices.DeleteFunc(m.held, func(h *wire.MsgTx) bool { return h.TxHash() == tx.TxHash() })
	delete(m.deltas, tx.TxHash())
}

// expire drops what is older than the pool keeps, and what spends from it.
func (m *model) expire(judged map[chainhash.Hash]*Entry, now time.Time) {
	for _, h := range slices.Clone(m.held) {
		if now.Sub(judged[h.TxHash()].Time) > DefaultExpiry {
			m.held = m.without(append(m.descendants(h), h))
		}
	}
}

// adopt makes the model hold what the pool does.
func (m *model) adopt(p *Pool, made []*wire.MsgTx, judged map[chainhash.Hash]*Entry) {
	m.held, m.floor = nil, p.Info().MinFeeRate
	for _, e := range p.Snapshot() {
		i := slices.IndexFunc(made, func(tx *wire.MsgTx) bool { return tx.TxHash() == e.TxID })
		m.held, judged[e.TxID] = append(m.held, made[i]), e
	}
}

// arbitrary spends some of the coins, with a fee that differs by nonce, so that no two transactions are alike.
func (b *bench) arbitrary(rt *rapid.T, coins []coin, nonce int64) *wire.MsgTx {
	inputs := rapid.SliceOfNDistinct(rapid.IntRange(0, len(coins)-1), 1, 3, rapid.ID[int]).Draw(rt, "inputs")
	var chosen []coin
	var sum int64
	for _, i := range inputs {
		chosen = append(chosen, coins[i])
		sum += coins[i].value
	}
	outs := rapid.Int64Range(1, 6).Draw(rt, "outputs")
	fee := rapid.Int64Range(100, 1500).Draw(rt, "fee") + nonce
	if sum/outs < 5000+fee {
		rt.Skip("dust")
	}
	var txOuts []*wire.TxOut
	for range outs {
		txOuts = append(txOuts, pay(sum/outs-fee, open()))
	}
	return b.signed(chosen, txOuts...)
}

// arbitraryPair is a parent of one of the coins that can still be spent, and a child of it and perhaps of another.
func (b *bench) arbitraryPair(rt *rapid.T, coins []coin) []*wire.MsgTx {
	left := slices.DeleteFunc(slices.Clone(coins), func(c coin) bool {
		_, ok := b.chain.coins[c.op]
		return !ok || c.value < 20_000
	})
	if len(left) == 0 {
		rt.Skip("everything is spent")
	}
	from := rapid.SliceOfNDistinct(rapid.SampledFrom(left), 1, 2, func(c coin) wire.OutPoint { return c.op }).Draw(rt, "from")
	poor := rapid.Int64Range(0, 400).Draw(rt, "parent's fee")
	return b.heirs(from[:1], from[1:], poor, rapid.Int64Range(0, 8000).Draw(rt, "child's fee"))
}

func TestPoolAgainstModel(t *testing.T) {
	l := open()
	rapid.Check(t, func(rt *rapid.T) {
		maxBytes := roomFor(8)
		b := newBench(t, func(c *Config) { c.MaxBytes = maxBytes })
		judged := make(map[chainhash.Hash]*Entry)
		copied := replica{held: make(map[chainhash.Hash]uint64)}
		var coins []coin // every output there ever was
		for range 4 {
			coins = append(coins, b.coin(l))
		}
		var made []*wire.MsgTx
		clock := now
		m := model{deltas: make(map[chainhash.Hash]int64)}
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				tx := b.arbitrary(rt, coins, int64(len(made)))
				made = append(made, tx)
				for i := range tx.TxOut {
					coins = append(coins, coinOf(tx, uint32(i), l))
				}
			},
			"add": func(rt *rapid.T) {
				if len(made) == 0 {
					rt.Skip()
				}
				tx := rapid.SampledFrom(made).Draw(rt, "tx")
				before, fees := b.pool.diagram(), b.pool.modifiedFees()
				e, changes, err := b.pool.Add(raw(tx), clock)
				if reasons := reasonsOf(changes); reasons[ReasonReplaced] > 0 && reasons[ReasonSizeLimit] == 0 {
					if lowers(before, b.pool.diagram()) || b.pool.modifiedFees() < fees+feeFor(IncrementalRelayFeeRate, e.VSize) {
						rt.Fatalf("%s replaces %d and lowers the fee rate", e.TxID, reasons[ReasonReplaced])
					}
				}
				want, replaced := m.verdict(tx, e, b.chain.coins, judged)
				if want == 0 {
					judged[e.TxID] = e
					m.held = append(m.without(replaced), tx)
					if m.evict(judged, maxBytes); !slices.Contains(m.held, tx) {
						want = ErrFull
					}
				}
				if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
					rt.Fatalf("got %v, want %v", err, want)
				}
				copied.apply(rt, changes)
			},
			"package": func(rt *rapid.T) {
				pack := b.arbitraryPair(rt, coins)
				made = append(made, pack...)
				before, fees := b.pool.diagram(), b.pool.modifiedFees()
				results, changes, err := b.pool.AddPackage(raws(pack...), clock)
				if reasons := reasonsOf(changes); reasons[ReasonReplaced] > 0 && reasons[ReasonSizeLimit] == 0 &&
					(lowers(before, b.pool.diagram()) || b.pool.modifiedFees() <= fees) {
					rt.Fatalf("%d are replaced and the fee rate falls", reasons[ReasonReplaced])
				}
				for i, r := range results {
					in := b.pool.Get(r.Entry.WTxID) != nil
					if here := r.Err == nil || errors.Is(r.Err, ErrAlreadyInMempool); here != in || err == nil && !in {
						rt.Fatalf("member %d is in the pool: %t; %v, %v", i, in, r.Err, err)
					}
				}
				copied.apply(rt, changes)
				m.adopt(b.pool, made, judged)
			},
			"remove": func(rt *rapid.T) {
				if len(m.held) == 0 {
					rt.Skip()
				}
				tx := rapid.SampledFrom(m.held).Draw(rt, "tx")
				gone := append([]*wire.MsgTx{tx}, m.descendants(tx)...)
				changes := b.pool.Remove(tx.WitnessHash(), ReasonConflict)
				copied.apply(rt, changes)
				removed := entriesIn(changes)
				slices.Reverse(removed) // children first
				if !sameTxs(removed, gone) {
					rt.Fatalf("removed %d, want %d", len(removed), len(gone))
				}
				m.held = slices.DeleteFunc(m.held, func(h *wire.MsgTx) bool { return slices.Contains(gone, h) })
			},
			"connect": func(rt *rapid.T) {
				fits := slices.DeleteFunc(slices.Clone(made), func(tx *wire.MsgTx) bool { return !b.chain.has(tx.TxIn) })
				if len(fits) == 0 {
					rt.Skip("nothing fits into a block")
				}
				tx := rapid.SampledFrom(fits).Draw(rt, "tx")
				b.chain.confirm(tx)
				copied.apply(rt, b.pool.Connect(block(tx)))
				m.connect(tx)
			},
			"expire": func(rt *rapid.T) {
				clock = clock.Add(time.Duration(rapid.IntRange(0, 200).Draw(rt, "hours")) * time.Hour)
				copied.apply(rt, b.pool.Expire(clock))
				m.expire(judged, clock)
				m.floor = b.pool.Info().MinFeeRate // which falls with time
			},
			"prioritise": func(rt *rapid.T) {
				if len(made) == 0 {
					rt.Skip()
				}
				txid := rapid.SampledFrom(made).Draw(rt, "tx").TxHash()
				delta := rapid.Int64Range(-2000, 2000).Draw(rt, "delta")
				if err := b.pool.Prioritise(txid, delta); err != nil {
					rt.Fatal(err)
				}
				if m.deltas[txid] += delta; m.deltas[txid] == 0 {
					delete(m.deltas, txid)
				}
			},
			"restart": func(rt *rapid.T) {
				// In their order, what is stored makes the same pool. What pays too little since its delta fell is judged anew.
				if slices.ContainsFunc(b.pool.Snapshot(), func(e *Entry) bool { return m.fee(e) < feeFor(DefaultMinRelayFeeRate, e.VSize) }) {
					rt.Skip()
				}
				again := New(b.pool.cfg)
				for txid, delta := range m.deltas {
					if err := again.Prioritise(txid, delta); err != nil {
						rt.Fatal(err)
					}
				}
				for _, e := range b.pool.Snapshot() {
					if _, _, err := again.Add(e.Raw, clock); err != nil {
						rt.Fatalf("%s does not come back: %v", e.TxID, err)
					}
				}
				if !sameTxs(again.Snapshot(), m.held) || again.Info().TotalFee != b.pool.Info().TotalFee {
					rt.Fatal("another pool comes of what is stored")
				}
			},
			"": func(rt *rapid.T) {
				if err := checkInvariants(b.pool, b.chain.coins); err != nil {
					rt.Fatal(err)
				}
				if floor := b.pool.Info().MinFeeRate; floor != max(m.floor, DefaultMinRelayFeeRate) {
					rt.Fatalf("the floor is %d, want %d", floor, m.floor)
				}
				copied.compare(rt, b.pool)
				if got := b.pool.FeeDeltas(); !maps.Equal(got, m.deltas) {
					rt.Fatalf("fee deltas %v, want %v", got, m.deltas)
				}
				if !sameTxs(b.pool.Snapshot(), m.held) {
					rt.Fatal("the pool does not hold what the model holds")
				}
				for _, tx := range m.held {
					if !sameTxs(b.pool.Descendants(b.pool.GetByTxID(tx.TxHash())), m.descendants(tx)) {
						rt.Fatalf("descendants of %s", tx.TxHash())
					}
				}
			},
		})
	})
}

func sameTxs(entries []*Entry, txs []*wire.MsgTx) bool {
	return slices.EqualFunc(entries, txs, func(e *Entry, tx *wire.MsgTx) bool { return e.TxID == tx.TxHash() })
}
