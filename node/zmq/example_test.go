package zmq_test

import (
	"context"
	"fmt"
	"log"
	"net/url"

	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/zmq"
)

// A node whose mempool can be followed by ZMQ.
func Example() {
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		log.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts = "regtest", outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	publisher, err := zmq.Listen([]zmq.Publication{
		{Topic: zmq.TopicRawTx, Address: "tcp://127.0.0.1:0"},
		{Topic: zmq.TopicSequence, Address: "tcp://127.0.0.1:0"}, // the same: they share it
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- publisher.Run(ctx, n.Events) }()
	<-n.Ready()

	for _, p := range publisher.Publications() {
		address, err := url.Parse(p.Address)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.Topic, "at", address.Hostname())
	}

	cancel()
	fmt.Println(<-ended, <-ended)
	// Output:
	// rawtx at 127.0.0.1
	// sequence at 127.0.0.1
	// <nil> <nil>
}
