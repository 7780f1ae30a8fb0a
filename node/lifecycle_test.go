package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Whenever its context ends, a node stops without an error and without leaving
// a goroutine behind, and what it had acknowledged is there at the next start.
func TestCancelAtAnyMoment(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	gen := transactions(t)
	acknowledged := make(map[chainhash.Hash]bool)
	for range 15 {
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(rng.IntN(60))*time.Millisecond, cancel)
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		select {
		case <-n.Ready():
			for id := range acknowledged {
				if n.Mempool().Get(id) == nil {
					t.Errorf("%v was acknowledged and is lost", id)
				}
			}
			for range 3 {
				tx, err := gen.Next()
				if err != nil {
					t.Fatal(err)
				}
				_, err = n.Submit(t.Context(), tx.Raw)
				if err == nil {
					acknowledged[tx.WTxID] = true
				} else if !errors.Is(err, ErrNotRunning) && !errors.Is(err, ErrNotDurable) {
					t.Errorf("submitted while the node stops: %v", err)
				}
			}
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		timer.Stop()
		cancel()
	}
	t.Logf("%d transactions acknowledged", len(acknowledged))
}

// The context may have ended before there was a Run.
func TestRunOfAnEndedContext(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	for range 2 {
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
		if err := n.Run(t.Context()); err == nil {
			t.Error("a second Run has no error")
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What makes working impossible ends Run, with the reason, and everything that the
// node had is free for the next one.
func TestRunReturnsWhatIsFatal(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.Close(); err != nil { // as if the disk had gone
		t.Fatal(err)
	}
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "database is closed") {
		t.Errorf("Run without storage: %v", err)
	}
	if _, err := n.Submit(t.Context(), nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Submit afterwards: %v", err)
	}
	for range n.Events(t.Context()) {
		t.Error("an event afterwards")
	}
	run(t, cfg)
}
