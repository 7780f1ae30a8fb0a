package txgen

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool/utxo"
)

const (
	// DefaultFeeRate is the fee rate of a generator that is not told one, in
	// satoshi per virtual byte.
	DefaultFeeRate = 2

	// MaxFeeRate bounds the fee rate, in satoshi per virtual byte: 0.10 BTC/kvB,
	// above which Bitcoin Core's sendrawtransaction refuses (its default
	// maxfeerate).
	MaxFeeRate = 10_000

	// MaxData bounds Config.Data, in bytes: what nodes of any version relay.
	MaxData = txscript.MaxDataCarrierSize

	// payment is the value of a transaction's second output, in satoshi, well
	// above the dust limit. The first output takes the change.
	payment = 10_000
)

// ErrExhausted is the error when the range holds no further output.
var ErrExhausted = errors.New("every output of the generator's range is spent")

// Config says what a [Generator] spends and pays.
type Config struct {
	Network string // of the test allocation
	From    int    // first output of the allocation to spend, counted from 0
	To      int    // one past the last; at most the allocation's length
	FeeRate int64  // satoshi per virtual byte; 0 means DefaultFeeRate
	Data    int    // bytes of an OP_RETURN output that each transaction carries; 0: none
}

// Tx is one signed transaction.
type Tx struct {
	*wire.MsgTx
	Raw   []byte // canonical serialization with witness
	TxID  chainhash.Hash
	WTxID chainhash.Hash
	Fee   int64 // satoshi; at least the fee rate times the virtual size
}

// Generator makes transactions. It is not safe for concurrent use: give each
// goroutine one of its own, over its own range.
type Generator struct {
	config Config
	signer signer
	next   int // index of the output to spend next
}

// coin is an output that the generator can spend.
type coin struct {
	wire.OutPoint
	value int64
	key   int // index of its key and script
}

// New makes a generator over outputs c.From to c.To-1.
func New(c Config) (*Generator, error) {
	if c.Network == "" {
		return nil, errors.New("no network: name the one whose test allocation is to be spent, for example \"regtest\"")
	}
	if c.From < 0 || c.To <= c.From || c.To > utxo.MaxOutputs {
		return nil, fmt.Errorf("range [%d,%d) of allocation outputs: give from and to with 0 <= from < to <= %d",
			c.From, c.To, utxo.MaxOutputs)
	}
	if c.FeeRate == 0 {
		c.FeeRate = DefaultFeeRate
	}
	if c.FeeRate < 0 || c.FeeRate > MaxFeeRate {
		return nil, fmt.Errorf("fee rate %d sat/vB: use 1 to %d", c.FeeRate, MaxFeeRate)
	}
	if c.Data < 0 || c.Data > MaxData {
		return nil, fmt.Errorf("%d bytes of data: use 0 to %d", c.Data, MaxData)
	}
	return &Generator{config: c, next: c.From}, nil
}

// Remaining is the number of outputs left to spend.
func (g *Generator) Remaining() int { return g.config.To - g.next }

// Next makes a transaction that depends on no other and takes one output of
// the range, or fails with [ErrExhausted].
func (g *Generator) Next() (*Tx, error) {
	c, err := g.take()
	if err != nil {
		return nil, err
	}
	tx, _, err := g.spend(c, c.key+2)
	return tx, err
}

// Chain makes length transactions, parents first, each spending the first
// output of the one before. It takes one output of the range, or fails with
// [ErrExhausted]. It fails, too, when that output's value cannot pay for so
// many; at the default fee rate it pays for thousands.
func (g *Generator) Chain(length int) ([]*Tx, error) {
	if length < 1 {
		return nil, fmt.Errorf("a chain of %d transactions: use 1 or more", length)
	}
	c, err := g.take()
	if err != nil {
		return nil, err
	}
	var chain []*Tx
	for range length {
		tx, change, err := g.spend(c, c.key+2)
		if err != nil {
			return nil, fmt.Errorf("chain of %d, transaction %d: %w", length, len(chain)+1, err)
		}
		chain = append(chain, tx)
		c = change
	}
	return chain, nil
}

// Conflict makes two transactions that spend the same output, at the same fee
// and size, to different scripts. The first is what Next would have made. It
// takes one output of the range, or fails with [ErrExhausted].
func (g *Generator) Conflict() ([2]*Tx, error) {
	c, err := g.take()
	if err != nil {
		return [2]*Tx{}, err
	}
	first, _, err := g.spend(c, c.key+2)
	if err != nil {
		return [2]*Tx{}, err
	}
	// Two keys on, the payment's script is of the same kind and size.
	second, _, err := g.spend(c, c.key+4)
	return [2]*Tx{first, second}, err
}

func (g *Generator) take() (coin, error) {
	i := g.next
	if i == g.config.To {
		return coin{}, fmt.Errorf("%w: outputs [%d,%d) of the test allocation; use another range, or restart the network to begin anew",
			ErrExhausted, g.config.From, g.config.To)
	}
	g.next++
	return coin{OutPoint: utxo.TestOutPoint(g.config.Network, i), value: utxo.TestValue, key: i}, nil
}

// spend makes the transaction that spends c, pays to the script of key payee,
// and returns the rest to the script of the key after c's, which is of the
// other kind.
func (g *Generator) spend(c coin, payee int) (*Tx, coin, error) {
	change := coin{key: c.key + 1}
	msg := wire.NewMsgTx(2)
	msg.AddTxIn(&wire.TxIn{PreviousOutPoint: c.OutPoint, Sequence: wire.MaxTxInSequenceNum})
	msg.AddTxOut(&wire.TxOut{PkScript: g.signer.script(change.key)})
	msg.AddTxOut(&wire.TxOut{Value: payment, PkScript: g.signer.script(payee)})

	if g.config.Data > 0 {
		data, err := txscript.NullDataScript(make([]byte, g.config.Data))
		if err != nil {
			return nil, coin{}, fmt.Errorf("data output: %w", err)
		}
		msg.AddTxOut(&wire.TxOut{PkScript: data})
	}

	fee := g.config.FeeRate * maxVSize(msg, c.key)
	change.value = c.value - payment - fee
	if change.value < payment {
		return nil, coin{}, fmt.Errorf("%d satoshi cannot pay %d and a fee of %d and leave change: lower the fee rate or the chain's length",
			c.value, payment, fee)
	}
	msg.TxOut[0].Value = change.value
	raw, err := g.signer.sign(msg, c)
	if err != nil {
		return nil, coin{}, fmt.Errorf("sign: %w", err)
	}
	tx := &Tx{MsgTx: msg, Raw: raw, TxID: msg.TxHash(), WTxID: chainhash.DoubleHashH(raw), Fee: fee}
	change.OutPoint = wire.OutPoint{Hash: tx.TxID}
	return tx, change, nil
}
