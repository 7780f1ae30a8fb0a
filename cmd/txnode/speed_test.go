package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/mempool/utxo/utxotest"
	"github.com/txnode/txnode/node/rpc"
)

var (
	speedTxs = flag.Int("speed", 0, "how many transactions TestSpeed submits in each row of its table; 0 skips it")
	bitcoind = flag.String("bitcoind", "", "Bitcoin Core's bitcoind, which TestSpeed then measures, too")
)

// turns is how often the servers take turns in a row of the table, so that what else the machine does meets both.
const turns = 5

// ways are how the transactions of TestSpeed are submitted.
var ways = []struct {
	name           string
	clients, batch int
}{{"1 connection", 1, 1}, {"8 connections", 8, 1}, {"1 batch of 100", 1, 100}, {"8 batches of 100", 8, 100}}

// TestSpeed submits the same signed transactions, P2WPKH with one input and two outputs and independent of each other,
// to a node and to a real btcd, in turn, and prints how many of them each took per second and what that cost its
// process. Then it kills the node and prints how long the next one takes until it has loaded and judged again what this
// one acknowledged. A bitcoind, if there is one, takes part in both; it is stopped and not killed.
func TestSpeed(t *testing.T) {
	if *speedTxs == 0 {
		t.Skip("a measurement: -speed 5000 runs it")
	}
	btcd := utxotest.StartBTCD(t, utxo.TestScript(0)[2:])
	coins := fanOut(t, btcd, *speedTxs*len(ways))
	txs := make([]string, len(coins))
	for i, c := range coins {
		txs[i] = hex.EncodeToString(rawTx(t, spend(t, c, pays(c.Value/2-1000), pays(c.Value/2-1000))))
	}
	dir := t.TempDir()
	outputs := writeOutputs(t, dir, coins)
	p := startNode(t, dir, "--utxo", outputs)
	p.await(t.Context())
	network := filepath.Join(dir, "regtest")
	servers := []*server{
		withCookie(t, "txnode", addressIn(network), network, p.cmd.Process.Pid),
		{"btcd", btcd.Direct(), btcd.User, btcd.Password, btcd.PID()},
	}
	var third *core
	if *bitcoind != "" {
		third = startCore(t, btcd, int64(coins[0].Height))
		servers = append(servers, withCookie(t, "bitcoind", third.client.URL(), third.network(), third.cmd.Process.Pid))
	}
	t.Log("transactions per second (µs of CPU for each) × how long it took, txnode being 1")
	for i, way := range ways {
		part := txs[i**speedTxs:][:*speedTxs]
		took, used := make([]time.Duration, len(servers)), make([]time.Duration, len(servers))
		for turn := range slices.Chunk(part, (len(part)+turns-1)/turns) {
			for k, s := range servers {
				seconds, processor := s.measure(t, turn, way.clients, way.batch)
				took[k] += seconds
				used[k] += processor
			}
		}
		row, n := fmt.Sprintf("%-17s", way.name), float64(len(part))
		for k, s := range servers {
			row += fmt.Sprintf(" | %s %5.0f (%3.0f) × %.2f", s.name, n/took[k].Seconds(), used[k].Seconds()*1e6/n, took[k].Seconds()/took[0].Seconds())
		}
		t.Log(row)
	}

	p.kill()
	start := time.Now()
	info, err := startNode(t, dir, "--utxo", outputs).await(t.Context()).GetMempoolInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("after kill -9: %d of %d transactions in the mempool again %.2f s after the start of the process", info.Size, len(txs), time.Since(start).Seconds())
	if third != nil {
		took, size := third.reload(t)
		t.Logf("bitcoind, after it was stopped: %d %.2f s after the start of the process", size, took.Seconds())
	}
}

// A server is one that TestSpeed measures.
type server struct {
	name, url, user, password string
	pid                       int
}

