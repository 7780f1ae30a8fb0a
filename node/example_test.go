package node_test

import (
	"context"
	"fmt"
	"log"

	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/testnet/txgen"
)

// Two nodes in one process: what is submitted to one arrives at the other.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	alice, stopAlice := start(ctx)
	bob, stopBob := start(ctx, alice.Addrs()[0].String())
	arrivals := bob.Events(ctx)

	gen, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 1})
	if err != nil {
		log.Fatal(err)
	}
	tx, err := gen.Next()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := alice.Submit(ctx, tx.Raw); err != nil {
		log.Fatal(err)
	}
	for e := range arrivals {
		if e.Kind == node.EventAdded {
			fmt.Println("bob has", e.Entry.TxID)
			break
		}
	}
	fmt.Println("in bob's mempool:", bob.Mempool().Info().Count)

	cancel()
	fmt.Println(<-stopAlice, <-stopBob)
	// Output:
	// bob has dc287ede0e82347c243455926fb7ac739afb225fd1dc6ef00986261c97691949
	// in bob's mempool: 1
	// <nil> <nil>
}

// start runs a node in memory on a free port of the loopback interface.
func start(ctx context.Context, bootstrap ...string) (*node.Node, <-chan error) {
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		log.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network = "regtest"
	cfg.PrevOuts = outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	cfg.P2P.Bootstrap = bootstrap
	n, err := node.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	<-n.Ready()
	return n, stopped
}
