package testnet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/node/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// smallConfig is a run of a few seconds.
func smallConfig() Config {
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Degree, cfg.Txs, cfg.Rate, cfg.Partition = 5, 2, 10, 50, time.Second
	cfg.Version = "0.0.0"
	return cfg
}

func (m *Member) client(t *testing.T) *rpc.Client {
	t.Helper()
	c, err := rpc.NewClient(rpc.ClientConfig{
		URL:        "http://" + m.RPC,
		CookieFile: filepath.Join(m.DataDir, Network, ".cookie"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The whole of it over real sockets and storage; virtual time covers the rest.
func TestClusterOnLoopback(t *testing.T) {
	var phases []Phase
	var last Sample
	cfg := smallConfig()
	c, err := Start(t.Context(), cfg, Observer{
		Phase:  func(p Phase, _ time.Duration) { phases = append(phases, p) },
		Sample: func(s Sample) { last = s },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	report, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := report.Verdict
	if v.Outcome != Converged || v.Txs != cfg.planned() || report.Deliveries != cfg.Txs*(cfg.Nodes-1) {
		t.Errorf("%+v", report)
	}
	want := []Phase{PhaseStart, PhaseConnect, PhaseLoad, PhaseDeliver, PhasePartition, PhaseConverge, PhaseVerdict}
	if len(phases) != len(want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	if last.Nodes != cfg.Nodes || last.Planned != cfg.planned() || last.Submitted == 0 || last.Sent == 0 {
		t.Errorf("last sample %+v", last)
	}

	// Every node can be talked to, and keeps the digest that was computed here.
	for _, m := range c.Members() {
		d, err := m.client(t).GetMempoolDigest(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if d.Digest != hex.EncodeToString(v.Digest[:]) || d.Count != v.Txs {
			t.Errorf("%s holds %d transactions, digest %s; want %d, %x", m.Name, d.Count, d.Digest, v.Txs, v.Digest)
		}
		for _, file := range []string{"bitcoin.conf", filepath.Join(Network, "rpc.addr"), filepath.Join(Network, "identity.key")} {
			if _, err := os.Stat(filepath.Join(m.DataDir, file)); err != nil {
				t.Error(err)
			}
		}
	}

	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	if _, err := os.Stat(c.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory is still there: %v", err)
	}
}

func TestClusterThatIsKeptLeavesItsData(t *testing.T) {
	cfg := smallConfig()
	cfg.Dir = filepath.Join(t.TempDir(), "made", "on", "demand")
	c, err := Start(t.Context(), cfg, Observer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string]bool{"identity.key": true, "mempool": true, ".cookie": false, "rpc.addr": false} {
		if _, err := os.Stat(filepath.Join(cfg.Dir, "node1", Network, name)); wanted != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Start(t.Context(), cfg, Observer{}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a second run in the same directory: %v", err)
	}
}

func TestStopByRPCEndsTheCluster(t *testing.T) {
	c, err := Start(t.Context(), smallConfig(), Observer{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Err(); err != nil {
		t.Errorf("a living cluster has the error %v", err)
	}
	if err := c.Members()[1].client(t).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "node1 was told to stop") {
		t.Errorf("the cluster ended because: %v", err)
	}
	if _, err := c.Run(t.Context()); !errors.Is(err, c.Err()) {
		t.Errorf("a run on it: %v", err)
	}
}

func TestRunIsInterrupted(t *testing.T) {
	reason := errors.New("enough")
	ctx, interrupt := context.WithCancelCause(t.Context())
	cfg := smallConfig()
	cfg.Txs, cfg.Rate = 1000, 100
	c, err := Start(ctx, cfg, Observer{Sample: func(s Sample) {
		if s.Submitted > 0 {
			interrupt(reason)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if report, err := c.Run(ctx); report != nil || !errors.Is(err, reason) {
		t.Errorf("%v, %v", report, err)
	}
}

func TestNodeThatCannotStartIsNamed(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	dir := t.TempDir()
	_, err = start(t.Context(), smallConfig(), Observer{}, func(i, port int) ([]multiaddr.Multiaddr, []libp2p.Option) {
		addrs, options := loopback(i, port)
		if i == 2 {
			_, port, _ := net.SplitHostPort(busy.Addr().String())
			addrs = append(addrs, multiaddr.StringCast("/ip4/127.0.0.1/tcp/"+port))
		}
		return addrs, options
	}, dir)
	if err == nil || !strings.Contains(err.Error(), "node2 cannot be started") {
		t.Errorf("%v", err)
	}
}

func TestTakenPortsAreNoObstacle(t *testing.T) {
	for _, port := range []int{preferredP2P, preferredRPC} {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer l.Close()
		} // else somebody else has it
	}
	c, err := Start(t.Context(), smallConfig(), Observer{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Members() {
		if m.RPC == "" || strings.HasSuffix(m.RPC, ":18443") {
			t.Errorf("%s has its RPC server at %q", m.Name, m.RPC)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
