package mempool

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// usualEntry is number n of transactions like most: one P2WPKH input, two such outputs, 222 bytes. Its signature is none.
func usualEntry(n uint32) *Entry {
	seed := chainhash.HashH(binary.LittleEndian.AppendUint32(nil, n))
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: seed, Index: n % 2}, nil, wire.TxWitness{make([]byte, 71), make([]byte, 33)}))
	program := script(txscript.OP_0, seed[:20])
	tx.AddTxOut(wire.NewTxOut(400_000, program))
	tx.AddTxOut(wire.NewTxOut(500_000, program))
	e := &Entry{Raw: bytes.Clone(raw(tx)), TxID: tx.TxHash(), WTxID: tx.WitnessHash(), Fee: int64(seed[0]), VSize: 141, SigOpCost: 1, Time: now}
	e.Weight = int64(3*tx.SerializeSizeStripped() + tx.SerializeSize())
	return e
}

// The number of bytes that the heap grows by per transaction, also where the indexes have just grown.
func TestMemoryPerEntry(t *testing.T) {
	const most = 680
	for _, count := range []int{15_000, 100_000} {
		p := New(Config{PrevOuts: &chain{}, MaxBytes: 1 << 40})
		before := heapInUse()
		for n := range count {
			p.insert(usualEntry(uint32(n)))
			p.flush()
		}
		grown, usage := (heapInUse()-before)/int64(count), p.Info().Usage/int64(count)
		t.Logf("%d transactions of %d bytes: %d bytes of heap each, usage says %d", count, p.Info().Bytes/int64(count), grown, usage)
		if grown > most || usage < grown*8/10 || usage > grown*12/10 {
			t.Errorf("%d transactions take %d bytes each, of at most %d; usage says %d", count, grown, most, usage)
		}
		runtime.KeepAlive(p)
	}
}

// The cache of signatures must not keep the transactions in memory that they are from.
func TestSigCacheKeepsSignaturesOnly(t *testing.T) {
	b := newBench(t)
	b.add(b.simple()) // first, what verification allocates once per process
	large := anyone(append(script(txscript.OP_RETURN), make([]byte, 80_000)...))
	before := heapInUse()
	const count = 30
	for _, l := range []lock{p2wpkh(1), p2tr(1), nested(1), p2pkh(1), multiSigP2SH(), tapscriptKey(1)} {
		for range count {
			e := b.add(b.signed([]coin{b.coin(l)}, pay(0, large)))
			b.pool.Remove(e.WTxID, ReasonConflict)
		}
	}
	if grown := heapInUse() - before; grown > count*80_000 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(b)
}
