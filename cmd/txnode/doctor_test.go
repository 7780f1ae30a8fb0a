package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/txnode/txnode/node/rpc"
)

// healthy is a node at rest with two peers, as of some moment.
func healthy() vitals {
	now := time.UnixMilli(1_800_000_000_000)
	long := now.Add(-time.Hour).Unix()
	v := vitals{
		mempool: rpc.MempoolInfo{Loaded: true, Size: 10, MempoolMinFee: 100, MinRelayTxFee: 100},
		network: rpc.NetworkInfo{TxNode: rpc.NetworkExtra{Version: "0.1.0"}},
		totals:  rpc.NetTotals{TimeMillis: now.UnixMilli()},
		uptime:  time.Hour,
		asked:   now.Add(-time.Millisecond), answered: now.Add(time.Millisecond),
	}
	for i, id := range []string{"A", "B"} {
		v.peers = append(v.peers, rpc.PeerInfo{ID: uint64(i), ConnTime: long, MinFeeFilter: 110, SubVer: "txnode/0.1.0", TxNode: rpc.PeerExtra{PeerID: id}})
		v.recon.Peers = append(v.recon.Peers, rpc.ReconPeer{ID: uint64(i), PeerID: id, Rounds: 100, Failed: 10})
		v.overlay.Others = append(v.overlay.Others, rpc.OverlayNode{PeerID: id, Lags: true}) // as transactions are under way
	}
	v.overlay.Nodes = 3
	return v
}

