package testnet

import (
	"runtime"
	"testing"
)

// maxHeap is the heap a node at rest may take, in bytes.
const maxHeap = 25_000_000

// maxLeft is by how much the heap may differ after a second cluster: by less than
// half of a node. Some cache of 4 MiB is made once, by the first or the second.
const maxLeft = 6_000_000

// Nodes that are started, linked, loaded and stopped in one process take little
// at rest, and leave nothing behind: what is left after the first cluster,
// caches of libraries and the runtime's descriptors of ended goroutines, is not
// more after the second.
func TestManyNodesInOneProcess(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Degree, cfg.Txs, cfg.Rate, cfg.Partition, cfg.RPC = 10, 4, 20, 50, 0, false
	if *long {
		cfg.Nodes, cfg.Txs = 100, 200
	}
	before := heap()
	runMany(t, cfg, before)
	first := heap()
	runMany(t, cfg, first)
	second := heap()
	t.Logf("%.1f MB more heap than before once all have stopped, %.1f MB more after as many again",
		float64(first-before)/1e6, float64(second-first)/1e6)
	if second-first > maxLeft {
		t.Errorf("%d bytes are left of the second cluster, want at most %d", second-first, maxLeft)
	}
}

// runMany measures on the way. Nothing of its cluster outlives the call.
func runMany(t *testing.T, cfg Config, before int64) {
	c, err := Start(t.Context(), cfg, Observer{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	report, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict.Outcome != Converged {
		t.Errorf("%s", report.VerdictLine())
	}
	each := (heap() - before) / int64(cfg.Nodes)
	t.Logf("%d nodes, %.1f MB of heap each at rest, %d goroutines", cfg.Nodes, float64(each)/1e6, runtime.NumGoroutine())
	if each > maxHeap {
		t.Errorf("a node takes %d bytes of heap, want at most %d", each, maxHeap)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers have freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