// withCookie is one that keeps its files in the directory dir.
func withCookie(t *testing.T, name, url, dir string, pid int) *server {
	cookie, err := os.ReadFile(rpc.CookiePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(strings.TrimSpace(string(cookie)), ":")
	return &server{name, url, user, password, pid}
}

// measure submits the transactions and returns how long that took, and the processor time that the server used.
func (s *server) measure(t *testing.T, txs []string, clients, batch int) (took, used time.Duration) {
	var bodies [][]byte
	for group := range slices.Chunk(txs, batch) {
		calls := make([]string, len(group))
		for i, tx := range group {
			calls[i] = fmt.Sprintf(`{"jsonrpc":"1.0","id":%d,"method":"sendrawtransaction","params":["%s"]}`, i, tx)
		}
		body := calls[0]
		if batch > 1 {
			body = "[" + strings.Join(calls, ",") + "]"
		}
		bodies = append(bodies, []byte(body))
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	work := make(chan []byte, len(bodies))
	for _, body := range bodies {
		work <- body
	}
	close(work)
	before, start := processorTime(s.pid), time.Now()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for body := range work {
				if err := s.post(t.Context(), client, body); err != nil {
					t.Errorf("%s: %v", s.name, err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start), processorTime(s.pid) - before
}

// post sends a body, all calls of which must succeed.
func (s *server) post(ctx context.Context, client *http.Client, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(s.user, s.password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && bytes.Count(answer, []byte(`"error":null`)) != bytes.Count(body, []byte("sendrawtransaction")) {
		err = fmt.Errorf("%s: %.300s", resp.Status, answer)
	}
	return err
}

// processorTime is what the process has used so far, as Linux counts it in hundredths of a second; 0 elsewhere.
func processorTime(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// fanOut makes at least n confirmed P2WPKH outputs in btcd's chain.
func fanOut(t *testing.T, btcd *utxotest.BTCD, n int) []utxo.Output {
	const perTx = 1000
	fans := int32(n+perTx-1) / perTx
	btcd.Mine(uint32(fans) + 100)
	height, value := fans+101, int64(0)
	var coins []utxo.Output
	for h := int64(1); h <= int64(fans); h++ {
		coinbase := btcd.Block(h).Transactions[0]
		c := utxo.Output{OutPoint: wire.OutPoint{Hash: coinbase.TxHash()}}
		c.Value = coinbase.TxOut[0].Value
		value = (c.Value - 1_000_000) / perTx
		outs := make([]*wire.TxOut, perTx)
		for i := range outs {
			outs[i] = pays(value)
		}
		tx := spend(t, c, outs...)
		id, err := btcd.SendRawTransaction(tx, true)
		if err != nil {
			t.Fatal(err)
		}
		for i := range perTx {
			coins = append(coins, utxo.Output{
				OutPoint: wire.OutPoint{Hash: *id, Index: uint32(i)},
				PrevOut:  mempool.PrevOut{Value: value, PkScript: utxo.TestScript(0), Height: height},
			})
		}
	}
	btcd.Mine(1)
	return coins[:n]
}

func pays(value int64) *wire.TxOut { return wire.NewTxOut(value, utxo.TestScript(0)) }

// spend signs a transaction that spends c, which belongs to the first test key.
func spend(t *testing.T, c utxo.Output, outs ...*wire.TxOut) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	tx.TxOut = outs
	script := utxo.TestScript(0)
	hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(script, c.Value))
	witness, err := txscript.WitnessSignature(tx, hashes, 0, c.Value, script, txscript.SigHashAll, utxo.TestKey(0), true)
	if err != nil {
		t.Fatal(err)
	}
	tx.TxIn[0].Witness = witness
	return tx
}

func rawTx(t *testing.T, tx *wire.MsgTx) []byte {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writeOutputs writes an allocation of these outputs.
func writeOutputs(t *testing.T, dir string, outputs []utxo.Output) (path string) {
	tip := utxo.DefaultTip()
	tip.Height = outputs[0].Height
	allocation, err := utxo.New("regtest", tip, outputs)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := allocation.Write(&b); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "outputs.json")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
