package node

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/testnet/txgen"
)

// link waits until the nodes are connected.
func link(t *testing.T, a, b *Node) {
	t.Helper()
	for _, n := range []*Node{a, b} {
		events := n.Events(t.Context())
		if len(n.Peers()) > 0 {
			continue
		}
		for e := range events {
			if e.Kind == EventPeerUp {
				break
			}
		}
	}
}

// rarely is a configuration whose nodes announce nothing and have rounds when
// they connect and on demand.
func rarely(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Relay.Audience = inv.AudienceNone
	cfg.Relay.ReconInterval = 1 << 40 // 18 min
	return cfg
}

// A conflict is told with its reason on either side and not fetched again.
func TestConflictEndsSettledWithReasons(t *testing.T) {
	cfg := rarely(t)
	gen := transactions(t)
	pair, err := gen.Conflict()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := run(t, cfg)
	if _, err := a.Submit(t.Context(), pair[0].Raw); err != nil {
		t.Fatal(err)
	}
	cfg.P2P.Bootstrap = []string{a.Addrs()[0].String()}
	b, _ := run(t, cfg)
	if _, err := b.Submit(t.Context(), pair[1].Raw); err != nil {
		t.Fatal(err)
	}
	rejected := map[*Node]*txgen.Tx{a: pair[1], b: pair[0]}
	events := map[*Node]func(func(Event) bool){a: a.Events(t.Context()), b: b.Events(t.Context())}
	link(t, a, b)
	if _, err := a.Reconcile(t.Context(), b.ID()); err != nil {
		t.Fatal(err)
	}
	for n, tx := range rejected {
		if n.WhyRefused(tx.WTxID) != "" {
			continue
		}
		for e := range events[n] {
			if e.Kind == EventRejected && e.WTxID == tx.WTxID {
				break
			}
		}
	}
	for n, other := range map[*Node]*Node{a: b, b: a} {
		before := n.Traffic()
		d, err := n.Difference(t.Context(), other.ID())
		if err != nil {
			t.Fatal(err)
		}
		theirs := rejected[n].WTxID
		if len(d.Refused) != 1 || d.Refused[0] != theirs || len(d.Theirs) != 0 || len(d.Ours) != 1 {
			t.Errorf("difference %+v", d)
		}
		if why := n.WhyRefused(theirs); !strings.Contains(why, "txn-mempool-conflict") && !strings.Contains(why, "insufficient fee") {
			t.Errorf("refused for %q", why)
		}
		if after := n.Traffic(); after.Received != before.Received && d.Round.Wanted > 0 {
			t.Errorf("fetched again: %+v", d.Round)
		}
	}
}

// A difference tells what each side lacks, and is gone afterwards.
func TestDifferenceHeals(t *testing.T) {
	cfg := rarely(t)
	a, _ := run(t, cfg)
	cfg.P2P.Bootstrap = []string{a.Addrs()[0].String()}
	b, _ := run(t, cfg)
	link(t, a, b)
	// The first round of the link is behind us, or it is this one.
	if _, err := b.Reconcile(t.Context(), a.ID()); err != nil {
		t.Fatal(err)
	}
	gen := transactions(t)
	arrivals := map[*Node]func(func(Event) bool){a: a.Events(t.Context()), b: b.Events(t.Context())}
	var ids []chainhash.Hash
	for _, n := range []*Node{a, b} {
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tx.WTxID)
	}
	d, err := b.Difference(t.Context(), a.ID())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Ours) != 1 || d.Ours[0] != ids[1] || len(d.Theirs) != 1 || d.Round.PeerID != a.ID() || !d.Round.Requested {
		t.Errorf("difference %+v", d)
	}
	for n, missing := range map[*Node]chainhash.Hash{a: ids[1], b: ids[0]} {
		for e := range arrivals[n] {
			if e.Kind == EventAdded && e.WTxID == missing {
				break
			}
		}
	}
	if d, err = a.Difference(t.Context(), b.ID()); err != nil || d.Round.Outcome != inv.OutcomeEqual {
		t.Errorf("afterwards %+v, %v", d, err)
	}
	for _, r := range a.Rounds() {
		if r.PeerID != b.ID() || r.Details != nil {
			t.Errorf("kept round %+v", r)
		}
	}
}

func TestReconcileWithNobody(t *testing.T) {
	n, stop := run(t, testConfig(t))
	if _, err := n.Reconcile(t.Context(), "nobody"); !errors.Is(err, ErrNoRounds) {
		t.Errorf("nobody: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Difference(ended, "nobody"); err == nil {
		t.Error("no error of an ended context")
	}
	stop()
	if _, err := n.Reconcile(t.Context(), "nobody"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stopped: %v", err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	var r refusals
	for i := range 3 * maxRefusals {
		r.add(chainhash.Hash{byte(i), byte(i >> 8)}, errors.New("no"))
		if n := len(r.young) + len(r.old); n > 2*maxRefusals {
			t.Fatalf("%d remembered", n)
		}
	}
	if len(r.old) < maxRefusals {
		t.Errorf("%d remembered", len(r.old))
	}
}
