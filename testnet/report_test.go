package testnet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func convergedReport() *Report {
	return &Report{
		Relay:           RelayMesh,
		Nodes:           20,
		Verdict:         Verdict{Outcome: Converged, Nodes: 20, Txs: 300, Digests: 1, Digest: [32]byte{0x9f, 0x3c}},
		Elapsed:         27412 * time.Millisecond,
		Txs:             200,
		Deliveries:      3800,
		Latency:         Latency{0.31, 0.58, 0.8404, 1.02},
		Bytes:           Bytes{Announce: 27.5, Request: 8, Body: 299.04, Reconcile: 4, Control: 2, Beacon: 12, Overhead: 41, Total: 352.54},
		BodiesPerTxNode: 0.95,
		Partition:       Partition{Seconds: 10.004, HealSeconds: 6.1, Rounds: 3.5, Nodes: [2]int{10, 10}, Txs: [2]int{50, 50}},
	}
}

func divergedReport() *Report {
	r := convergedReport()
	r.Fault = "node3"
	r.Verdict = Verdict{Outcome: Diverged, Nodes: 20, Txs: 300, Digests: 2, Missing: 286, Gaps: []Gap{
		{Node: "node3", Count: 285, TxIDs: []chainhash.Hash{{1}, {2}, {3}, {4}}},
		{Node: "node5", Count: 1, Final: true, Reason: "txn-mempool-conflict", TxIDs: []chainhash.Hash{{5}}},
	}}
	r.Partition.HealSeconds = never
	return r
}

func TestReportAsJSON(t *testing.T) {
	const numbers = `"latency":{"p50":0.31,"p90":0.58,"p99":0.84,"max":1.02},` +
		`"bytes_per_tx_node":{"announce":27.5,"request":8,"body":299.04,"reconcile":4,"control":2,"beacon":12,"overhead":41,"total":352.54},` +
		`"bodies_per_tx_node":0.95,`
	settled := divergedReport()
	settled.Verdict.Outcome = Settled
	idle := &Report{Nodes: 4, Relay: RelayMesh, Verdict: Verdict{Outcome: Converged, Digests: 1}, Latency: summarize(nil)}
	for _, c := range []struct {
		report *Report
		want   string
	}{
		{convergedReport(), `{"nodes":20,"txs":200,"converged":true,"settled":true,"digests":1,"missing":0,"seconds":27.412,` +
			numbers + `"partition":{"seconds":10.004,"heal_seconds":6.1},"relay":"mesh","trickle":false}`},
		{divergedReport(), `{"nodes":20,"txs":200,"converged":false,"settled":false,"digests":2,"missing":286,"seconds":27.412,` +
			numbers + `"partition":{"seconds":10.004,"heal_seconds":null},"relay":"mesh","trickle":false}`},
		{settled, `{"nodes":20,"txs":200,"converged":false,"settled":true,"digests":2,"missing":286,"seconds":27.412,` +
			numbers + `"partition":{"seconds":10.004,"heal_seconds":null},"relay":"mesh","trickle":false}`},
		{idle, `{"nodes":4,"txs":0,"converged":true,"settled":true,"digests":1,"missing":0,"seconds":0,` +
			`"latency":{"p50":null,"p90":null,"p99":null,"max":null},` +
			`"bytes_per_tx_node":{"announce":0,"request":0,"body":0,"reconcile":0,"control":0,"beacon":0,"overhead":0,"total":0},` +
			`"bodies_per_tx_node":0,"partition":{"seconds":0,"heal_seconds":0},"relay":"mesh","trickle":false}`},
	} {
		got, err := json.Marshal(c.report)
		if err != nil || string(got) != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, got, c.want)
		}
	}
}

func TestReportAsText(t *testing.T) {
	const numbers = `steady     200 transactions, 3800 deliveries to other nodes
latency    p50 310 ms, p90 580 ms, p99 840 ms, max 1.0 s
bytes      341 per transaction and node: 299 body, 28 announce, 8 request, 4 reconcile, 2 control; beacons 12 more
overhead   41 of them are more than one body per delivery; 0.95 bodies per transaction and node
partition  10.0 s, 10 nodes with 50 transactions against 10 with 50; `
	for _, c := range []struct {
		report *Report
		want   string
	}{
		{convergedReport(), numbers + `mempools equal 6.1 s after its end, 3.5 rounds per node (log2 of the nodes: 4.3)

CONVERGED: 20/20 mempools identical, 300 transactions, digest 9f3c000000000000…, 27.4 s
`},
		{divergedReport(), numbers + `mempools were not equal again

node3 (told to request nothing) lacks 285 of 300 transactions, which it would accept: they never reached it
    ` + chainhash.Hash{1}.String() + `
    ` + chainhash.Hash{2}.String() + `
    ` + chainhash.Hash{3}.String() + `
    and 282 more
node5 lacks 1 of 300 transactions, which it refuses for good: txn-mempool-conflict
    ` + chainhash.Hash{5}.String() + `

DIVERGED: 2 different mempools among 20 nodes, 300 transactions; missing are 286 at node3, node5, 27.4 s
`},
	} {
		var b strings.Builder
		if err := c.report.WriteText(&b); err != nil || b.String() != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, b.String(), c.want)
		}
	}
}

func TestTextStaysShort(t *testing.T) {
	r := convergedReport()
	r.Verdict.Outcome = Diverged
	for i := range 1000 {
		r.Verdict.Gaps = append(r.Verdict.Gaps, Gap{Node: nodeName(i), Reason: "not examined", Count: 10, TxIDs: make([]chainhash.Hash, 10)})
		r.Verdict.Missing += 10
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(b.String(), "\n"); lines > 120 {
		t.Errorf("%d lines", lines)
	}
	for _, want := range []string{
		"node0 lacks 10 of 300 transactions, for now: not examined",
		"and 980 more such lists, of 9800 transactions in all",
		"missing are 10000 (transaction, node) pairs at 1000 nodes",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
