package testnet

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"
)

var long = flag.Bool("long", false, "run what takes minutes as well")

// TestLiveNodesAreEqualSoonAfterTheLastFault cuts all connections for 30 s, while
// every node takes transactions, a tenth of the nodes is killed for good and a
// fifth loses its memory. With -long it does so with a hundred hosts.
func TestLiveNodesAreEqualSoonAfterTheLastFault(t *testing.T) {
	nodes := 20
	if *long {
		nodes = 100
	}
	synctest.Test(t, func(t *testing.T) {
		next := coins(t)
		n := New(t, nodes)
		everywhere := func() {
			for s := range n.alive() {
				if _, err := s.node.Submit(t.Context(), next()); err != nil {
					t.Fatal(err)
				}
			}
		}
		everywhere()
		n.WaitConverged()

		alone := make([][]int, nodes)
		for i := range alone {
			alone[i] = []int{i}
		}
		cut := time.Now()
		n.Partition(alone...)
		everywhere()
		for i := range nodes / 5 {
			n.Kill(5*i + 1)
			n.Restart(5*i + 1)
		}
		for i := range nodes / 10 {
			n.Kill(10 * i)
		}
		time.Sleep(30*time.Second - time.Since(cut)) // virtual
		everywhere()
		n.Heal()
		healed := time.Now()
		n.WaitConverged()
		took := time.Since(healed)
		live, held := 0, 0
		for s := range n.alive() {
			live++
			_, held = s.node.Digest()
		}
		t.Logf("%d of %d nodes live, identical %v after the last fault, %d transactions", live, nodes, took, held)
		// Everybody's first, what the ones who kept their memory took in while they
		// were alone, and everybody's last.
		if want := nodes + (live - nodes/5) + live; held != want {
			t.Errorf("%d transactions, want %d", held, want)
		}
		if took > 15*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
