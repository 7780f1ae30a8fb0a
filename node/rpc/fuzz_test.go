package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/txnode/txnode/mempool"
)

// allocated runs f and fails when it allocated more than a request of that many
// bytes may: the answer to a full batch, and a multiple of what was sent.
func allocated(t *testing.T, sent int, f func()) {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	read := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before := read()
	f()
	if got, most := read()-before, uint64(2*maxBatchAnswer+200*sent); got > most {
		t.Fatalf("%d bytes were allocated for %d, more than %d", got, sent, most)
	}
}

// FuzzParams: whatever the arguments of a method, by position or by name, over
// HTTP or a websocket, the answer is one of JSON-RPC's forms.
func FuzzParams(f *testing.F) {
	methods := table()
	tx := hexOf(spend(coin(1), coinValue-1000))
	for i := range methods {
		f.Add(uint8(i), `"`+zeroHash+`"`, `1`, `true`)
		f.Add(uint8(i), `["`+tx+`"]`, `"0.1"`, `{"mempool_only":false}`)
		f.Add(uint8(i), `"`+tx+`"`, `1e400`, `-0.00000001`)
		f.Add(uint8(i), `[{"txid":"`+zeroHash+`","vout":4294967296}]`, `null`, `"\ud800"`)
	}
	n := newFakeNode()
	h := n.server().(*handler)
	f.Fuzz(func(t *testing.T, which uint8, a, b, c string) {
		m := methods[int(which)%len(methods)]
		given := []string{a, b, c}[:min(len(m.params)+1, 3)]
		positions := "[" + strings.Join(given, ",") + "]"
		var named []string
		for i, p := range m.params[:min(len(m.params), 3)] {
			named = append(named, `"`+p.name+`":`+given[i])
		}
		client := &wsClient{watchers: h.watchers, cut: func(error) {}, accepted: make(chan *mempool.Entry, 10)}
		for _, params := range []string{positions, "{" + strings.Join(named, ",") + "}", `{"args":` + positions + `}`} {
			for _, ctx := range []context.Context{t.Context(), context.WithValue(t.Context(), clientKey{}, client)} {
				body := []byte(`{"jsonrpc":"2.0","method":"` + m.name + `","params":` + params + `,"id":1}`)
				allocated(t, len(body), func() {
					status, answer := h.respond(ctx, cookieUser, body)
					if !json.Valid(answer) {
						t.Fatalf("%s\n%s", body, answer)
					}
					checkReply(t, status, answer)
				})
			}
		}
		h.watchers.remove(client)
	})
}

// FuzzStranger: what a websocket client without credentials may send is read
// without harm, and lets nobody in.
func FuzzStranger(f *testing.F) {
	for _, seed := range []string{`{"method":"authenticate","params":["a","b"],"id":1}`, `{"method":"authenticate","params":{"args":["a","b"]}}`, `[[`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		allocated(t, len(message), func() {
			r, credentials, ok := parseAuthenticate([]byte(message))
			if ok != strings.Contains(credentials, ":") {
				t.Fatalf("%q: %q %v", message, credentials, ok)
			}
			if ok && !json.Valid(r.answer([]byte("null"), nil)) {
				t.Fatalf("%q is answered with %s", message, r.answer([]byte("null"), nil))
			}
		})
	})
}

// FuzzBody: whatever an authorised caller posts, the answer is an HTTP error in
// text or one of JSON-RPC's forms, and the mempool stays consistent with it.
func FuzzBody(f *testing.F) {
	recorded, err := os.ReadFile("testdata/recorded.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range txtar.Parse(recorded).Files {
		if strings.HasSuffix(file.Name, ".request") {
			_, body, _ := strings.Cut(string(file.Data), "\n")
			f.Add(body)
		}
	}
	tx := hexOf(spend(coin(1), coinValue-1000))
	for _, seed := range []string{
		`{"jsonrpc":"2.0","method":"testmempoolaccept","params":[["` + tx + `"]],"id":[{}]}`,
		`[{"method":"sendrawtransaction","params":{"args":["` + tx + `"],"maxfeerate":"0.1"}},{"jsonrpc":"2.0","method":"stop"}]`,
		`{"method":"decoderawtransaction","params":["` + tx + `"]}`, `[[]]`, `[]`, `null`, `{"id":1,"id":2}`, "",
		`{"method":"help","params":["\ud800"],"id":"\ud800"}`, "{\"method\":\"\xff\",\"id\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	for _, m := range table() {
		f.Add(`{"jsonrpc":"2.0","method":"` + m.name + `","params":[null,"` + zeroHash + `",1],"id":0}`)
	}
	h := newFakeNode().server()
	f.Fuzz(func(t *testing.T, body string) {
		var w *httptest.ResponseRecorder
		allocated(t, len(body), func() { w = serve(h, newRequest("/", body)) })
		answer := strings.TrimSpace(w.Body.String())
		switch w.Code {
		case http.StatusNoContent:
			if answer != "" {
				t.Fatalf("HTTP 204 with %q", answer)
			}
			return
		case http.StatusRequestEntityTooLarge:
			return
		case 200, 400, 404, 500:
		default:
			t.Fatalf("HTTP %d", w.Code)
		}
		if !json.Valid([]byte(answer)) {
			t.Fatalf("HTTP %d %q", w.Code, answer)
		}
		replies := []json.RawMessage{json.RawMessage(answer)}
		if answer[0] == '[' {
			if w.Code != 200 || json.Unmarshal([]byte(answer), &replies) != nil || len(replies) > maxBatch {
				t.Fatalf("HTTP %d %q", w.Code, answer)
			}
		}
		for _, reply := range replies {
			checkReply(t, w.Code, reply)
		}
	})
}

// checkReply holds a single answer against the two versions of JSON-RPC.
func checkReply(t *testing.T, status int, reply json.RawMessage) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(reply, &fields); err != nil {
		t.Fatalf("%s: %v", reply, err)
	}
	_, hasResult := fields["result"]
	failure, hasError := fields["error"]
	if fields["jsonrpc"] != nil {
		if hasResult == hasError || status != 200 {
			t.Fatalf("HTTP %d 2.0 %s", status, reply)
		}
	} else if !hasResult || !hasError {
		t.Fatalf("HTTP %d 1.x %s", status, reply)
	}
	if hasError && string(failure) != "null" {
		var e Error
		if err := json.Unmarshal(failure, &e); err != nil || e.Code == 0 || e.Message == "" {
			t.Fatalf("error %s: %v", failure, err)
		}
	} else if status != 200 {
		t.Fatalf("HTTP %d %s", status, reply)
	}
}
