package inv

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// delivery prints what is known of a transaction's way.
func (s *script) delivery(name string) {
	d, ok := s.relay.Delivery(s.wtxid(name))
	if !ok {
		s.printf("nothing is known of %s", name)
		return
	}
	s.printf("%s: local %v, unbroadcast %v, removed %v", name, d.Local, d.Unbroadcast, !d.Removed.IsZero())
	for _, e := range d.Peers {
		line := e.Name
		for _, at := range []struct {
			what string
			time time.Time
		}{{"announced", e.Announced}, {"requested", e.Requested}, {"told", e.Told}, {"reconciled", e.Reconciled}} {
			if !at.time.IsZero() {
				line += fmt.Sprintf(", %s %v", at.what, at.time.Sub(s.start))
			}
		}
		for _, is := range []struct {
			what string
			so   bool
		}{{"pushed", e.Pushed}, {"independent", e.Independent}, {"below its floor", e.BelowFloor}, {"gone", !e.Linked}} {
			if is.so {
				line += ", " + is.what
			}
		}
		s.printf("  %s", line)
	}
}

func TestDeliveryIsBounded(t *testing.T) {
	l := newLab(t, 1)
	l.cfg.Trace = 10
	accept := func(n int, src Source) {
		for i := range n {
			l.Accepted(l.clock, Tx{WTxID: chainhash.Hash{byte(src), byte(i), byte(i >> 8)}, Size: 80}, src)
		}
		l.check()
	}
	accept(20, SourcePeer)
	accept(MaxTracedLocal+50, SourceLocal)
	if n, m := len(l.delivery.others.list), len(l.delivery.local.list); n != 10 || m != MaxTracedLocal {
		t.Errorf("%d and %d traced, want 10 and %d", n, m, MaxTracedLocal)
	}
	if n := len(l.Ready().Broadcast); n != 50 {
		t.Errorf("%d given up, want 50", n)
	}
	for i := range MaxWitnesses + 20 {
		id := PeerID(i + 1)
		l.connect([]PeerID{id}, false)
		l.recv(id, &relaymsg.Inv{IDs: []relaymsg.ShortID{l.cfg.Salt.ShortID(chainhash.Hash{byte(SourcePeer), 19})}})
		if i >= 20 && i < 40 {
			l.PeerDisconnected(l.clock, PeerID(i-20+1))
		}
	}
	l.check()
	d, _ := l.Delivery(chainhash.Hash{byte(SourcePeer), 19})
	if len(d.Peers) != MaxWitnesses || slices.ContainsFunc(d.Peers, func(e Evidence) bool { return !e.Linked }) {
		t.Errorf("%d witnesses", len(d.Peers))
	}
}
