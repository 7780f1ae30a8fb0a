package mempool

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	btcd "github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// BenchmarkAdd adds the same transactions, P2WPKH with one input and two outputs, to a pool and to btcd's.
func BenchmarkAdd(b *testing.B) {
	f := newBench(b, func(c *Config) { c.SigCache = txscript.NewSigCache(1) })
	l := p2wpkh(1)
	var txs [][]byte
	for len(txs) < 2000 {
		txs = append(txs, raw(f.signed([]coin{f.coin(l)}, pay(400_000, l), pay(500_000, l))))
	}
	b.Run("txnode", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%len(txs) == 0 {
				f.pool = New(f.pool.cfg)
			}
			if _, _, err := f.pool.Add(txs[i%len(txs)], now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("btcd", func(b *testing.B) {
		b.ReportAllocs()
		var pool *btcd.TxPool
		for i := 0; b.Loop(); i++ {
			if i%len(txs) == 0 {
				pool = btcdPool(f.chain)
			}
			tx, err := btcutil.NewTxFromBytes(txs[i%len(txs)])
			if err != nil {
				b.Fatal(err)
			}
			if _, err := pool.ProcessTransaction(tx, false, false, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// btcdPool is btcd's mempool over the same outputs, set up as its server does.
func btcdPool(outputs PrevOuts) *btcd.TxPool {
	height, medianTime := outputs.Tip()
	return btcd.New(&btcd.Config{
		Policy: btcd.Policy{MaxTxVersion: 2, MaxOrphanTxs: 100, MaxOrphanTxSize: 100_000, MaxSigOpCostPerTx: 20_000, MinRelayTxFee: 1000},

		ChainParams: &chaincfg.RegressionNetParams,
		FetchUtxoView: func(tx *btcutil.Tx) (*blockchain.UtxoViewpoint, error) {
			view := blockchain.NewUtxoViewpoint()
			for _, in := range tx.MsgTx().TxIn {
				out, ok, err := outputs.Lookup(in.PreviousOutPoint)
				if err != nil {
					return nil, err
				}
				if ok {
					view.Entries()[in.PreviousOutPoint] = blockchain.NewUtxoEntry(wire.NewTxOut(out.Value, out.PkScript), out.Height, out.Coinbase)
				}
			}
			return view, nil
		},
		BestHeight:     func() int32 { return height },
		MedianTimePast: func() time.Time { return medianTime },
		CalcSequenceLock: func(*btcutil.Tx, *blockchain.UtxoViewpoint) (*blockchain.SequenceLock, error) {
			return &blockchain.SequenceLock{Seconds: -1, BlockHeight: -1}, nil
		},
		IsDeploymentActive: func(uint32) (bool, error) { return true, nil },
		SigCache:           txscript.NewSigCache(1),
		HashCache:          txscript.NewHashCache(1),
	})
}
