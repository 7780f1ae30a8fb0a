package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/node/rpc"
)

// anyoneScript locks the outputs of the test's own allocation: nothing is asked for but the script, so that the load is
// on the disk and not on signatures.
var anyoneScript = func() []byte {
	h := sha256.Sum256([]byte{txscript.OP_TRUE})
	return append([]byte{txscript.OP_0, txscript.OP_DATA_32}, h[:]...)
}()

const (
	anyoneCoins = 20_000
	anyoneValue = 100_000_000 // satoshi
)

func anyoneCoin(i int) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.HashH([]byte("crash")), Index: uint32(i)}
}

// writeAllocation writes an allocation of outputs that anyone can spend.
func writeAllocation(t *testing.T, dir string) (path string) {
	t.Helper()
	type output struct {
		TxID         string `json:"txid"`
		Vout         uint32 `json:"vout"`
		Value        int64  `json:"value"`
		ScriptPubKey string `json:"scriptPubKey"`
	}
	outputs := make([]output, anyoneCoins)
	for i := range outputs {
		op := anyoneCoin(i)
		outputs[i] = output{op.Hash.String(), op.Index, anyoneValue, fmt.Sprintf("%x", anyoneScript)}
	}
	b, err := json.Marshal(map[string]any{"network": "regtest", "outputs": outputs})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "allocation.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// spendAnyone spends coin i with so much data and pays rate satoshi per byte.
func spendAnyone(i, data int, rate int64) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	op := anyoneCoin(i)
	tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{{txscript.OP_TRUE}}))
	tx.AddTxOut(wire.NewTxOut(anyoneValue-rate*int64(200+data), anyoneScript))
	if data > 0 {
		tx.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN}, make([]byte, data)...)))
	}
	return tx
}

// A process is the real program, running a node.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	output *bytes.Buffer
	ended  chan struct{} // closed when it has ended; its output is whole then
}

func startNode(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, output: new(bytes.Buffer), ended: make(chan struct{})}
	os.Remove(filepath.Join(dir, "regtest", "rpc.addr"))
	p.cmd = exec.Command("txnode", append([]string{"run", "--datadir", dir, "--listen", "/ip4/127.0.0.1/tcp/0", "--rpc-listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// await returns a client of the node once it has loaded its mempool.
func (p *process) await(ctx context.Context) *rpc.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir := filepath.Join(p.dir, "regtest")
	for {
		if _, err := os.Stat(filepath.Join(dir, "rpc.addr")); err == nil {
			c, err := rpc.NewClient(rpc.ClientConfig{URL: addressIn(dir), CookieFile: rpc.CookiePath(dir)})
			if err != nil {
				p.t.Fatal(err)
			}
			if info, err := c.GetMempoolInfo(ctx); err == nil && info.Loaded {
				return c
			}
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-p.ended:
			p.t.Fatalf("txnode run ended:\n%s", p.output)
		case <-ctx.Done():
			p.t.Fatal("the node does not answer")
		}
	}
}

// acks are what nodes have acknowledged, and must hold from then on.
type acks struct {
	mu   sync.Mutex
	held map[chainhash.Hash]bool // false: replaced by what is held
	next int                     // coin
}

func (a *acks) coin() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	return a.next - 1
}

func (a *acks) note(held, replaced chainhash.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[held] = true
	if replaced != (chainhash.Hash{}) {
		a.held[replaced] = false
	}
}

// load submits until the node is gone: small transactions and some of up to 40 kB, every eighth of which it then
// replaces.
func (a *acks) load(ctx context.Context, t *testing.T, c *rpc.Client, random *rand.Rand) {
	send := func(tx *wire.MsgTx) (chainhash.Hash, bool) {
		var buf bytes.Buffer
		if err := tx.Serialize(&buf); err != nil {
			panic(err)
		}
		txid, err := c.SendRawTransaction(ctx, buf.Bytes())
		if refused := (*rpc.Error)(nil); errors.As(err, &refused) {
			t.Errorf("a live node refuses: %v", err)
		}
		return txid, err == nil
	}
	for {
		coin, data := a.coin(), 0
		if coin >= anyoneCoins {
			return
		}
		if random.IntN(4) == 0 {
			data = random.IntN(40_000)
		}
		first, ok := send(spendAnyone(coin, data, 2))
		if !ok {
			return
		}
		a.note(first, chainhash.Hash{})
		if coin%8 > 0 {
			continue
		}
		a.forget(first) // from now on either may be there
		second, ok := send(spendAnyone(coin, data, 5))
		if !ok {
			return
		}
		a.note(second, first)
	}
}

func (a *acks) forget(id chainhash.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.held, id)
}

// check compares what a node holds with what was acknowledged.
func (a *acks) check(t *testing.T, c *rpc.Client) {
	t.Helper()
	list, err := c.GetRawMempool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	lost, back := 0, 0
	for id, held := range a.held {
		if _, there := slices.BinarySearch(list, id.String()); held && !there {
			lost++
		} else if !held && there {
			back++
		}
	}
	if lost > 0 || back > 0 {
		t.Fatalf("of %d acknowledged transactions %d are lost, and %d are back that were replaced", len(a.held), lost, back)
	}
}

// crashRounds is how many times the node is killed.
var crashRounds = flag.Int("crash-rounds", 3, "how many times TestKillUnderLoad kills the node")

// crashRoundsPerDir bounds what has to be loaded.
const crashRoundsPerDir = 25

// What a node has acknowledged survives kill -9 at any moment: under load, while it loads, and while badger flushes and
// compacts what large transactions fill it with.
func TestKillUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	allocation := writeAllocation(t, t.TempDir())
	var a *acks
	var dir string
	acked, early := 0, 0
	for round := range *crashRounds {
		if round%crashRoundsPerDir == 0 {
			if a != nil {
				acked += len(a.held)
			}
			dir, a = t.TempDir(), &acks{held: make(map[chainhash.Hash]bool)}
		}
		p := startNode(t, dir, "--utxo", allocation)
		if random.IntN(5) == 0 { // it starts and loads
			early++
			select {
			case <-time.After(time.Duration(random.IntN(300)) * time.Millisecond):
			case <-p.ended:
				t.Fatalf("round %d, seed %d: txnode run ended:\n%s", round, seed, p.output)
			}
			p.kill()
			continue
		}
		c := p.await(t.Context())
		a.check(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for range 4 {
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			senders.Go(func() { a.load(ctx, t, c, own) })
		}
		<-time.After(time.Duration(random.IntN(400)) * time.Millisecond)
		p.kill()
		cancel()
		senders.Wait()
		if strings.Contains(p.output.String(), "was damaged") {
			t.Errorf("a kill is taken for damage:\n%s", p.output)
		}
		if t.Failed() {
			t.Fatalf("round %d, seed %d", round, seed)
		}
	}
	p := startNode(t, dir, "--utxo", allocation)
	a.check(t, p.await(t.Context()))
	p.kill()
	if strings.Contains(p.output.String(), "was damaged") {
		t.Errorf("a kill is taken for damage:\n%s", p.output)
	}
	t.Logf("%d rounds, %d of them while starting; %d acknowledged transactions, none lost (seed %d)", *crashRounds, early, acked+len(a.held), seed)
}
