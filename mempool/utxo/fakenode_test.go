package utxo_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
)

// fakeNode answers as a Bitcoin node does, without verifying anything.
type fakeNode struct {
	server *httptest.Server

	mu         sync.Mutex
	genesis    chainhash.Hash
	chain      []*wire.MsgBlock // from height base on; the tip last
	base       int32
	stale      map[chainhash.Hash]*wire.MsgBlock
	median     int64
	medianThen int64 // at base
	outputs    map[wire.OutPoint]utxo.Output
	requests   int // HTTP requests
	calls      map[string]int

	news    chan struct{} // what waitfornewblock waits for; nil: there is no such method
	warming atomic.Bool   // the next waitfornewblock comes too early

	// answer, if set, is asked first; true means it has answered.
	answer func(w http.ResponseWriter) bool
}

const (
	fakeUser     = "alice"
	fakePassword = "secret"
)

func newFakeNode(t testing.TB, network string, tip utxo.Tip, outputs []utxo.Output) *fakeNode {
	n := &fakeNode{
		genesis:    *chaincfg.RegressionNetParams.GenesisHash,
		base:       tip.Height,
		median:     tip.MedianTime.Unix(),
		medianThen: tip.MedianTime.Unix(),
		stale:      make(map[chainhash.Hash]*wire.MsgBlock),
		outputs:    make(map[wire.OutPoint]utxo.Output),
		calls:      make(map[string]int),
	}
	if network == "testnet4" {
		n.genesis = *chaincfg.TestNet4Params.GenesisHash
	}
	for _, o := range outputs {
		n.outputs[o.OutPoint] = o
	}
	n.chain = []*wire.MsgBlock{{Header: wire.BlockHeader{Nonce: uint32(tip.Height)}}}
	n.server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.server.Close)
	return n
}

func (n *fakeNode) config() utxo.RPCConfig {
	return utxo.RPCConfig{
		Network: "regtest", URL: n.server.URL, User: fakeUser, Password: fakePassword, PollInterval: time.Millisecond,
	}
}

// mine appends a block of the transactions and a coinbase, which salt makes
// unlike others.
func (n *fakeNode) mine(salt uint32, txs ...*wire.MsgTx) *wire.MsgBlock {
	n.mu.Lock()
	defer n.mu.Unlock()
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{byte(salt), 1}, nil))
	coinbase.AddTxOut(wire.NewTxOut(50, []byte{0x51}))
	coinbase.LockTime = salt
	b := &wire.MsgBlock{Transactions: append([]*wire.MsgTx{coinbase}, txs...)}
	b.Header.PrevBlock = n.chain[len(n.chain)-1].BlockHash()
	b.Header.Nonce = salt
	n.chain = append(n.chain, b)
	n.median++
	for i, tx := range b.Transactions {
		for _, in := range tx.TxIn {
			delete(n.outputs, in.PreviousOutPoint)
		}
		for j, out := range tx.TxOut {
			op := wire.OutPoint{Hash: tx.TxHash(), Index: uint32(j)}
			n.outputs[op] = utxo.Output{OutPoint: op, PrevOut: mempool.PrevOut{
				Value: out.Value, PkScript: out.PkScript, Height: n.height(), Coinbase: i == 0,
			}}
		}
	}
	return b
}

// invalidate takes off the tip; the caller restores what it spent.
func (n *fakeNode) invalidate(restored ...utxo.Output) {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := n.chain[len(n.chain)-1]
	n.chain = n.chain[:len(n.chain)-1]
	n.stale[b.BlockHash()] = b
	for _, tx := range b.Transactions {
		for j := range tx.TxOut {
			delete(n.outputs, wire.OutPoint{Hash: tx.TxHash(), Index: uint32(j)})
		}
	}
	for _, o := range restored {
		n.outputs[o.OutPoint] = o
	}
}

func (n *fakeNode) height() int32 { return n.base + int32(len(n.chain)) - 1 }

// hashAt invents hashes for what lies below the first block held.
func (n *fakeNode) hashAt(height int32) chainhash.Hash {
	switch {
	case height == 0:
		return n.genesis
	case height < n.base:
		return chainhash.HashH(fmt.Append(nil, height))
	}
	return n.chain[height-n.base].BlockHash()
}

