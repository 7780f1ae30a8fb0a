package main

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/node/rpc"
)

// paying spends coin i with this fee. Salt makes transactions of the same fee differ.
func paying(i int, fee int64, salt byte) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	op := anyoneCoin(i)
	tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{{txscript.OP_TRUE}}))
	tx.AddTxOut(wire.NewTxOut(anyoneValue-fee, anyoneScript))
	tx.AddTxOut(wire.NewTxOut(0, []byte{txscript.OP_RETURN, txscript.OP_DATA_1, salt}))
	return tx
}

// childOf spends the first output of parent with this fee.
func childOf(parent *wire.MsgTx, fee int64) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: parent.TxHash()}, nil, wire.TxWitness{{txscript.OP_TRUE}}))
	tx.AddTxOut(wire.NewTxOut(parent.TxOut[0].Value-fee, anyoneScript))
	return tx
}

// sequence is how many changes the mempool has seen.
func sequence(t *testing.T, c *rpc.Client) int {
	t.Helper()
	var r struct {
		Sequence int `json:"mempool_sequence"`
	}
	if err := c.Call(t.Context(), &r, "getrawmempool", false, true); err != nil {
		t.Fatal(err)
	}
	return r.Sequence
}

func asked(peers []*hostile) (n int) {
	for _, h := range peers {
		h.mu.Lock()
		n += h.asked
		h.mu.Unlock()
	}
	return n
}

// probe submits honest transactions until the storm is over, and returns how long the slowest took.
func probe(t *testing.T, v *victim, first int, over func() bool) (worst time.Duration) {
	t.Helper()
	for i := first; !over(); i++ {
		before := time.Now()
		if err := submit(t, v.Client, spendAnyone(i, 0, 2)); err != nil {
			t.Fatal(err)
		}
		if worst = max(worst, time.Since(before)); time.Since(before) > 20*time.Second || i-first > 2000 {
			t.Fatalf("the storm does not end; slowest RPC %v", worst)
		}
		<-time.After(20 * time.Millisecond)
	}
	return worst
}

// Peers replace one transaction over and over, each time for one satoshi more. A replacement has to pay for its own relay
// on top of what it replaces, so most of them are refused, and the mempool ends with one that paid.
func TestReplacementStorm(t *testing.T) {
	const peers, each, fee = 5, 200, 1000
	v := startVictim(t)
	var attackers []*hostile
	for range peers {
		attackers = append(attackers, newHostile(t, v))
	}
	if err := submit(t, v.Client, paying(0, fee, 0)); err != nil {
		t.Fatal(err)
	}
	for step := range each {
		for i, a := range attackers {
			a.offer(given(paying(0, fee+int64(step), byte(i+1))))
		}
	}
	worst := probe(t, v, 1, func() bool { return asked(attackers) == peers*each })
	honest := count(t, v.Client) - 1
	// 110 virtual bytes at 100 sat/kvB.
	const relay = 11
	replaced := (sequence(t, v.Client) - 1 - honest) / 2
	t.Logf("%d offers, %d replacements, slowest RPC %v", peers*each, replaced, worst)
	if replaced < 1 || replaced > each/relay+1 {
		t.Errorf("%d replacements; %d satoshi pay for %d", replaced, each, each/relay)
	}
	list, err := v.GetRawMempoolVerbose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	best := int64(0)
	for step := range each {
		for i := range peers + 1 {
			tx := paying(0, fee+int64(step), byte(i))
			if _, held := list[tx.TxHash().String()]; held {
				if best > 0 {
					t.Error("two that spend the same are in the mempool")
				}
				best = fee + int64(step)
			}
		}
	}
	if best < fee+int64(replaced)*relay {
		t.Errorf("%d satoshi are paid after %d replacements", best, replaced)
	}
	for _, a := range attackers {
		if a.downs.Load() > 0 {
			t.Error("a peer was cut off for what is policy")
		}
	}
}

// Peers send parents without a fee and children that do not pay for them: each may cost a few looks, and nothing is kept.
// An honest pair comes through.
func TestPackageFlood(t *testing.T) {
	const peers, each = 5, 100
	v := startVictim(t)
	var attackers []*hostile
	for range peers {
		attackers = append(attackers, newHostile(t, v))
	}
	idle := v.memory("VmRSS")
	for n := range each {
		for i, a := range attackers {
			parent := paying(10_000+n*peers+i, 0, byte(i))
			a.offer(given(childOf(parent, 5)), given(parent))
		}
	}
	worst := probe(t, v, 1, func() bool { return asked(attackers) >= 2*peers*each })
	honest := newHostile(t, v)
	parent := paying(0, 0, 0)
	child := childOf(parent, 2000)
	honest.offer(given(child), given(parent))
	await(t, 20*time.Second, "a child pays for its parent", func() bool {
		_, err := v.GetMempoolEntry(t.Context(), child.TxHash().String())
		return err == nil
	})
	list, err := v.GetRawMempoolVerbose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range each {
		for i := range peers {
			if _, held := list[paying(10_000+n*peers+i, 0, byte(i)).TxHash().String()]; held {
				t.Fatal("a parent that nobody paid for is in the mempool")
			}
		}
	}
	t.Logf("%d pairs; slowest RPC %v; %d MiB idle, %d at its highest", peers*each, worst, idle, v.memory("VmHWM"))
}
