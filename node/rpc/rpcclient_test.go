package rpc

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/wire/v2"
)

// connect is btcd's client over HTTP with the cookie.
func connect(t *testing.T, n *fakeNode, open func(*rpcclient.ConnConfig) (*rpcclient.Client, error)) *rpcclient.Client {
	t.Helper()
	address, cookieFile := startServer(t, n)
	c, err := open(&rpcclient.ConnConfig{Host: address, CookiePath: cookieFile, HTTPPostMode: true, DisableTLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Shutdown()
		c.WaitForShutdown()
	})
	return c
}

// TestRPCClient is btcd's rpcclient, unmodified.
func TestRPCClient(t *testing.T) {
	s := newScenario(t)
	c := connect(t, s.node, func(cfg *rpcclient.ConnConfig) (*rpcclient.Client, error) { return rpcclient.New(cfg, nil) })

	if v, err := c.BackendVersion(); err != nil || v.String() != rpcclient.BitcoindPost25.String() {
		t.Errorf("BackendVersion: %v %v", v, err)
	}
	tx := spend(coin(1), coinValue-1000)
	verdicts, err := c.TestMempoolAccept([]*wire.MsgTx{tx, spend(coin(99), 1000)}, 0.1)
	if err != nil || len(verdicts) != 2 || verdicts[0].Allowed || verdicts[1].RejectReason != "missing-inputs" {
		t.Errorf("TestMempoolAccept: %+v %v", verdicts, err)
	}
	if verdicts, err = c.TestMempoolAccept([]*wire.MsgTx{tx}, 0.1); err != nil || !verdicts[0].Allowed || verdicts[0].Fees.EffectiveFeeRate != 0.00010416 {
		t.Errorf("TestMempoolAccept: %+v %v", verdicts, err)
	}
	for _, allowHighFees := range []bool{false, true, false} { // resubmitting is no error
		if txid, err := c.SendRawTransaction(tx, allowHighFees); err != nil || *txid != tx.TxHash() {
			t.Errorf("SendRawTransaction: %v %v", txid, err)
		}
	}
	_, err = c.SendRawTransaction(spend(coin(99), 1000), false)
	if rpcErr := new(btcjson.RPCError); !errors.As(err, &rpcErr) || rpcErr.Code != btcjson.ErrRPCVerify {
		t.Errorf("SendRawTransaction with unknown inputs: %v", err)
	}
	if !errors.Is(rpcclient.MapRPCErr(err), rpcclient.ErrMissingInputs) && !errors.Is(rpcclient.MapRPCErr(err), rpcclient.ErrMissingInputsOrSpent) {
		t.Errorf("MapRPCErr does not know %v", err)
	}
	if ids, err := c.GetRawMempool(); err != nil || len(ids) != 3 || *ids[2] != tx.TxHash() {
		t.Errorf("GetRawMempool: %v %v", ids, err)
	}
	if entries, err := c.GetRawMempoolVerbose(); err != nil || entries[tx.TxID()].Vsize != 96 {
		t.Errorf("GetRawMempoolVerbose: %v %v", entries, err)
	}
	if e, err := c.GetMempoolEntry(s.child.TxID()); err != nil || e.AncestorCount != 2 || e.Fees.Base != 0.00003 {
		t.Errorf("GetMempoolEntry: %+v %v", e, err)
	}
	txid := tx.TxHash()
	if got, err := c.GetRawTransaction(&txid); err != nil || *got.Hash() != txid {
		t.Errorf("GetRawTransaction: %v %v", got, err)
	}
	if got, err := c.GetRawTransactionVerbose(&txid); err != nil || got.Vout[0].ScriptPubKey.Type != "witness_v0_scripthash" {
		t.Errorf("GetRawTransactionVerbose: %+v %v", got, err)
	}
	if _, err := c.GetRawTransaction(&chainhash.Hash{}); err == nil {
		t.Error("GetRawTransaction of nothing")
	}
	if got, err := c.DecodeRawTransaction(rawOf(tx)); err != nil || got.Txid != tx.TxID() {
		t.Errorf("DecodeRawTransaction: %+v %v", got, err)
	}
	free := spend(coin(2), coinValue)
	payer := spend(wire.OutPoint{Hash: free.TxHash()}, coinValue-2000)
	if got, err := c.SubmitPackage([]*wire.MsgTx{free, payer}, nil, nil); err != nil || got.PackageMsg != "success" || got.TxResults[payer.WitnessHash().String()].TxID != payer.TxHash() {
		t.Errorf("SubmitPackage: %+v %v", got, err)
	}
	payerHash := payer.TxHash()
	if out, err := c.GetTxOut(&payerHash, 0, true); err != nil || out == nil || out.Value != 0.99998 {
		t.Errorf("GetTxOut: %+v %v", out, err)
	}
	if best, err := c.GetBestBlockHash(); err != nil || *best != (chainhash.Hash{}) {
		t.Errorf("GetBestBlockHash: %v %v", best, err)
	}
	if peers, err := c.GetPeerInfo(); err != nil || len(peers) != 2 || peers[0].SubVer != "txnode/0.1.0" || !peers[1].Inbound {
		t.Errorf("GetPeerInfo: %+v %v", peers, err)
	}
	if info, err := c.GetNetworkInfo(); err != nil || info.Connections != 2 {
		t.Errorf("GetNetworkInfo: %+v %v", info, err)
	}
	if info, err := c.GetBlockChainInfo(); err != nil || info.Chain != "regtest" || info.Blocks != 200 {
		t.Errorf("GetBlockChainInfo: %+v %v", info, err)
	}
	if n, err := c.GetConnectionCount(); err != nil || n != 2 {
		t.Errorf("GetConnectionCount: %d %v", n, err)
	}
	if err := c.AddNode("/ip4/192.0.2.1/tcp/1", rpcclient.ANAdd); err != nil {
		t.Errorf("AddNode: %v", err)
	}
}

