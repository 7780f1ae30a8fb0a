package inv

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTracesModel compares with a look at all of them.
func TestTracesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ts traces
		var model []*trace
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			pick := func() *trace { return model[rapid.IntRange(0, len(model)-1).Draw(t, "which")] }
			switch step := rapid.IntRange(0, 5).Draw(t, "step"); {
			case step < 2 || len(model) == 0:
				n := &trace{tx: &entry{}, Delivery: Delivery{Unbroadcast: rapid.Bool().Draw(t, "unbroadcast")}}
				ts.add(n)
				model = append(model, n)
			case step == 2:
				n := pick()
				n.Unbroadcast = false
				ts.ended(n)
			case step == 3:
				pick().Unbroadcast = true
			case step == 4:
				n := pick()
				ts.remove(n.tx)
				model = slices.DeleteFunc(model, func(m *trace) bool { return m == n })
			default:
				i := max(0, slices.IndexFunc(model, func(m *trace) bool { return !m.Unbroadcast }))
				if got := ts.takeOldest(); got != model[i] {
					t.Fatalf("took one born %d, want %d", got.born, model[i].born)
				}
				model = slices.Delete(model, i, i+1)
			}
			if !slices.Equal(ts.list, model) {
				t.Fatal("the order is lost")
			}
		}
		gone := &trace{born: ts.born + 1}
		if ts.ended(gone); ts.awaited > len(ts.list) {
			t.Errorf("%d of %d", ts.awaited, len(ts.list))
		}
	})
}
