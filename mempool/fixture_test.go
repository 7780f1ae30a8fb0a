package mempool

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const (
	tipHeight = 200
	coinValue = 1_000_000 // satoshi
)

var (
	tipTime = time.Unix(1_700_000_000, 0)
	now     = time.Unix(1_800_000_000, 0)
)

// chain is a PrevOuts in memory.
type chain struct {
	mu    sync.Mutex
	coins map[wire.OutPoint]PrevOut
	err   error // what Lookup answers, if set
}

func (c *chain) Lookup(op wire.OutPoint) (PrevOut, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, ok := c.coins[op]
	return out, ok, c.err
}

func (c *chain) Tip() (int32, time.Time) { return tipHeight, tipTime }
func (c *chain) Digest() [32]byte        { return [32]byte{} }

// has reports whether all that the inputs spend is confirmed.
func (c *chain) has(ins []*wire.TxIn) bool {
	return !slices.ContainsFunc(ins, func(in *wire.TxIn) bool { _, ok := c.coins[in.PreviousOutPoint]; return !ok })
}

// confirm takes a transaction into the chain.
func (c *chain) confirm(tx *wire.MsgTx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range tx.TxIn {
		delete(c.coins, in.PreviousOutPoint)
	}
	for i, out := range tx.TxOut {
		c.coins[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}] = PrevOut{Value: out.Value, PkScript: out.PkScript}
	}
}

// A lock is a kind of output and how to spend it.
type lock struct {
	pkScript []byte
	sequence uint32 // of the input that spends it; 0 means final
	unlock   func(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes)
}

// A coin is an output that can be spent.
type coin struct {
	op    wire.OutPoint
	value int64
	lock  lock
}

// A bench has a chain with coins and a pool over it.
type bench struct {
	t     testing.TB
	chain *chain
	pool  *Pool
	next  uint32
	made  []wire.OutPoint // by coinAs
}

func newBench(t testing.TB, set ...func(*Config)) *bench {
	b := &bench{t: t, chain: &chain{coins: make(map[wire.OutPoint]PrevOut)}}
	cfg := Config{PrevOuts: b.chain}
	for _, f := range set {
		f(&cfg)
	}
	b.pool = New(cfg)
	return b
}

// coin makes a confirmed coin.
func (b *bench) coin(l lock) coin { return b.coinAs(l, PrevOut{Value: coinValue}) }

func (b *bench) coinAs(l lock, out PrevOut) coin {
	b.next++
	var seed [4]byte
	binary.LittleEndian.PutUint32(seed[:], b.next)
	op := wire.OutPoint{Hash: chainhash.HashH(seed[:]), Index: b.next % 3}
	out.PkScript = l.pkScript
	b.chain.coins[op] = out
	b.made = append(b.made, op)
	return coin{op: op, value: out.Value, lock: l}
}

// coinOf is the i-th output of tx, locked by l.
func coinOf(tx *wire.MsgTx, i uint32, l lock) coin {
	return coin{op: wire.OutPoint{Hash: tx.TxHash(), Index: i}, value: tx.TxOut[i].Value, lock: l}
}

func pay(value int64, l lock) *wire.TxOut { return &wire.TxOut{Value: value, PkScript: l.pkScript} }

// unsigned spends the coins.
func unsigned(coins []coin, outs ...*wire.TxOut) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for _, c := range coins {
		in := wire.NewTxIn(&c.op, nil, nil)
		if c.lock.sequence != 0 {
			in.Sequence = c.lock.sequence
		}
		tx.AddTxIn(in)
	}
	tx.TxOut = outs
	return tx
}

// signed spends the coins with valid signatures.
func (b *bench) signed(coins []coin, outs ...*wire.TxOut) *wire.MsgTx {
	tx := unsigned(coins, outs...)
	b.sign(tx, coins)
	return tx
}

func (b *bench) sign(tx *wire.MsgTx, coins []coin) {
	previous := txscript.NewMultiPrevOutFetcher(nil)
	for _, c := range coins {
		previous.AddPrevOut(c.op, pay(c.value, c.lock))
	}
	hashes := txscript.NewTxSigHashes(tx, previous)
	for i, c := range coins {
		c.lock.unlock(tx, i, c.value, hashes)
	}
}

// simple spends one new coin of a key to the same key.
func (b *bench) simple() *wire.MsgTx {
	l := p2wpkh(1)
	return b.signed([]coin{b.coin(l)}, pay(coinValue-1000, l))
}

// try adds tx, whatever else that does.
func (b *bench) try(tx *wire.MsgTx) (*Entry, error) {
	e, _, err := b.pool.Add(raw(tx), now)
	return e, err
}

func (b *bench) add(tx *wire.MsgTx) *Entry {
	b.t.Helper()
	e, err := b.try(tx)
	if err != nil {
		b.t.Fatalf("Add: %v", err)
	}
	return e
}

func raw(tx *wire.MsgTx) []byte {
	var buf bytes.Buffer
	if err := tx.Serialize(&buf); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func key(n byte) *btcec.PrivateKey {
	seed := sha256.Sum256([]byte{'k', n})
	k, _ := btcec.PrivKeyFromBytes(seed[:])
	return k
}

func pubKey(n byte) []byte { return key(n).PubKey().SerializeCompressed() }

// script assembles opcodes (int), numbers (int64) and pushes ([]byte).
func script(parts ...any) []byte {
	sb := txscript.NewScriptBuilder()
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			sb.AddOp(byte(p))
		case int64:
			sb.AddInt64(p)
		case []byte:
			sb.AddData(p)
		}
	}
	s, err := sb.Script()
	if err != nil {
		panic(err)
	}
	return s
}

