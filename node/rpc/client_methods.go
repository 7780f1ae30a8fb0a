package rpc

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool/mempooldat"
)

// SendRawTransaction submits a serialized transaction and returns its txid. The
// server's default limit on the fee rate applies.
func (c *Client) SendRawTransaction(ctx context.Context, raw []byte) (chainhash.Hash, error) {
	var txid string
	if err := c.Call(ctx, &txid, "sendrawtransaction", hex.EncodeToString(raw)); err != nil {
		return chainhash.Hash{}, err
	}
	h, err := chainhash.NewHashFromStr(txid)
	if err != nil {
		return chainhash.Hash{}, err
	}
	return *h, nil
}

// TestMempoolAccept asks whether the transactions would be accepted.
func (c *Client) TestMempoolAccept(ctx context.Context, raws ...[]byte) ([]TestMempoolAccept, error) {
	return call[[]TestMempoolAccept](ctx, c, "testmempoolaccept", hexes(raws))
}

// SubmitPackage submits the parents of a transaction and last that child.
func (c *Client) SubmitPackage(ctx context.Context, raws ...[]byte) (SubmitPackage, error) {
	return call[SubmitPackage](ctx, c, "submitpackage", hexes(raws))
}

// StandTransaction submits a transaction that is left standing if the mempool
// does not take it now. The server's default limit on the fee rate applies.
func (c *Client) StandTransaction(ctx context.Context, raw []byte) (StandTransaction, error) {
	return call[StandTransaction](ctx, c, "standtransaction", hex.EncodeToString(raw))
}

// ListStanding returns the transactions left standing.
func (c *Client) ListStanding(ctx context.Context) ([]StandingTx, error) {
	return call[[]StandingTx](ctx, c, "liststanding")
}

// AbortStanding gives up a transaction left standing, by txid or wtxid.
func (c *Client) AbortStanding(ctx context.Context, id string) (AbortStanding, error) {
	return call[AbortStanding](ctx, c, "abortstanding", id)
}

// SaveMempool has the node write its mempool to a file, whose path it returns.
func (c *Client) SaveMempool(ctx context.Context) (SaveMempool, error) {
	return call[SaveMempool](ctx, c, "savemempool")
}

// ImportMempool has the node add the transactions of a file on its host to its
// mempool. Core does not tell what became of them.
func (c *Client) ImportMempool(ctx context.Context, path string, o mempooldat.ImportOptions) (ImportMempool, error) {
	return call[ImportMempool](ctx, c, "importmempool", path, map[string]bool{
		"use_current_time": !o.KeepTimes, "apply_fee_delta_priority": o.FeeDeltas, "apply_unbroadcast_set": o.Unbroadcast, "verbose": true,
	})
}

func hexes(raws [][]byte) []string {
	texts := make([]string, len(raws))
	for i, raw := range raws {
		texts[i] = hex.EncodeToString(raw)
	}
	return texts
}

// GetTxOut returns an unspent output, confirmed or of the mempool; nil if there
// is none.
func (c *Client) GetTxOut(ctx context.Context, txid string, n uint32) (*TxOut, error) {
	return call[*TxOut](ctx, c, "gettxout", txid, n)
}

// GetRawMempool returns the txids in the mempool.
func (c *Client) GetRawMempool(ctx context.Context) ([]string, error) {
	return call[[]string](ctx, c, "getrawmempool")
}

// GetRawMempoolVerbose returns the mempool by txid.
func (c *Client) GetRawMempoolVerbose(ctx context.Context) (map[string]MempoolEntry, error) {
	return call[map[string]MempoolEntry](ctx, c, "getrawmempool", true)
}

// GetMempoolEntry returns what the mempool knows of a transaction.
func (c *Client) GetMempoolEntry(ctx context.Context, txid string) (MempoolEntry, error) {
	return call[MempoolEntry](ctx, c, "getmempoolentry", txid)
}

// GetMempoolInfo returns totals of the mempool.
func (c *Client) GetMempoolInfo(ctx context.Context) (MempoolInfo, error) {
	return call[MempoolInfo](ctx, c, "getmempoolinfo")
}

