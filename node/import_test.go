package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
	"github.com/txnode/txnode/storage"
	"github.com/txnode/txnode/testnet/txgen"
)

// parsed is what a file holds.
func parsed(t *testing.T, file []byte) (d mempooldat.Dump) {
	t.Helper()
	r, err := mempooldat.NewReader(bytes.NewReader(file))
	for err == nil {
		var tx mempooldat.Tx
		if tx, err = r.Next(); err == nil {
			d.Txs = append(d.Txs, tx)
		}
	}
	d.FeeDeltas = make(map[chainhash.Hash]int64)
	for err == io.EOF {
		txid, delta, end := r.NextFeeDelta()
		if end != nil {
			break
		}
		d.FeeDeltas[txid] = delta
	}
	for err == io.EOF {
		var txid chainhash.Hash
		if txid, err = r.NextUnbroadcast(); err == nil {
			d.Unbroadcast = append(d.Unbroadcast, txid)
			err = io.EOF
			continue
		}
		break
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return d
}

func exported(t *testing.T, n *Node) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := n.ExportMempool(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustImport(t *testing.T, n *Node, file []byte, o mempooldat.ImportOptions, want mempooldat.ImportReport) {
	t.Helper()
	if got, err := n.ImportMempool(t.Context(), bytes.NewReader(file), o); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("import: %+v, %v; want %+v", got, err, want)
	}
}

// What one node exports, another imports, and has after a restart; the metadata only
// if it is asked for.
func TestImportWhatAnotherExports(t *testing.T) {
	a, _ := run(t, testConfig(t))
	gen := transactions(t)
	chain, err := gen.Chain(25)
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range chain {
		mustSubmit(t, a, tx.Raw)
	}
	submit(t, a, gen, 40)
	known, unknown := chain[3].TxID, chainhash.Hash{9}
	for txid, delta := range map[chainhash.Hash]int64{known: 1234, unknown: -5} {
		if err := a.Prioritise(t.Context(), txid, delta); err != nil {
			t.Fatal(err)
		}
	}
	a.arrived([]chainhash.Hash{chain[0].WTxID})
	file := exported(t, a)
	if d := parsed(t, file); len(d.Txs) != 65 || len(d.FeeDeltas) != 1 || d.FeeDeltas[unknown] != -5 || len(d.Unbroadcast) != 64 ||
		slices.Contains(d.Unbroadcast, chain[0].TxID) {
		t.Errorf("exported %d transactions, %v, %d unbroadcast", len(d.Txs), d.FeeDeltas, len(d.Unbroadcast))
	}

	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	b, stop := run(t, cfg)
	mustImport(t, b, file, mempooldat.ImportOptions{}, mempooldat.ImportReport{Accepted: 65})
	want, _ := a.Digest()
	check := func(deltas, unbroadcast int) {
		t.Helper()
		if got, count := b.Digest(); got != want || count != 65 {
			t.Errorf("%d transactions", count)
		}
		if len(b.Mempool().FeeDeltas()) != deltas || b.UnbroadcastCount() != unbroadcast {
			t.Errorf("fee deltas %v, %d unbroadcast", b.Mempool().FeeDeltas(), b.UnbroadcastCount())
		}
	}
	check(0, 0)
	stop()
	b, stop = run(t, cfg)
	check(0, 0)
	all := mempooldat.ImportOptions{KeepTimes: true, FeeDeltas: true, Unbroadcast: true}
	mustImport(t, b, file, all, mempooldat.ImportReport{AlreadyThere: 65, FeeDeltas: 2, Unbroadcast: 64})
	check(2, 64)
	mustImport(t, b, file, all, mempooldat.ImportReport{AlreadyThere: 65, FeeDeltas: 2, Unbroadcast: 64})
	stop()
	b, _ = run(t, cfg)
	check(2, 64)
	if d := b.Mempool().FeeDeltas(); d[known] != 2*1234 || d[unknown] != 2*-5 {
		t.Errorf("fee deltas %v", d)
	}
}

// forged is a file of what no node needs to have.
func forged(t *testing.T, d mempooldat.Dump) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := mempooldat.Write(&b, [mempooldat.KeySize]byte{1, 2}, &d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Transactions enter as of the file's times or as of now, are judged with their fee
// deltas, and what does not enter is counted.
func TestImportJudges(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	cfg.Mempool.Expiry = time.Hour
	var events []Event
	cfg.Observer = func(e Event) { events = append(events, e) }
	now := time.Now().Unix()
	young, youngID := spendTrue(confirmed(1), 990_000)
	ahead, aheadID := spendTrue(confirmed(2), 990_000)
	old, oldID := spendTrue(confirmed(3), 990_000)
	free, freeID := spendTrue(confirmed(4), 1_000_000)
	orphan, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{7}}, 1000)
	another, _ := spendTrue(confirmed(1), 989_999)
	late, lateID := spendTrue(confirmed(5), 990_000)
	early, _ := spendTrue(wire.OutPoint{Hash: lateID}, 980_000)
	file := forged(t, mempooldat.Dump{
		Txs: []mempooldat.Tx{
			{Raw: young, Time: now - 1800}, {Raw: ahead, Time: 1 << 62}, {Raw: old, Time: -1 << 63}, {Raw: free, Time: now, FeeDelta: 5000},
			{Raw: orphan, Time: now}, {Raw: another, Time: now}, {Raw: early, Time: now}, {Raw: late, Time: now},
		},
		Unbroadcast: []chainhash.Hash{youngID, {8}},
	})

	n, stop := run(t, cfg)
	mustImport(t, n, file, mempooldat.ImportOptions{KeepTimes: true, FeeDeltas: true, Unbroadcast: true}, mempooldat.ImportReport{
		Accepted: 5, Expired: 1, Failed: 2, FeeDeltas: 1, Unbroadcast: 1,
		Reasons: map[string]int{"bad-txns-inputs-missingorspent": 1, "insufficient fee": 1},
	})
	pool := n.Mempool()
	if got := pool.GetByTxID(youngID).Time.Unix(); got != now-1800 {
		t.Errorf("the young one is %d s old", now-got)
	}
	if got := pool.GetByTxID(aheadID).Time; got.After(time.Now()) {
		t.Errorf("one enters the mempool at %v", got)
	}
	stop()
	kinds := map[EventKind]int{}
	for _, e := range events {
		kinds[e.Kind]++
	}
	if len(kinds) != 1 || kinds[EventAdded] != 5 {
		t.Errorf("events %v", kinds)
	}

	cfg.Observer = nil
	n, _ = run(t, cfg)
	mustImport(t, n, file, mempooldat.ImportOptions{}, mempooldat.ImportReport{
		Accepted: 5, Failed: 3,
		Reasons: map[string]int{"bad-txns-inputs-missingorspent": 1, "insufficient fee": 1, "min relay fee not met": 1},
	})
	pool = n.Mempool()
	if pool.GetByTxID(freeID) != nil || pool.GetByTxID(oldID).Time.Unix() < now || n.UnbroadcastCount() != 0 || len(pool.FeeDeltas()) != 0 {
		t.Error("metadata was taken over unasked")
	}
}

