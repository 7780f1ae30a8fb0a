package utxo_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/mempool/utxo/utxotest"
)

func TestStaticConforms(t *testing.T) {
	utxotest.Test(t, func(t testing.TB, w utxotest.World) mempool.PrevOuts {
		s, err := utxo.New(w.Network, w.Tip, w.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// The suite must hold for what went through a file, too.
func TestWrittenStaticConforms(t *testing.T) {
	utxotest.Test(t, func(t testing.TB, w utxotest.World) mempool.PrevOuts {
		s, err := utxo.New(w.Network, w.Tip, w.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "allocation.json")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		read, err := utxo.Load(path, w.Network)
		if err != nil {
			t.Fatal(err)
		}
		if read.Digest() != s.Digest() || read.Len() != s.Len() || read.Network() != s.Network() {
			t.Error("the file does not hold what was written")
		}
		return read
	})
}

func TestDigestCoversEverythingButTheOrder(t *testing.T) {
	base := func() []utxo.Output {
		return []utxo.Output{
			{OutPoint: wire.OutPoint{Hash: chainhash.HashH([]byte("a"))}, PrevOut: mempool.PrevOut{Value: 1, PkScript: []byte{1, 2}, Height: 1}},
			{OutPoint: wire.OutPoint{Hash: chainhash.HashH([]byte("a")), Index: 300}, PrevOut: mempool.PrevOut{Value: 2, PkScript: []byte{3}}},
			{OutPoint: wire.OutPoint{Hash: chainhash.HashH([]byte("b"))}, PrevOut: mempool.PrevOut{Value: 3}},
		}
	}
	digest := func(network string, tip utxo.Tip, outputs []utxo.Output) [32]byte {
		t.Helper()
		s, err := utxo.New(network, tip, outputs)
		if err != nil {
			t.Fatal(err)
		}
		return s.Digest()
	}
	want := digest("regtest", utxo.DefaultTip(), base())

	reversed := base()
	slices.Reverse(reversed)
	if digest("regtest", utxo.DefaultTip(), reversed) != want {
		t.Error("the digest depends on the order of the outputs")
	}

	seen := map[[32]byte]string{want: "base"}
	differs := func(name string, got [32]byte) {
		t.Helper()
		if same, dup := seen[got]; dup {
			t.Errorf("%s and %s have the same digest", name, same)
		}
		seen[got] = name
	}
	differs("network", digest("signet", utxo.DefaultTip(), base()))
	differs("tip height", digest("regtest", utxo.Tip{Height: 201, MedianTime: utxo.DefaultTip().MedianTime}, base()))
	differs("tip time", digest("regtest", utxo.Tip{Height: 200, MedianTime: time.Unix(1_700_000_001, 0)}, base()))
	differs("fewer outputs", digest("regtest", utxo.DefaultTip(), base()[:2]))
	for name, change := range map[string]func(*utxo.Output){
		"txid":     func(o *utxo.Output) { o.OutPoint.Hash[31] ^= 1 },
		"vout":     func(o *utxo.Output) { o.OutPoint.Index++ },
		"value":    func(o *utxo.Output) { o.Value++ },
		"script":   func(o *utxo.Output) { o.PkScript[1] ^= 1 },
		"shorter":  func(o *utxo.Output) { o.PkScript = o.PkScript[:1] },
		"height":   func(o *utxo.Output) { o.Height++ },
		"coinbase": func(o *utxo.Output) { o.Coinbase = true },
	} {
		outputs := base()
		change(&outputs[0])
		differs(name, digest("regtest", utxo.DefaultTip(), outputs))
	}
}

func TestNewRefuses(t *testing.T) {
	op := wire.OutPoint{Hash: chainhash.HashH([]byte("a"))}
	out := func(change func(*utxo.Output)) []utxo.Output {
		o := utxo.Output{OutPoint: op, PrevOut: mempool.PrevOut{Value: 1, Height: 1}}
		change(&o)
		return []utxo.Output{o}
	}
	good := out(func(*utxo.Output) {})
	tests := []struct {
		name    string
		network string
		tip     utxo.Tip
		outputs []utxo.Output
		want    string
	}{
		{"no network", "", utxo.DefaultTip(), good, "has 0 bytes"},
		{"long network", strings.Repeat("n", 33), utxo.DefaultTip(), good, "has 33 bytes"},
		{"odd network", "reg/test", utxo.DefaultTip(), good, `contains '/'`},
		{"negative tip", "regtest", utxo.Tip{Height: -1}, good, "tip height -1 is negative"},
		{"tip before 1970", "regtest", utxo.Tip{MedianTime: time.Unix(-1, 0)}, good, "tip mediantime -1"},
		{"tip after 2106", "regtest", utxo.Tip{MedianTime: time.Unix(1<<32, 0)}, good, "tip mediantime 4294967296"},
		{"no outputs", "regtest", utxo.DefaultTip(), nil, "no outputs"},
		{"too many outputs", "regtest", utxo.DefaultTip(), make([]utxo.Output, utxo.MaxOutputs+1), "more than 100000 outputs"},
		{"duplicate", "regtest", utxo.DefaultTip(), append(out(func(*utxo.Output) {}), good...), "outputs[1]: " + op.String() + " is already outputs[0]"},
		{"negative value", "regtest", utxo.DefaultTip(), out(func(o *utxo.Output) { o.Value = -1 }), "outputs[0]: value -1"},
		{"value above all coins", "regtest", utxo.DefaultTip(), out(func(o *utxo.Output) { o.Value = btcutil.MaxSatoshi + 1 }), "outputs[0]: value 2100000000000001"},
		{"total above all coins", "regtest", utxo.DefaultTip(), append(
			out(func(o *utxo.Output) { o.Value = btcutil.MaxSatoshi }),
			out(func(o *utxo.Output) { o.OutPoint.Index = 1 })...), "outputs[1]: the outputs up to here are worth 2100000000000001"},
		{"script too long", "regtest", utxo.DefaultTip(), out(func(o *utxo.Output) { o.PkScript = make([]byte, txscript.MaxScriptSize+1) }), "scriptPubKey of 10001 bytes"},
		{"negative height", "regtest", utxo.DefaultTip(), out(func(o *utxo.Output) { o.Height = -1 }), "height -1"},
		{"above the tip", "regtest", utxo.DefaultTip(), out(func(o *utxo.Output) { o.Height = 201 }), "height 201"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := utxo.New(test.network, test.tip, test.outputs); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
		})
	}
}

func TestTestAllocation(t *testing.T) {
	s, err := utxo.TestAllocation("regtest", utxo.DefaultTestOutputs)
	if err != nil {
		t.Fatal(err)
	}
	// Published: a change makes every running testnet refuse the new node.
	const want = "ad96346d87886b942997f94421c40c288a245322313cf5d91894e227609a16a0"
	if digest := s.Digest(); hex.EncodeToString(digest[:]) != want {
		t.Errorf("digest %x; want %s", digest, want)
	}
	for i := range 2 * utxo.TestKeys {
		out, found, err := s.Lookup(utxo.TestOutPoint("regtest", i))
		if !found || err != nil {
			t.Fatalf("output %d: found %t, %v", i, found, err)
		}
		class := txscript.WitnessV0PubKeyHashTy
		if i%2 == 1 {
			class = txscript.WitnessV1TaprootTy
		}
		if got := txscript.GetScriptClass(out.PkScript); got != class {
			t.Errorf("output %d is %v; want %v", i, got, class)
		}
		if !bytes.Equal(out.PkScript, utxo.TestScript(i)) || out.Value != utxo.TestValue || out.Height != 0 || out.Coinbase {
			t.Errorf("output %d is %+v", i, out)
		}
	}
	if _, found, _ := s.Lookup(utxo.TestOutPoint("signet", 0)); found {
		t.Error("two networks share outpoints")
	}
	for _, n := range []int{-1, 0, utxo.MaxOutputs + 1} {
		if _, err := utxo.TestAllocation("regtest", n); err == nil {
			t.Errorf("%d outputs were not refused", n)
		}
	}
}

// What may be made may be written and read back. The outputs are all of one
// length, so a thousandth of the largest allocation tells the size of its file.
func TestLargestAllocationFitsItsFile(t *testing.T) {
	s, err := utxo.TestAllocation(strings.Repeat("n", 32), utxo.MaxOutputs/1000)
	if err != nil {
		t.Fatal(err)
	}
	var file countingWriter
	if err := s.Write(&file); err != nil {
		t.Fatal(err)
	}
	if 1000*file > utxo.MaxFileSize {
		t.Errorf("%d outputs make a file of %d bytes, more than %d", utxo.MaxOutputs, 1000*file, utxo.MaxFileSize)
	}
}

type countingWriter int

func (w *countingWriter) Write(b []byte) (int, error) {
	*w += countingWriter(len(b))
	return len(b), nil
}

func BenchmarkTestAllocation(b *testing.B) {
	for b.Loop() {
		if _, err := utxo.TestAllocation("regtest", utxo.DefaultTestOutputs); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleTestAllocation() {
	s, err := utxo.TestAllocation("regtest", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Write(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"network":"regtest","tip":{"height":200,"mediantime":1700000000},"outputs":[
	// {"txid":"271269e3ef27d4ab31ed58bfbdcb3a35100ab1066812ccadf315b07ba74a7fd8","vout":0,"value":100000000,"scriptPubKey":"0014bc389570258c3f98c30b92f40f4b2ad4bbbe7272","height":0,"coinbase":false},
	// {"txid":"6dc997bf925a4d0b547d9cd2cea1682d0b2907d68c8ceef7f75537cb9491916e","vout":0,"value":100000000,"scriptPubKey":"51202d2b3c083916f6bbb117ae7c842cf291e35fa8a3121a487a74fa187b13fdef2b","height":0,"coinbase":false}
	// ]}
}
