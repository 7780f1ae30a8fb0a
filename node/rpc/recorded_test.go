package rpc

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/recorded.txtar")

// TestRecorded replays what real clients send and compares status and body byte
// for byte. Each request meets the same node with a small chain of transactions.
func TestRecorded(t *testing.T) {
	const file = "testdata/recorded.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		request, answer := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(request.Name, ".request")
		t.Run(name, func(t *testing.T) {
			path, body, _ := strings.Cut(string(request.Data), "\n")
			path, anonymous := strings.CutSuffix(path, " (no credentials)")
			if strings.HasPrefix(name, "rpcclient") || strings.HasPrefix(name, "btcctl") {
				body = strings.TrimSuffix(body, "\n") // bitcoin-cli alone ends its bodies so
			}
			node := newFakeNode()
			parent := node.add(t, spend(coin(0), coinValue-2000, 1000))
			node.add(t, spend(outputOf(parent, 0), coinValue-5000))
			r := newRequest(path, body)
			if anonymous {
				r.Header.Set("Authorization", "Basic ")
			}
			var got string
			synctest.Test(t, func(*testing.T) { // for the delay of a wrong password
				w := serve(node.server(), r)
				got = fmt.Sprintf("HTTP %d\n%s", w.Code, w.Body)
			})
			if *update {
				answer.Data = []byte(got)
			} else if got != string(answer.Data) {
				t.Errorf("answer:\n%s\nwant:\n%s", got, answer.Data)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
