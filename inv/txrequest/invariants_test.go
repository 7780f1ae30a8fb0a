package txrequest

import (
	"fmt"
	"slices"
)

// checkInvariants recomputes everything the Tracker keeps redundantly.
func (t *Tracker) checkInvariants() error {
	announcements := 0
	for id, x := range t.txs {
		if x.id != id || len(x.anns) == 0 {
			return fmt.Errorf("%v: filed wrongly or empty", id)
		}
		live, inFlight, idle := 0, 0, []*announcement{}
		for _, a := range x.anns {
			announcements++
			if a.peer.anns[id] != a || t.peers[a.peer.id] != a.peer {
				return fmt.Errorf("%v: announcer %d does not know it", id, a.peer.id)
			}
			if timed := a.state == delayed || a.state == requested; timed != (a.timer >= 0) {
				return fmt.Errorf("%v: state %d with timer %d", id, a.state, a.timer)
			}
			if a.wait != nil && a.state != ready {
				return fmt.Errorf("%v: state %d waits for a slot", id, a.state)
			}
			switch a.state {
			case requested:
				inFlight++
				if x.inFlight != a {
					return fmt.Errorf("%v: requested but not in flight", id)
				}
			case ready:
				idle = append(idle, a)
			}
			if a.state != completed {
				live++
			}
		}
		if live != x.live || live == 0 || (inFlight == 1) != (x.inFlight != nil) || inFlight > 1 {
			return fmt.Errorf("%v: live %d, counted %d, in flight %d", id, x.live, live, inFlight)
		}
		if x.dirty != slices.Contains(t.dirty, x) {
			return fmt.Errorf("%v: dirty is %v", id, x.dirty)
		}
		for _, a := range idle {
			if !x.dirty && inFlight == 0 && (a.wait == nil || a.peer.slots < MaxInFlight && !a.peer.freed) {
				return fmt.Errorf("%v: nobody asked although peer %d can be", id, a.peer.id)
			}
		}
	}
	return t.checkPeers(announcements)
}

func (t *Tracker) checkPeers(announcements int) error {
	filed := 0
	for id, p := range t.peers {
		filed += len(p.anns)
		if len(p.anns) > MaxAnnouncements || len(p.late.queue) > MaxAnnouncements || len(p.late.byID) > len(p.late.queue) {
			return fmt.Errorf("peer %d: %d announcements, %d/%d late", id, len(p.anns), len(p.late.byID), len(p.late.queue))
		}
		inFlight := 0
		for tx, a := range p.anns {
			if a.tx != t.txs[tx] {
				return fmt.Errorf("peer %d: %v is not tracked", id, tx)
			}
			if a.state == requested {
				inFlight++
			}
		}
		if inFlight > p.slots || inFlight > MaxInFlight {
			return fmt.Errorf("peer %d: %d in flight, %d slots", id, inFlight, p.slots)
		}
		for e := p.waiting.Front(); e != nil; e = e.Next() {
			if a := e.Value.(*announcement); a.wait != e || a.peer != p || p.anns[a.tx.id] != a {
				return fmt.Errorf("peer %d: foreign announcement waits", id)
			}
		}
	}
	if filed != announcements {
		return fmt.Errorf("%d announcements by transaction, %d by peer", announcements, filed)
	}
	for i, a := range t.timers {
		if a.timer != i || (i > 0 && t.timers.Less(i, (i-1)/2)) {
			return fmt.Errorf("timer %d out of place", i)
		}
	}
	return nil
}
