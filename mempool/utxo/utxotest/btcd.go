package utxotest

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/wire/v2"
)

// BTCD is a real btcd in regtest that mines to the caller's script. Everything
// it has ends with the test.
type BTCD struct {
	*rpcclient.Client // fails between Kill and Restart

	// URL, User and Password are those of its RPC server, also after a restart.
	URL, User, Password string

	t      testing.TB
	dir    string
	args   []string
	cmd    *exec.Cmd
	done   chan struct{} // closed once the process has ended
	server atomic.Pointer[url.URL]
}

// StartBTCD builds the version of btcd that the module requires and starts it,
// with no peers. Its blocks pay to the P2WPKH program. It skips the test if
// there is no Go toolchain to build it with.
func StartBTCD(t testing.TB, program []byte) *BTCD {
	t.Helper()
	payee, err := address.NewAddressWitnessPubKeyHash(program, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	b := &BTCD{t: t, dir: t.TempDir(), User: "alice", Password: "secret"}
	b.args = []string{
		"--regtest", "--notls", "--nolisten", "--nodnsseed", "--rpclisten=127.0.0.1:0",
		"--datadir=" + filepath.Join(b.dir, "data"), "--logdir=" + filepath.Join(b.dir, "logs"),
		"--configfile=" + filepath.Join(b.dir, "btcd.conf"),
		"--rpcuser=" + b.User, "--rpcpass=" + b.Password, "--miningaddr=" + payee.EncodeAddress(),
	}
	b.build()
	// A server of its own keeps the address over restarts.
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if to := b.server.Load(); to != nil {
				r.SetURL(to)
			}
			// btcd answers before the transport has looked whether the body
			// ends where it should; the server has closed it by then, and the
			// transport gives up the answer for that.
			body, _ := io.ReadAll(r.In.Body)
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	})
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.URL = front.URL
	t.Cleanup(front.Close)
	t.Cleanup(b.Kill)
	b.start()
	return b
}

// build leaves the program in dir.
func (b *BTCD) build() {
	b.t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		b.t.Skip("there is no Go toolchain to build btcd with")
	}
	version, err := exec.CommandContext(b.t.Context(), goTool, "list", "-m", "-f", "{{.Version}}", "github.com/btcsuite/btcd").Output()
	if err != nil {
		b.t.Fatalf("go list: %v", err)
	}
	install := exec.CommandContext(b.t.Context(), goTool, "install", "github.com/btcsuite/btcd@"+strings.TrimSpace(string(version)))
	install.Env = append(install.Environ(), "GOBIN="+b.dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		b.t.Fatalf("building btcd: %v\n%s", err, out)
	}
}

// start starts the process and returns when its RPC server listens and the
// client leads there. Others find it by its URL only when blocks are loaded.
func (b *BTCD) start(blocks ...*wire.MsgBlock) {
	b.t.Helper()
	b.cmd = exec.Command(filepath.Join(b.dir, "btcd"), b.args...)
	b.cmd.Env = append(b.cmd.Environ(), "HOME="+b.dir)
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	address := make(chan string, 1)
	b.done = make(chan struct{})
	go func() {
		defer close(b.done)
		defer close(address)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, at, ok := strings.Cut(lines.Text(), "RPC server listening on "); ok {
				address <- at
			}
		}
		b.cmd.Wait()
	}()
	host, ok := <-address
	if !ok {
		b.t.Fatal("btcd ended before its RPC server listened")
	}
	b.Client, err = rpcclient.New(&rpcclient.ConnConfig{
		Host: host, User: b.User, Pass: b.Password, HTTPPostMode: true, DisableTLS: true,
	}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, block := range blocks {
		if err := b.SubmitBlock(btcutil.NewBlock(block), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.server.Store(&url.URL{Scheme: "http", Host: host})
}

// Direct is the URL of its RPC server without the one in front, until it is killed.
func (b *BTCD) Direct() string { return b.server.Load().String() }

// PID is the number of its process.
func (b *BTCD) PID() int { return b.cmd.Process.Pid }

// Kill ends it at once, if it runs. Its URL does not answer from then on.
func (b *BTCD) Kill() {
	b.server.Store(nil)
	if b.Client != nil {
		b.Client.Shutdown()
		b.Client.WaitForShutdown()
	}
	if b.done != nil {
		b.cmd.Process.Kill()
		<-b.done
	}
}

// Restart runs meanwhile between killing it and starting it again. btcd begins
// with an empty chain in regtest, so it is given back the blocks it had before
// anybody finds it.
func (b *BTCD) Restart(meanwhile func()) {
	b.t.Helper()
	height, err := b.GetBlockCount()
	if err != nil {
		b.t.Fatal(err)
	}
	var blocks []*wire.MsgBlock
	for h := int64(1); h <= height; h++ {
		blocks = append(blocks, b.Block(h))
	}
	b.Kill()
	meanwhile()
	b.start(blocks...)
}

// Block is the block of its chain at height.
func (b *BTCD) Block(height int64) *wire.MsgBlock {
	b.t.Helper()
	hash, err := b.GetBlockHash(height)
	if err != nil {
		b.t.Fatal(err)
	}
	block, err := b.GetBlock(hash)
	if err != nil {
		b.t.Fatal(err)
	}
	return block
}

// Mine makes n blocks.
func (b *BTCD) Mine(n uint32) {
	b.t.Helper()
	if _, err := b.Generate(n); err != nil {
		b.t.Fatal(err)
	}
}
