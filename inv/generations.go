package inv

import "github.com/txnode/txnode/inv/relaymsg"

// generations is a bounded map that forgets the oldest half at once: the
// latest limit entries are always there, never more than twice as many.
type generations[V any] struct {
	limit      int
	young, old map[relaymsg.ShortID]V
}

func (g *generations[V]) get(id relaymsg.ShortID) (v V, ok bool) {
	if v, ok = g.young[id]; !ok {
		v, ok = g.old[id]
	}
	return v, ok
}

// put adds or renews an entry and reports whether that made the young ones old.
func (g *generations[V]) put(id relaymsg.ShortID, v V) (turned bool) {
	if g.young == nil {
		g.young = map[relaymsg.ShortID]V{}
	}
	g.young[id] = v
	if len(g.young) < g.limit {
		return false
	}
	g.turn()
	return true
}

// forget drops the entry.
func (g *generations[V]) forget(id relaymsg.ShortID) {
	delete(g.young, id)
	delete(g.old, id)
}

// turn makes the young entries the old ones.
func (g *generations[V]) turn() { g.young, g.old = nil, g.young }

func (g *generations[V]) len() int { return len(g.young) + len(g.old) }
