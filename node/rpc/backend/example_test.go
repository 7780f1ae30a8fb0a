package backend_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/node/rpc/backend"
)

// JSON-RPC as a route of an HTTP server that exists anyway.
func Example() {
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		log.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network = "regtest"
	cfg.PrevOuts = outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	<-n.Ready()

	answers := backend.New(n, backend.Options{Network: "regtest", Tip: outputs, Stop: cancel})
	mux := http.NewServeMux()
	mux.Handle("/rpc/", http.StripPrefix("/rpc", rpc.NewHandler(answers, rpc.Options{User: "app", Password: "secret"})))
	server := httptest.NewServer(mux)

	client, err := rpc.NewClient(rpc.ClientConfig{URL: server.URL + "/rpc/", User: "app", Password: "secret"})
	if err != nil {
		log.Fatal(err)
	}
	info, err := client.GetMempoolDigest(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("transactions:", info.Count)

	server.Close()
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// transactions: 0
	// <nil>
}
