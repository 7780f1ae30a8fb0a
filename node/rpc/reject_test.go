package rpc

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// recorded is the mempool package's list of refused transactions: one or more for each of Core's reject strings.
type recorded struct {
	Height     int32
	MedianTime int64
	Now        int64
	Rejections []struct {
		Name, Reason, Text, Tx string
		Held                   []string
		Coins                  []struct {
			TxID         string
			Vout         uint32
			Value        int64
			ScriptPubKey string
			Height       int32
			Coinbase     bool
		}
	}
}

// recordedChain has the confirmed outputs of one of them.
type recordedChain struct {
	height     int32
	medianTime time.Time
	coins      map[wire.OutPoint]mempool.PrevOut
}

func (c *recordedChain) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	out, ok := c.coins[op]
	return out, ok, nil
}

func (c *recordedChain) Tip() (int32, time.Time) { return c.height, c.medianTime }
func (*recordedChain) Digest() [32]byte          { return [32]byte{} }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// whatever tells sendrawtransaction to mind neither fee nor burnt coins.
const whatever = `,0,"20000000"]`

// wantRefused asserts how both calls refuse the transaction.
func wantRefused(t *testing.T, n *fakeNode, tx, reason, text string) {
	t.Helper()
	code, message, details := Code(-26), text, text
	switch reason {
	case "bad-txns-inputs-missingorspent":
		code, reason, details = -25, "missing-inputs", ""
	case "txn-already-known":
		code, message = -27, "Transaction outputs already in utxo set"
	case "txn-already-in-mempool", "txn-same-nonwitness-data-in-mempool":
		code = 0 // what is held is announced again
	}
	result, failure := callRaw(t, n, "testmempoolaccept", `[["`+tx+`"],0]`)
	if failure != nil {
		t.Fatalf("testmempoolaccept: %v", failure)
	}
	var verdicts []TestMempoolAccept
	if err := json.Unmarshal(result, &verdicts); err != nil || len(verdicts) != 1 {
		t.Fatalf("%s: %v", result, err)
	}
	if v := verdicts[0]; v.Accepted() || v.RejectReason != reason || v.RejectDetails != details {
		t.Errorf("testmempoolaccept: %s\nwant %q, %q", result, reason, details)
	}
	_, failure = callRaw(t, n, "sendrawtransaction", `["`+tx+`"`+whatever)
	if code == 0 && failure == nil {
		return
	}
	if failure == nil || failure.Code != code || failure.Message != message {
		t.Errorf("sendrawtransaction: %v\nwant %d %s", failure, code, message)
	}
}

func TestRejectionsByRPC(t *testing.T) {
	b, err := os.ReadFile("../../mempool/testdata/rejections.json")
	if err != nil {
		t.Fatal(err)
	}
	var list recorded
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Rejections) < 100 {
		t.Errorf("only %d rejections", len(list.Rejections))
	}
	for _, r := range list.Rejections {
		t.Run(r.Name, func(t *testing.T) {
			c := &recordedChain{height: list.Height, medianTime: time.Unix(list.MedianTime, 0), coins: make(map[wire.OutPoint]mempool.PrevOut)}
			for _, coin := range r.Coins {
				hash, err := chainhash.NewHashFromStr(coin.TxID)
				if err != nil {
					t.Fatal(err)
				}
				c.coins[wire.OutPoint{Hash: *hash, Index: coin.Vout}] = mempool.PrevOut{
					Value: coin.Value, PkScript: unhex(t, coin.ScriptPubKey), Height: coin.Height, Coinbase: coin.Coinbase,
				}
			}
			n := newFakeNode()
			n.pool = mempool.New(mempool.Config{PrevOuts: c})
			var held [][]byte
			for _, tx := range r.Held {
				held = append(held, unhex(t, tx))
			}
			for _, raw := range held {
				if _, _, err := n.pool.Add(raw, time.Unix(list.Now, 0)); err != nil { // it came in with its child
					if _, _, err := n.pool.AddPackage(held, time.Unix(list.Now, 0)); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			wantRefused(t, n, r.Tx, r.Reason, r.Text)
		})
	}
}

// What the record leaves out for its size, or because it depends on the pool's.
func TestMoreRejectionsByRPC(t *testing.T) {
	large := func(n int) string {
		tx := spend(coin(0), 1000)
		tx.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN}, make([]byte, n)...)))
		return hexOf(tx)
	}
	n := newFakeNode()
	wantRefused(t, n, large(100_000), "tx-size", "tx-size")
	wantRefused(t, n, large(1_000_000), "bad-txns-oversize", "bad-txns-oversize")

	n.pool = mempool.New(mempool.Config{PrevOuts: &n.chain, MaxBytes: 3000})
	const fee = 10_000
	for i := uint32(0); ; i++ {
		if i == 10 {
			t.Fatal("ten transactions fit")
		}
		_, failure := callRaw(t, n, "sendrawtransaction", `["`+hexOf(spend(coin(i), coinValue-fee))+`"`+whatever)
		if failure == nil {
			continue
		}
		if *failure != (Error{-26, "mempool full"}) {
			t.Errorf("%v", failure)
		}
		break
	}
	poor := spend(coin(9), coinValue-fee)
	wantRefused(t, n, hexOf(poor), "mempool min fee not met",
		fmt.Sprintf("mempool min fee not met, %d < %d", fee, (n.pool.Info().MinFeeRate*96+999)/1000))
}
