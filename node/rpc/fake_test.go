package rpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testCookie = "__cookie__:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	coinValue  = 100_000_000
)

// anyoneScript locks an output that whoever knows anyoneWitness can spend: P2WSH
// of OP_TRUE.
var (
	anyoneWitness = []byte{txscript.OP_TRUE}
	anyoneScript  = func() []byte {
		h := sha256.Sum256(anyoneWitness)
		return append([]byte{txscript.OP_0, txscript.OP_DATA_32}, h[:]...)
	}()
)

// chain is a source of ten confirmed outputs, coin(0) to coin(9).
type chain struct {
	confirmed chainhash.Hash // a transaction whose first output is confirmed, too
	err       error
}

func coin(i uint32) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.HashH([]byte("coins")), Index: i}
}

func (c *chain) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	if c.err != nil || op.Index >= 10 || op.Hash != coin(0).Hash && op.Hash != c.confirmed {
		return mempool.PrevOut{}, false, c.err
	}
	return mempool.PrevOut{Value: coinValue, PkScript: anyoneScript}, true, nil
}

func (*chain) Tip() (int32, time.Time) { return 200, time.Unix(1_700_000_000, 0) }
func (*chain) Digest() [32]byte        { return [32]byte{1} }

// fakeNode is a Backend over a real mempool whose clock stands still.
type fakeNode struct {
	chain chain
	pool  *mempool.Pool
	lot   *mempool.ParkingLot

	mu          sync.Mutex
	added       map[string]bool
	peers       []Peer
	loading     bool
	stopped     bool
	diskFull    bool                 // for SaveMempool
	imports     chan context.Context // of ImportMempool of a long file, at its begin and its end
	off         bool                 // the network
	pinged      int
	submits     int
	block       chan struct{} // Submit waits for it when set
	meeting     bool          // Submit waits until it was called as often as meet says
	meet        sync.WaitGroup
	rounds      []Round
	gone        bool // some events are
	unbroadcast map[chainhash.Hash]bool
	differs     Difference // what Reconcile finds
	receipt     Propagation
	warnings    []string
	failures    []PeerFailure

	followers map[chan *mempool.Entry]bool // of Accepted
}

func newFakeNode() *fakeNode {
	n := &fakeNode{added: make(map[string]bool), followers: make(map[chan *mempool.Entry]bool)}
	n.lot = mempool.NewParkingLot()
	n.pool = mempool.New(mempool.Config{PrevOuts: &n.chain})
	started := time.Unix(1_800_000_000, 0)
	n.peers = []Peer{{
		ID: 1, PeerID: "12D3KooWPeerOne", Addr: "/ip4/127.0.0.1/tcp/18555", LocalAddr: "/ip4/127.0.0.1/tcp/40000",
		Agent: "txnode/0.1.0", Mesh: true, FeeFloor: 100, ToSend: 2,
		Connected: started, LastSend: started.Add(time.Second), LastRecv: started.Add(2 * time.Second), LastTx: started.Add(3 * time.Second),
		BytesSent: 1000, BytesRecv: 2000, SentPerMsg: map[string]uint64{"inv": 1000},
		Ping: 12500 * time.Microsecond, MinPing: 12 * time.Millisecond,
	}, {
		ID: 2, PeerID: "12D3KooWPeerTwo", Addr: "/ip6/2606:4700::1111/udp/18555/quic-v1", Agent: "kubo/0.1", Inbound: true, Connected: started,
	}}
	return n
}

func (n *fakeNode) now() time.Time { return time.Unix(1_800_000_100, 0) }

func (n *fakeNode) Submit(ctx context.Context, raw []byte, allow func(*mempool.Entry) error) (*mempool.Entry, error) {
	n.mu.Lock()
	n.submits++
	block := n.block
	n.mu.Unlock()
	if n.meeting {
		n.meet.Done()
		n.meet.Wait()
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	e, _, err := n.pool.AddIf(raw, n.now(), allow)
	if errors.Is(err, mempool.ErrAlreadyInMempool) {
		return e, nil
	}
	if err == nil {
		n.announce(e)
	}
	return e, err
}

// announce has followers hear of e. They may lag 10 000 behind.
func (n *fakeNode) announce(e *mempool.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for f := range n.followers {
		f <- e
	}
}

// hangUp ends what followers follow, as a node does that stops.
func (n *fakeNode) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for f := range n.followers {
		close(f)
		delete(n.followers, f)
	}
}

