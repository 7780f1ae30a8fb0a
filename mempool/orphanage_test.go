package mempool

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"pgregory.net/rapid"
)

// orphanOf is a rejected entry number n that spends from the parents; its weight is made up.
func orphanOf(n uint32, weight int64, parents ...chainhash.Hash) *Entry {
	tx := wire.NewMsgTx(2)
	for i, p := range parents {
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: p, Index: uint32(i)}, nil, nil))
	}
	id := hashOf(n)
	return &Entry{Raw: raw(tx), TxID: id, WTxID: id, Weight: weight}
}

func hashOf(n uint32) chainhash.Hash {
	return chainhash.HashH(binary.LittleEndian.AppendUint32(nil, n))
}

const attacker, honest, other = 66, 7, 8

func TestOrphansFollowTheirParents(t *testing.T) {
	o := NewOrphanage()
	p, q := hashOf(100), hashOf(200)
	first, second, third := orphanOf(1, 400, p, p), orphanOf(2, 400, p, q, p), orphanOf(3, 400, q)
	for _, e := range []*Entry{first, second, third} {
		if !o.Add(e, honest, now) {
			t.Fatal("not kept")
		}
	}
	if !o.Add(second, other, now) || !o.AddAnnouncer(third.WTxID, other) || o.AddAnnouncer(p, other) {
		t.Error("announcers")
	}
	got := o.TakeChildren(p)
	if len(got) != 2 || got[0].WTxID != first.WTxID || got[1].WTxID != second.WTxID {
		t.Fatalf("children of p: %v", got)
	}
	if !slices.Equal(got[0].Announcers, []uint64{honest}) || !slices.Equal(got[1].Announcers, []uint64{honest, other}) {
		t.Errorf("announcers %v, %v", got[0].Announcers, got[1].Announcers)
	}
	if o.Has(first.WTxID) || o.Len() != 1 || len(o.TakeChildren(p)) != 0 {
		t.Error("taken orphans are still there")
	}
	o.RemovePeer(honest)
	if !o.Has(third.WTxID) {
		t.Error("an orphan left with the first of two announcers")
	}
	o.RemovePeer(other)
	checkEmpty(t, o)
}

func checkEmpty(t *testing.T, o *Orphanage) {
	t.Helper()
	if o.Len() != 0 || o.weight != 0 || o.score != 0 || len(o.peers) != 0 || len(o.byParent) != 0 {
		t.Errorf("not empty: %d orphans, weight %d, score %d, %d peers, %d parents",
			o.Len(), o.weight, o.score, len(o.peers), len(o.byParent))
	}
}

func TestOrphansExpire(t *testing.T) {
	o := NewOrphanage()
	o.Add(orphanOf(1, 400, hashOf(100)), honest, now)
	o.Add(orphanOf(2, 400, hashOf(100)), honest, now.Add(time.Minute))
	o.Add(orphanOf(1, 400, hashOf(100)), other, now.Add(time.Minute)) // announced again, no younger for it
	if n := o.Expire(now.Add(OrphanExpiry - 1)); n != 0 {
		t.Errorf("%d expired early", n)
	}
	if n := o.Expire(now.Add(OrphanExpiry)); n != 1 || o.Has(hashOf(1)) || !o.Has(hashOf(2)) {
		t.Errorf("%d expired", n)
	}
	if !o.Remove(hashOf(2)) || o.Remove(hashOf(2)) {
		t.Error("Remove")
	}
	checkEmpty(t, o)
}

func TestOrphansBoundedByWeight(t *testing.T) {
	o := NewOrphanage()
	o.Add(orphanOf(1, OrphanWeightPerPeer, hashOf(100)), honest, now)
	for n := range uint32(50) {
		o.Add(orphanOf(10+n, 200_000, hashOf(100)), attacker, now)
	}
	if !o.Has(hashOf(1)) {
		t.Error("an attacker pushed out an orphan within its announcer's share")
	}
	if o.weight > 2*OrphanWeightPerPeer || o.Has(hashOf(10)) || !o.Has(hashOf(59)) {
		t.Errorf("weight %d; oldest there: %t, newest there: %t", o.weight, o.Has(hashOf(10)), o.Has(hashOf(59)))
	}
}

