package main

import (
	"bytes"
	"encoding/hex"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/txnode/txnode/mempool/utxo/utxotest"
	"github.com/txnode/txnode/node/rpc"
)

// core is a bitcoind of Bitcoin Core in regtest, with no peers.
type core struct {
	dir, port string
	cmd       *exec.Cmd
	client    *rpc.Client
}

// startCore starts one with the blocks of a btcd.
func startCore(t *testing.T, btcd *utxotest.BTCD, height int64) *core {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	c := &core{dir: t.TempDir(), port: port}
	c.client, err = rpc.NewClient(rpc.ClientConfig{URL: "http://127.0.0.1:" + port, CookieFile: rpc.CookiePath(c.network())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.cmd.Process.Kill() // it may have ended
		c.cmd.Wait()
	})
	c.start(t)
	for h := range height {
		var block bytes.Buffer
		if err := btcd.Block(h + 1).Serialize(&block); err != nil {
			t.Fatal(err)
		}
		var fault string
		err := c.client.Call(t.Context(), &fault, "submitblock", hex.EncodeToString(block.Bytes()))
		if err != nil || fault != "" {
			t.Fatalf("block %d: %s, %v", h+1, fault, err)
		}
	}
	return c
}

// start returns when the mempool is loaded.
func (c *core) start(t *testing.T) {
	c.cmd = exec.Command(*bitcoind, "-regtest", "-datadir="+c.dir, "-rpcport="+c.port, "-listen=0", "-connect=0",
		"-printtoconsole=0", "-checkmempool=0", "-checkblockindex=0") // as on the main network
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, time.Minute, "bitcoind has loaded its mempool", func() bool {
		info, err := c.client.GetMempoolInfo(t.Context())
		return err == nil && info.Loaded
	})
}

// network is where it keeps its files.
func (c *core) network() string { return filepath.Join(c.dir, "regtest") }

// reload stops it, and returns how long the next one takes to have how many transactions.
func (c *core) reload(t *testing.T) (took time.Duration, size int) {
	if err := c.client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.cmd.Wait()
	start := time.Now()
	c.start(t)
	took = time.Since(start)
	info, err := c.client.GetMempoolInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return took, int(info.Size)
}