func (n *fakeNode) Accepted(ctx context.Context) iter.Seq[*mempool.Entry] {
	f := make(chan *mempool.Entry, 10_000)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.followers[f] = true
	return func(yield func(*mempool.Entry) bool) {
		defer func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.followers, f)
		}()
		for {
			select {
			case e, ok := <-f:
				if !ok || !yield(e) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (n *fakeNode) Sequence() uint64 { return n.pool.Info().Sequence }

// EventsSince has the changes up to now in its history, and then hears of others.
func (n *fakeNode) EventsSince(ctx context.Context, after uint64) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for after < n.Sequence() {
			after++
			if !yield(Event{Sequence: after, Time: 1.5, Kind: "added", TxID: "aa", WTxID: "bb", VSize: 141, Fee: 1000}) {
				return
			}
		}
		if n.gone && !yield(Event{Sequence: after, Kind: "missed", Missed: 3}) {
			return
		}
		<-ctx.Done()
	}
}

func (n *fakeNode) SubmitPackage(_ context.Context, raws [][]byte, allow func(*mempool.Entry) error) ([]mempool.PackageResult, error) {
	results, _, err := n.pool.AddPackageIf(raws, n.now(), allow)
	return results, err
}

func (n *fakeNode) Stand(_ context.Context, raw []byte, maxFeeRate int64) (*mempool.Standing, error) {
	s := mempool.Standing{Raw: raw, MaxFeeRate: maxFeeRate, Since: n.now()}
	e, _, refusal := n.pool.AddIf(raw, n.now(), s.Allow)
	if refusal == nil || !mempool.MayStand(refusal) {
		return nil, refusal
	}
	s, err := n.lot.Put(s)
	if err != nil {
		return nil, err
	}
	n.lot.Refused(e, refusal, 0, n.now())
	s, _ = n.lot.Get(s.WTxID)
	return &s, nil
}

func (n *fakeNode) Standing() []mempool.Standing { return n.lot.All() }

func (n *fakeNode) AbortStanding(_ context.Context, id chainhash.Hash) ([]mempool.Standing, error) {
	return n.lot.Remove(id), nil
}

func (n *fakeNode) Prioritise(_ context.Context, txid chainhash.Hash, delta int64) error {
	return n.pool.Prioritise(txid, delta)
}

func (n *fakeNode) SaveMempool() (string, error) {
	if n.diskFull {
		return "", errors.New("disk full")
	}
	return "/data/regtest/mempool.dat", nil
}

// ImportMempool has a report of what it was asked for, by the name of the file.
func (n *fakeNode) ImportMempool(ctx context.Context, path string, o mempooldat.ImportOptions) (report mempooldat.ImportReport, err error) {
	report = mempooldat.ImportReport{Accepted: 5, AlreadyThere: 1, Expired: 2, Failed: 3, Reasons: map[string]int{"dust": 2, "tx-size": 1}, FeeDeltasRefused: 4}
	if o.KeepTimes {
		report.Expired = 7
	}
	if o.FeeDeltas {
		report.FeeDeltas = 8
	}
	if o.Unbroadcast {
		report.Unbroadcast = 9
	}
	switch path {
	case "none":
		return mempooldat.ImportReport{Accepted: 1}, nil
	case "asleep":
		return mempooldat.ImportReport{}, fmt.Errorf("%w: refused", ErrNotSynced)
	case "missing":
		return mempooldat.ImportReport{}, errors.New("open missing: no such file or directory")
	case "damaged":
		err = fmt.Errorf("%w: after 11 of 12 transactions: it ends", mempooldat.ErrFormat)
	case "long":
		n.imports <- ctx
		select {
		case <-n.block:
		case <-ctx.Done():
			err = ctx.Err()
		}
		n.imports <- ctx
	}
	return report, err
}

func (n *fakeNode) BestBlock() chainhash.Hash { return chainhash.Hash{} }

func (n *fakeNode) TxOut(op wire.OutPoint) (mempool.PrevOut, bool, error) { return n.chain.Lookup(op) }

func (n *fakeNode) Check(_ context.Context, raw []byte) (*mempool.Entry, error) {
	return n.pool.Check(raw, n.now())
}

func (n *fakeNode) CheckPackage(_ context.Context, raws [][]byte) ([]mempool.PackageResult, error) {
	return n.pool.CheckPackage(raws, n.now())
}

func (n *fakeNode) Mempool() *mempool.Pool  { return n.pool }
func (n *fakeNode) Tip() (int32, time.Time) { return n.chain.Tip() }
func (n *fakeNode) Uptime() time.Duration   { return 100*time.Second + 900*time.Millisecond }
func (n *fakeNode) Overlay() Overlay        { return Overlay{Nodes: 5, Digests: 2} }

func (n *fakeNode) Warnings() []string      { return n.warnings }
func (n *fakeNode) Failures() []PeerFailure { return n.failures }

