package node

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/storage"
	"github.com/txnode/txnode/testnet/txgen"
)

// listener holds what the events of a node add up to.
type listener struct {
	t    *testing.T
	last uint64
	held map[chainhash.Hash]bool
}

// catchUp applies what the listener has not seen, up to the latest change.
func (f *listener) catchUp(n *Node) {
	f.t.Helper()
	if n.Sequence() == f.last {
		return
	}
	for e := range n.EventsSince(f.t.Context(), f.last) {
		switch e.Kind {
		case EventMissed:
			f.t.Fatalf("missed after %d: %+v", f.last, e)
		case EventAdded, EventRemoved:
			if e.Sequence != f.last+1 {
				f.t.Fatalf("event %d after %d", e.Sequence, f.last)
			}
			f.last = e.Sequence
			if f.held[e.WTxID] = e.Kind == EventAdded; e.Kind == EventRemoved {
				delete(f.held, e.WTxID)
			}
		}
		if f.last == n.Sequence() {
			break
		}
	}
	pool := n.Mempool().Snapshot()
	for _, e := range pool {
		if !f.held[e.WTxID] {
			f.t.Errorf("%v is in the mempool, and the events do not tell", e.WTxID)
		}
	}
	if len(f.held) != len(pool) {
		f.t.Errorf("the events tell of %d, the mempool holds %d", len(f.held), len(pool))
	}
}

// Whoever applies all events holds the mempool, whatever happens to that, and
// across restarts: also those after a kill, which may leave a record or an event
// without the other.
func TestEventsAddUpToTheMempool(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	var pairs [2]*txgen.Generator
	for i, rate := range []int64{2, 20} { // the second of a pair replaces the first
		var err error
		if pairs[i], err = txgen.New(txgen.Config{Network: "regtest", From: 0, To: 500, FeeRate: rate}); err != nil {
			t.Fatal(err)
		}
	}
	f := &listener{t: t, held: make(map[chainhash.Hash]bool)}
	for range 6 {
		n, stop := run(t, cfg)
		f.catchUp(n)
		for range 8 {
			for _, gen := range pairs {
				tx, err := gen.Next()
				if err != nil {
					t.Fatal(err)
				}
				if rng.IntN(3) > 0 {
					if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
						t.Fatal(err)
					}
				}
			}
			if rng.IntN(4) == 0 {
				for _, e := range n.Mempool().Snapshot()[:1] {
					n.report(t.Context(), n.pool.Remove(e.WTxID, mempool.ReasonExpiry))
				}
			}
			f.catchUp(n)
		}
		stop()
		damage(t, cfg, rng)
	}
	if f.last < 60 {
		t.Errorf("%d events", f.last)
	}
}

// damage leaves storage as a kill between two commits may.
func damage(t *testing.T, cfg Config, rng *rand.Rand) {
	t.Helper()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := n.db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, last := n.db.EventRange()
	var b storage.Batch
	switch r := records[rng.IntN(len(records))]; rng.IntN(3) {
	case 0: // the event of a removal and not the deletion, and a number is missing
		b.Events = []storage.Event{{Sequence: last + 2, WTxID: r.WTxID, Reason: "replaced"}}
	case 1: // the deletion and not its event
		b.Delete = []chainhash.Hash{r.WTxID}
	case 2: // the event of what has no record
		b.Events = []storage.Event{{Sequence: last + 1, WTxID: chainhash.Hash{byte(last)}}}
	}
	if err := n.db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// submit has the node accept so many new transactions.
func submit(t *testing.T, n *Node, gen *txgen.Generator, count int) {
	t.Helper()
	for range count {
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
			t.Fatal(err)
		}
	}
}

// Who was told of a number that is not in the log is told so, and goes on from there.
func TestEventsThatAreGone(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	gen := transactions(t)
	next := func(n *Node, after uint64, count int) (got []Event) {
		for e := range n.EventsSince(t.Context(), after) {
			if got = append(got, e); len(got) == count {
				break
			}
		}
		return got
	}
	n, stop := run(t, cfg)
	submit(t, n, gen, 2)
	if got := next(n, 1<<60, 1); got[0].Kind != EventMissed || got[0].Missed != 0 || got[0].Sequence != 2 {
		t.Errorf("a number of another log: %+v", got)
	}
	stop()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.BeginEvents(); err != nil { // as after damage
		t.Fatal(err)
	}
	first, _ := n.db.EventRange()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n, _ = run(t, cfg)
	submit(t, n, gen, 1)
	got := next(n, 2, 2)
	if got[0].Kind != EventMissed || got[0].Missed != first-3 || got[0].Sequence != first-1 || got[1].Sequence != first {
		t.Errorf("after a log that is lost: %+v", got)
	}
	if got := next(n, 0, 1); got[0].Sequence != first || got[0].Entry == nil {
		t.Errorf("from the beginning: %+v", got)
	}
}

// A consumer that is too slow for all that happens misses no change of the mempool.
func TestSlowConsumerMissesNoChange(t *testing.T) {
	n, _ := run(t, testConfig(t))
	gen := transactions(t)
	submit(t, n, gen, 1)
	var changes, others, missed uint64
	for e := range n.EventsSince(t.Context(), 0) {
		switch e.Kind {
		case EventAdded:
			if changes++; e.Sequence != changes {
				t.Fatalf("change %d after %d", e.Sequence, changes-1)
			}
			if changes == 1 { // and now be slow
				for range eventBuffer {
					n.feed.publish(Event{Time: time.Now(), Kind: EventPeerUp})
				}
				submit(t, n, gen, 10)
			}
		case EventPeerUp:
			if others++; others%1000 == 0 {
				submit(t, n, gen, 1)
			}
		case EventMissed:
			missed = e.Missed
		}
		if missed > 0 && changes == n.Sequence() {
			break
		}
	}
	if changes < 12 || missed < 10 {
		t.Errorf("%d changes, %d missed", changes, missed)
	}
}

// Commits have no order, and nobody is told of a change as missed that is still being
// committed.
func TestEventsInFlightAreNotMissed(t *testing.T) {
	n, _ := run(t, testConfig(t))
	gen := transactions(t)
	submit(t, n, gen, 2)
	early := storage.Batch{Events: []storage.Event{{Sequence: 4, WTxID: chainhash.Hash{1}}}}
	if err := n.db.Commit(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	var got uint64
	for e := range n.EventsSince(t.Context(), 0) {
		if got++; e.Kind != EventAdded || e.Sequence != got {
			t.Fatalf("event %d: %+v", got, e)
		}
		if got >= 2 && got < 5 {
			submit(t, n, gen, 1)
		}
		if got == 5 {
			break
		}
	}
}

// Who follows a node that loads hears of it when it is loaded.
func TestEventsBeforeReady(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	gen := transactions(t)
	submit(t, n, gen, 3)
	stop()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan Event, 1)
	go func() {
		for e := range n.EventsSince(t.Context(), 2) {
			first <- e
			return
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	if e := <-first; e.Kind != EventAdded || e.Sequence != 3 {
		t.Errorf("%+v", e)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
