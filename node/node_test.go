package node

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/inv"
	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/p2p"
	"github.com/txnode/txnode/storage"
	"github.com/txnode/txnode/testnet/txgen"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Both are started once per process by dependencies and never end.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func testConfig(t *testing.T) Config {
	t.Helper()
	outputs, err := utxo.TestAllocation("regtest", 100)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Network = "regtest"
	cfg.PrevOuts = outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	return cfg
}

func transactions(t *testing.T) *txgen.Generator {
	t.Helper()
	gen, err := txgen.New(txgen.Config{Network: "regtest", From: 0, To: 100})
	if err != nil {
		t.Fatal(err)
	}
	return gen
}

// run starts the node and returns what stops it.
func run(t *testing.T, cfg Config) (n *Node, stop func()) {
	t.Helper()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-ended:
		t.Fatalf("Run: %v", err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return n, stop
}

func TestSubmittedTransactionsSurviveARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, stop := run(t, cfg)
	chain, err := transactions(t).Chain(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range chain {
		if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Submit(t.Context(), tx.Raw); err != nil {
			t.Fatalf("submitted again: %v", err)
		}
	}
	before, count := n.Digest()
	if count != len(chain) {
		t.Fatalf("digest over %d transactions", count)
	}
	id := n.ID()
	stop()

	n, _ = run(t, cfg)
	if after, _ := n.Digest(); after != before {
		t.Errorf("digest %x after the restart, %x before", after, before)
	}
	if n.ID() != id {
		t.Errorf("identity %s after the restart, %s before", n.ID(), id)
	}
}

func TestRefusalsAreTyped(t *testing.T) {
	n, _ := run(t, testConfig(t))
	gen := transactions(t)
	chain, err := gen.Chain(2)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := gen.Conflict()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), pair[0].Raw); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		raw  []byte
		want error
	}{
		"no transaction":  {[]byte("hello"), mempool.ErrDecode},
		"trailing byte":   {append(chain[0].Raw[:len(chain[0].Raw):len(chain[0].Raw)], 0), mempool.ErrDecode},
		"parent missing":  {chain[1].Raw, mempool.ErrMissingInputs},
		"double spending": {pair[1].Raw, mempool.ErrConflict},
	} {
		if entry, err := n.Submit(t.Context(), test.raw); entry != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v; want %v", name, entry, err, test.want)
		}
	}
}

func TestSubmitNeedsARunningNode(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Submit(t.Context(), nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before Run: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := n.Run(t.Context()); err == nil {
		t.Error("a closed node ran")
	}

	n, stop := run(t, testConfig(t))
	stop()
	if _, err := n.Submit(t.Context(), nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Run: %v", err)
	}
}

func TestDataDirectoryServesOneNode(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	_, stop := run(t, cfg)
	if n, err := New(cfg); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("second node: %v, %v", n, err)
	}
	stop()
	cfg.Network = "signet"
	if n, err := New(cfg); !errors.Is(err, storage.ErrMismatch) {
		t.Errorf("another network: %v, %v", n, err)
	}
}

func TestCallersHostStaysTheCallers(t *testing.T) {
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	cfg := testConfig(t)
	cfg.Host, cfg.Listen = h, nil
	own, stop := run(t, cfg)

	cfg = testConfig(t)
	cfg.P2P.Bootstrap = []string{own.Addrs()[0].String()}
	other, _ := run(t, cfg)
	tx, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	arrivals := own.Events(t.Context())
	if _, err := other.Submit(t.Context(), tx.Raw); err != nil {
		t.Fatal(err)
	}
	for e := range arrivals {
		if e.Kind == EventAdded && e.WTxID == tx.WTxID {
			break
		}
	}
	stop()
	guest, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	if err := guest.Connect(t.Context(), peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}); err != nil {
		t.Errorf("the caller's host is closed: %v", err)
	}
}

// orphanOf is a transaction that spends an output of the parent and one that
// does not exist.
func orphanOf(t *testing.T, parent *txgen.Tx) []byte {
	t.Helper()
	tx := wire.NewMsgTx(2)
	for _, txid := range []chainhash.Hash{parent.TxID, {1}} {
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: txid}, nil, wire.TxWitness{make([]byte, 64)}))
	}
	tx.AddTxOut(wire.NewTxOut(10_000, parent.TxOut[0].PkScript))
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

