package utxo_test

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/mempool/utxo/utxotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t testing.TB, cfg utxo.RPCConfig) *utxo.RPC {
	t.Helper()
	r, err := utxo.Connect(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestRPCConforms(t *testing.T) {
	utxotest.Test(t, func(t testing.TB, w utxotest.World) mempool.PrevOuts {
		cfg := newFakeNode(t, w.Network, w.Tip, w.Outputs).config()
		cfg.Network = w.Network
		return connect(t, cfg)
	})
}

// observed is what a source that is followed told.
type observed struct {
	connected   chan mempool.Block
	reorganized chan []*wire.MsgTx
}

// follow runs Follow until the test ends.
func follow(t testing.TB, r *utxo.RPC) observed {
	o := observed{make(chan mempool.Block, 1000), make(chan []*wire.MsgTx, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Follow(ctx, mempool.ChainObserver{
			Connected:   func(b mempool.Block) { o.connected <- b },
			Reorganized: func(txs []*wire.MsgTx) { o.reorganized <- txs },
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return o
}

var testTip = utxo.Tip{Height: 150, MedianTime: time.Unix(1_650_000_000, 0)}

func testOutputs(n int) []utxo.Output {
	outputs := make([]utxo.Output, n)
	for i := range outputs {
		outputs[i] = utxo.Output{
			OutPoint: wire.OutPoint{Hash: chainhash.HashH([]byte("a")), Index: uint32(i)},
			PrevOut:  mempool.PrevOut{Value: 1000, PkScript: []byte{txscript.OP_TRUE}, Height: 3},
		}
	}
	return outputs
}

// spending makes a transaction that spends op.
func spending(op wire.OutPoint) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&op, nil, nil))
	tx.AddTxOut(wire.NewTxOut(900, []byte{txscript.OP_TRUE}))
	return tx
}

func expect(t testing.TB, r *utxo.RPC, op wire.OutPoint, want bool) {
	t.Helper()
	if _, found, err := r.Lookup(op); found != want || err != nil {
		t.Errorf("Lookup(%v): found %t, %v; want %t", op, found, err, want)
	}
}

func TestAnswersAreCached(t *testing.T) {
	outputs := testOutputs(250)
	n := newFakeNode(t, "regtest", testTip, outputs)
	r := connect(t, n.config())
	ops := []wire.OutPoint{{Hash: chainhash.HashH([]byte("missing"))}}
	for _, o := range outputs {
		ops = append(ops, o.OutPoint)
	}
	before := n.requests
	if err := r.Prefetch(ops); err != nil {
		t.Fatal(err)
	}
	if got := n.requests - before; got != 3 {
		t.Errorf("%d outputs took %d requests; want 3, of at most 100 each", len(ops), got)
	}
	expect(t, r, ops[0], false)
	for _, o := range outputs {
		expectOutput(t, r, o)
	}
	if got := n.requests - before; got != 3 {
		t.Errorf("known outputs took %d requests more", got-3)
	}
}

func expectOutput(t testing.TB, r *utxo.RPC, want utxo.Output) {
	t.Helper()
	got, found, err := r.Lookup(want.OutPoint)
	if err != nil || !found || got.Value != want.Value || got.Height != want.Height || got.Coinbase != want.Coinbase {
		t.Errorf("Lookup(%v) = %+v, %t, %v; want %+v", want.OutPoint, got, found, err, want.PrevOut)
	}
}

func TestBlocksAreFollowed(t *testing.T) {
	outputs := testOutputs(2)
	n := newFakeNode(t, "regtest", testTip, outputs)
	r := connect(t, n.config())
	o := follow(t, r)
	tx := spending(outputs[0].OutPoint)
	created := wire.OutPoint{Hash: tx.TxHash()}
	expect(t, r, outputs[0].OutPoint, true)
	expect(t, r, created, false)

	mined := n.mine(1, tx)
	b := <-o.connected
	if b.Hash != mined.BlockHash() || b.Height != testTip.Height+1 || len(b.Txs) != 2 || b.Txs[1].TxHash() != tx.TxHash() {
		t.Errorf("told of block %v at %d with %d transactions", b.Hash, b.Height, len(b.Txs))
	}
	expect(t, r, outputs[0].OutPoint, false)
	expect(t, r, created, true)
	expect(t, r, outputs[1].OutPoint, true)
	if height, median := r.Tip(); height != testTip.Height+1 || !median.Equal(testTip.MedianTime.Add(time.Second)) {
		t.Errorf("the tip is %d, %v", height, median)
	}
}

// A node that tells of its blocks need not be asked for them.
func TestBlocksAreToldAtOnce(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	n.news = make(chan struct{})
	cfg := n.config()
	cfg.PollInterval = time.Hour
	o := follow(t, connect(t, cfg))
	n.awaitCalls("getblockchaininfo", 2) // Connect's, and the first of Follow
	for salt := range uint32(2) {
		mined := n.mine(salt)
		n.news <- struct{}{}
		if b := <-o.connected; b.Hash != mined.BlockHash() {
			t.Errorf("told of block %v", b.Hash)
		}
	}
}

// A node that is asked while it starts is asked again.
func TestNodeThatStartsTellsOfBlocksLater(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	n.news = make(chan struct{})
	n.warming.Store(true)
	follow(t, connect(t, n.config()))
	n.news <- struct{}{} // is received
	if n.warming.Load() {
		t.Error("it was not asked too early")
	}
}

// A node that does not is asked once whether it would.
func TestNodeThatDoesNotTellOfBlocks(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	o := follow(t, connect(t, n.config()))
	n.awaitCalls("waitfornewblock", 1)
	for salt := range uint32(5) {
		n.mine(salt)
		<-o.connected
	}
	if asked := n.called("waitfornewblock"); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestReorganizationsAreFollowed(t *testing.T) {
	outputs := testOutputs(3)
	n := newFakeNode(t, "regtest", testTip, outputs)
	r := connect(t, n.config())
	o := follow(t, r)
	parent := spending(outputs[0].OutPoint)
	child := spending(wire.OutPoint{Hash: parent.TxHash()})
	n.mine(1, parent)
	n.mine(2, child)
	<-o.connected
	<-o.connected
	expect(t, r, outputs[0].OutPoint, false)
	expect(t, r, wire.OutPoint{Hash: child.TxHash()}, true)

	// Both steps at once, as far as the source sees.
	n.mu.Lock()
	n.answer = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }
	n.mu.Unlock()
	n.invalidate()
	n.invalidate(outputs[0])
	other := n.mine(3)
	n.mu.Lock()
	n.answer = nil
	n.mu.Unlock()

	if b := <-o.connected; b.Hash != other.BlockHash() {
		t.Errorf("connected %v; want %v", b.Hash, other.BlockHash())
	}
	returned := <-o.reorganized
	if len(returned) != 2 || returned[0].TxHash() != parent.TxHash() || returned[1].TxHash() != child.TxHash() {
		t.Errorf("%d transactions came back; want parent and child", len(returned))
	}
	expect(t, r, outputs[0].OutPoint, true)
	expect(t, r, wire.OutPoint{Hash: child.TxHash()}, false)
	if height, _ := r.Tip(); height != testTip.Height+1 {
		t.Errorf("the tip is at %d; want %d", height, testTip.Height+1)
	}

	// A block taken off with none in its place is a reorganization, too.
	n.invalidate()
	if returned := <-o.reorganized; len(returned) != 0 {
		t.Errorf("%d transactions came back; the block had only a coinbase", len(returned))
	}
}

// Whoever learns that an output is gone can already know what took it, however
// rarely the node is asked for its tip.
func TestAbsenceIsToldAfterItsCause(t *testing.T) {
	outputs := testOutputs(1)
	n := newFakeNode(t, "regtest", testTip, outputs)
	cfg := n.config()
	cfg.PollInterval = time.Hour
	r := connect(t, cfg)
	o := follow(t, r)
	tx := spending(outputs[0].OutPoint)

	n.mine(1, tx)
	expect(t, r, outputs[0].OutPoint, false)
	if len(o.connected) != 1 {
		t.Error("the observer has not heard of the block that spends the output")
	}
	n.invalidate(outputs[0])
	expect(t, r, wire.OutPoint{Hash: tx.TxHash()}, false)
	if len(o.reorganized) != 1 {
		t.Error("the observer has not heard that the block which creates the output left the chain")
	}
}

func TestChangesTooLargeToFollow(t *testing.T) {
	outputs := testOutputs(1)
	n := newFakeNode(t, "regtest", testTip, outputs)
	r := connect(t, n.config())
	expect(t, r, outputs[0].OutPoint, true)
	n.mine(0, spending(outputs[0].OutPoint))
	for i := range uint32(200) {
		n.mine(i + 1)
	}
	o := follow(t, r)
	if returned := <-o.reorganized; returned != nil || len(o.connected) > 0 {
		t.Errorf("%d blocks and %d transactions were told; want only that everything may have changed", len(o.connected), len(returned))
	}
	expect(t, r, outputs[0].OutPoint, false)
	if height, _ := r.Tip(); height != testTip.Height+201 {
		t.Errorf("the tip is at %d", height)
	}
}

// While the node is away nothing is judged, not even by what is cached: blocks
// may have spent it.
func TestNodeGoesAwayAndComesBack(t *testing.T) {
	outputs := testOutputs(2)
	for name, away := range map[string]func(http.ResponseWriter) bool{
		"busy": func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true },
		"starting": func(w http.ResponseWriter) bool {
			return write(w, `[{"id":1,"result":null,"error":{"code":-28,"message":"Loading"}}]`)
		},
		"gone": func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t, "regtest", testTip, outputs)
			r := connect(t, n.config())
			expect(t, r, outputs[0].OutPoint, true)
			n.mu.Lock()
			n.answer = away
			n.mu.Unlock()
			for _, o := range []utxo.Output{outputs[1], outputs[0]} {
				if _, _, err := r.Lookup(o.OutPoint); err == nil || !strings.Contains(err.Error(), "the Bitcoin node does not answer") {
					t.Errorf("Lookup while it is away: %v", err)
				}
			}
			n.mu.Lock()
			n.answer = nil
			n.mu.Unlock()
			o := follow(t, r)
			n.mine(1)
			<-o.connected
			// Follow clears the error just after it told of the block.
			for {
				if _, found, err := r.Lookup(outputs[0].OutPoint); err == nil {
					if !found {
						t.Error("an output got lost while the node was away")
					}
					break
				}
				if t.Context().Err() != nil {
					t.Fatal("the node is back and not asked")
				}
			}
		})
	}
}

