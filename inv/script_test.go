package inv

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestScripts runs the scenarios in testdata. A script is a sequence of
// commands; what the engine does in answer follows each, indented by a tab and
// prefixed with the time since the start. See script.command for the commands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

func runScript(t *testing.T, in string) string {
	s := newScript()
	for line := range strings.Lines(in) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "\t") {
			continue
		}
		s.out.WriteString(line + "\n")
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			if err := s.command(fields[0], fields[1:]); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			s.ready()
		}
	}
	return s.out.String()
}

// script runs commands against one Relay and plays its peers.
type script struct {
	relay *Relay
	cfg   Config
	start time.Time
	now   time.Time
	wake  time.Time
	peers map[string]*scriptPeer
	links PeerID // connected so far
	names map[chainhash.Hash]string
	out   strings.Builder

	hears func(PeerID, relaymsg.Message) // what the Relay is about to be told; may be nil
	does  func(Ready)                    // what it answers; may be nil
}

type scriptPeer struct {
	name   string
	id     PeerID
	salt   relaymsg.Salt
	nonce  relaymsg.Nonce // its half of every round's salt
	theirs relaymsg.Salt  // of the round it initiated
	ours   relaymsg.Salt  // of the round the Relay initiated
	ourNew relaymsg.Salt  // of what is new, in rounds that the Relay initiates
	steady bool           // the latest summary of the Relay was of what is new
	round  uint64         // of the latest message of the Relay
}

func newScript() *script {
	start := time.Unix(1_700_000_000, 0)
	s := &script{start: start, now: start, peers: map[string]*scriptPeer{}, names: map[chainhash.Hash]string{}}
	s.cfg = DefaultConfig()
	s.cfg.Salt = relaymsg.Salt{1}
	s.cfg.ReconInterval = 0
	s.cfg.EagerHops = 0
	s.config()
	return s
}

func (s *script) config() {
	s.cfg.Rand = rand.New(rand.NewPCG(1, 2))
	s.relay = New(s.cfg)
}

// body is a transaction made of its name, which may end in @ and its size.
func body(name string) []byte {
	size := 80
	if _, text, ok := strings.Cut(name, "@"); ok {
		size = int(number(text))
	}
	return []byte(fmt.Sprintf("%-*s", size, name))
}

func (s *script) wtxid(name string) chainhash.Hash {
	wtxid := chainhash.DoubleHashH(body(name))
	s.names[wtxid] = name
	return wtxid
}

func (s *script) ids(salt relaymsg.Salt, names []string) []relaymsg.ShortID {
	var ids []relaymsg.ShortID
	for _, name := range names {
		if name != "" {
			ids = append(ids, salt.ShortID(s.wtxid(name)))
		}
	}
	return ids
}

// naming is how rounds of a kind name transactions.
type naming struct {
	salt relaymsg.Salt
	id   func(hash uint64) relaymsg.ReconID
}

func overAll(salt relaymsg.Salt) naming {
	return naming{salt, func(hash uint64) relaymsg.ReconID { return relaymsg.ReconID(sketch.ID40(hash)) }}
}

func overNew(salt relaymsg.Salt) naming {
	return naming{salt, func(hash uint64) relaymsg.ReconID { return relaymsg.ReconID(sketch.ID32(hash)) }}
}

func (s *script) reconIDs(n naming, names []string) []relaymsg.ReconID {
	var ids []relaymsg.ReconID
	for _, name := range names {
		if name != "" {
			ids = append(ids, n.id(n.salt.Hash(s.wtxid(name))))
		}
	}
	slices.Sort(ids)
	return ids
}

// checksum and list are those of what is new.
func (s *script) checksumAndList(salt relaymsg.Salt, names []string) (uint32, []byte) {
	var ids []uint32
	for _, id := range s.reconIDs(overNew(salt), names) {
		ids = append(ids, uint32(id))
	}
	return recon.KeyOfNew(salt).Checksum(ids...), sketch.AppendList32(nil, ids)
}

func (s *script) sketch(nonce relaymsg.Nonce, names []string) []byte {
	var c sketch.CountSketch
	for _, name := range names {
		c.Add(relaymsg.Salt(nonce).Hash(s.wtxid(name)))
	}
	return c.AppendTo(nil)
}

