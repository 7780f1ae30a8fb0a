package inv

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
)

// lab is one Relay under attack, driven by hand.
type lab struct {
	*Relay
	t     *testing.T
	rng   *rand.Rand
	clock time.Time
}

func newLab(t *testing.T, seed uint64) *lab {
	cfg := DefaultConfig()
	cfg.Rand = rand.New(rand.NewPCG(seed, 11))
	cfg.Salt = relaymsg.Salt{7}
	return &lab{Relay: New(cfg), t: t, rng: rand.New(rand.NewPCG(seed, 12)), clock: time.Unix(1_700_000_000, 0)}
}

func (l *lab) connect(ids []PeerID, outbound bool) {
	for _, id := range ids {
		var salt relaymsg.Salt
		binary.LittleEndian.PutUint64(salt[:], uint64(id))
		l.PeerConnected(l.clock, id, Peer{Outbound: outbound, Salt: salt})
	}
}

func (l *lab) recv(id PeerID, m relaymsg.Message) Ready {
	l.Received(l.clock, id, m)
	return l.Ready()
}

func (l *lab) advance(d time.Duration) Ready {
	l.clock = l.clock.Add(d)
	l.Tick(l.clock)
	return l.Ready()
}

func (l *lab) id(raw []byte) relaymsg.ShortID { return l.cfg.Salt.ShortID(chainhash.DoubleHashH(raw)) }

func (l *lab) junk(n int) []relaymsg.ShortID {
	ids := make([]relaymsg.ShortID, n)
	for i := range ids {
		ids[i] = relaymsg.ShortID(l.rng.Uint64() >> 16)
	}
	return ids
}

func (l *lab) check() {
	l.t.Helper()
	if err := l.checkInvariants(); err != nil {
		l.t.Fatal(err)
	}
}

func peerIDs(first, n int) []PeerID {
	ids := make([]PeerID, n)
	for i := range ids {
		ids[i] = PeerID(first + i)
	}
	return ids
}

// asked reports whom the GETs for the id go to.
func asked(r Ready, id relaymsg.ShortID) (peers []PeerID) {
	for _, s := range r.Send {
		if get, ok := s.Msg.(*relaymsg.Get); ok {
			for _, got := range get.IDs {
				if got == id {
					peers = append(peers, s.Peer)
				}
			}
		}
	}
	return peers
}

// fill makes the node hold n transactions that take part in rounds.
func (l *lab) fill(n int) {
	for k := range n {
		var wtxid chainhash.Hash
		binary.LittleEndian.PutUint32(wtxid[:], uint32(k))
		l.Accepted(l.clock, Tx{WTxID: wtxid}, SourceRestored)
	}
}
