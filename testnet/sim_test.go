package testnet

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/marcopolo/simnet"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/testnet/txgen"
)

// simulate runs cfg in virtual time.
func simulate(t *testing.T, cfg Config) (report *Report) {
	inBubble(t, cfg, func(t *testing.T, c *Cluster) {
		var err error
		if report, err = c.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return report
}

// inBubble starts a cluster in virtual time: real nodes and QUIC, in-memory
// storage. It returns when all has ended.
func inBubble(t *testing.T, cfg Config, use func(*testing.T, *Cluster)) {
	// Under the race detector bubbles need it (golang/go#78156), and simnet
	// takes endpoints one at a time: a cluster opens one node per core.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		network := newVirtual(simnet.StaticLatency(virtualLatency))
		cfg.RPC = false
		c, err := start(t.Context(), cfg, Observer{}, network.wire, "")
		if err != nil {
			t.Fatal(err)
		}
		use(t, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		network.close()
	})
}

func TestTwentyNodesConvergeAfterAPartition(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Degree, cfg.Txs, cfg.Rate, cfg.Partition = 4, 30, 10, 6*time.Second
	var r *Report
	inBubble(t, cfg, func(t *testing.T, c *Cluster) {
		c.observer.observer.Phase = func(p Phase, _ time.Duration) {
			if p != PhaseConverge {
				return
			}
			// The partition has just ended: nobody knows of the other side yet.
			for _, m := range c.members {
				if _, count := m.Node.Digest(); count <= 30 || count > 30+15 {
					t.Errorf("%s holds %d transactions after the partition", m.Name, count)
				}
			}
		}
		var err error
		if r, err = c.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		return
	}
	if v := r.Verdict; v.Outcome != Converged || v.Digests != 1 || v.Missing != 0 || v.Txs != 60 {
		t.Errorf("%s: %d digests, %d missing of %d transactions", v.Outcome, v.Digests, v.Missing, v.Txs)
	}
	if r.Txs != 30 || r.Deliveries != 30*19 {
		t.Errorf("%d deliveries of %d transactions", r.Deliveries, r.Txs)
	}
	if r.Partition.Txs != [2]int{15, 15} || r.Partition.Nodes != [2]int{10, 10} || r.Partition.HealSeconds.Never() {
		t.Errorf("partition %+v", r.Partition)
	}
}

// eight is a smaller run.
func eight() Config {
	cfg := DefaultConfig()
	cfg.Nodes, cfg.Degree, cfg.Txs, cfg.Rate, cfg.Partition = 8, 2, 10, 5, 6*time.Second
	return cfg
}

func TestFaultyNodeIsNamed(t *testing.T) {
	cfg := eight()
	cfg.FaultNode = 3
	r := simulate(t, cfg)
	if r.Verdict.Outcome != Diverged || r.Verdict.OK() || r.Verdict.Digests != 2 {
		t.Fatalf("%s with %d digests", r.Verdict.Outcome, r.Verdict.Digests)
	}
	if len(r.Verdict.Gaps) != 1 || r.Verdict.Gaps[0].Node != "node3" || r.Verdict.Gaps[0].Final {
		t.Errorf("gaps %+v", r.Verdict.Gaps)
	}
}

func TestReconciliationAloneConverges(t *testing.T) {
	cfg := eight()
	cfg.Relay = RelayNone
	r := simulate(t, cfg)
	if r.Verdict.Outcome != Converged || r.Bytes.Announce != 0 {
		t.Errorf("%s with %v announced", r.Verdict.Outcome, r.Bytes.Announce)
	}
}

// Without reconciliation a half learns of the other's transactions only what
// some node there has had nobody to announce to.
func TestPartitionOutlastsAnnouncements(t *testing.T) {
	cfg := eight()
	cfg.Rate, cfg.Partition, cfg.Recon = 2, 20*time.Second, false
	r := simulate(t, cfg)
	if r.Verdict.Outcome != Diverged || r.Verdict.Digests < 2 || !r.Partition.HealSeconds.Never() {
		t.Fatalf("%s with %d digests", r.Verdict.Outcome, r.Verdict.Digests)
	}
	var names []string
	for _, g := range r.Verdict.Gaps {
		names = append(names, g.Node)
	}
	if len(slices.Compact(names)) != 8 {
		t.Errorf("gaps at %v", names)
	}
}

// doubleSpend connects the cluster and makes two transactions that spend the same. It
// returns nil once it has failed the test.
func doubleSpend(t *testing.T, c *Cluster) (r *run, sides [2]*txgen.Tx) {
	r = &run{Cluster: c}
	if err := r.connect(t.Context()); err != nil {
		t.Error(err)
		return nil, sides
	}
	coins, err := txgen.New(txgen.Config{Network: Network, From: 0, To: 1})
	if err != nil {
		t.Error(err)
		return nil, sides
	}
	if sides, err = coins.Conflict(); err != nil {
		t.Error(err)
		return nil, sides
	}
	return r, sides
}

// Each of two neighbours is given one side of a double spend.
func TestDoubleSpendSettles(t *testing.T) {
	inBubble(t, eight(), func(t *testing.T, c *Cluster) {
		r, sides := doubleSpend(t, c)
		if r == nil {
			return
		}
		for i, tx := range sides {
			if err := r.submit(t.Context(), tx.Raw, i); err != nil {
				t.Error(err)
			}
		}
		if err := r.submit(t.Context(), sides[1].Raw, 0); !errors.Is(err, mempool.ErrConflict) || !strings.Contains(err.Error(), "node0 does not take") {
			t.Errorf("the other side at node0: %v", err)
		}
		if equal, err := r.awaitEqual(t.Context(), r.members, func() {}); equal || err != nil {
			t.Errorf("conflicting mempools became equal: %v, %v", equal, err)
		}
		if err := r.judge(t.Context()); err != nil {
			t.Error(err)
		}
		v := r.report.Verdict
		if v.Outcome != Settled || v.Digests != 2 || v.Missing != 8 || v.Txs != 2 {
			t.Errorf("%+v", v)
		}
		want := fmt.Sprintf("insufficient fee, rejecting replacement %s, not enough additional fees to relay; 0.00 < 0.00000016: conflicts with %s",
			sides[1].TxID, sides[0].TxID)
		if g := v.Gaps[0]; g.Node != "node0" || !g.Final || g.Reason != want || g.TxIDs[0] != sides[1].TxID {
			t.Errorf("%+v, want the reason %q", g, want)
		}
	})
}

// Each side of a partition is given one side of a double spend. When it has
// healed, every node says why it does without the other, and after the rounds
// that found them no body is fetched again.
func TestDoubleSpendAcrossAPartitionSettles(t *testing.T) {
	inBubble(t, eight(), func(t *testing.T, c *Cluster) {
		r, pair := doubleSpend(t, c)
		if r == nil {
			return
		}
		side := halves(len(r.members), c.cfg.random(halvesStream))
		r.split(side)
		if err := r.cut(t.Context(), side); err != nil {
			t.Error(err)
			return
		}
		for s, tx := range pair {
			if err := r.submit(t.Context(), tx.Raw, slices.Index(side, s)); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * time.Second)
		r.heal()
		r.healed = time.Now()
		if equal, err := r.awaitEqual(t.Context(), r.members, func() {}); equal || err != nil {
			t.Errorf("conflicting mempools became equal: %v, %v", equal, err)
		}
		if err := r.judge(t.Context()); err != nil {
			t.Error(err)
		}
		v := r.report.Verdict
		if v.Outcome != Settled || v.Digests != 2 || v.Missing != 8 {
			t.Errorf("%+v", v)
		}
		for _, g := range v.Gaps {
			// A node without neighbours on its side takes what it hears of first.
			held := pair[0].TxID
			if g.TxIDs[0] == held {
				held = pair[1].TxID
			}
			if !g.Final || !strings.HasSuffix(g.Reason, "conflicts with "+held.String()) {
				t.Errorf("%+v", g)
			}
		}
		bodies := r.sent().Body
		time.Sleep(2 * time.Minute)
		if again := r.sent().Body; again != bodies || bodies == 0 {
			t.Errorf("%d B of bodies were sent, then %d B", bodies, again-bodies)
		}
	})
}

func TestNodeThatStaysAloneIsNamed(t *testing.T) {
	inBubble(t, eight(), func(t *testing.T, c *Cluster) {
		c.members[5].Node.SetPeerFilter(func(peer.ID) bool { return false })
		_, err := c.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "not formed within 1m0s") || !strings.Contains(err.Error(), "links") {
			t.Errorf("%v", err)
		}
	})
}

// What is pushed need not be asked for and arrives sooner; in a network that is
// too small for three hops, most of it arrives twice.
func TestPushesReplaceRequests(t *testing.T) {
	cfg := eight()
	cfg.Partition, cfg.EagerHops = 0, 0
	announced := simulate(t, cfg)
	cfg.EagerHops = 3
	pushed := simulate(t, cfg)
	for _, r := range []*Report{announced, pushed} {
		if r.Verdict.Outcome != Converged {
			t.Errorf("%s", r.Verdict.Outcome)
		}
		t.Logf("requests %.1f bytes, bodies %.3f, p50 %v", r.Bytes.Request, r.BodiesPerTxNode, r.Latency.P50)
	}
	if announced.BodiesPerTxNode > 1 || pushed.Bytes.Request > announced.Bytes.Request/2 || pushed.Latency.P50 > announced.Latency.P50/2 {
		t.Error("want fewer requests and less delay, and no second copy of what was only announced")
	}
}
