// Package utxotest is the conformance suite that every source of previous
// outputs passes.
package utxotest

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/utxo"
)

// World is the confirmed state that a source under test must show.
type World struct {
	Network string
	Tip     utxo.Tip
	Outputs []utxo.Output
}

// NewSource makes a source that shows w and lives until the test ends.
type NewSource func(t testing.TB, w World) mempool.PrevOuts

// Test runs the suite. A source passes when it finds every unspent output
// exactly as it is, finds nothing else, tells the tip, has a digest that
// depends on the network and not on chance, and may be used concurrently.
func Test(t *testing.T, newSource NewSource) {
	w := newWorld("regtest")
	t.Run("FindsEveryOutput", func(t *testing.T) {
		src := newSource(t, w)
		for _, o := range w.Outputs {
			expectFound(t, src, o)
		}
	})
	t.Run("FindsNothingElse", func(t *testing.T) {
		src := newSource(t, w)
		known := w.Outputs[0].OutPoint
		for name, op := range map[string]wire.OutPoint{
			"unknown transaction":       {Hash: chainhash.HashH([]byte("unknown"))},
			"other output of a known":   {Hash: known.Hash, Index: known.Index + 1},
			"highest index of a known":  {Hash: known.Hash, Index: wire.MaxPrevOutIndex},
			"null outpoint of coinbase": {Index: wire.MaxPrevOutIndex},
			"zero outpoint":             {},
		} {
			if out, found, err := src.Lookup(op); found || err != nil {
				t.Errorf("%s: Lookup(%v) = %+v, %t, %v; want not found", name, op, out, found, err)
			}
		}
	})
	t.Run("TellsTheTip", func(t *testing.T) {
		height, medianTime := newSource(t, w).Tip()
		if height != w.Tip.Height || !medianTime.Equal(w.Tip.MedianTime) {
			t.Errorf("Tip() = %d, %v; want %d, %v", height, medianTime, w.Tip.Height, w.Tip.MedianTime)
		}
	})
	t.Run("DigestTellsNetworksApart", func(t *testing.T) {
		src, again, other := newSource(t, w), newSource(t, w), newSource(t, newWorld("testnet4"))
		if src.Digest() == [32]byte{} {
			t.Error("the digest is zero")
		}
		if src.Digest() != again.Digest() {
			t.Error("two sources that show the same have different digests")
		}
		if src.Digest() == other.Digest() {
			t.Error("sources of two networks have the same digest")
		}
	})
	t.Run("ConcurrentUse", func(t *testing.T) {
		src := newSource(t, w)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for _, o := range w.Outputs {
					expectFound(t, src, o)
				}
				src.Tip()
				src.Digest()
			})
		}
		wg.Wait()
	})
}

func expectFound(t *testing.T, src mempool.PrevOuts, want utxo.Output) {
	t.Helper()
	got, found, err := src.Lookup(want.OutPoint)
	if err != nil || !found {
		t.Errorf("Lookup(%v) = found %t, %v; want it found", want.OutPoint, found, err)
		return
	}
	if got.Value != want.Value || got.Height != want.Height || got.Coinbase != want.Coinbase || !bytes.Equal(got.PkScript, want.PkScript) {
		t.Errorf("Lookup(%v) = %+v; want %+v", want.OutPoint, got, want.PrevOut)
	}
}

// newWorld has an output of each kind that admission treats in its own way,
// and both ends of each field's range.
func newWorld(network string) World {
	tip := utxo.Tip{Height: 150, MedianTime: time.Unix(1_650_000_000, 0)}
	txid := chainhash.HashH([]byte(network))
	var outputs []utxo.Output
	add := func(hash chainhash.Hash, vout uint32, out mempool.PrevOut) {
		outputs = append(outputs, utxo.Output{OutPoint: wire.OutPoint{Hash: hash, Index: vout}, PrevOut: out})
	}
	add(txid, 0, mempool.PrevOut{Value: 100_000, PkScript: utxo.TestScript(0), Height: 1})
	add(txid, 2, mempool.PrevOut{Value: 200_000, PkScript: utxo.TestScript(1), Height: 1})
	add(chainhash.HashH(txid[:]), 0, mempool.PrevOut{Value: 50 * btcutil.SatoshiPerBitcoin, PkScript: utxo.TestScript(2), Height: tip.Height, Coinbase: true})
	add(chainhash.HashH([]byte("edges")), 0, mempool.PrevOut{PkScript: []byte{txscript.OP_TRUE}})
	add(chainhash.HashH([]byte("edges")), 70_000, mempool.PrevOut{
		Value:    1_000 * btcutil.SatoshiPerBitcoin,
		PkScript: bytes.Repeat([]byte{txscript.OP_NOP}, txscript.MaxScriptSize),
		Height:   tip.Height,
	})
	return World{Network: network, Tip: tip, Outputs: outputs}
}