func TestRPCClientBatch(t *testing.T) {
	s := newScenario(t)
	c := connect(t, s.node, rpcclient.NewBatch)
	mempool, network := c.GetRawMempoolAsync(), c.GetNetworkInfoAsync()
	missing := c.GetMempoolEntryAsync(zeroHash)
	if err := c.Send(); err != nil {
		t.Fatal(err)
	}
	if ids, err := mempool.Receive(); err != nil || len(ids) != 2 {
		t.Errorf("GetRawMempool: %v %v", ids, err)
	}
	if info, err := network.Receive(); err != nil || info.Version != clientVersion {
		t.Errorf("GetNetworkInfo: %+v %v", info, err)
	}
	if _, err := missing.Receive(); err == nil {
		t.Error("GetMempoolEntry of nothing")
	}
}

// TestRPCClientWebsocket is btcd's rpcclient as it connects by default.
func TestRPCClientWebsocket(t *testing.T) {
	s := newScenario(t)
	address, cookieFile := startServer(t, s.node)
	accepted, verbose := make(chan chainhash.Hash, 1), make(chan *btcjson.TxRawResult, 1)
	c, err := rpcclient.New(&rpcclient.ConnConfig{Host: address, Endpoint: "ws", CookiePath: cookieFile, DisableTLS: true}, &rpcclient.NotificationHandlers{
		OnTxAccepted:        func(txid *chainhash.Hash, amount btcutil.Amount) { accepted <- *txid },
		OnTxAcceptedVerbose: func(tx *btcjson.TxRawResult) { verbose <- tx },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.WaitForShutdown()
	defer c.Shutdown()
	if v, err := c.BackendVersion(); err != nil || v.String() != rpcclient.BitcoindPost25.String() {
		t.Errorf("BackendVersion: %v %v", v, err)
	}
	if session, err := c.Session(); err != nil || session.SessionID == 0 {
		t.Errorf("Session: %+v %v", session, err)
	}
	if ids, err := c.GetRawMempool(); err != nil || len(ids) != 2 {
		t.Errorf("GetRawMempool: %v %v", ids, err)
	}
	if err := c.NotifyNewTransactions(false); err != nil {
		t.Errorf("NotifyNewTransactions: %v", err)
	}
	tx := spend(coin(1), coinValue-1000)
	if txid, err := c.SendRawTransaction(tx, false); err != nil || *txid != tx.TxHash() {
		t.Errorf("SendRawTransaction: %v %v", txid, err)
	}
	if txid := <-accepted; txid != tx.TxHash() {
		t.Errorf("told of %v", txid)
	}
	if err := c.NotifyNewTransactions(true); err != nil {
		t.Errorf("NotifyNewTransactions: %v", err)
	}
	tx = spend(coin(2), coinValue-1000)
	if _, err := c.SendRawTransaction(tx, false); err != nil {
		t.Errorf("SendRawTransaction: %v", err)
	}
	if got := <-verbose; got.Txid != tx.TxID() || got.Hex != hexOf(tx) || got.Vout[0].Value != 0.99999 {
		t.Errorf("told of %+v", got)
	}
}
