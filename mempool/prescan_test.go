package mempool

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// seeds are transactions of every shape, as far as serialization goes.
func seeds(tb testing.TB) [][]byte {
	b := newBench(tb)
	plain := b.signed([]coin{b.coin(p2pkh(1)), b.coin(p2pk(2))}, pay(1000, p2pkh(1)))
	mixed := b.signed([]coin{b.coin(p2pkh(1)), b.coin(p2wpkh(1)), b.coin(tapscriptKey(1))}, pay(1000, p2tr(1)), pay(2000, anchor()))
	many := b.simple()
	for range 300 { // a count of three bytes
		many.AddTxOut(pay(1000, anchor()))
	}
	return [][]byte{raw(plain), raw(mixed), raw(many)}
}

func TestScanAgreesWithDecoder(t *testing.T) {
	for _, b := range seeds(t) {
		tx, err := DecodeTx(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw(tx), b) {
			t.Error("does not encode to the same bytes")
		}
		l, _ := scan(b)
		if l.size != tx.SerializeSize() || l.stripped != tx.SerializeSizeStripped() || l.txid(b) != tx.TxHash() {
			t.Errorf("scan says %+v of a transaction of %d (%d) bytes", l, tx.SerializeSize(), tx.SerializeSizeStripped())
		}
		for n := range b {
			if _, err := DecodeTx(b[:n]); err == nil {
				t.Errorf("accepted after %d of %d bytes", n, len(b))
			}
		}
		if _, err := DecodeTx(append(b[:len(b):len(b)], 0)); err != errTrailingData {
			t.Errorf("one byte more: %v", err)
		}
	}
}

// The length of a transaction is told as soon as all of it is there, whatever follows.
func TestTxSize(t *testing.T) {
	for _, b := range seeds(t) {
		for n := range b {
			if size, err := TxSize(b[:n]); size != 0 || err != nil {
				t.Fatalf("%d of %d bytes: %d, %v", n, len(b), size, err)
			}
		}
		for _, more := range [][]byte{nil, {0}, b} {
			if size, err := TxSize(append(b[:len(b):len(b)], more...)); size != len(b) || err != nil {
				t.Errorf("%d bytes and %d more: %d, %v", len(b), len(more), size, err)
			}
		}
	}
	if _, err := TxSize([]byte{1, 0, 0, 0, 0, 2}); !errors.Is(err, ErrDecode) {
		t.Error(err)
	}
}

// Inputs that make a decoder which believes counts allocate up to 145 MB.
var bombs = map[string]string{
	"9 bytes: 770 000 inputs":        "01000000" + "fe90bf0b00",
	"51 bytes: 3.5 million outputs":  "01000000" + "01" + strings.Repeat("00", 36) + "00" + "ffffffff" + "fe60823500",
	"63 bytes: 4 million items":      "01000000" + "0001" + "01" + strings.Repeat("00", 36) + "00" + "ffffffff" + "01" + strings.Repeat("00", 9) + "fe00093d00",
	"13 bytes: 2^64-1 inputs":        "01000000" + "ffffffffffffffffff",
	"2^64-1 bytes of script":         "01000000" + "01" + strings.Repeat("00", 36) + "ffffffffffffffffff" + strings.Repeat("00", 60),
	"2^63 bytes, wrapping an int":    "01000000" + "01" + strings.Repeat("00", 36) + "ff0000000000000080" + strings.Repeat("00", 60),
	"count not in its shortest form": "01000000" + "fd0100" + strings.Repeat("00", 60),
	"unknown flag":                   "01000000" + "0002" + strings.Repeat("00", 60),
	"flag without witness":           "01000000" + "0001" + "01" + strings.Repeat("00", 36) + "00" + "ffffffff" + "00" + "00" + "00000000",
	"no inputs, no outputs":          "01000000" + "00" + "00" + "00000000",
	"nothing":                        "",
}

func TestBombsNeverReachTheDecoder(t *testing.T) {
	p := newBench(t).pool
	for name, s := range bombs {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			if e, _, err := p.Add(b, now); e != nil || !errors.Is(err, ErrDecode) {
				t.Fatalf("%s: %v, %v", name, e, err)
			}
		}
		runtime.ReadMemStats(&after)
		if per := (after.TotalAlloc - before.TotalAlloc) / 100; per > 1024 {
			t.Errorf("%s: refusing it allocates %d bytes", name, per)
		}
	}
}

// 400 000 empty witness items are the most expensive thing the decoder can be given: one byte becomes a slice header.
func TestDecodingIsBoundedByWeight(t *testing.T) {
	tx := newBench(t).simple()
	tx.TxIn[0].Witness = make(wire.TxWitness, 399_000)
	heavy := raw(tx)
	tx.TxIn[0].Witness = make(wire.TxWitness, 400_000)
	tooHeavy := raw(tx)

	if allocs := allocated(func() {
		if _, err := DecodeTx(tooHeavy); !errors.Is(err, ErrNonStandard) {
			t.Error(err)
		}
	}); allocs > 1024 {
		t.Errorf("refusing a transaction over the standard weight allocates %d bytes", allocs)
	}
	if allocs := allocated(func() {
		if _, err := DecodeTx(heavy); err != nil {
			t.Error(err)
		}
	}); allocs > 16<<20 {
		t.Errorf("the largest standard transaction allocates %d bytes", allocs)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestScanDoesNotAllocate(t *testing.T) {
	inputs := seeds(t)
	inputs = append(inputs, inputs[0][:50], []byte{1, 0, 0, 0, 0xfe, 0, 0, 0, 1})
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range inputs {
			scan(b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzScan(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	for _, s := range bombs {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := scan(b)
		if err != nil && !errors.Is(err, ErrDecode) {
			t.Fatalf("kind of %v", err)
		}
		if err == errCount || len(b) > maxStandardTxWeight {
			return // what the decoder must not see: it would believe the count
		}
		r := bytes.NewReader(b)
		tx := new(wire.MsgTx)
		var decodeErr error
		allocs := allocated(func() { decodeErr = tx.Deserialize(r) })
		if limit := uint64(64*len(b) + 6<<20); allocs > limit { // its scratch buffer is 4 MiB
			t.Fatalf("decoding %d bytes allocates %d", len(b), allocs)
		}
		accepted := decodeErr == nil && r.Len() == 0
		if accepted != (err == nil) {
			t.Fatalf("scan: %v, decoder: %v with %d bytes left", err, decodeErr, r.Len())
		}
		if !accepted {
			return
		}
		if !bytes.Equal(raw(tx), b) {
			t.Fatal("does not encode to the same bytes")
		}
		if tx.WitnessHash() != chainhash.DoubleHashH(b) || tx.TxHash() != l.txid(b) {
			t.Fatal("hashes differ")
		}
		if l.stripped != tx.SerializeSizeStripped() || l.weight() != int64(3*tx.SerializeSizeStripped()+tx.SerializeSize()) {
			t.Fatalf("layout %+v", l)
		}
		compareView(t, &Entry{Raw: b}, tx)
	})
}

func BenchmarkScan(b *testing.B) {
	for i, s := range seeds(b) {
		b.Run(fmt.Sprintf("%d/%dB", i, len(s)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := scan(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
