package node

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/storage"
	"github.com/txnode/txnode/testnet/txgen"
)

var long = flag.Bool("long", false, "run what takes minutes as well")

// believe makes the engine of a node that does not run yet take transactions for
// accepted of which there are no bodies: enough to reconcile, not to serve.
func believe(n *Node, from, to int) {
	for i := from; i < to; i++ {
		var seed [8]byte
		binary.LittleEndian.PutUint64(seed[:], uint64(i))
		n.relay.Accepted(time.Now(), inv.Tx{WTxID: sha256.Sum256(seed[:]), FeeRate: 1000, Size: 300}, inv.SourceRestored)
	}
}

// cpu is the processor time that the process has spent.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// start runs a node that was prepared, until the test ends.
func start(t *testing.T, n *Node) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-n.Ready()
}

// TestSyncBytes compares large mempools over the streams of two nodes: what the
// first round of a link sends, and the processor time of both sides.
func TestSyncBytes(t *testing.T) {
	n, tests := 12_000, []struct{ difference, limit int }{{0, 300}, {40, 1300}, {800, 16_500}}
	if *long {
		n, tests = 300_000, []struct{ difference, limit int }{{0, 300}, {1000, 20_000}, {20_000, 320_000}}
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d of %d", test.difference, n), func(t *testing.T) {
			cfg := rarely(t)
			cfg.Rand = rand.NewChaCha8([32]byte{1}) // the estimate, and with it the bytes, depend on a nonce
			a, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			half := test.difference / 2
			believe(a, 0, n)
			start(t, a)
			cfg.P2P.Bootstrap = []string{a.Addrs()[0].String()}
			b, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			believe(b, half, n+half)
			events := b.Events(t.Context())
			runtime.GC()
			before := cpu(t)
			start(t, b)
			for e := range events {
				if e.Kind != EventRound {
					continue
				}
				r := e.Round
				spent := cpu(t) - before
				// Naming what the other lacks costs what an INV would.
				named := 6 * (r.Wanted + r.Offered)
				summary := r.BytesSent + r.BytesReceived - named
				t.Logf("%s: %d differ, %d bytes and %d of announcements, %v of processor time on both sides together",
					r.Outcome, r.Difference, summary, named, spent)
				if r.Outcome.Failed() || r.Steady || r.Difference != test.difference {
					t.Errorf("round %+v", r)
				}
				if summary > test.limit {
					t.Errorf("more than %d bytes", test.limit)
				}
				if spent > 2*time.Second {
					t.Error("more than a second of processor time on each side")
				}
				return
			}
		})
	}
}

// stock fills a data directory with signed transactions, as a node leaves it.
func stock(t *testing.T, dir string, cfg Config, raws [][]byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := storage.Open(filepath.Join(dir, "mempool"), storage.Options{Network: cfg.Network, PrevOuts: cfg.PrevOuts.Digest()})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	const writers = 256 // who share commits
	now := time.Now()
	for w := range writers {
		group.Go(func() {
			for i := w; i < len(raws); i += writers {
				r := storage.Record{WTxID: chainhash.DoubleHashH(raws[i]), Raw: raws[i], Time: now, Sequence: uint64(i + 1)}
				if err := db.Put(t.Context(), r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// signed makes an even number of transactions, each second one a child of the one
// before.
func signed(t *testing.T, count int) [][]byte {
	t.Helper()
	raws := make([][]byte, count)
	workers := runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			from, to := w*count/2/workers, (w+1)*count/2/workers
			gen, err := txgen.New(txgen.Config{Network: "regtest", From: from, To: to})
			for i := from; i < to && err == nil; i++ {
				var pair []*txgen.Tx
				if pair, err = gen.Chain(2); err == nil {
					raws[2*i], raws[2*i+1] = pair[0].Raw, pair[1].Raw
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return raws
}

// TestLargeMempoolsMeet has two nodes with real transactions meet: 1000 each, 30
// of them not the other's, or with -long 100 000 and 300. They must be identical
// within 5 s of connecting.
func TestLargeMempoolsMeet(t *testing.T) {
	count, apart := 1000, 30
	if *long {
		count, apart = 100_000, 300
	}
	cfg := testConfig(t)
	var err error
	if cfg.PrevOuts, err = utxo.TestAllocation("regtest", (count+apart)/2); err != nil {
		t.Fatal(err)
	}
	raws := signed(t, count+apart)
	nodes := make([]*Node, 2)
	for i, own := range [][][]byte{raws[:count], raws[apart:]} {
		cfg.DataDir = t.TempDir()
		stock(t, cfg.DataDir, cfg, own)
		nodes[i], _ = run(t, cfg)
		if _, held := nodes[i].Digest(); held != count {
			t.Fatalf("%d of %d transactions loaded", held, count)
		}
	}
	a, b := nodes[0], nodes[1]
	events := []func(func(Event) bool){a.Events(t.Context()), b.Events(t.Context())}
	connected := time.Now()
	if err := b.Connect(t.Context(), a.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		for e := range events[i] {
			if _, held := n.Digest(); e.Kind == EventAdded && held == count+apart {
				break
			}
		}
	}
	took := time.Since(connected)
	left, _ := a.Digest()
	if right, _ := b.Digest(); left != right {
		t.Error("as many transactions, but not the same")
	}
	bytes := 0
	for _, r := range b.Rounds() {
		bytes += r.BytesSent + r.BytesReceived
	}
	t.Logf("identical %v after connecting; %d bytes of reconciliation: 8 for each difference would be %d, all ids of both %d",
		took.Round(time.Millisecond), bytes, 8*2*apart, 6*2*count)
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if ideal := 8 * 2 * apart; float64(bytes) > 4*float64(ideal)+4*8*math.Sqrt(float64(2*apart))+600 {
		t.Errorf("%d bytes", bytes)
	}
}

// TestDamagedStoreIsRefilled damages every file of a stored mempool; the next
// round over whole mempools brings back all that was in it.
func TestDamagedStoreIsRefilled(t *testing.T) {
	cfg := testConfig(t)
	raws := signed(t, 50)
	whole := cfg
	whole.DataDir = t.TempDir()
	stock(t, whole.DataDir, cfg, raws)
	a, _ := run(t, whole)
	for _, percent := range []int64{0, 50, 95} {
		t.Run(fmt.Sprintf("at %d %%", percent), func(t *testing.T) {
			cfg := cfg
			cfg.DataDir = t.TempDir()
			stock(t, cfg.DataDir, cfg, raws)
			scramble(t, filepath.Join(cfg.DataDir, "mempool"), percent)
			b, _ := run(t, cfg)
			if _, held := b.Digest(); held == len(raws) {
				t.Fatal("nothing was damaged")
			}
			events := b.Events(t.Context())
			if err := b.Connect(t.Context(), a.Addrs()[0].String()); err != nil {
				t.Fatal(err)
			}
			want, _ := a.Digest()
			for range events {
				if digest, _ := b.Digest(); digest == want {
					break
				}
			}
		})
	}
}

// scramble flips bits in every file, from a place in what is used of it on.
func scramble(t *testing.T, dir string, percent int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		used := len(content)
		for used > 0 && content[used-1] == 0 {
			used--
		}
		for i := used * int(percent) / 100; i < used; i += 16 {
			content[i] ^= 0x55
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
