package rpc

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnswers is JSON-RPC over HTTP as Core speaks it: status and exact body.
func TestAnswers(t *testing.T) {
	const notFound = `{"code":-32601,"message":"Method not found"}`
	for _, test := range []struct {
		name, body string
		status     int
		answer     string // without the newline at its end
	}{
		{"1.x", `{"method":"uptime","params":[],"id":1}`, 200, `{"result":100,"error":null,"id":1}`},
		{"1.0", `{"jsonrpc":"1.0","method":"uptime","id":1}`, 200, `{"result":100,"error":null,"id":1}`},
		{"jsonrpc null", `{"jsonrpc":null,"method":"uptime","id":1}`, 200, `{"result":100,"error":null,"id":1}`},
		{"2.0", `{"jsonrpc":"2.0","method":"uptime","id":1}`, 200, `{"jsonrpc":"2.0","result":100,"id":1}`},
		{"1.x error", `{"method":"getrawmempool","params":[true,true],"id":1}`, 500,
			`{"result":null,"error":{"code":-8,"message":"Verbose results cannot contain mempool sequence values."},"id":1}`},
		{"2.0 error", `{"jsonrpc":"2.0","method":"getrawmempool","params":[true,true],"id":1}`, 200,
			`{"jsonrpc":"2.0","error":{"code":-8,"message":"Verbose results cannot contain mempool sequence values."},"id":1}`},
		{"1.x unknown", `{"method":"x","id":1}`, 404, `{"result":null,"error":` + notFound + `,"id":1}`},
		{"2.0 unknown", `{"jsonrpc":"2.0","method":"x","id":1}`, 200, `{"jsonrpc":"2.0","error":` + notFound + `,"id":1}`},

		{"notification", `{"jsonrpc":"2.0","method":"uptime"}`, 204, ""},
		{"notification of nonsense", `{"jsonrpc":"2.0","method":"x"}`, 204, ""},
		{"1.x without id", `{"method":"uptime"}`, 200, `{"result":100,"error":null}`},
		{"id null", `{"jsonrpc":"2.0","method":"uptime","id":null}`, 200, `{"jsonrpc":"2.0","result":100,"id":null}`},
		{"id verbatim", `{"jsonrpc":"2.0","method":"uptime","id":{"a": [1.50,"<é\u00e9>"]}}`, 200, `{"jsonrpc":"2.0","result":100,"id":{"a": [1.50,"<é\u00e9>"]}}`},
		{"large id", `{"method":"uptime","id":123456789012345678901234567890}`, 200, `{"result":100,"error":null,"id":123456789012345678901234567890}`},
		{"nothing escaped for HTML", `{"method":"help","params":["<&>"],"id":"<&>"}`, 200, `{"result":"help: unknown command: <&>","error":null,"id":"<&>"}`},
		{"params null", `{"method":"uptime","params":null,"id":1}`, 200, `{"result":100,"error":null,"id":1}`},
		{"params object", `{"method":"help","params":{"command":"x"},"id":1}`, 200, `{"result":"help: unknown command: x","error":null,"id":1}`},
		{"space around", " \n{\"method\":\"uptime\",\"id\":1}\r\n", 200, `{"result":100,"error":null,"id":1}`},
		{"names are exact", `{"METHOD":"uptime","method":"help","Method":"x","params":["x"],"id":1}`, 200, `{"result":"help: unknown command: x","error":null,"id":1}`},

		{"empty", ``, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"not JSON", `{"method":`, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"two values", `{"method":"uptime","id":1}{}`, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"neither object nor array", `"uptime"`, 500, `{"result":null,"error":{"code":-32700,"message":"Top-level object parse error"},"id":null}`},
		{"no method", `{"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}`},
		{"no method in 2.0", `{"jsonrpc":"2.0","id":1}`, 200, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Missing method"},"id":1}`},
		{"method is a number", `{"method":1,"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Method must be a string"},"id":1}`},
		{"params is a string", `{"method":"uptime","params":"x","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Params must be an array or object"},"id":1}`},
		{"version is a number", `{"jsonrpc":2.0,"method":"uptime","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"jsonrpc field must be a string"},"id":1}`},
		{"version 3", `{"jsonrpc":"3.0","method":"uptime","id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"JSON-RPC version not supported"},"id":1}`},

		{"empty batch", `[]`, 200, `[]`},
		{"batch", `[{"jsonrpc":"2.0","method":"uptime","id":1},{"method":"x","id":"b"},{"jsonrpc":"2.0","method":"stop"},1,{"method":1,"id":3}]`, 200,
			`[{"jsonrpc":"2.0","result":100,"id":1},{"result":null,"error":` + notFound + `,"id":"b"},` +
				`{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},"id":null},` +
				`{"result":null,"error":{"code":-32600,"message":"Method must be a string"},"id":3}]`},
		{"batch of notifications", `[{"jsonrpc":"2.0","method":"uptime"},{"jsonrpc":"2.0","method":"x"}]`, 204, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := serve(newFakeNode().server(), newRequest("/", test.body))
			want := test.answer
			if want != "" {
				want += "\n"
			}
			if w.Code != test.status || w.Body.String() != want {
				t.Errorf("HTTP %d\n%s\nwant HTTP %d\n%s", w.Code, w.Body, test.status, want)
			}
			if want != "" && w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", w.Header().Get("Content-Type"))
			}
		})
	}
}

