package metrics_test

import (
	"context"
	"fmt"
	"log"

	"github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/metrics"
	"github.com/txnode/txnode/testnet/txgen"
)

// A node in the application's own registry. Its handler is the application's,
// for example promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).
func Example() {
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		log.Fatal(err)
	}
	counted := metrics.New()
	cfg := node.DefaultConfig()
	cfg.Network = "regtest"
	cfg.PrevOuts = outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	cfg.Observer = counted.Observe
	n, err := node.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if err := counted.Register(registry, n); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	<-n.Ready()
	gen, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 2})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		tx, err := gen.Next()
		if err != nil {
			log.Fatal(err)
		}
		if _, err := n.Submit(ctx, tx.Raw); err != nil {
			log.Fatal(err)
		}
	}
	cancel()
	fmt.Println(<-stopped)

	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "txnode_mempool_transactions":
			fmt.Println(f.GetName(), f.Metric[0].GetGauge().GetValue())
		case "txnode_transactions_accepted_total":
			fmt.Println(f.GetName(), f.Metric[0].GetLabel()[0].GetValue(), f.Metric[0].GetCounter().GetValue())
		}
	}
	// Output:
	// <nil>
	// txnode_mempool_transactions 2
	// txnode_transactions_accepted_total local 2
}
