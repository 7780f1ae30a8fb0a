package testnet_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/testnet"
)

// openCoins is a chain with outputs that anyone can spend, at a height that tests set.
type openCoins struct {
	height   atomic.Int32
	observer chan mempool.ChainObserver
}

const openCoin = 1_000_000 // satoshi

var (
	openWitness = []byte{txscript.OP_TRUE}
	openScript  = append([]byte{txscript.OP_0, txscript.OP_DATA_32}, chainhash.HashB(openWitness)...)
)

func openOutPoint(i uint32) wire.OutPoint { return wire.OutPoint{Hash: chainhash.Hash{1}, Index: i} }

func (*openCoins) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	return mempool.PrevOut{Value: openCoin, PkScript: openScript}, op.Hash == chainhash.Hash{1}, nil
}

func (c *openCoins) Tip() (int32, time.Time) { return c.height.Load(), time.Unix(900_000_000, 0) }
func (*openCoins) Digest() [32]byte          { return [32]byte{} }

func (c *openCoins) Follow(ctx context.Context, o mempool.ChainObserver) {
	c.observer <- o
	<-ctx.Done()
}

// openTx spends the outputs.
func openTx(value int64, ops ...wire.OutPoint) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for _, op := range ops {
		tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{openWitness}))
	}
	tx.AddTxOut(wire.NewTxOut(value, openScript))
	return tx
}

func rawOf(tx *wire.MsgTx) []byte {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// standingTest is one node that leaves transactions standing, in virtual time.
type standingTest struct {
	*testing.T
	net   *testnet.Net
	chain *openCoins
	next  uint32
}

func (s *standingTest) node() *node.Node { return s.net.Node(0) }

// coin is one that nothing spends.
func (s *standingTest) coin() wire.OutPoint {
	s.next++
	return openOutPoint(s.next)
}

func (s *standingTest) submit(tx *wire.MsgTx) *wire.MsgTx {
	s.Helper()
	s.net.Submit(0, rawOf(tx))
	return tx
}

// fill takes in transactions of this fee until the next one would not find room.
func (s *standingTest) fill(fee int64) {
	s.Helper()
	pool := s.node().Mempool()
	before := pool.Info()
	for {
		s.submit(openTx(openCoin-fee, s.coin()))
		after := pool.Info()
		if after.Usage+(after.Usage-before.Usage) > after.MaxBytes {
			return
		}
		before = after
	}
}

// What stands enters when its cause is gone: no sooner than the time that takes, and by itself.
func TestStandingEntersInTime(t *testing.T) {
	for name, test := range map[string]struct {
		custom func(*node.Config)
		stands func(s *standingTest) *wire.MsgTx // after what keeps it out
		why    error
		cause  func(s *standingTest) // besides time
		after  time.Duration         // not before, and not much later
		within time.Duration
	}{
		// The pool is less than half full, so its minimum falls by a half in six hours, and from 1090 to 940 satoshi per
		// kvB in 1.3.
		"floor": {func(cfg *node.Config) { cfg.Mempool.MaxBytes = 30_000 }, func(s *standingTest) *wire.MsgTx {
			large := openTx(openCoin-20_000, s.coin())
			large.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN}, make([]byte, 20_000)...)))
			s.submit(large)
			s.fill(5000)
			s.submit(openTx(openCoin-5000, s.coin()))
			return openTx(openCoin-90, s.coin())
		}, mempool.ErrFee, nil, time.Hour, 2 * time.Hour},
		// The rest expires after an hour, then the minimum falls to what it pays.
		"full": {func(cfg *node.Config) { cfg.Mempool.MaxBytes, cfg.Mempool.Expiry = 30_000, time.Hour }, func(s *standingTest) *wire.MsgTx {
			s.fill(5000)
			return openTx(openCoin-48, s.coin())
		}, mempool.ErrFull, nil, time.Hour, 150 * time.Minute},
		"topology": {nil, func(s *standingTest) *wire.MsgTx {
			first := openTx(openCoin/2, s.coin())
			first.AddTxOut(wire.NewTxOut(openCoin/2-1000, openScript))
			last := s.submit(first)
			for range mempool.MaxClusterCount - 2 {
				last = s.submit(openTx(last.TxOut[0].Value-1000, wire.OutPoint{Hash: last.TxHash()}))
			}
			s.submit(openTx(last.TxOut[0].Value+openCoin-1000, wire.OutPoint{Hash: last.TxHash()}, openOutPoint(9000)))
			return openTx(1000, wire.OutPoint{Hash: first.TxHash(), Index: 1})
		}, mempool.ErrTopology, func(s *standingTest) { s.submit(openTx(openCoin/2, openOutPoint(9000))) }, 0, time.Second},
		"block": {nil, func(s *standingTest) *wire.MsgTx {
			tx := openTx(openCoin-1000, s.coin())
			tx.LockTime, tx.TxIn[0].Sequence = 200, 0
			return tx
		}, mempool.ErrPremature, func(s *standingTest) {
			s.chain.height.Store(200)
			(<-s.chain.observer).Connected(mempool.Block{Height: 200})
		}, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &standingTest{T: t, chain: &openCoins{observer: make(chan mempool.ChainObserver, 1)}}
				s.chain.height.Store(199)
				s.net = testnet.New(t, 1, func(_ int, cfg *node.Config) {
					cfg.PrevOuts = s.chain
					if test.custom != nil {
						test.custom(cfg)
					}
				})
				raw := rawOf(test.stands(s))
				standing, err := s.node().Stand(t.Context(), raw, 0)
				if err != nil || standing == nil {
					t.Fatalf("stands: %v, %v", standing != nil, err)
				}
				if !errors.Is(standing.Err, test.why) {
					t.Fatalf("stands for %v; want %v", standing.Err, test.why)
				}
				time.Sleep(test.after)
				if n := len(s.node().Standing()); n != 1 {
					t.Fatalf("%d stand after %s", n, test.after)
				}
				if test.cause != nil {
					test.cause(s)
				}
				time.Sleep(test.within - test.after)
				if n := len(s.node().Standing()); n != 0 || s.node().Mempool().Get(standing.WTxID) == nil {
					t.Errorf("%d stand after %s: %+v", n, test.within, s.node().Standing())
				}
			})
		})
	}
}
