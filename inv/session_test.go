package inv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/txnode/txnode/inv/relaymsg"
)

// session turns bytes into a script: four peers that send anything in any
// order, an admission that answers anything, and jumps in time. A naive twin judges
// what the Relay does.
type session struct {
	*script
	twin *twin
	ops  []byte
}

var sessionPeers = []string{"A", "B", "C", "D"}

func newSession(ops []byte) *session {
	s := &session{script: newScript(), ops: ops}
	s.cfg.ReconInterval = DefaultConfig().ReconInterval
	s.cfg.EagerHops = AutoEagerHops
	s.script.config()
	s.twin = newTwin(s.script)
	return s
}

func (s *session) next() byte {
	if len(s.ops) == 0 {
		return 0
	}
	b := s.ops[0]
	s.ops = s.ops[1:]
	return b
}

// txs names the transactions in an 8-bit set.
func txs(set byte, sep string) string {
	var names []string
	for i := range 8 {
		if set>>i&1 == 1 {
			names = append(names, fmt.Sprintf("t%d", i))
		}
	}
	return strings.Join(names, sep)
}

// line makes the next command.
func (s *session) line() string {
	op, arg, set := s.next(), s.next(), s.next()
	name := sessionPeers[arg%4]
	one := fmt.Sprintf("t%d", set%8)
	if s.peers[name] == nil || s.relay.peers[s.peers[name].id] == nil {
		return "connect " + name + []string{" in", " out"}[arg>>2&1] + fmt.Sprintf(" floor=%d", int(arg>>6)*10)
	}
	some := txs(set, " ")
	if some == "" {
		some = "t0"
	}
	if set>>5 == 7 && arg>>5 == 7 {
		one += "@300000" // two of them empty the bucket of pushes, four are a violation
	}
	switch op % 26 {
	case 0, 1:
		return "recv " + name + " inv " + some
	case 2:
		return "recv " + name + " get " + some
	case 3, 4:
		return "recv " + name + " txs " + one
	case 5:
		return "recv " + name + " notfound " + some
	case 6:
		return "recv " + name + " request " + txs(set, " ")
	case 7:
		return "recv " + name + " list " + txs(set, " ")
	case 8:
		return "recv " + name + " diff want=" + txs(set, ",") + " have=" + txs(arg, ",") + []string{"", " more=true"}[op/24%2]
	case 9:
		return "recv " + name + " offer " + txs(set, " ")
	case 10:
		return "recv " + name + " equal"
	case 11:
		return "recv " + name + fmt.Sprintf(" busy ms=%d", int(set)*100)
	case 12:
		return fmt.Sprintf("recv %s %s round=%d", name, []string{"list", "offer", "more", "equal"}[arg>>6], set%4)
	case 13:
		return "accept " + one + fmt.Sprintf(" fee=%d ancestors=%d parents=%s src=%s", arg, arg%3, txs(op*arg, ","), []string{"local", "peer", "restored"}[set%3])
	case 24:
		return "recv " + name + " getparents " + one
	case 25:
		return "recv " + name + " parents " + one + " " + some
	case 14:
		return []string{"reject ", "orphan "}[arg>>2&1] + one + []string{"", " final=true", " fee=true"}[arg%3]
	case 15:
		return "remove " + one
	case 16:
		return "mesh " + strings.Join(s.connected(set), " ")
	case 17:
		switch arg >> 2 % 4 {
		case 0:
			return fmt.Sprintf("network %d", int(set)*int(arg))
		case 1:
			return fmt.Sprintf("floor %d", int(set)*int(arg))
		case 2:
			return fmt.Sprintf("recv %s feefilter %d", name, set)
		}
		return "disconnect " + name
	case 18, 19:
		return fmt.Sprintf("recv %s push %s hop=%d", name, one, arg>>3)
	case 20:
		return "recv " + name + " news " + txs(set, " ")
	case 21:
		if arg>>4 == 15 {
			return "recv " + name + " resync"
		}
		return fmt.Sprintf("recv %s steady %s since=%d", name, txs(set, " "), arg>>6)
	case 22:
		return fmt.Sprintf("advance %dms", int(set)*8)
	default:
		return fmt.Sprintf("advance %ds", int(set))
	}
}

func (s *session) connected(set byte) (names []string) {
	for i, name := range sessionPeers {
		if set>>i&1 == 1 && s.peers[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

func (s *session) run() error {
	for len(s.ops) > 0 {
		line := s.line()
		s.out.WriteString(line + "\n")
		if err := s.twin.step(line); err != nil {
			return fmt.Errorf("after %q: %w", line, err)
		}
		if err := s.relay.checkInvariants(); err != nil {
			return fmt.Errorf("after %q: %w", line, err)
		}
	}
	for _, name := range sessionPeers {
		if p := s.peers[name]; p != nil {
			s.relay.PeerDisconnected(s.now, p.id)
		}
	}
	s.relay.MeshChanged(s.now, nil)
	for wtxid := range s.relay.judging.byWTxID {
		s.relay.Rejected(s.now, wtxid, false)
	}
	if err := s.relay.checkInvariants(); err != nil {
		return err
	}
	return s.relay.checkNoPeers()
}

func FuzzPeerSession(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		ops := make([]byte, 900)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		s := newSession(ops[:min(len(ops), 3000)])
		if err := s.run(); err != nil {
			t.Fatalf("%v\n%s", err, s.out.String())
		}
	})
}

// TestDeterminism runs the same sessions twice and compares everything that
// reached the outside.
func TestDeterminism(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 8 {
		ops := make([]byte, 1500)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		a, b := newSession(ops), newSession(ops)
		if err := a.run(); err != nil {
			t.Fatal(err)
		}
		if err := b.run(); err != nil {
			t.Fatal(err)
		}
		if a.out.String() != b.out.String() {
			t.Fatalf("one run\n%s\nanother\n%s", a.out.String(), b.out.String())
		}
	}
}

// TestUnknownPeersAreIgnored feeds inputs about peers that are not there.
func TestUnknownPeersAreIgnored(t *testing.T) {
	s := newScript()
	s.relay.PeerDisconnected(s.now, 9)
	s.relay.MeshChanged(s.now, []PeerID{9})
	s.relay.Received(s.now, 9, &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
	s.relay.Received(s.now, 9, &relaymsg.ReconRequest{Round: 1})
	s.relay.PeerDisconnected(s.now, 9)
	if err := s.relay.checkNoPeers(); err != nil {
		t.Fatal(err)
	}
}
