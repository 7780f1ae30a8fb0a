package p2p

import (
	"reflect"
	"testing"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

func TestLinkCarriesBothLanes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.start(nil), w.start(nil)
		toB, toA := link2(t, a, b)

		up := events[PeerUp](b)
		if len(up) != 1 || up[0].Outbound || up[0].Peer != a.Host().ID() || !reflect.DeepEqual(up[0].Hello, a.cfg.Hello()) {
			t.Fatalf("PeerUp %+v", up)
		}
		if up := events[PeerUp](a); len(up) != 1 || !up[0].Outbound {
			t.Fatalf("PeerUp %+v", up)
		}
		sent := []relaymsg.Message{
			&relaymsg.Inv{IDs: []relaymsg.ShortID{1, 2, 3}},
			&relaymsg.ReconRequest{Round: 1, Count: 5},
			&relaymsg.Txs{Bodies: [][]byte{make([]byte, 300)}},
		}
		a.Send(toB, sent...)
		b.Send(toA, &relaymsg.Get{IDs: []relaymsg.ShortID{2}})
		await(t, time.Second, "messages arrive", func() bool {
			return len(events[Received](b)) == 3 && len(events[Received](a)) == 1
		})
		got := map[relaymsg.Kind]relaymsg.Message{}
		for _, r := range events[Received](b) {
			if r.ID != toA {
				t.Errorf("message from link %d, want %d", r.ID, toA)
			}
			got[r.Msg.Kind()] = r.Msg
		}
		for _, m := range sent {
			if !reflect.DeepEqual(got[m.Kind()], m) {
				t.Errorf("got %+v, sent %+v", got[m.Kind()], m)
			}
		}
		a.close()
		await(t, 5*time.Second, "PeerDown", func() bool { return len(events[PeerDown](b)) == 1 })
		b.checkLifecycle()
	})
}
