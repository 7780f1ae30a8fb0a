package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/libp2p/go-libp2p"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/node"
)

// A node on the application's own libp2p host, which serves other protocols as
// well and outlives the node.
func ExampleConfig_host() {
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := startWith(ctx, func(cfg *node.Config) { cfg.Listen, cfg.Host = nil, h })
	fmt.Println("same identity:", n.ID() == h.ID())
	cancel()
	fmt.Println(<-stopped)
	fmt.Println("still listening:", len(h.Network().ListenAddresses()) > 0)
	// Output:
	// same identity: true
	// <nil>
	// still listening: true
}

// rollup is an own source of previous outputs: here one that anyone may spend.
type rollup struct{}

var (
	anyone       = []byte{txscript.OP_TRUE}
	anyoneHash   = sha256.Sum256(anyone)
	anyoneScript = append([]byte{txscript.OP_0, sha256.Size}, anyoneHash[:]...)
	deposit      = wire.OutPoint{Hash: sha256.Sum256([]byte("deposit"))}
)

func (rollup) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	return mempool.PrevOut{Value: 100_000, PkScript: anyoneScript}, op == deposit, nil
}
func (rollup) Tip() (int32, time.Time) { return 1, time.Unix(1_700_000_000, 0) }
func (rollup) Digest() [32]byte        { return sha256.Sum256([]byte("rollup 1")) }

// Which outputs exist is what the application says.
func ExampleConfig_prevOuts() {
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := startWith(ctx, func(cfg *node.Config) { cfg.PrevOuts = rollup{} })
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&deposit, nil, wire.TxWitness{anyone}))
	tx.AddTxOut(wire.NewTxOut(99_000, anyoneScript))
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		log.Fatal(err)
	}
	entry, err := n.Submit(ctx, raw.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("fee", entry.Fee)
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// fee 1000
	// <nil>
}

// Own limits: here a mempool of 5 MB that wants at least 3 sat/vB, with few peers.
func ExampleConfig_limits() {
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := startWith(ctx, func(cfg *node.Config) {
		cfg.Mempool.MaxBytes = 5_000_000
		cfg.Mempool.MinRelayFeeRate = 3000
		cfg.Mempool.Expiry = 24 * time.Hour
		cfg.P2P.MaxPeers = 16
	})
	_, err := n.Submit(ctx, transactions(1)[0].Raw) // pays 2 sat/vB
	fmt.Println(errors.Is(err, mempool.ErrFee))
	fmt.Println("at most", n.Mempool().Info().MaxBytes)
	cancel()
	fmt.Println(<-stopped)
	// Output:
	// true
	// at most 5000000
	// <nil>
}

// A private network: who does not have the key cannot connect.
func ExampleConfig_preSharedKey() {
	ctx, cancel := context.WithCancel(context.Background())
	key := sha256.Sum256([]byte("32 bytes from a secure place"))
	private := func(cfg *node.Config) { cfg.P2P.PreSharedKey = key[:] }
	alice, stopAlice := startWith(ctx, private)
	bob, stopBob := startWith(ctx, private)
	eve, stopEve := start(ctx)

	addr := alice.Addrs()[0].String()
	fmt.Println("bob:", bob.Connect(ctx, addr))
	fmt.Println("eve is kept out:", eve.Connect(ctx, addr) != nil)
	cancel()
	fmt.Println(<-stopAlice, <-stopBob, <-stopEve)
	// Output:
	// bob: <nil>
	// eve is kept out: true
	// <nil> <nil> <nil>
}

// A tracer that sees every event in its order.
func ExampleConfig_observer() {
	var trace []node.EventKind // written by the node until Run returns
	ctx, cancel := context.WithCancel(context.Background())
	n, stopped := startWith(ctx, func(cfg *node.Config) {
		cfg.Observer = func(e node.Event) { trace = append(trace, e.Kind) }
	})
	for _, tx := range transactions(2) {
		if _, err := n.Submit(ctx, tx.Raw); err != nil {
			log.Fatal(err)
		}
	}
	cancel()
	fmt.Println(<-stopped, trace)
	// Output: <nil> [added added]
}

// The error names the field.
func ExampleConfig_Validate() {
	cfg := node.LANConfig()
	cfg.Network = "Main Net"
	fmt.Println(cfg.Validate())
	// Output: node: Config.Network "Main Net": want up to 32 of a-z, 0-9 and -
}