func TestDoctorFindsOneThingAtATime(t *testing.T) {
	well := healthy()
	now := well.now()
	failure := func(ago time.Duration, incompatible bool) rpc.PeerFailure {
		return rpc.PeerFailure{PeerID: "C", Addr: "/ip4/192.0.2.1/tcp/1", Time: float64(now.Add(-ago).Unix()), Reason: "why", Incompatible: incompatible}
	}
	for _, c := range []struct {
		name string
		harm func(v *vitals)
		want []string // the beginning of each finding
	}{
		{"healthy", func(*vitals) {}, nil},
		{"loading", func(v *vitals) { *v = vitals{} }, []string{"loading: the node is still loading"}},
		{"warning", func(v *vitals) { v.network.Warnings = []string{"disk"} }, []string{"warning: disk; "}},
		{"set aside", func(v *vitals) { v.setAside = []string{"/d/mempool.damaged-1"} }, []string{"disk: an earlier run"}},
		{"set aside now", func(v *vitals) {
			v.setAside = []string{"/d/mempool.damaged-1"}
			v.network.Warnings = []string{"damaged; delete /d/mempool.damaged-1"}
		}, []string{"warning: damaged"}},
		{"no peers", func(v *vitals) { v.peers, v.recon.Peers = nil, nil }, []string{"peers: the node has no peers"}},
		{"unreachable", func(v *vitals) { v.network.TxNode.Failures = []rpc.PeerFailure{failure(0, false)} }, []string{"peers: /ip4/192.0.2.1/tcp/1 is not reached: why; "}},
		{"incompatible", func(v *vitals) { v.network.TxNode.Failures = []rpc.PeerFailure{failure(0, true)} }, []string{"network: C at /ip4/192.0.2.1/tcp/1: why; "}},
		{"long ago", func(v *vitals) { v.network.TxNode.Failures = []rpc.PeerFailure{failure(time.Hour, true)} }, nil},
		{"clock behind", func(v *vitals) { v.asked, v.answered = now.Add(time.Minute), now.Add(time.Minute) }, []string{"clock: the node's clock is 1m0s behind"}},
		{"clock ahead", func(v *vitals) { v.asked, v.answered = now.Add(-time.Minute), now.Add(-time.Minute) }, []string{"clock: the node's clock is 1m0s ahead"}},
		{"slow answer", func(v *vitals) { v.asked = now.Add(-time.Minute) }, nil},
		{"a clock ahead", func(v *vitals) { v.overlay.Others[1].Ahead = 3600 }, []string{"clock: the clocks of 1 of 2 nodes are ahead of this node's by up to 1h0m0s: B; set their clocks"}},
		{"all clocks ahead", func(v *vitals) { v.overlay.Others[0].Ahead, v.overlay.Others[1].Ahead = 60, 90 }, []string{"clock: the clocks of 2 of 2 nodes are ahead of this node's by up to 1m30s: A, B; set this node's"}},
		{"a floor above", func(v *vitals) { v.peers[1].MinFeeFilter = 1000 }, []string{"fees: 1 of 2 peers take nothing below a floor of up to 0.00001000 BTC/kvB, and this node from 0.00000100 on"}},
		{"floor above theirs", func(v *vitals) { v.mempool.MempoolMinFee, v.mempool.MinRelayTxFee = 1000, 1000 }, []string{
			"fees: this node takes nothing below 0.00001000 BTC/kvB, and 2 of 2 peers from 0.00000110 on, so that it lacks what pays less: peer 0 (A…), peer 1 (B…); start all nodes"}},
		{"full", func(v *vitals) { v.mempool.MempoolMinFee = 1000 }, []string{"fees: this node takes nothing below"}},
		{"lag", func(v *vitals) { v.overlay.Others[0].Lacks = 7 }, []string{"overlay: 1 of 2 other nodes lack up to 7 transactions"}},
		{"lag of a new peer", func(v *vitals) { v.overlay.Others[0].Lacks, v.peers[0].ConnTime = 7, now.Unix() }, nil},
		{"lag of no peer", func(v *vitals) { v.overlay.Others = append(v.overlay.Others, rpc.OverlayNode{PeerID: "D", Lacks: 7}) }, []string{"overlay: 1 of 3"}},
		{"difference", func(v *vitals) { v.overlay.Others[0].Differs = true }, []string{"overlay: 1 of 2 other nodes hold another mempool"}},
		{"no difference by now", func(v *vitals) {
			v.overlay.Others[0].Differs = true
			v.differences = map[string]rpc.MempoolDiff{"A": {Equal: true}}
		}, nil},
		{"conflict", func(v *vitals) {
			v.overlay.Others[0].Differs = true
			v.differences = map[string]rpc.MempoolDiff{"A": {Difference: rpc.Difference{Ours: []string{"a"}, Refused: []rpc.Refused{{WTxID: "b", Reason: "txn-mempool-conflict"}}}}}
		}, []string{"overlay: peer A lacks 1 transactions of this node's, which lacks 1 of its, 1 of them refused here: b (txn-mempool-conflict); time does not change that"}},
		{"no beacons", func(v *vitals) { v.overlay = rpc.OverlayInfo{Overlay: rpc.Overlay{Nodes: 1}} }, []string{"overlay: the node has peers and hears no beacon"}},
		{"rounds fail", func(v *vitals) {
			v.recon.Peers[1] = rpc.ReconPeer{ID: 1, PeerID: "B", Rounds: 5, Failed: 4, LastReason: "timeout"}
		}, []string{"recon: 4 of 5 rounds with peer 1 (B) failed, the last with timeout"}},
		{"lacks", func(v *vitals) { v.recon.Peers[0].Lacks = 3 }, []string{"recon: peer 0 (A) was offered 3"}},
		{"withholds", func(v *vitals) { v.recon.Peers[0].Withholds = 3 }, []string{"recon: peer 0 (A) offered 3"}},
		{"no rounds", func(v *vitals) { v.recon.Peers = nil }, []string{"recon: no round"}},
		{"waiting", func(v *vitals) { v.waiting, v.whyWaiting = []string{"1", "2", "3", "4"}, "0 of 2 peers hold it" }, []string{
			"unbroadcast: 4 transactions submitted here have not been shown to have arrived anywhere, the first because 0 of 2 peers hold it: 1, 2, 3 and 1 more; "}},
		{"another version", func(v *vitals) { v.peers[0].SubVer = "txnode/0.0.9" }, nil},
		{"another version beside a finding", func(v *vitals) {
			v.peers[0].SubVer, v.recon.Peers[0].Lacks = "txnode/0.0.9", 3
		}, []string{"recon: ", "version: 1 of 2 peers do not run txnode/0.1.0: peer 0 (A…): txnode/0.0.9; "}},
	} {
		v := healthy()
		c.harm(&v)
		d := diagnosis{Findings: v.findings()}
		var out strings.Builder
		if err := d.print(&out); err != nil {
			t.Fatal(err)
		}
		var lines []string
		if len(d.Findings) > 0 {
			lines = strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		}
		if !slices.EqualFunc(lines, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", c.name, lines, c.want)
		}
	}
}