func write(w http.ResponseWriter, text string) bool {
	w.Write([]byte(text))
	return true
}

func TestConnectWaits(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	refusals := 3
	n.answer = func(w http.ResponseWriter) bool {
		if refusals--; refusals < 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	connect(t, n.config())
}

func TestConnectRefuses(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	notCookie := filepath.Join(t.TempDir(), "cookie")
	if err := os.WriteFile(notCookie, []byte("no colon"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*utxo.RPCConfig)
		want   string
	}{
		"no address":         {func(c *utxo.RPCConfig) { c.URL = "" }, "is not the URL"},
		"other scheme":       {func(c *utxo.RPCConfig) { c.URL = "ftp://127.0.0.1" }, "is not the URL"},
		"credentials in URL": {func(c *utxo.RPCConfig) { c.URL = "http://u:hunter2@127.0.0.1" }, "give user and password on their own"},
		"no credentials":     {func(c *utxo.RPCConfig) { c.User = "" }, "no credentials"},
		"wrong password":     {func(c *utxo.RPCConfig) { c.Password = "x" }, "refuses the credentials"},
		"no cookie":          {func(c *utxo.RPCConfig) { c.User, c.CookieFile = "", notCookie }, "is not a cookie file"},
		"other network":      {func(c *utxo.RPCConfig) { c.Network = "signet" }, "and not on signet"},
		"odd network":        {func(c *utxo.RPCConfig) { c.Network = "a/b" }, "network name"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := n.config()
			test.change(&cfg)
			r, err := utxo.Connect(t.Context(), cfg)
			if err == nil {
				r.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want an error with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the password")
			}
		})
	}
}