// TestLimits shows each limit on what a caller with credentials may send.
func TestLimits(t *testing.T) {
	nested := func(depth int) string {
		return `{"method":"uptime","id":1,"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	batch := func(n int) string {
		return "[" + strings.Repeat(`{"method":"uptime","id":1},`, n-1) + `{"method":"uptime","id":1}]`
	}
	padded := func(n int) string { return `{"method":"uptime","id":1}` + strings.Repeat(" ", n-26) }
	for _, test := range []struct {
		name, body string
		status     int
		contains   string
	}{
		{"deepest", nested(maxDepth), 200, `"result":100`},
		{"too deep", nested(maxDepth + 1), 500, "-32700"},
		{"brackets in strings are no depth", `{"method":"help","params":["\"` + strings.Repeat("[", 100) + `"],"id":1}`, 200, "unknown command"},
		{"very deep", strings.Repeat("[", 1_000_000), 500, "-32700"},
		{"longest batch", batch(maxBatch), 200, `"result":100`},
		{"batch too long", batch(maxBatch + 1), 400, "A batch holds at most 100 requests"},
		{"batch of 10^5 numbers", "[" + strings.Repeat("1,", 100_000) + "1]", 400, "A batch holds at most 100 requests"},
		{"largest body", padded(maxBody), 200, `"result":100`},
		{"body too large", padded(maxBody + 1), 413, "Request larger than 2097152 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := serve(newFakeNode().server(), newRequest("/", test.body))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.contains) {
				t.Errorf("HTTP %d %.200q, want HTTP %d and %q in it", w.Code, w.Body, test.status, test.contains)
			}
		})
	}
}

// TestBatchAnswerLimit: a batch cannot make the server assemble an answer
// without bound.
func TestBatchAnswerLimit(t *testing.T) {
	n := newFakeNode()
	values := make([]int64, 2300) // 99 kB: near the standard limit
	for i := range values {
		values[i] = 1000
	}
	e := n.add(t, spend(coin(0), values...))
	fetch := `{"jsonrpc":"2.0","method":"getrawtransaction","params":["` + e.TxID.String() + `"],"id":1}`
	w := serve(n.server(), newRequest("/", "["+strings.Repeat(fetch+",", maxBatch-1)+fetch+"]"))
	answer := w.Body.String()
	if limit := maxBatchAnswer + 2*len(e.Raw) + maxBatch*200; len(answer) > limit {
		t.Errorf("the answer is %d bytes, want at most %d", len(answer), limit)
	}
	results, refused := strings.Count(answer, `"result"`), strings.Count(answer, `"error":{"code":-32603,"message":"Not done`)
	if refused == 0 || results+refused != maxBatch {
		t.Errorf("%d results and %d errors", results, refused)
	}
}

// TestMethodsAndPaths: what is not a POST to / or a wallet is refused, and says
// so before anything is read.
func TestMethodsAndPaths(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPost, "/", 200},
		{http.MethodPost, "/wallet/w", 200},
		{http.MethodPost, "/wallet", 404},
		{http.MethodPost, "/rest/mempool/info.json", 404},
		{http.MethodGet, "/", 405},
		{http.MethodPut, "/", 405},
		{http.MethodOptions, "/", 405},
	} {
		r := newRequest(test.path, `{"method":"uptime","id":1}`)
		r.Method = test.method
		if w := serve(newFakeNode().server(), r); w.Code != test.status {
			t.Errorf("%s %s: HTTP %d, want %d", test.method, test.path, w.Code, test.status)
		}
	}
	r := newRequest("/", "{}")
	r.Method, r.Body = http.MethodGet, unread{t}
	if w := serve(newFakeNode().server(), r); w.Body.String() != "JSONRPC server handles only POST requests\n" {
		t.Errorf("GET: %q", w.Body)
	}
	r = newRequest("/", "{}")
	r.Header.Del("Authorization")
	r.Body = unread{t}
	serve(newFakeNode().server(), r)
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }
func (u unread) Close() error             { return nil }