func (n *fakeNode) Authors() ([]OverlayNode, time.Duration) {
	return []OverlayNode{{PeerID: "12D3KooWPeerTwo", Agent: "txnode/0.1.0", Digest: "cd", Count: 1, Bytes: 120, FeeFloor: 100, Sequence: 7, Heard: 1.5, Lags: true}}, 29 * time.Second
}

func (n *fakeNode) NetTotals() (sent, received uint64) { return 1000, 2000 }

func (n *fakeNode) Unbroadcast(wtxid chainhash.Hash) bool { return n.unbroadcast[wtxid] }
func (n *fakeNode) UnbroadcastCount() int                 { return len(n.unbroadcast) }

func (n *fakeNode) Digest() ([32]byte, int) { return [32]byte{0xab}, n.pool.Info().Count }

func (n *fakeNode) Network() Network {
	return Network{Name: "regtest", PeerID: "12D3KooWSelf", Active: !n.off, ListenAddrs: []string{"/ip4/127.0.0.1/tcp/18555", "/ip4/127.0.0.1/udp/18555/quic-v1"}}
}

func (n *fakeNode) Peers() []Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers
}

func (n *fakeNode) AddNode(addr string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !strings.HasPrefix(addr, "/") {
		return ErrBadAddress
	}
	if n.added[addr] {
		return ErrNodeAdded
	}
	n.added[addr] = true
	return nil
}

func (n *fakeNode) RemoveNode(addr string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.added[addr] {
		return ErrNodeNotAdded
	}
	delete(n.added, addr)
	return nil
}

func (n *fakeNode) Connect(_ context.Context, addr string) error {
	if !strings.HasPrefix(addr, "/") {
		return ErrBadAddress
	}
	return nil
}

func (n *fakeNode) SetNetworkActive(active bool) { n.off = !active }
func (n *fakeNode) Ping(context.Context)         { n.pinged++ }

// Logging knows of one category.
func (n *fakeNode) Logging(include, exclude []string) (map[string]bool, error) {
	if slices.ContainsFunc(slices.Concat(include, exclude), func(c string) bool { return c != "txnode" }) {
		return nil, errors.New("unknown logging category nonsense")
	}
	return map[string]bool{"txnode": len(include) > len(exclude)}, nil
}

func (n *fakeNode) Disconnect(id uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, p := range n.peers {
		if p.ID == id {
			n.peers = append(n.peers[:i:i], n.peers[i+1:]...)
			return nil
		}
	}
	return ErrNotConnected
}

func (n *fakeNode) Rounds() []Round { return n.rounds }

func (n *fakeNode) Reconcile(_ context.Context, id uint64) (Round, Difference, error) {
	for _, r := range n.rounds {
		if r.Link == id {
			return r, n.differs, nil
		}
	}
	return Round{}, Difference{}, ErrNotConnected
}

// Propagation has a receipt of one transaction, whose peers never change.
func (n *fakeNode) Propagation(ctx context.Context, id chainhash.Hash, fraction float64) (Propagation, error) {
	if n.receipt.WTxID != id.String() {
		return Propagation{}, fmt.Errorf("%w: %v", ErrNoReceipt, id)
	}
	if fraction > n.receipt.Coverage {
		<-ctx.Done()
	}
	return n.receipt, nil
}

func (n *fakeNode) Loaded() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.loading
}

func (n *fakeNode) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
}

// spend is a transaction that spends op into outputs of the given values and
// leaves the rest as fee.
func spend(op wire.OutPoint, values ...int64) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	in := wire.NewTxIn(&op, nil, wire.TxWitness{anyoneWitness})
	tx.AddTxIn(in)
	for _, v := range values {
		tx.AddTxOut(wire.NewTxOut(v, anyoneScript))
	}
	return tx
}

func rawOf(tx *wire.MsgTx) []byte {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func hexOf(tx *wire.MsgTx) string { return hex.EncodeToString(rawOf(tx)) }

// add puts a transaction into the node's mempool.
func (n *fakeNode) add(t testing.TB, tx *wire.MsgTx) *mempool.Entry {
	t.Helper()
	e, _, err := n.pool.Add(rawOf(tx), n.now())
	if err != nil {
		t.Fatalf("adding a transaction: %v", err)
	}
	return e
}

// server is the handler of a fake node.
func (n *fakeNode) server() http.Handler {
	return NewHandler(n, Options{Version: "0.1.0", Cookie: testCookie, Hosts: []string{"node0"}})
}

// newRequest is a POST by bitcoin-cli with the right cookie.
func newRequest(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(body))
	user, password, _ := strings.Cut(testCookie, ":")
	r.SetBasicAuth(user, password)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// outputOf is output i of a transaction in the mempool.
func outputOf(e *mempool.Entry, i uint32) wire.OutPoint {
	return wire.OutPoint{Hash: e.TxID, Index: i}
}