// btcd speaks TLS with a certificate that it has made itself.
func TestOwnCertificate(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	tlsServer := httptest.NewTLSServer(n.server.Config.Handler)
	t.Cleanup(tlsServer.Close)
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	cfg := n.config()
	cfg.URL, cfg.CertFile = tlsServer.URL, filepath.Join(t.TempDir(), "rpc.cert")
	if err := os.WriteFile(cfg.CertFile, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := utxo.Connect(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("with a file that is no certificate: %v", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tlsServer.Certificate().Raw})
	if err := os.WriteFile(cfg.CertFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	connect(t, cfg)
}

func TestCookieIsReadAgain(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, testOutputs(2))
	cfg := n.config()
	cfg.User, cfg.CookieFile = "", filepath.Join(t.TempDir(), ".cookie")
	if err := os.WriteFile(cfg.CookieFile, []byte(fakeUser+":"+fakePassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := connect(t, cfg)
	if err := os.WriteFile(cfg.CookieFile, []byte(fakeUser+":outdated"), 0o600); err != nil {
		t.Fatal(err)
	}
	op := testOutputs(1)[0].OutPoint
	if _, _, err := r.Lookup(op); err == nil || !strings.Contains(err.Error(), "refuses the credentials") {
		t.Errorf("with an outdated cookie: %v", err)
	}
	if err := os.WriteFile(cfg.CookieFile, []byte(fakeUser+":"+fakePassword), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, r, op, true)
}

// The node is trusted to tell the truth, but not to be well.
func TestNonsenseIsRefused(t *testing.T) {
	best := newFakeNode(t, "regtest", testTip, nil).hashAt(testTip.Height).String()
	result := func(s string) string { return `[{"id":1,"error":null,"result":` + s + `}]` }
	out := func(confirmations, value, script string) string {
		return result(`{"bestblock":"` + best + `","confirmations":` + confirmations + `,"value":` + value + `,"scriptPubKey":{"hex":"` + script + `"}}`)
	}
	for name, answer := range map[string]string{
		"no JSON":            "hello",
		"no batch":           `{"id":1,"result":null}`,
		"nothing":            "[]",
		"other call":         `[{"id":2,"result":null}]`,
		"twice":              `[{"id":1,"result":null},{"id":1,"result":null}]`,
		"other type":         result(`7`),
		"error":              `[{"id":1,"result":null,"error":{"code":-5,"message":"no"}}]`,
		"no block":           result(`{"confirmations":1}`),
		"no confirmations":   out("0", "1", "51"),
		"too many":           out("152", "1", "51"),
		"negative value":     out("1", "-1", "51"),
		"too much value":     out("1", "21000001", "51"),
		"no script":          out("1", "1", "5"),
		"too long a script":  out("1", "1", strings.Repeat("51", txscript.MaxScriptSize+1)),
		"too long a result":  result(`"` + strings.Repeat("x", 400_000) + `"`),
		"an endless answer":  strings.Repeat(" ", 1<<20),
		"unending structure": strings.Repeat("[", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t, "regtest", testTip, nil)
			r := connect(t, n.config())
			n.answer = func(w http.ResponseWriter) bool { return write(w, answer) }
			if out, found, err := r.Lookup(wire.OutPoint{}); err == nil {
				t.Errorf("Lookup = %+v, %t; want an error", out, found)
			}
		})
	}
}
