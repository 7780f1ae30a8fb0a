package node

import (
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

func stored(t *testing.T, n *Node) (ids []chainhash.Hash) {
	t.Helper()
	records, _, err := n.db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		ids = append(ids, r.WTxID)
	}
	return ids
}

// Results come out of order, and what a late one adds an early one removes.
func TestChangesAreToldInTheirOrder(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	gen := transactions(t)
	watch := n.feed.subscribe()
	var results []result
	for range 3 {
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, n.admit(t.Context(), candidate{origin: 1, wtxid: tx.WTxID, raw: tx.Raw}))
	}
	results = append(results, result{changes: n.pool.Remove(results[1].wtxid, mempool.ReasonConflict)})
	for _, i := range []int{3, 2, 1} {
		n.settle(results[i])
		n.publish(nil)
		if len(watch.events) != 0 {
			t.Fatalf("told of change %d before the first", i+1)
		}
	}
	n.settle(results[0])
	if len(watch.events) != 0 {
		t.Error("observers heard of changes before the published digest had them")
	}
	n.publish(nil)
	var kinds []EventKind
	for range len(watch.events) {
		kinds = append(kinds, (<-watch.events).Kind)
	}
	if !slices.Equal(kinds, []EventKind{EventAdded, EventAdded, EventAdded, EventRemoved}) || len(n.early) != 0 {
		t.Errorf("%v, %d still wait", kinds, len(n.early))
	}
	if _, count := n.Digest(); count != 2 {
		t.Errorf("the digest is over %d transactions", count)
	}
}

// A package makes its changes in several steps, and others come in between. Its
// submitter is answered after the last.
func TestChangesOfAPackageInterleave(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var changes []mempool.Change
	gen := transactions(t)
	for range 3 {
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		_, made, err := n.pool.Add(tx.Raw, n.diskAlarm)
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, made...)
	}
	n.settle(result{candidate: candidate{done: make(chan result, 1)}, changes: []mempool.Change{changes[0], changes[2]}})
	if _, count := n.relay.Digest(); count != 1 || len(n.answers) != 0 {
		t.Errorf("%d told, %d answered; want the first told", count, len(n.answers))
	}
	n.settle(result{changes: changes[1:2]})
	if _, count := n.relay.Digest(); count != 3 || len(n.answers) != 1 || len(n.early) != 0 {
		t.Errorf("%d told, %d answered, %d still wait", count, len(n.answers), len(n.early))
	}
}

// Whatever the order in which workers come to write, storage ends up with what
// the mempool has.
func TestStorageFollowsTheMempool(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 25 {
				n.admit(t.Context(), candidate{origin: 1, wtxid: tx.WTxID, raw: tx.Raw})
				removed := n.pool.Remove(tx.WTxID, mempool.ReasonConflict)
				if err := n.persist(t.Context(), wtxidsOf(removed), removed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if ids := stored(t, n); len(ids) != 0 {
		t.Errorf("stored: %v", ids)
	}
	n.admit(t.Context(), candidate{origin: 1, wtxid: tx.WTxID, raw: tx.Raw})
	if ids := stored(t, n); !slices.Equal(ids, []chainhash.Hash{tx.WTxID}) {
		t.Errorf("stored: %v", ids)
	}
}