func (n *fakeNode) find(hash string) (*wire.MsgBlock, int32) {
	for i, b := range n.chain {
		if b.BlockHash().String() == hash {
			return b, n.base + int32(i)
		}
	}
	h, err := chainhash.NewHashFromStr(hash)
	if err != nil {
		return nil, 0
	}
	return n.stale[*h], -1
}

// called is how often a method was.
func (n *fakeNode) called(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[method]
}

// awaitCalls waits until a method was called so often.
func (n *fakeNode) awaitCalls(method string, times int) {
	for n.called(method) < times {
		runtime.Gosched()
	}
}

func (n *fakeNode) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if n.news != nil && bytes.Contains(body, []byte("waitfornewblock")) {
		if n.warming.Swap(false) {
			write(w, `[{"id":1,"error":{"code":-28,"message":"Loading block index…"},"result":null}]`)
			return
		}
		select {
		case <-n.news:
			write(w, `[{"id":1,"error":null,"result":{"hash":"00","height":1}}]`)
		case <-r.Context().Done():
		}
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests++
	if n.answer != nil && n.answer(w) {
		return
	}
	if user, password, _ := r.BasicAuth(); user != fakeUser || password != fakePassword {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	type request struct {
		ID     int               `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	type response struct {
		ID     int `json:"id"`
		Result any `json:"result"`
		Error  any `json:"error"`
	}
	var requests []request
	if err := json.Unmarshal(body, &requests); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	responses := make([]response, len(requests))
	for i, q := range requests {
		n.calls[q.Method]++
		responses[i].ID = q.ID
		result, code := n.call(q.Method, q.Params)
		responses[i].Result = result
		if code != 0 {
			responses[i].Error = map[string]any{"code": code, "message": "no"}
		}
	}
	json.NewEncoder(w).Encode(responses)
}

func (n *fakeNode) call(method string, params []json.RawMessage) (result any, code int) {
	text := func(i int) (s string) {
		json.Unmarshal(params[i], &s)
		return s
	}
	switch method {
	case "getblockchaininfo":
		return map[string]any{
			"chain": "regtest", "blocks": n.height(), "bestblockhash": n.hashAt(n.height()).String(), "mediantime": n.median,
		}, 0
	case "getbestblockhash":
		return n.hashAt(n.height()).String(), 0
	case "getblockhash":
		var height int32
		json.Unmarshal(params[0], &height)
		if height > n.height() {
			return nil, -8
		}
		return n.hashAt(height).String(), 0
	case "getblockheader":
		return n.header(text(0))
	case "getblock":
		b, _ := n.find(text(0))
		if b == nil {
			return nil, -5
		}
		var buf bytes.Buffer
		b.Serialize(&buf)
		return hex.EncodeToString(buf.Bytes()), 0
	case "gettxout":
		return n.txOut(text(0), params[1]), 0
	}
	return nil, -32601
}

// header invents the times, 10 minutes apart, such that the first block held has
// the median time it was given.
func (n *fakeNode) header(hash string) (result any, code int) {
	b, height := n.find(hash)
	if b == nil {
		for height = 0; height < n.base && n.hashAt(height).String() != hash; height++ {
		}
	}
	if height < 0 || b == nil && height == n.base {
		return nil, -5
	}
	h := map[string]any{"height": height, "time": n.medianThen + 600*int64(height-n.base+5)}
	if height > n.base {
		h["previousblockhash"] = b.Header.PrevBlock.String()
	} else if height > 0 {
		h["previousblockhash"] = n.hashAt(height - 1).String()
	}
	return h, 0
}

func (n *fakeNode) txOut(txid string, index json.RawMessage) any {
	hash, err := chainhash.NewHashFromStr(txid)
	op := wire.OutPoint{}
	if err == nil {
		op.Hash, err = *hash, json.Unmarshal(index, &op.Index)
	}
	o, ok := n.outputs[op]
	if err != nil || !ok {
		return nil
	}
	return map[string]any{
		"bestblock":     n.hashAt(n.height()).String(),
		"confirmations": n.height() + 1 - o.Height,
		"value":         btcutil.Amount(o.Value).ToBTC(),
		"scriptPubKey":  map[string]any{"hex": hex.EncodeToString(o.PkScript), "asm": "…"},
		"coinbase":      o.Coinbase,
	}
}