// callRecon is the ids of a round as names, in alphabetical order.
func (s *script) callRecon(ids []relaymsg.ReconID, namings ...naming) string {
	var names []string
	for wtxid, name := range s.names {
		for _, n := range namings {
			if slices.Contains(ids, n.id(n.salt.Hash(wtxid))) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// call is ids as names.
func (s *script) call(salt relaymsg.Salt, ids []relaymsg.ShortID) string {
	var names []string
	for _, id := range ids {
		name := id.String()
		for wtxid, known := range s.names {
			if salt.ShortID(wtxid) == id {
				name = known
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// options splits key=value arguments from plain ones.
func options(args []string) (plain []string, opt map[string]string) {
	opt = map[string]string{}
	for _, arg := range args {
		if key, value, ok := strings.Cut(arg, "="); ok {
			opt[key] = value
		} else {
			plain = append(plain, arg)
		}
	}
	return plain, opt
}

func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// command runs one line:
//
//	config [floor=FEERATE] [recon=5s] [audience=mesh|all|none|ids] [nopull=true] [eager=N|auto] [trickle=true] [trace=N] [rate=N]
//	network NODES
//	floor FEERATE
//	connect PEER in|out [floor=FEERATE]
//	disconnect PEER
//	mesh PEER...
//	accept TX... [fee=RATE] [ancestors=N] [parents=TX,TX] [src=local|peer|restored]
//	reject TX [final=true|fee=true]
//	orphan TX
//	remove TX
//	block
//	resubmit TX
//	reprice TX fee=RATE
//	delivery TX
//	recv PEER inv|get|notfound|txs TX...
//	recv PEER push TX [hop=N]
//	recv PEER getparents TX
//	recv PEER parents CHILD TX...
//	recv PEER feefilter FEERATE
//	recv PEER steady TX... [since=N] | news TX... | resync   [round=N]
//	recv PEER request TX... | list TX... | more [cells=N] | diff want=TX,TX have=TX [more=true] | offer TX... | equal | busy [ms=N]   [round=N]
//	reconcile PEER
//	advance DURATION
func (s *script) command(name string, args []string) error {
	plain, opt := options(args)
	switch name {
	case "config":
		s.cfg.ReconInterval, _ = time.ParseDuration(opt["recon"])
		s.cfg.Audience = map[string]Audience{"all": AudienceAll, "none": AudienceNone, "ids": AudienceTopicIDs}[opt["audience"]]
		s.cfg.NoPull = opt["nopull"] != ""
		s.cfg.Trickle = opt["trickle"] != ""
		s.cfg.FeeFloor = number(opt["floor"])
		s.cfg.EagerHops = int(number(opt["eager"]))
		s.cfg.SendRate = int(number(opt["rate"]))
		s.cfg.Trace = int(number(opt["trace"]))
		if opt["eager"] == "auto" {
			s.cfg.EagerHops = AutoEagerHops
		}
		s.config()
	case "floor":
		s.relay.FeeFloorChanged(s.now, number(plain[0]))
	case "network":
		s.relay.NetworkSized(s.now, int(number(plain[0])))
	case "connect":
		s.links++
		p := &scriptPeer{name: plain[0], id: s.links}
		copy(p.salt[:], "salt of "+p.name)
		copy(p.nonce[:], "nonce of "+p.name)
		s.peers[p.name] = p
		s.relay.PeerConnected(s.now, p.id, Peer{Name: p.name, Outbound: plain[1] == "out", Salt: p.salt, FeeFloor: number(opt["floor"])})
	case "disconnect":
		s.relay.PeerDisconnected(s.now, s.peers[plain[0]].id)
	case "mesh":
		var ids []PeerID
		for _, name := range plain {
			ids = append(ids, s.peers[name].id)
		}
		s.relay.MeshChanged(s.now, ids)
	case "accept":
		src := map[string]Source{"peer": SourcePeer, "restored": SourceRestored}[opt["src"]]
		for _, name := range plain {
			tx := Tx{WTxID: s.wtxid(name), FeeRate: number(opt["fee"]), Size: len(body(name)), Ancestors: int(number(opt["ancestors"]))}
			for _, parent := range strings.Split(opt["parents"], ",") {
				if parent != "" {
					tx.Parents = append(tx.Parents, s.wtxid(parent))
				}
			}
			s.relay.Accepted(s.now, tx, src)
		}
	case "reject":
		if opt["fee"] != "" {
			s.relay.RejectedForFee(s.now, s.wtxid(plain[0]))
		} else {
			s.relay.Rejected(s.now, s.wtxid(plain[0]), opt["final"] != "")
		}
	case "orphan":
		for _, id := range s.relay.Orphaned(s.now, s.wtxid(plain[0])) {
			s.printf("orphan %s of %s", plain[0], s.peer(id).name)
		}
	case "remove":
		s.relay.Removed(s.now, s.wtxid(plain[0]))
	case "block":
		s.relay.ChainChanged(s.now)
	case "reconcile":
		s.relay.Reconcile(s.now, s.peers[plain[0]].id)
	case "resubmit":
		s.relay.Resubmitted(s.now, s.wtxid(plain[0]))
	case "reprice":
		s.relay.FeeRateChanged(s.now, s.wtxid(plain[0]), number(opt["fee"]))
	case "delivery":
		s.delivery(plain[0])
	case "recv":
		p := s.peers[plain[0]]
		m, err := s.message(p, plain[1], plain[2:], opt)
		if err != nil {
			return err
		}
		if s.hears != nil {
			s.hears(p.id, m)
		}
		s.relay.Received(s.now, p.id, m)
	case "advance":
		d, err := time.ParseDuration(plain[0])
		s.advance(d)
		return err
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

// message builds what a peer sends, naming transactions as it would.
func (s *script) message(p *scriptPeer, kind string, txs []string, opt map[string]string) (relaymsg.Message, error) {
	round := p.round
	if opt["round"] != "" {
		round = number(opt["round"])
	}
	switch kind {
	case "inv":
		return &relaymsg.Inv{IDs: s.ids(s.cfg.Salt, txs)}, nil
	case "get":
		return &relaymsg.Get{IDs: s.ids(p.salt, txs)}, nil
	case "notfound":
		return &relaymsg.NotFound{IDs: s.ids(s.cfg.Salt, txs)}, nil
	case "txs":
		m := &relaymsg.Txs{}
		for _, name := range txs {
			s.wtxid(name)
			m.Bodies = append(m.Bodies, body(name))
		}
		return m, nil
	case "getparents":
		return &relaymsg.GetParents{Child: p.salt.ShortID(s.wtxid(txs[0]))}, nil
	case "parents":
		m := &relaymsg.Parents{Child: s.cfg.Salt.ShortID(s.wtxid(txs[0]))}
		for _, name := range txs[1:] {
			s.wtxid(name)
			m.Bodies = append(m.Bodies, body(name))
		}
		return m, nil
	case "feefilter":
		return &relaymsg.FeeFilter{FeeFloor: number(txs[0])}, nil
	case "push":
		s.wtxid(txs[0])
		return &relaymsg.Push{Hop: uint8(max(1, number(opt["hop"]))), Body: body(txs[0])}, nil
	case "request":
		if opt["round"] == "" {
			p.round++
			round = p.round
		}
		var d recon.Digest
		for _, name := range txs {
			d.Add(s.wtxid(name))
		}
		return &relaymsg.ReconRequest{
			Round: round, Nonce: p.nonce, Count: uint64(len(txs)), Digest: d.Sum(), Sketch: s.sketch(p.nonce, txs),
		}, nil
	case "list":
		var ids []uint64
		for _, id := range s.reconIDs(overAll(p.ours), txs) {
			ids = append(ids, uint64(id))
		}
		chunk, _ := sketch.NewListEncoder(ids).AppendChunk(nil, relaymsg.MaxReconBytes)
		return &relaymsg.ReconList{Round: round, Nonce: p.nonce, Count: uint64(len(txs)), Chunk: chunk}, nil
	case "diff":
		names := overAll(p.theirs)
		if p.steady {
			names = overNew(relaymsg.RoundSalt(p.nonce, relaymsg.Nonce(s.cfg.Salt)))
		}
		want := s.reconIDs(names, strings.Split(opt["want"], ","))
		have := s.ids(s.cfg.Salt, strings.Split(opt["have"], ","))
		return &relaymsg.ReconDiff{
			Round: round, More: opt["more"] != "", Size: uint64(len(want) + len(have)), Want: want, Have: have,
		}, nil
	case "offer":
		return &relaymsg.ReconOffer{Round: round, Have: s.ids(s.cfg.Salt, txs)}, nil
	case "steady":
		if opt["round"] == "" {
			p.round++
			round = p.round
		}
		sum, _ := s.checksumAndList(relaymsg.RoundSalt(p.nonce, relaymsg.Nonce(s.cfg.Salt)), txs)
		return &relaymsg.ReconSteady{Round: round, Since: max(1, number(opt["since"])), Count: uint64(len(txs)), Checksum: sum}, nil
	case "news":
		sum, list := s.checksumAndList(p.ourNew, txs)
		return &relaymsg.ReconSketch{Round: round, List: true, Count: uint64(len(txs)), Checksum: sum, Data: list}, nil
	case "resync":
		return &relaymsg.ReconResync{Round: round}, nil
	case "more":
		return &relaymsg.ReconMore{Round: round, Cells: number(opt["cells"])}, nil
	case "equal":
		return &relaymsg.ReconEqual{Round: round}, nil
	case "busy":
		return &relaymsg.ReconBusy{Round: round, RetryMillis: number(opt["ms"])}, nil
	}
	return nil, fmt.Errorf("unknown message")
}

// advance lets time pass, ticking exactly when the Relay asks for it.
func (s *script) advance(d time.Duration) {
	end := s.now.Add(d)
	for !s.wake.IsZero() && !s.wake.After(end) {
		s.now = s.wake
		s.relay.Tick(s.now)
		s.ready()
	}
	s.now = end
	s.relay.Tick(s.now)
}

func (s *script) peer(id PeerID) *scriptPeer {
	for _, p := range s.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (s *script) printf(format string, args ...any) {
	fmt.Fprintf(&s.out, "\t%v "+format+"\n", append([]any{s.now.Sub(s.start)}, args...)...)
}

func (s *script) ready() {
	r := s.relay.Ready()
	s.wake = r.Wake
	if s.does != nil {
		s.does(r)
	}
	for _, m := range r.Send {
		p := s.peer(m.Peer)
		s.printf("send %s %s", p.name, s.describe(p, m.Msg))
	}
	for _, q := range r.Push {
		s.printf("push %s %s hop %d", s.peer(q.Peer).name, s.names[q.WTxID], q.Hop)
	}
	for _, q := range r.Serve {
		p := s.peer(q.Peer)
		var ids []relaymsg.ShortID
		for _, tx := range q.Tx {
			ids = append(ids, tx.ID)
		}
		s.printf("serve %s %s", p.name, s.call(p.salt, ids))
	}
	s.families(r)
	for _, b := range r.Validate {
		s.printf("validate %s from %s", s.names[b.WTxID], s.peer(b.Peer).name)
	}
	for _, wtxid := range r.Broadcast {
		s.printf("broadcast %s", s.names[wtxid])
	}
	for _, d := range r.Disconnect {
		s.printf("disconnect %s: %s", s.peer(d.Peer).name, d.Reason)
	}
	for _, d := range r.Rounds {
		kind := "round"
		if d.Steady {
			kind = "steady round"
		}
		s.printf(kind+" %d with %s, initiator %v: %s, equal %v, ours %d, theirs %d, difference %d, wanted %d, offered %d, %d B sent, %d B received, %v",
			d.ID, s.peer(d.Peer).name, d.Initiator, d.Outcome, d.Equal, d.Ours, d.Theirs, d.Difference, d.Wanted, d.Offered,
			d.BytesSent, d.BytesReceived, d.Duration)
		s.details(d)
	}
}

func (s *script) families(r Ready) {
	for _, q := range r.ServeParents {
		p := s.peer(q.Peer)
		s.printf("serve %s parents of %s: %s", p.name, s.call(p.salt, []relaymsg.ShortID{q.Child}), s.called(q.WTxIDs))
	}
	for _, a := range r.Orphans {
		s.printf("orphan %s of %s too", s.names[a.WTxID], s.peer(a.Peer).name)
	}
	for _, f := range r.Families {
		var parents []chainhash.Hash
		for _, raw := range f.Parents {
			parents = append(parents, chainhash.DoubleHashH(raw))
		}
		s.printf("validate %s with %s from %s", s.names[f.Child], s.called(parents), s.peer(f.Peer).name)
	}
}

// called is hashes as names.
func (s *script) called(wtxids []chainhash.Hash) string {
	var names []string
	for _, wtxid := range wtxids {
		names = append(names, s.names[wtxid])
	}
	return strings.Join(names, " ")
}

// details prints what few rounds have.
func (s *script) details(d Round) {
	if d.Lacked+d.Withheld > 0 {
		s.printf("  lacked %d, withheld %d", d.Lacked, d.Withheld)
	}
	if d.Reason != "" {
		s.printf("  because %s", d.Reason)
	}
	if d.Requested {
		s.printf("  as requested")
	}
	if f := d.Details; f != nil {
		named := func(wtxids []chainhash.Hash) (names []string) {
			for _, wtxid := range wtxids {
				names = append(names, s.names[wtxid])
			}
			return names
		}
		s.printf("  ours %v, theirs [%s], refused %v", named(f.Ours), s.call(s.cfg.Salt, f.Theirs), named(f.Refused))
	}
}

func (s *script) describe(p *scriptPeer, m relaymsg.Message) string {
	switch m := m.(type) {
	case *relaymsg.Inv:
		return "INV " + s.call(p.salt, m.IDs)
	case *relaymsg.Get:
		return "GET " + s.call(s.cfg.Salt, m.IDs)
	case *relaymsg.GetParents:
		return "GETPARENTS " + s.call(s.cfg.Salt, []relaymsg.ShortID{m.Child})
	case *relaymsg.NotFound:
		return "NOTFOUND " + s.call(p.salt, m.IDs)
	case *relaymsg.FeeFilter:
		return fmt.Sprintf("FEEFILTER %d", m.FeeFloor)
	case *relaymsg.ReconRequest:
		p.round = m.Round
		p.ours = relaymsg.RoundSalt(m.Nonce, p.nonce)
		p.ourNew = relaymsg.RoundSalt(m.Nonce, relaymsg.Nonce(p.salt))
		return fmt.Sprintf("REQUEST round %d count %d", m.Round, m.Count)
	case *relaymsg.ReconList:
		p.theirs, p.steady = relaymsg.RoundSalt(p.nonce, m.Nonce), false
		list, _ := sketch.NewListDecoder(int(m.Count))
		list.Add(m.Chunk)
		var ids []relaymsg.ReconID
		for _, id := range list.IDs() {
			ids = append(ids, relaymsg.ReconID(id))
		}
		return fmt.Sprintf("LIST round %d [%s]", m.Round, s.callRecon(ids, overAll(p.theirs)))
	case *relaymsg.ReconCells:
		p.theirs, p.steady = relaymsg.RoundSalt(p.nonce, m.Nonce), false
		return fmt.Sprintf("CELLS round %d, %d of %d ids, last %v", m.Round, len(m.Cells)/sketch.CellLen, m.Count, m.Last)
	case *relaymsg.ReconSteady:
		p.round = m.Round
		return fmt.Sprintf("STEADY round %d since %d count %d", m.Round, m.Since, m.Count)
	case *relaymsg.ReconSketch:
		p.steady = true
		if !m.List {
			return fmt.Sprintf("SKETCH round %d, %d syndromes of %d ids", m.Round, len(m.Data)/4, m.Count)
		}
		list, _ := sketch.ParseList32(m.Data)
		var ids []relaymsg.ReconID
		for _, id := range list {
			ids = append(ids, relaymsg.ReconID(id))
		}
		return fmt.Sprintf("NEWS round %d [%s]", m.Round, s.callRecon(ids, overNew(relaymsg.RoundSalt(p.nonce, relaymsg.Nonce(s.cfg.Salt)))))
	case *relaymsg.ReconResync:
		return fmt.Sprintf("RESYNC round %d", m.Round)
	case *relaymsg.ReconMore:
		return fmt.Sprintf("MORE round %d, %d cells", m.Round, m.Cells)
	case *relaymsg.ReconDiff:
		more := ""
		if m.More {
			more = ", more to come"
		}
		return fmt.Sprintf("DIFF round %d want [%s] have [%s]%s", m.Round, s.callRecon(m.Want, overAll(p.ours), overNew(p.ourNew)), s.call(p.salt, m.Have), more)
	case *relaymsg.ReconOffer:
		return fmt.Sprintf("OFFER round %d [%s]", m.Round, s.call(p.salt, m.Have))
	case *relaymsg.ReconEqual:
		return fmt.Sprintf("EQUAL round %d", m.Round)
	case *relaymsg.ReconBusy:
		return fmt.Sprintf("BUSY round %d retry %v", m.Round, time.Duration(m.RetryMillis)*time.Millisecond)
	}
	return fmt.Sprintf("%T", m)
}
