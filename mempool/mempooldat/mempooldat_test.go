package mempooldat

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// The same mempool in both versions, derived by hand from the layout that Core
// documents by its code.
const (
	plainFile = "0100000000000000" + // version
		"0200000000000000" + // transactions
		"0200000001" + ones + "00000000" + "00" + "fdffffff" + "01" + "e803000000000000" + "0151" + "00000000" +
		"00f1536500000000" + "0000000000000000" + // time, fee delta
		"02000000" + "0001" + "01" + twos + "01000000" + "00" + "ffffffff" + "01" + "d007000000000000" + "0151" + "0101" + "51" + "00000000" +
		"01f1536500000000" + "fbffffffffffffff" +
		"01" + "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f" + "0700000000000000" + // fee deltas
		"01" + "ec24611a70c4fd5ae8ebce6464a2c2d2a28518ddb1782951402a6ee6e6214dee" // unbroadcast
	size1, size2 = 61, 66 // of the transactions
	allTxs       = 16 + size1 + 16 + size2 + 16

	ones = "1111111111111111111111111111111111111111111111111111111111111111"
	twos = "2222222222222222222222222222222222222222222222222222222222222222"

	obfuscatedFile = "0200000000000000" + "08" + "0123456789abcdef" + // version, key
		"21456789abcdef01" + // transactions
		"21456789aadcfe1032547698badcfe1032547698badcfe1032547698badcfe10" +
		"32547698bacdef0123459a765432eee920456789abcdef0072456789abcd1e52" +
		"46456789abcdef0123456789abcfef012345668889efcd23016745ab89efcd23" +
		"016745ab89efcd23016745ab89efcd23016745abaacdef0123ba987654cc3f06" +
		"23456789abcdee5022443689abcdef00d2160289abcdeffadcba987654321000" +
		"036445aa8fe8c9260b6c4da287e0c12e137455ba9ff8d9361b7c5db297f0d13e" +
		"24456789abcdef0122a943e8b1bd2bfc79ad8c47cfa94dc3f1e7e291767c9728" +
		"72054de74d2bce4ccd"
)

var testKey = [KeySize]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}

