package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/testnet/txgen"
)

// The smallest program: a node in memory, until its context ends.
func ExampleNew() {
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
	fmt.Println("transactions:", n.Mempool().Info().Count)
	cancel()
	fmt.Println("stopped:", <-stopped)
	// Output:
	// transactions: 0
	// stopped: <nil>
}

// What is refused is told by kind, and in Bitcoin Core's words.
func ExampleNode_Submit() {
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := start(ctx)
	chain := transactions(2)

	_, err := n.Submit(ctx, chain[1].Raw)
	fmt.Println(errors.Is(err, mempool.ErrMissingInputs), err)
	for _, tx := range chain {
		entry, err := n.Submit(ctx, tx.Raw)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("accepted:", entry.WTxID == tx.WTxID)
	}
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// true bad-txns-inputs-missingorspent
	// accepted: true
	// accepted: true
	// <nil>
}

// A child that comes before its parent is left standing until that has come.
func ExampleNode_Stand() {
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := start(ctx)
	chain := transactions(2)
	parent, child := chain[0], chain[1]

	standing, err := n.Stand(ctx, child.Raw, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(standing.Err, "- it waits for", standing.WaitsFor())
	if _, err := n.Submit(ctx, parent.Raw); err != nil {
		log.Fatal(err)
	}
	for e := range n.EventsSince(ctx, 0) {
		if e.Kind == node.EventAdded && e.WTxID == child.WTxID {
			break
		}
	}
	fmt.Println("standing:", len(n.Standing()))
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// bad-txns-inputs-missingorspent - it waits for the transactions whose outputs it spends
	// standing: 0
	// <nil>
}

// A receipt says what became of a transaction: here that every peer has it.
func ExampleNode_WaitPropagated() {
	ctx, cancel := context.WithCancel(context.Background())
	alice, stopAlice := start(ctx)
	bob, stopBob := start(ctx)
	if err := bob.Connect(ctx, alice.Addrs()[0].String()); err != nil {
		log.Fatal(err)
	}
	tx := transactions(1)[0]
	if _, err := bob.Submit(ctx, tx.Raw); err != nil {
		log.Fatal(err)
	}
	receipt, err := bob.WaitPropagated(ctx, tx.WTxID, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("share of the peers:", receipt.Propagated())
	cancel()
	fmt.Println(<-stopAlice, <-stopBob)
	// Output:
	// share of the peers: 1
	// <nil> <nil>
}

// A dry run: whether a transaction would be accepted.
func ExampleNode_Check() {
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := start(ctx)
	entry, err := n.Check(transactions(1)[0].Raw)
	fmt.Println("would be accepted:", entry.Fee > 0, err)
	_, err = n.Check([]byte{1, 2, 3})
	fmt.Println("nonsense is refused:", err != nil)
	fmt.Println("in the mempool:", n.Mempool().Info().Count)
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// would be accepted: true <nil>
	// nonsense is refused: true
	// in the mempool: 0
	// <nil>
}

// Events are numbered across restarts: who was away reads what it missed, and then
// what comes.
func ExampleNode_EventsSince() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	txs := transactions(3)

	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := startWith(ctx, func(cfg *node.Config) { cfg.DataDir = dir })
	if _, err := n.Submit(ctx, txs[0].Raw); err != nil {
		log.Fatal(err)
	}
	seen := n.Sequence() // the application remembers it
	if _, err := n.Submit(ctx, txs[1].Raw); err != nil {
		log.Fatal(err)
	}
	cancel()
	fmt.Println(<-stopped)

	ctx, cancel = context.WithCancel(context.Background())
	n, stopped = startWith(ctx, func(cfg *node.Config) { cfg.DataDir = dir })
	for e := range n.EventsSince(ctx, seen) {
		switch {
		case e.Kind == node.EventAdded && e.TxID == txs[1].TxID:
			fmt.Println("missed:", e.Sequence)
			if _, err := n.Submit(ctx, txs[2].Raw); err != nil {
				log.Fatal(err)
			}
			continue
		case e.Kind == node.EventAdded && e.TxID == txs[2].TxID:
			fmt.Println("new:", e.Sequence)
		default:
			continue
		}
		break
	}
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// <nil>
	// missed: 2
	// new: 3
	// <nil>
}

// Equal digests are equal mempools.
func ExampleNode_Digest() {
	ctx, cancel := context.WithCancel(context.Background())
	alice, stopAlice := start(ctx)
	bob, stopBob := start(ctx)
	tx := transactions(1)[0].Raw
	for _, n := range []*node.Node{alice, bob} {
		if _, err := n.Submit(ctx, tx); err != nil {
			log.Fatal(err)
		}
	}
	a, count := alice.Digest()
	b, _ := bob.Digest()
	fmt.Println(count, a == b)
	cancel()
	fmt.Println(<-stopAlice, <-stopBob)
	// Output:
	// 1 true
	// <nil> <nil>
}

// The mempool of one node is given to another, as Bitcoin Core would write it.
func ExampleNode_ExportMempool() {
	ctx, cancel := context.WithCancel(context.Background())
	alice, stopAlice := start(ctx)
	bob, stopBob := start(ctx)
	for _, tx := range transactions(3) {
		if _, err := alice.Submit(ctx, tx.Raw); err != nil {
			log.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := alice.ExportMempool(&file); err != nil {
		log.Fatal(err)
	}
	report, err := bob.ImportMempool(ctx, &file, mempooldat.ImportOptions{})
	fmt.Println("accepted:", report.Accepted, err)
	fmt.Println("to be announced until they arrive:", bob.UnbroadcastCount())
	cancel()
	fmt.Println(<-stopAlice, <-stopBob)
	// Output:
	// accepted: 3 <nil>
	// to be announced until they arrive: 0
	// <nil> <nil>
}

// transactions are a chain of so many, each of which spends the one before.
func transactions(count int) []*txgen.Tx {
	gen, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 1})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := gen.Chain(count)
	if err != nil {
		log.Fatal(err)
	}
	return chain
}

// startWith is start with a changed configuration.
func startWith(ctx context.Context, change func(*node.Config)) (*node.Node, <-chan error) {
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		log.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network = "regtest"
	cfg.PrevOuts = outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	change(&cfg)
	n, err := node.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	<-n.Ready()
	return n, stopped
}