// GetMempoolDigest returns the mempool digest and what is heard of others'.
func (c *Client) GetMempoolDigest(ctx context.Context) (MempoolDigest, error) {
	return call[MempoolDigest](ctx, c, "getmempooldigest")
}

// GetOverlayInfo tells what the node hears of the others of its network.
func (c *Client) GetOverlayInfo(ctx context.Context) (OverlayInfo, error) {
	return call[OverlayInfo](ctx, c, "getoverlayinfo")
}

// GetReconInfo returns what is known of reconciliation, with so many rounds.
func (c *Client) GetReconInfo(ctx context.Context, rounds int) (ReconInfo, error) {
	return call[ReconInfo](ctx, c, "getreconinfo", rounds)
}

// GetMempoolDiff compares mempools with a peer of the node.
func (c *Client) GetMempoolDiff(ctx context.Context, peer string) (MempoolDiff, error) {
	return call[MempoolDiff](ctx, c, "getmempooldiff", peer)
}

// Reconcile has the node reconcile with a peer now.
func (c *Client) Reconcile(ctx context.Context, peer string) (Round, error) {
	return call[Round](ctx, c, "reconcile", peer)
}

// GetTxPropagation returns how far a transaction has spread, as peers told the
// node.
func (c *Client) GetTxPropagation(ctx context.Context, txid string) (Propagation, error) {
	return call[Propagation](ctx, c, "gettxpropagation", txid)
}

// WaitTxPropagation waits up to timeout, at most [MaxPropagationWait], until a
// share of the node's peers holds the transaction.
func (c *Client) WaitTxPropagation(ctx context.Context, txid string, fraction float64, timeout time.Duration) (Propagation, error) {
	return call[Propagation](ctx, c, "waittxpropagation", txid, fraction, int(timeout.Seconds()))
}

// GetRawTransaction returns the serialization of a transaction in the mempool.
func (c *Client) GetRawTransaction(ctx context.Context, txid string) ([]byte, error) {
	raw, err := call[string](ctx, c, "getrawtransaction", txid)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(raw)
}

// GetRawTransactionVerbose returns a transaction in the mempool, taken apart.
func (c *Client) GetRawTransactionVerbose(ctx context.Context, txid string) (RawTransaction, error) {
	return call[RawTransaction](ctx, c, "getrawtransaction", txid, 1)
}

// GetPeerInfo returns the connected peers.
func (c *Client) GetPeerInfo(ctx context.Context) ([]PeerInfo, error) {
	return call[[]PeerInfo](ctx, c, "getpeerinfo")
}

// GetNetworkInfo returns the node's own end of the network.
func (c *Client) GetNetworkInfo(ctx context.Context) (NetworkInfo, error) {
	return call[NetworkInfo](ctx, c, "getnetworkinfo")
}

// GetConnectionCount returns the number of connected peers.
func (c *Client) GetConnectionCount(ctx context.Context) (int, error) {
	return call[int](ctx, c, "getconnectioncount")
}

// GetBlockchainInfo returns what transactions are judged at.
func (c *Client) GetBlockchainInfo(ctx context.Context) (BlockchainInfo, error) {
	return call[BlockchainInfo](ctx, c, "getblockchaininfo")
}

// AddNode adds, removes or tries a node once; command is add, remove or onetry
// and node a multiaddr.
func (c *Client) AddNode(ctx context.Context, node, command string) error {
	return c.Call(ctx, nil, "addnode", node, command)
}

// DisconnectNode closes the link with the peer of that id in getpeerinfo.
func (c *Client) DisconnectNode(ctx context.Context, id uint64) error {
	return c.Call(ctx, nil, "disconnectnode", "", id)
}

// Uptime returns how many seconds the node has been running.
func (c *Client) Uptime(ctx context.Context) (int64, error) {
	return call[int64](ctx, c, "uptime")
}

// Help returns the list of methods, or the help of the one named.
func (c *Client) Help(ctx context.Context, method string) (string, error) {
	return call[string](ctx, c, "help", method)
}

// Stop asks the node to shut down. It returns before the node has.
func (c *Client) Stop(ctx context.Context) error {
	return c.Call(ctx, nil, "stop")
}

func call[T any](ctx context.Context, c *Client, method string, params ...any) (result T, err error) {
	err = c.Call(ctx, &result, method, params...)
	return result, err
}
