package testnet_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"testing/synctest"

	"github.com/txnode/txnode/testnet"
	"github.com/txnode/txnode/testnet/txgen"
)

// Twenty nodes lose sight of each other, and then hold the same again. This is
// the test of an application: see New.
func TestTwentyNodesOfAnApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gen, err := txgen.New(txgen.Config{Network: testnet.Network, From: 0, To: 2})
		if err != nil {
			t.Fatal(err)
		}
		sides, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		net := testnet.New(t, 20)
		net.Partition([]int{0, 1, 2, 3, 4})
		net.Submit(0, sides.Raw)
		net.Heal()
		net.WaitConverged()
		if net.Node(19).Mempool().Get(sides.WTxID) == nil {
			t.Error("node 19 does not have it")
		}
	})
}

// A run over real sockets on loopback: load, a partition, a verdict.
func ExampleStart() {
	cfg := testnet.DefaultConfig()
	cfg.Nodes, cfg.Degree, cfg.Txs, cfg.Rate, cfg.Partition, cfg.RPC = 4, 2, 10, 50, 0, false
	ctx := context.Background()
	c, err := testnet.Start(ctx, cfg, testnet.Observer{})
	if err != nil {
		log.Fatal(err)
	}
	report, err := c.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict.Outcome, report.Txs, "transactions,", report.Deliveries, "deliveries")
	fmt.Println(c.Close())
	// Output:
	// converged 10 transactions, 30 deliveries
	// <nil>
}