func TestOrphanIsJudgedAgainOnlyWhenAParentCame(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	parent, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	raw := orphanOf(t, parent)
	child := candidate{origin: 1, wtxid: chainhash.DoubleHashH(raw), raw: raw}

	n.peers[1] = "the announcer"
	early := n.admit(t.Context(), child)
	n.settle(n.admit(t.Context(), candidate{origin: 2, wtxid: parent.WTxID, raw: parent.Raw}))
	n.settle(early)
	if len(n.admission.waiting(1)) != 1 {
		t.Fatal("the parent came while the orphan was judged, and nobody judges it again")
	}
	again, _ := n.admission.pop()
	n.settle(n.admit(t.Context(), again))
	n.admission.charge(again, 0)
	if len(n.admission.lines) != 0 || n.orphans.Len() != 1 {
		t.Fatalf("%d candidates wait, %d orphans: an orphan with one parent present is judged forever",
			len(n.admission.lines), n.orphans.Len())
	}
}

// The size of the network, as the overlay tells it, decides whether own
// transactions are pushed.
func TestNetworkSizeReachesTheEngine(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	n.handle(p2p.PeerUp{ID: 1})
	n.handle(p2p.MeshChanged{IDs: []p2p.PeerID{1}})
	for nodes, want := range map[int]bool{11: false, 60: true} {
		n.handle(p2p.NetworkSize{Nodes: nodes})
		n.relay.Accepted(time.Now(), inv.Tx{WTxID: chainhash.Hash{byte(nodes)}, Size: 100}, inv.SourceLocal)
		if pushed := len(n.relay.Ready().Push) == 1; pushed != want {
			t.Errorf("%d nodes: pushed %v", nodes, pushed)
		}
	}
}

// An orphan whose announcer has left meanwhile would stay for nobody, and every
// such announcer would raise the orphanage's bound.
func TestOrphansOfTheDepartedAreNotKept(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	parent, err := transactions(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	raw := orphanOf(t, parent)
	for origin := p2p.PeerID(1); origin < 100; origin++ {
		n.settle(n.admit(t.Context(), candidate{origin: origin, wtxid: chainhash.DoubleHashH(raw), raw: raw, announcers: []uint64{1000}}))
	}
	if n.orphans.Len() != 0 {
		t.Errorf("%d orphans of nobody", n.orphans.Len())
	}
	n.peers[1000] = "one who stayed"
	n.settle(n.admit(t.Context(), candidate{origin: 1, wtxid: chainhash.DoubleHashH(raw), raw: raw, announcers: []uint64{1000}}))
	if n.orphans.Len() != 1 {
		t.Error("an orphan was dropped although one of its announcers stayed")
	}
}

func TestPeerThatAsksWithoutReadingIsCutOff(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ask := inv.Serve{Peer: 7, Tx: make([]inv.Named, 5000)}
	n.servings[7] = make([]inv.Named, 1) // it has more than serveAhead to read already
	for range maxOwed/len(ask.Tx) + 1 {
		n.serve(ask)
		if owed := len(n.servings[7]); owed > maxOwed {
			t.Fatalf("%d ids are owed to one peer", owed)
		}
	}
	if len(n.servings[7]) != 0 {
		t.Errorf("a peer that never reads is still owed %d ids", len(n.servings[7]))
	}
}

func TestStorageAlarmIsRateLimited(t *testing.T) {
	n, err := New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	n.storageFailed(storage.ErrDiskFull)
	first := n.diskAlarm
	n.storageFailed(storage.ErrDiskFull)
	if n.diskAlarm != first || time.Since(first) > time.Minute {
		t.Errorf("alarms at %v and %v", first, n.diskAlarm)
	}
	if w := n.Warnings(); len(w) != 1 || !strings.Contains(w[0], "storage does not follow the mempool: too little free disk space") {
		t.Errorf("warnings: %q", w)
	}
	n.conclude(result{changes: make([]mempool.Change, 1)})
	if w := n.Warnings(); len(w) != 0 {
		t.Errorf("warnings after a write: %q", w)
	}
}