func TestAnyContentType(t *testing.T) {
	for _, contentType := range []string{"", "text/plain", "application/json", "application/x-www-form-urlencoded"} {
		r := newRequest("/", `{"method":"uptime","id":1}`)
		r.Header.Set("Content-Type", contentType)
		if w := serve(newFakeNode().server(), r); w.Code != 200 {
			t.Errorf("Content-Type %q: HTTP %d", contentType, w.Code)
		}
	}
}

// TestBusy: beyond 64 requests at work the next hears 503 at once, and is served
// again when one is done.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		n.block = make(chan struct{})
		h := n.server()
		submit := fmt.Sprintf(`{"method":"sendrawtransaction","params":[%q],"id":1}`, hexOf(spend(coin(1), coinValue-1000)))
		var group sync.WaitGroup
		for range maxConcurrent {
			group.Go(func() {
				if w := serve(h, newRequest("/", submit)); w.Code != 200 {
					t.Errorf("HTTP %d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		w := serve(h, newRequest("/", `{"method":"uptime","id":1}`))
		if w.Code != 503 || w.Body.String() != "Work queue depth exceeded\n" {
			t.Errorf("HTTP %d %q", w.Code, w.Body)
		}
		close(n.block)
		group.Wait()
		if w := serve(h, newRequest("/", `{"method":"uptime","id":1}`)); w.Code != 200 {
			t.Errorf("afterwards: HTTP %d", w.Code)
		}
	})
}

// TestHungNode: a node that does not answer costs a slot for 25 s, not for ever,
// and the rest of the batch hears why.
func TestHungNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		n.block = make(chan struct{})
		began := time.Now()
		w := serve(n.server(), newRequest("/", fmt.Sprintf(`[{"method":"sendrawtransaction","params":[%q],"id":1},{"method":"uptime","id":2}]`, hexOf(spend(coin(1), coinValue-1000)))))
		if took := time.Since(began); took != maxDuration {
			t.Errorf("took %s", took)
		}
		const want = `[{"result":null,"error":{"code":-1,"message":"context deadline exceeded"},"id":1},{"result":null,"error":{"code":-32603,"message":"Not done: this batch took longer than 25s"},"id":2}]` + "\n"
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("HTTP %d %s", w.Code, w.Body)
		}
	})
}