// However the last orphan of a peer leaves, the room the peer gave goes with it.
func TestShareLeavesWithTheLastOrphan(t *testing.T) {
	parent, last := hashOf(100), hashOf(1)
	for name, leave := range map[string]func(*Orphanage) bool{
		"taken": func(o *Orphanage) bool {
			taken, ok := o.Take(last)
			return ok && taken.WTxID == last && slices.Equal(taken.Announcers, []uint64{honest, other})
		},
		"taken with its parent": func(o *Orphanage) bool { return len(o.TakeChildren(parent)) == 1 },
		"removed":               func(o *Orphanage) bool { return o.Remove(last) },
		"expired":               func(o *Orphanage) bool { return o.Expire(now.Add(OrphanExpiry)) == 1 },
		"its peers are gone":    func(o *Orphanage) bool { o.RemovePeer(honest); o.RemovePeer(other); return true },
	} {
		o := NewOrphanage()
		o.Add(orphanOf(1, 400, parent), honest, now)
		o.AddAnnouncer(last, other)
		for n := range uint32(4) {
			o.Add(orphanOf(10+n, OrphanWeightPerPeer/2, hashOf(200)), attacker, now.Add(time.Minute))
		}
		if o.Len() != 5 {
			t.Fatalf("%s: %d orphans at first", name, o.Len())
		}
		if !leave(o) || o.Has(last) || o.Len() != 2 || o.weight != OrphanWeightPerPeer {
			t.Errorf("%s: %d orphans are left, of weight %d", name, o.Len(), o.weight)
		}
		if _, ok := o.Take(last); ok {
			t.Errorf("%s: it is there again", name)
		}
	}
}

// Few that are heavy use more of a share than many that are light.
func TestHeavyOrphansPushOutNoLightOnes(t *testing.T) {
	o := NewOrphanage()
	for n := range uint32(100) {
		o.Add(orphanOf(n, 400, hashOf(100)), honest, now)
	}
	for n := range uint32(3) {
		o.Add(orphanOf(1000+n, OrphanWeightPerPeer, hashOf(100)), attacker, now)
	}
	if got := len(o.peers[honest].queue); got != 100 {
		t.Errorf("%d light ones are left", got)
	}
}

func TestNewestOfEqualPeersLosesItsOldest(t *testing.T) {
	o := NewOrphanage()
	const equals = 10
	for n := range uint32(MaxOrphanLatencyScore) { // just what may stay
		o.Add(orphanOf(n, 400, hashOf(100_000)), uint64(honest+n%equals), now)
	}
	for n := range uint32(equals) {
		if o.Len() != MaxOrphanLatencyScore {
			t.Fatalf("%d orphans", o.Len())
		}
		o.Add(orphanOf(10_000+n, 400, hashOf(100_000)), 1, now)
		if oldest := hashOf(equals - 1 - n); o.Has(oldest) {
			t.Errorf("%d: peer %d keeps its oldest", n, honest+equals-1-n)
		}
	}
}

func TestOrphansBoundedByScore(t *testing.T) {
	wide := make([]chainhash.Hash, 990) // 100 points
	for i := range wide {
		wide[i] = hashOf(uint32(1000 + i))
	}
	for _, c := range []struct {
		name    string
		flood   uint32
		parents []chainhash.Hash
	}{{"many", 4000, []chainhash.Hash{hashOf(100)}}, {"wide", 100, wide}} {
		o := NewOrphanage()
		for n := range uint32(10) {
			o.Add(orphanOf(n, 400, hashOf(100)), honest, now)
		}
		for n := range c.flood {
			o.Add(orphanOf(10+n, 400, c.parents...), attacker, now)
			if o.score > MaxOrphanLatencyScore {
				t.Fatalf("%s: score %d", c.name, o.score)
			}
		}
		for n := range uint32(10) {
			if !o.Has(hashOf(n)) {
				t.Errorf("%s: an attacker pushed out the orphan %d of an honest peer", c.name, n)
			}
		}
		if got := len(o.TakeChildren(hashOf(100))); got > MaxOrphanLatencyScore {
			t.Errorf("%s: %d orphans to judge at once", c.name, got)
		}
		if c.name == "wide" && o.Len() != 29 { // of 100 points, beside the 10
			t.Errorf("%d orphans of 990 inputs each", o.Len())
		}
	}
}

