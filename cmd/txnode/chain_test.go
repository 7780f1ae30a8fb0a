package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/mempool/utxo/utxotest"
	"github.com/txnode/txnode/node/rpc"
)

// TestChainRPC runs a node on a real btcd: it waits for it, reports its tip,
// follows it, and ends in time while it is away.
func TestChainRPC(t *testing.T) {
	btcd := utxotest.StartBTCD(t, utxo.TestScript(0)[2:])
	btcd.Mine(3)
	dir := t.TempDir()
	for name, value := range map[string]string{
		"DATADIR": dir, "LISTEN": "/ip4/127.0.0.1/tcp/0", "RPC_LISTEN": "127.0.0.1:0", "CHAIN_RPC_PASSWORD": btcd.Password,
	} {
		t.Setenv("TXNODE_"+name, value)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var out bytes.Buffer
	ended := make(chan error, 1)
	begin := func() {
		root := newRoot()
		root.SetArgs([]string{"run", "--chain-rpc", btcd.URL, "--chain-rpc-user", btcd.User})
		root.SetOut(&out)
		root.SetErr(io.Discard)
		go func() { ended <- root.ExecuteContext(ctx) }()
	}
	btcd.Restart(begin) // the node starts before btcd does

	cookie := rpc.CookiePath(filepath.Join(dir, "regtest"))
	expectHeight := func(want int32) {
		t.Helper()
		for ctx.Err() == nil {
			c, err := rpc.NewClient(rpc.ClientConfig{URL: addressIn(filepath.Join(dir, "regtest")), CookieFile: cookie})
			if err != nil {
				t.Fatal(err)
			}
			if info, err := c.GetBlockchainInfo(ctx); err == nil && int32(info.Blocks) == want {
				return
			}
			select {
			case err := <-ended:
				t.Fatalf("the node ended: %v", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
		t.Fatalf("the node does not report height %d", want)
	}
	expectHeight(3)
	btcd.Mine(1)
	expectHeight(4)

	btcd.Kill()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("txnode run: %v", err)
	}
	if want := "Bitcoin node " + btcd.URL + " at height 3"; !strings.Contains(out.String(), want) {
		t.Errorf("txnode run does not say %q:\n%s", want, &out)
	}
	if strings.Contains(out.String(), btcd.Password) {
		t.Error("the password is printed")
	}
}
