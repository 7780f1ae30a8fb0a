package backend_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/node/rpc/backend"
	"github.com/txnode/txnode/testnet/txgen"
)

// TestWebsocketOfANode: btcd's rpcclient hears of the transaction it submitted,
// and is disconnected when the node stops rather than left to wait.
func TestWebsocketOfANode(t *testing.T) {
	outputs, err := utxo.TestAllocation("regtest", 10)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts = "regtest", outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	<-n.Ready()
	server := http.Server{
		Handler:     rpc.NewHandler(backend.New(n, backend.Options{Network: "regtest", Tip: outputs, Stop: stop}), rpc.Options{User: "app", Password: "secret"}),
		BaseContext: func(net.Listener) context.Context { return t.Context() },
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	defer server.Close()

	accepted, disconnected := make(chan chainhash.Hash, 10), make(chan struct{}, 10)
	client, err := rpcclient.New(&rpcclient.ConnConfig{
		Host: listener.Addr().String(), Endpoint: "ws", User: "app", Pass: "secret", DisableTLS: true, DisableAutoReconnect: true,
	}, &rpcclient.NotificationHandlers{
		OnTxAccepted: func(txid *chainhash.Hash, _ btcutil.Amount) { accepted <- *txid },
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		client.WaitForShutdown()
		close(disconnected)
	}()
	if err := client.NotifyNewTransactions(false); err != nil {
		t.Fatal(err)
	}
	g, err := txgen.New(txgen.Config{Network: "regtest", To: 1})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := g.Chain(3)
	if err != nil {
		t.Fatal(err)
	}
	var sent []rpcclient.FutureSendRawTransactionResult
	for _, tx := range chain { // each depends on the one before: answers are in order
		sent = append(sent, client.SendRawTransactionAsync(tx.MsgTx, false))
	}
	for i, tx := range chain {
		if txid, err := sent[i].Receive(); err != nil || *txid != tx.TxID {
			t.Errorf("SendRawTransaction: %v %v", txid, err)
		}
		if txid := <-accepted; txid != tx.TxID {
			t.Errorf("told of %v, not %v", txid, tx.TxID)
		}
	}
	byHTTP(t, rpcclient.ConnConfig{Host: listener.Addr().String(), User: "app", Pass: "secret", DisableTLS: true, HTTPPostMode: true}, chain[2].TxID)
	if _, err := client.GetInfo(); err == nil || !strings.Contains(err.Error(), "-32601") {
		t.Errorf("GetInfo: %v", err)
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-disconnected
}

// byHTTP asks for the transaction by single requests and by a batch.
func byHTTP(t *testing.T, cfg rpcclient.ConnConfig, last chainhash.Hash) {
	t.Helper()
	for name, open := range map[string]func() (*rpcclient.Client, error){
		"single": func() (*rpcclient.Client, error) { return rpcclient.New(&cfg, nil) },
		"batch":  func() (*rpcclient.Client, error) { return rpcclient.NewBatch(&cfg) },
	} {
		client, err := open()
		if err != nil {
			t.Fatal(err)
		}
		entry, all := client.GetMempoolEntryAsync(last.String()), client.GetRawMempoolAsync()
		if name == "batch" {
			if err := client.Send(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if e, err := entry.Receive(); err != nil || e.AncestorCount != 3 {
			t.Errorf("%s: GetMempoolEntry: %+v %v", name, e, err)
		}
		if txids, err := all.Receive(); err != nil || len(txids) != 3 || *txids[2] != last {
			t.Errorf("%s: GetRawMempool: %v %v", name, txids, err)
		}
		client.Shutdown()
		client.WaitForShutdown()
	}
}