// content is what both files hold.
func content(t testing.TB) *Dump {
	first := unhex(t, plainFile[2*16:2*(16+size1)])
	return &Dump{
		Txs: []Tx{
			{Raw: first, Time: 1_700_000_000},
			{Raw: unhex(t, plainFile[2*(16+size1+16):2*(16+size1+16+size2)]), Time: 1_700_000_001, FeeDelta: -5},
		},
		FeeDeltas:   map[chainhash.Hash]int64{chainhash.Hash(unhex(t, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f")): 7},
		Unbroadcast: []chainhash.Hash{chainhash.DoubleHashH(first)},
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads what is there before the first error, which is nil at the end.
func readAll(from io.Reader) (*Dump, error) {
	d := &Dump{FeeDeltas: make(map[chainhash.Hash]int64)}
	r, err := NewReader(from)
	if err != nil {
		return d, err
	}
	for {
		tx, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return d, err
		}
		d.Txs = append(d.Txs, tx)
	}
	for {
		txid, delta, err := r.NextFeeDelta()
		if err == io.EOF {
			break
		} else if err != nil {
			return d, err
		}
		d.FeeDeltas[txid] = delta
	}
	for {
		txid, err := r.NextUnbroadcast()
		if err == io.EOF {
			return d, nil
		} else if err != nil {
			return d, err
		}
		d.Unbroadcast = append(d.Unbroadcast, txid)
	}
}

// Core's files are read in both versions, in pieces of any size, and written in its
// newer one.
func TestFiles(t *testing.T) {
	want := content(t)
	for _, file := range []string{plainFile, obfuscatedFile, obfuscatedFile + "00"} {
		for name, from := range map[string]io.Reader{
			"whole": bytes.NewReader(unhex(t, file)), "bytes": iotest.OneByteReader(bytes.NewReader(unhex(t, file))),
			"with the end": iotest.DataErrReader(bytes.NewReader(unhex(t, file))),
		} {
			if got, err := readAll(from); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%.2s by %s: %+v, %v", file, name, got, err)
			}
		}
	}
	var b bytes.Buffer
	if err := Write(&b, testKey, want); err != nil || hex.EncodeToString(b.Bytes()) != obfuscatedFile || want.Size() != int64(b.Len()) {
		t.Errorf("wrote %x, said to be %d bytes, %v", b.Bytes(), want.Size(), err)
	}
}

// Txids are written in the order of their bytes, as from Core's maps.
func TestOrder(t *testing.T) {
	d := &Dump{FeeDeltas: map[chainhash.Hash]int64{}}
	for i := range byte(200) {
		d.FeeDeltas[chainhash.Hash{i * 7, i}] = int64(i)
		d.Unbroadcast = append(d.Unbroadcast, chainhash.Hash{i * 11, i})
	}
	var first, second bytes.Buffer
	Write(&first, testKey, d)
	got, err := readAll(bytes.NewReader(first.Bytes()))
	if err != nil || !reflect.DeepEqual(got.FeeDeltas, d.FeeDeltas) || len(got.Unbroadcast) != 200 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range got.Unbroadcast[1:] {
		if byBytes(got.Unbroadcast[i], got.Unbroadcast[i+1]) >= 0 {
			t.Error("not in order")
		}
	}
	if Write(&second, testKey, d); !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("another file the second time")
	}
}

// What is wrong with a file is said, and how far it was read.
func TestDamage(t *testing.T) {
	whole := unhex(t, plainFile)
	for _, test := range []struct {
		name   string
		file   []byte
		txs    int
		reason string
	}{
		{"empty", nil, 0, "before the number of transactions: it ends"},
		{"no key", unhex(t, obfuscatedFile)[:9], 0, "before the number of transactions: it ends"},
		{"no count", whole[:15], 0, "before the number of transactions: it ends"},
		{"version 0", append(make([]byte, 8), whole[8:]...), 0, "before the number of transactions: its version is neither 1 nor 2"},
		{"version 3", append([]byte{3}, whole[1:]...), 0, "before the number of transactions: its version is neither 1 nor 2"},
		{"key of 9 bytes", change(unhex(t, obfuscatedFile), 8, 9), 0, "before the number of transactions: its key does not have 8 bytes"},
		{"another key", change(unhex(t, obfuscatedFile), 9, 0), 1, "after 1 of 72057594037927938 transactions: TX decode failed, unknown flag, or no inputs"},
		{"no transaction", whole[:16], 0, "after 0 of 2 transactions: it ends"},
		{"part of a transaction", whole[:100], 1, "after 1 of 2 transactions: it ends"},
		{"no time", whole[:16+size1], 0, "after 0 of 2 transactions: it ends"},
		{"no fee delta", whole[:16+size1+8], 0, "after 0 of 2 transactions: it ends"},
		{"more inputs than there are", change(whole, 16+4, 0xfc), 0, "after 0 of 2 transactions: it ends"},
		{"a large script", change(whole, 16+4+1+36, 0xfe), 0, "after 0 of 2 transactions: it ends"},
		{"larger than standard", joined(whole[:16], unhex(t, "0200000001"+ones+"00000000"+"fe00001000"), make([]byte, 1<<20)), 0, "after 0 of 2 transactions: a transaction has more than 400000 bytes"},
		{"a count beyond the end", change(whole, 8, 3), 2, "after 2 of 3 transactions: it ends"},
		{"no number of fee deltas", whole[:allTxs], 2, "before the number of fee deltas: it ends"},
		{"part of a fee delta", whole[:allTxs+1+33], 2, "after 0 of 1 fee deltas: it ends"},
		{"fee deltas beyond Core's", joined(whole[:allTxs], unhex(t, "fe01000002")), 2, "before the number of fee deltas: there are more than 33554432"},
		{"a number in another form", joined(whole[:allTxs], unhex(t, "fd0100")), 2, "before the number of fee deltas: ReadVarInt: non-canonical varint 1…"},
		{"no number of unbroadcast", whole[:allTxs+1+40], 2, "before the number of unbroadcast transactions: it ends"},
		{"part of an unbroadcast", whole[:len(whole)-1], 2, "after 0 of 1 unbroadcast transactions: it ends"},
	} {
		d, err := readAll(bytes.NewReader(test.file))
		reason, prefix := strings.CutSuffix(test.reason, "…")
		text := fmt.Sprint(err)
		if want := "no valid mempool.dat: " + reason; !errors.Is(err, ErrFormat) || len(d.Txs) != test.txs || text != want && !(prefix && strings.HasPrefix(text, want)) {
			t.Errorf("%s: %d transactions, %v", test.name, len(d.Txs), err)
		}
	}
}

func change(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	b[at] = to
	return b
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// An error of the source is told as such, and stays.
func TestSourceFails(t *testing.T) {
	broken := errors.New("broken")
	from := io.MultiReader(bytes.NewReader(unhex(t, obfuscatedFile)[:110]), iotest.ErrReader(broken))
	r, err := NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Errorf("what came before is lost: %v", err)
	}
	for range 2 {
		if _, err := r.NextUnbroadcast(); !errors.Is(err, broken) || errors.Is(err, ErrFormat) {
			t.Error(err)
		}
	}
	if _, err := NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// Parts may be passed over.
func TestSkip(t *testing.T) {
	r, err := NewReader(bytes.NewReader(unhex(t, obfuscatedFile)))
	if err != nil || r.Count() != 2 {
		t.Fatal(err)
	}
	if txid, err := r.NextUnbroadcast(); err != nil || txid != content(t).Unbroadcast[0] {
		t.Errorf("%v, %v", txid, err)
	}
	if _, err := r.NextUnbroadcast(); err != io.EOF {
		t.Error(err)
	}
}

// What cannot be written is an error.
func TestWriteFails(t *testing.T) {
	d := content(t)
	for room := range int(d.Size()) {
		if err := Write(&narrow{room}, testKey, d); err != errNarrow {
			t.Fatalf("%d bytes: %v", room, err)
		}
	}
}

var errNarrow = errors.New("no room")

type narrow struct{ room int }

func (n *narrow) Write(b []byte) (int, error) {
	if n.room -= len(b); n.room < 0 {
		return 0, errNarrow
	}
	return len(b), nil
}

// What a file claims to hold takes no memory.
func TestClaimsTakeNoMemory(t *testing.T) {
	head := binary.LittleEndian.AppendUint64(unhex(t, "0100000000000000"), 1<<63)
	for _, file := range [][]byte{
		head,
		joined(head, unhex(t, "02000000"+"ff0000000001000000")),
		joined(head, unhex(t, "0200000001"+ones+"00000000"+"ffffffffff00000000")),
		joined(unhex(t, "0100000000000000"+"0000000000000000"+"fe00000002")),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readAll(bytes.NewReader(file)); !errors.Is(err, ErrFormat) {
			t.Errorf("%x: %v", file, err)
		}
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%x takes %d bytes", file, taken)
		}
	}
}

// What is read is what is written again, and reads the same.
func FuzzRead(f *testing.F) {
	for _, file := range []string{plainFile, obfuscatedFile, "", plainFile[:100]} {
		f.Add(unhex(f, file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := readAll(bytes.NewReader(file))
		for _, tx := range d.Txs {
			if len(tx.Raw) == 0 || len(tx.Raw) > maxTxSize {
				t.Fatalf("a transaction of %d bytes", len(tx.Raw))
			}
		}
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		var b bytes.Buffer
		if err := Write(&b, testKey, d); err != nil || int64(b.Len()) != d.Size() {
			t.Fatalf("%d bytes of %d, %v", b.Len(), d.Size(), err)
		}
		again, err := readAll(&b)
		if err != nil || len(again.Unbroadcast) != len(d.Unbroadcast) {
			t.Fatal(err)
		}
		again.Unbroadcast = d.Unbroadcast // in another order
		if !reflect.DeepEqual(again, d) {
			t.Errorf("%+v became %+v", d, again)
		}
	})
}