// Of a damaged file, what comes before the damage is imported.
func TestImportOfDamagedFile(t *testing.T) {
	a, _ := run(t, testConfig(t))
	submit(t, a, transactions(t), 5)
	file := exported(t, a)
	n, _ := run(t, testConfig(t))
	if report, err := n.ImportMempool(t.Context(), bytes.NewReader(file[:len(file)/2]), mempooldat.ImportOptions{}); !errors.Is(err, mempooldat.ErrFormat) || report.Accepted != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if report, err := n.ImportMempool(t.Context(), bytes.NewReader(file[:len(file)-1]), mempooldat.ImportOptions{}); !errors.Is(err, mempooldat.ErrFormat) || report.Accepted != 3 || report.AlreadyThere != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := n.ImportMempool(t.Context(), strings.NewReader("nothing"), mempooldat.ImportOptions{}); !errors.Is(err, mempooldat.ErrFormat) {
		t.Error(err)
	}
}

// What is imported is announced to peers.
func TestImportIsAnnounced(t *testing.T) {
	gen := transactions(t)
	txs := []*txgen.Tx{mustNext(t, gen), mustNext(t, gen), mustNext(t, gen)}
	var d mempooldat.Dump
	for _, tx := range txs {
		d.Txs = append(d.Txs, mempooldat.Tx{Raw: tx.Raw})
	}
	cfg := testConfig(t)
	cfg.Relay.ReconInterval = 0
	a, _ := run(t, cfg)
	b, _ := run(t, cfg)
	if err := a.Connect(t.Context(), b.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	link(t, a, b)
	mustImport(t, a, forged(t, d), mempooldat.ImportOptions{}, mempooldat.ImportReport{Accepted: 3})
	for _, tx := range txs {
		awaitEvent(t, b, EventAdded, tx.Raw)
	}
}

// endless is a file that never ends.
type endless struct {
	file io.Reader
	read func()
}

func (e *endless) Read(b []byte) (int, error) {
	n, err := e.file.Read(b)
	if err == io.EOF {
		e.read()
		clear(b)
		return len(b), nil
	}
	return n, err
}

// An import ends with its context, or with the node.
func TestImportEnds(t *testing.T) {
	n, stop := run(t, testConfig(t))
	ctx, cancel := context.WithCancel(t.Context())
	head := []byte("\x01\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\xfe\x00\x00\x00\x02")
	for _, test := range []struct {
		ctx  context.Context
		end  func()
		want error
	}{{ctx, cancel, context.Canceled}, {t.Context(), stop, ErrNotRunning}} {
		if _, err := n.ImportMempool(test.ctx, &endless{bytes.NewReader(head), test.end}, mempooldat.ImportOptions{}); err != test.want {
			t.Errorf("%v, want %v", err, test.want)
		}
	}
	file := forged(t, mempooldat.Dump{Txs: []mempooldat.Tx{{Raw: mustNext(t, transactions(t)).Raw}}})
	if _, err := n.ImportMempool(t.Context(), bytes.NewReader(file), mempooldat.ImportOptions{}); err != ErrNotRunning {
		t.Error(err)
	}
}

// What could not be committed is told, and so is a source of previous outputs that
// fails; what was accepted stays.
func TestImportFails(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	source := &fickle{PrevOuts: anyoneCanSpend{cfg.PrevOuts}}
	cfg.PrevOuts = source
	n, _ := run(t, cfg)
	var files [3][]byte
	for i := range files {
		raw, txid := spendTrue(confirmed(uint32(i)), 990_000)
		files[i] = forged(t, mempooldat.Dump{Txs: []mempooldat.Tx{{Raw: raw, FeeDelta: int64(i / 2)}}, Unbroadcast: []chainhash.Hash{txid}})
	}
	source.err.Store(true)
	if report, err := n.ImportMempool(t.Context(), bytes.NewReader(files[0]), mempooldat.ImportOptions{}); !errors.Is(err, errFickle) || report.Tried() != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	source.err.Store(false)
	mustImport(t, n, files[0], mempooldat.ImportOptions{}, mempooldat.ImportReport{Accepted: 1})
	if err := n.db.Close(); err != nil { // as if the disk had gone
		t.Fatal(err)
	}
	if report, err := n.ImportMempool(t.Context(), bytes.NewReader(files[1]), mempooldat.ImportOptions{Unbroadcast: true}); !errors.Is(err, ErrNotDurable) || report.Accepted != 1 || report.Unbroadcast != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if report, err := n.ImportMempool(t.Context(), bytes.NewReader(files[2]), mempooldat.ImportOptions{FeeDeltas: true}); !errors.Is(err, storage.ErrClosed) || report.Tried() != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if count := n.Mempool().Info().Count; count != 2 || len(n.Mempool().FeeDeltas()) != 0 {
		t.Errorf("%d transactions, fee deltas %v", count, n.Mempool().FeeDeltas())
	}
}

// fickle is a source of previous outputs that does not always answer.
type fickle struct {
	mempool.PrevOuts
	err atomic.Bool
}

var errFickle = errors.New("no answer")

func (f *fickle) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	if f.err.Load() {
		return mempool.PrevOut{}, false, errFickle
	}
	return f.PrevOuts.Lookup(op)
}

