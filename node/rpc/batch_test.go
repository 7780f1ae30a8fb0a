package rpc

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

func submission(tx *wire.MsgTx) string {
	return fmt.Sprintf(`{"jsonrpc":"1.0","id":1,"method":"sendrawtransaction","params":["%s"]}`, hex.EncodeToString(rawOf(tx)))
}

// TestBatchSubmitsTogether: submissions that do not depend on each other do not
// wait for each other. Done one by one, they would wait here for ever.
func TestBatchSubmitsTogether(t *testing.T) {
	n := newFakeNode()
	var calls []string
	for i := range uint32(10) {
		calls = append(calls, submission(spend(coin(i), coinValue-1000)))
	}
	n.meeting = true
	n.meet.Add(len(calls))
	w := serve(n.server(), newRequest("/", "["+strings.Join(calls, ",")+"]"))
	if got := strings.Count(w.Body.String(), `"error":null`); got != len(calls) {
		t.Errorf("%d of %d are in the mempool: %s", got, len(calls), w.Body)
	}
}

// TestBatchAnswersAsIfInOrder: whatever order they come in, submissions that do
// depend on each other are answered as they would be one by one.
func TestBatchAnswersAsIfInOrder(t *testing.T) {
	parent := spend(coin(0), coinValue/2, coinValue/4)
	child := spend(wire.OutPoint{Hash: parent.TxHash(), Index: 0}, coinValue/4)
	calls := []string{
		submission(parent), submission(parent), submission(child),
		submission(spend(wire.OutPoint{Hash: child.TxHash()}, coinValue/8)),
		submission(spend(coin(0), coinValue-500)), // pays less than parent
		submission(spend(coin(1), coinValue-1000)), submission(spend(coin(1), coinValue-900)),
		`{"jsonrpc":"1.0","id":2,"method":"getmempoolinfo"}`,
		`{"jsonrpc":"2.0","id":3,"method":"sendrawtransaction","params":["00"]}`,
		`{"jsonrpc":"2.0","id":4,"method":"sendrawtransaction"}`, `7`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		random.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		together := serve(newFakeNode().server(), newRequest("/", "["+strings.Join(calls, ",")+"]"))
		var got, want []json.RawMessage
		if err := json.Unmarshal(together.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		server := newFakeNode().server()
		for _, c := range calls {
			var one []json.RawMessage
			if err := json.Unmarshal(serve(server, newRequest("/", "["+c+"]")).Body.Bytes(), &one); err != nil {
				t.Fatal(err)
			}
			want = append(want, one...)
		}
		if !slices.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Fatalf("%s\nanswered together:\n%s\none by one:\n%s", calls, got, want)
		}
	}
}