// Whatever happens, the books are right, the bounds hold, and a peer within its share loses nothing it announced.
func TestOrphanageInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := NewOrphanage()
		clock := now
		protected := make(map[chainhash.Hash]bool) // announced by honest, who stays within its share
		peers := []uint64{1, 2, 3, attacker}
		parents := make([]chainhash.Hash, 500)
		for i := range parents {
			parents[i] = hashOf(uint32(i % 50))
		}
		forget := func(id chainhash.Hash) { delete(protected, id) }
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				n := rapid.Uint32Range(1000, 1030).Draw(rt, "n")
				inputs := int(n*37%450) + 1 // an id stands for one transaction
				e := orphanOf(n, int64(n*7919%300_000), parents[n%50:][:inputs]...)
				o.Add(e, rapid.SampledFrom(peers).Draw(rt, "peer"), clock)
			},
			"add honest": func(rt *rapid.T) {
				n := rapid.Uint32Range(2000, 2004).Draw(rt, "n")
				if !o.Add(orphanOf(n, 80_000, parents[n%50]), honest, clock) {
					rt.Fatal("an honest orphan was not kept")
				}
				protected[hashOf(n)] = true
			},
			"take": func(rt *rapid.T) {
				for _, c := range o.TakeChildren(parents[rapid.IntRange(0, 49).Draw(rt, "parent")]) {
					forget(c.WTxID)
				}
			},
			"leave": func(rt *rapid.T) { o.RemovePeer(rapid.SampledFrom(peers).Draw(rt, "peer")) },
			"expire": func(rt *rapid.T) {
				clock = clock.Add(time.Duration(rapid.IntRange(0, 15).Draw(rt, "minutes")) * time.Minute)
				o.Expire(clock)
				for id := range protected {
					if !o.Has(id) {
						forget(id)
					}
				}
			},
			"": func(rt *rapid.T) {
				checkBooks(rt, o)
				for id := range protected {
					if !o.Has(id) {
						rt.Fatal("an honest orphan was pushed out")
					}
				}
			},
		})
	})
}

func checkBooks(rt *rapid.T, o *Orphanage) {
	var weight int64
	score := 0
	for _, t := range o.orphans {
		weight += t.Weight
		score += t.inputScore() + len(t.Announcers)
		for _, peer := range t.Announcers {
			if !slices.Contains(o.peers[peer].queue, t) {
				rt.Fatalf("peer %d does not know its announcement", peer)
			}
		}
		for _, p := range t.parents {
			if !slices.Contains(o.byParent[p], t) {
				rt.Fatal("not found by its parent")
			}
		}
	}
	if weight != o.weight || score != o.score {
		rt.Fatalf("weight %d, counted %d; score %d, counted %d", o.weight, weight, o.score, score)
	}
	if score > MaxOrphanLatencyScore || weight > OrphanWeightPerPeer*int64(len(o.peers)) {
		rt.Fatalf("over the bounds: weight %d of %d peers, score %d", weight, len(o.peers), score)
	}
	for id, p := range o.peers {
		var weight int64
		score := 0
		for _, t := range p.queue {
			weight += t.Weight
			score += t.inputScore() + 1
			if o.orphans[t.WTxID] != t {
				rt.Fatalf("peer %d announces what is not here", id)
			}
		}
		if weight != p.weight || score != p.score || len(p.queue) == 0 {
			rt.Fatalf("peer %d: weight %d, counted %d; score %d, counted %d", id, p.weight, weight, p.score, score)
		}
	}
}
