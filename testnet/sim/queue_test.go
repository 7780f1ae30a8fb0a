package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestQueueKeepsOrder compares the queue with sorting, with pushes and pops in
// any order and many equal times.
func TestQueueKeepsOrder(t *testing.T) {
	type entry struct {
		at    time.Duration
		which int
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var q queue
	var model []entry
	for i := range 20_000 {
		if rng.IntN(5) < 3 {
			at := time.Duration(rng.IntN(50))
			q.push(at, event{which: i})
			model = append(model, entry{at, i})
			continue
		}
		at, ok := q.next()
		if ok != (len(model) > 0) {
			t.Fatalf("the queue has an event: %v; %d are in it", ok, len(model))
		}
		if !ok {
			continue
		}
		slices.SortFunc(model, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.which, b.which))
		})
		if got := (entry{at, q.pop().which}); got != model[0] {
			t.Fatalf("got %v, want %v", got, model[0])
		}
		model = model[1:]
	}
	if len(q.events) > 20_000/2 {
		t.Errorf("%d places for events: free ones are not used again", len(q.events))
	}
}

func BenchmarkQueue(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var q queue
	for range 100_000 {
		q.push(time.Duration(rng.IntN(1e9)), event{})
	}
	for b.Loop() {
		at, _ := q.next()
		q.pop()
		q.push(at+time.Duration(rng.IntN(1e8)), event{})
	}
}