// A long import tells how far it is.
func TestImportLogsProgress(t *testing.T) {
	var log bytes.Buffer
	cfg := testConfig(t)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	n, stop := run(t, cfg)
	d := mempooldat.Dump{Txs: make([]mempooldat.Tx, 3*importWave)}
	for i := range d.Txs {
		d.Txs[i].Raw, _ = spendTrue(wire.OutPoint{Index: uint32(i)}, 1)
	}
	mustImport(t, n, forged(t, d), mempooldat.ImportOptions{}, mempooldat.ImportReport{Failed: len(d.Txs), Reasons: map[string]int{"bad-txns-inputs-missingorspent": len(d.Txs)}})
	stop()
	for _, want := range []string{"tried=512 remaining=1024", "tried=1024 remaining=512", "accepted=0", "failed=1536"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in\n%s", want, log.String())
		}
	}
}

// While transactions arrive, each saved file is whole and has parents first.
func TestSaveWhileTransactionsArrive(t *testing.T) {
	cfg := testConfig(t)
	cfg.DataDir = t.TempDir()
	n, _ := run(t, cfg)
	chain, err := transactions(t).Chain(25)
	if err != nil {
		t.Fatal(err)
	}
	var arriving sync.WaitGroup
	arriving.Go(func() {
		for _, tx := range chain {
			mustSubmit(t, n, tx.Raw)
		}
	})
	for count := 0; count < len(chain); {
		path, err := n.SaveMempool()
		if err != nil || path != filepath.Join(cfg.DataDir, "mempool.dat") {
			t.Fatal(path, err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := parsed(t, file)
		for i, tx := range d.Txs {
			if !bytes.Equal(tx.Raw, chain[i].Raw) {
				t.Fatalf("transaction %d of %d is another", i, len(d.Txs))
			}
		}
		count = len(d.Txs)
	}
	arriving.Wait()
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "mempool.dat.new")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// What was saved stays when it cannot be saved again.
func TestSaveFails(t *testing.T) {
	cfg := testConfig(t)
	idle := idleNode(t)
	if _, err := idle.SaveMempool(); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	if err := idle.ExportMempool(io.Discard); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	if _, err := idle.ImportMempool(t.Context(), strings.NewReader(""), mempooldat.ImportOptions{}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	memory, _ := run(t, cfg)
	if _, err := memory.SaveMempool(); err == nil {
		t.Error("saved without a data directory")
	}
	cfg.DataDir = t.TempDir()
	n, _ := run(t, cfg)
	path, err := n.SaveMempool()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.db.HasRoom(1 << 62); !errors.Is(err, storage.ErrDiskFull) {
		t.Errorf("room for 2^62 bytes: %v", err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, func(w io.Writer) error { w.Write([]byte("half")); return io.ErrShortWrite }); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := n.SaveMempool(); err == nil {
		t.Error("saved in a file that is a directory")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("%x became %x, %v", before, after, err)
	}
}

// A parent that came after its child is exported before it.
func TestParentsFirst(t *testing.T) {
	var order []*mempool.Entry
	op := confirmed(1)
	for range 4 {
		raw, txid := spendTrue(op, 1000)
		order = append(order, &mempool.Entry{Raw: raw, TxID: txid})
		op = wire.OutPoint{Hash: txid}
	}
	for _, from := range [][]int{{3, 2, 1, 0}, {0, 1, 2, 3}, {2, 0, 3, 1}} {
		var entries []*mempool.Entry
		for _, i := range from {
			entries = append(entries, order[i])
		}
		if !slices.Equal(parentsFirst(entries), order) {
			t.Errorf("%v is not sorted", from)
		}
	}
}