// must gives the value of a call that cannot fail in a fixture.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func p2pkhScript(n byte) []byte {
	return script(txscript.OP_DUP, txscript.OP_HASH160, address.Hash160(pubKey(n)), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
}

func p2pkh(n byte) lock {
	s := p2pkhScript(n)
	return lock{pkScript: s, unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
		tx.TxIn[i].SignatureScript = must(txscript.SignatureScript(tx, i, s, txscript.SigHashAll, key(n), true))
	}}
}

func p2pk(n byte) lock {
	s := script(pubKey(n), txscript.OP_CHECKSIG)
	return lock{pkScript: s, unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
		tx.TxIn[i].SignatureScript = script(must(txscript.RawTxInSignature(tx, i, s, txscript.SigHashAll, key(n))))
	}}
}

func p2wpkh(n byte) lock {
	program := script(txscript.OP_0, address.Hash160(pubKey(n)))
	return lock{pkScript: program, unlock: func(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes) {
		tx.TxIn[i].Witness = must(txscript.WitnessSignature(tx, hashes, i, value, program,
			txscript.SigHashAll, key(n), true))
	}}
}

// p2sh locks with the hash of redeem; items unlock it.
func p2sh(redeem []byte, items ...[]byte) lock {
	return lock{
		pkScript: script(txscript.OP_HASH160, address.Hash160(redeem), txscript.OP_EQUAL),
		unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			var parts []any
			for _, item := range items {
				parts = append(parts, item)
			}
			tx.TxIn[i].SignatureScript = script(append(parts, redeem)...)
		},
	}
}

// nested is P2WPKH inside P2SH.
func nested(n byte) lock {
	inner := p2wpkh(n)
	l := p2sh(inner.pkScript)
	outer := l.unlock
	l.unlock = func(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes) {
		outer(tx, i, value, hashes)
		inner.unlock(tx, i, value, hashes)
	}
	return l
}

// multiSigP2SH is a 2-of-3 multisig inside P2SH.
func multiSigP2SH() lock {
	redeem := multiSigScript(2, 3)
	return lock{
		pkScript: p2sh(redeem).pkScript,
		unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			parts := []any{txscript.OP_0}
			for n := byte(0); n < 2; n++ {
				parts = append(parts, must(txscript.RawTxInSignature(tx, i, redeem, txscript.SigHashAll, key(n))))
			}
			tx.TxIn[i].SignatureScript = script(append(parts, redeem)...)
		},
	}
}

func multiSigScript(required, keys int) []byte {
	parts := []any{int64(required)}
	for n := range keys {
		parts = append(parts, pubKey(byte(n)))
	}
	return script(append(parts, int64(keys), txscript.OP_CHECKMULTISIG)...)
}

// p2wsh locks with the hash of witnessScript; items unlock it.
func p2wsh(witnessScript []byte, items ...[]byte) lock {
	h := sha256.Sum256(witnessScript)
	return lock{
		pkScript: script(txscript.OP_0, h[:]),
		unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			tx.TxIn[i].Witness = append(append(wire.TxWitness{}, items...), witnessScript)
		},
	}
}

func p2tr(n byte) lock {
	s := must(txscript.PayToTaprootScript(txscript.ComputeTaprootKeyNoScript(key(n).PubKey())))
	return lock{pkScript: s, unlock: func(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes) {
		tx.TxIn[i].Witness = must(txscript.TaprootWitnessSignature(tx, hashes, i, value, s,
			txscript.SigHashDefault, key(n)))
	}}
}

// tapscript locks with a taproot output whose only leaf is leafScript; items unlock it.
func tapscript(leafScript []byte, items ...[]byte) lock {
	return taprootLeaf(txscript.NewBaseTapLeaf(leafScript), items...)
}

func taprootLeaf(leaf txscript.TapLeaf, items ...[]byte) lock {
	internal := key(9).PubKey()
	tree := txscript.AssembleTaprootScriptTree(leaf)
	root := tree.RootNode.TapHash()
	control := tree.LeafMerkleProofs[0].ToControlBlock(internal)
	return lock{
		pkScript: must(txscript.PayToTaprootScript(txscript.ComputeTaprootOutputKey(internal, root[:]))),
		unlock: func(tx *wire.MsgTx, i int, _ int64, _ *txscript.TxSigHashes) {
			tx.TxIn[i].Witness = append(append(wire.TxWitness{}, items...), leaf.Script, must(control.ToBytes()))
		},
	}
}

// tapscriptKey is a taproot leaf that asks for a signature.
func tapscriptKey(n byte) lock {
	leafScript := script(schnorr.SerializePubKey(key(n).PubKey()), txscript.OP_CHECKSIG)
	l := tapscript(leafScript)
	outer := l.unlock
	l.unlock = func(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes) {
		outer(tx, i, value, hashes)
		sig := must(txscript.RawTxInTapscriptSignature(tx, hashes, i, value, l.pkScript,
			txscript.NewBaseTapLeaf(leafScript), txscript.SigHashDefault, key(n)))
		tx.TxIn[i].Witness = append(wire.TxWitness{sig}, tx.TxIn[i].Witness...)
	}
	return l
}

// anyone is a lock that opens without anything being asked for.
func anyone(pkScript []byte) lock {
	return lock{pkScript: pkScript, unlock: func(*wire.MsgTx, int, int64, *txscript.TxSigHashes) {}}
}

// open is the cheapest lock of ordinary size: no signature, for tests about structure.
func open() lock { return p2wsh(script(txscript.OP_1)) }

func anchor() lock { return anyone(txscript.PayToAnchorScript) }
