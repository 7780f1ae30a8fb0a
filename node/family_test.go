package node

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool"
)

// A node that was not there when its ancestors were announced gets an orphan, and
// there are no rounds to tell it of them.
func TestOrphansGetTheirAncestors(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.Relay.ReconInterval = 0
	sender, _ := run(t, cfg)
	cfg.P2P.Bootstrap = []string{sender.Addrs()[0].String()}
	var raws [3][]byte
	var txids [3]chainhash.Hash
	from := wire.OutPoint{Hash: chainhash.Hash{1}}
	for i := range raws {
		raws[i], txids[i] = spendTrue(from, 990_000-10_000*int64(i))
		from = wire.OutPoint{Hash: txids[i]}
	}
	for i, first := range []int{0, 2} {
		receiver, _ := run(t, cfg)
		arrivals := receiver.Events(t.Context())
		linked := receiver.Events(t.Context())
		if len(receiver.Peers()) == 0 {
			for e := range linked {
				if e.Kind == EventPeerUp {
					break
				}
			}
		}
		last := 1 + i
		for _, raw := range raws[first : last+1] {
			if _, err := sender.Submit(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
		}
		for e := range arrivals {
			if e.Kind == EventAdded && e.Entry.TxID == txids[last] {
				break
			}
		}
		for _, txid := range txids[:last] {
			if receiver.Mempool().GetByTxID(txid) == nil {
				t.Errorf("receiver %d lacks an ancestor", i)
			}
		}
	}
}

// What a peer sends as ancestors is judged as such: a parent below the minimum
// comes in with the child that pays for it, and what is unrelated is not judged.
func TestFamiliesAreJudgedTogether(t *testing.T) {
	parent, txid := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 1_000_000)
	child, _ := spendTrue(wire.OutPoint{Hash: txid}, 990_000)
	stranger, strangerID := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}, Index: 1}, 990_000)
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.peers[1] = "the announcer"
	wtxid := chainhash.DoubleHashH(child)
	n.settle(n.admit(t.Context(), candidate{origin: 1, wtxid: wtxid, raw: child}))
	for range 2 { // the second time nothing waits any more
		n.judgeFamily(inv.Family{Peer: 1, Child: wtxid, Parents: [][]byte{stranger, parent}})
	}
	c, _ := n.admission.pop()
	n.admission.charge(c, 0)
	n.settle(n.admit(t.Context(), c))
	if _, count := n.relay.Digest(); count != 2 || n.orphans.Len() != 0 || len(n.admission.lines) != 0 || n.pool.GetByTxID(strangerID) != nil {
		t.Errorf("%d transactions, %d orphans", count, n.orphans.Len())
	}
	if n.pool.Get(wtxid) == nil || n.pool.Info().Count != 2 {
		t.Error(mempool.ErrMissingInputs)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
