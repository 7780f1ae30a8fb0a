package backend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/testnet/txgen"
)

// Files are named as in Core, with relative paths in the data directory, and only
// regular ones are read.
func TestMempoolFiles(t *testing.T) {
	outputs, err := utxo.TestAllocation("regtest", 10)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts, cfg.DataDir = "regtest", outputs, t.TempDir()
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	defer func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}()
	<-n.Ready()
	gen, err := txgen.New(txgen.Config{Network: "regtest", To: 1})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := gen.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	b := New(n, Options{Network: "regtest", Tip: outputs, DataDir: cfg.DataDir})
	saved, err := b.SaveMempool()
	if err != nil || saved != filepath.Join(cfg.DataDir, "mempool.dat") {
		t.Fatal(saved, err)
	}
	pipe := filepath.Join(cfg.DataDir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		saved: "", "mempool.dat": "", "../" + filepath.Base(cfg.DataDir) + "/mempool.dat": "",
		"": "not the absolute path", "none": "none: no such file or directory", "pipe": "pipe is not a regular file", ".": "is not a regular file",
		"identity.key": "no valid mempool.dat: before the number of transactions: its version is neither 1 nor 2",
	} {
		report, err := b.ImportMempool(t.Context(), path, mempooldat.ImportOptions{})
		if want == "" && (err != nil || report.AlreadyThere != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %+v, %v", path, report, err)
		}
	}
	nowhere := New(n, Options{Network: "regtest", Tip: outputs})
	if _, err := nowhere.ImportMempool(t.Context(), "mempool.dat", mempooldat.ImportOptions{}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	asleep := New(n, Options{Network: "regtest", Tip: silent{outputs}})
	if _, err := asleep.ImportMempool(t.Context(), saved, mempooldat.ImportOptions{}); !errors.Is(err, rpc.ErrNotSynced) {
		t.Error(err)
	}
}

// silent is a source of previous outputs that does not answer.
type silent struct{ mempool.PrevOuts }

func (silent) Lookup(wire.OutPoint) (mempool.PrevOut, bool, error) {
	return mempool.PrevOut{}, false, errors.New("connection refused")
}
