package rpc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// restServer is a server with the REST interface.
func restServer(n *fakeNode) http.Handler {
	return NewHandler(n, Options{Version: "0.1.0", Cookie: testCookie, REST: true})
}

// get asks without credentials.
func get(h http.Handler, path string) *httptest.ResponseRecorder {
	return serve(h, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil))
}

// TestREST: paths, statuses, types and bodies are Core's.
func TestREST(t *testing.T) {
	s := newScenario(t)
	h := restServer(s.node)
	result := func(method, params string) string {
		w := serve(h, newRequest("/", `{"jsonrpc":"2.0","method":"`+method+`","params":`+params+`,"id":1}`))
		var answer struct{ Result json.RawMessage }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return string(answer.Result) + "\n"
	}
	txid := s.child.TxID()
	const text, octets, jsonType = "text/plain", "application/octet-stream", "application/json"
	for _, test := range []struct {
		path        string
		status      int
		contentType string
		body        string
	}{
		{"/rest/tx/" + txid + ".hex", 200, text, hexOf(s.child) + "\n"},
		{"/rest/tx/" + strings.ToUpper(txid) + ".hex", 200, text, hexOf(s.child) + "\n"},
		{"/rest/tx/" + txid + ".bin", 200, octets, string(rawOf(s.child))},
		{"/rest/tx/" + txid + ".json", 200, jsonType, result("getrawtransaction", `["`+txid+`",1]`)},
		{"/rest/tx/" + txid, 404, text, "output format not found (available: .bin, .hex, .json)\r\n"},
		{"/rest/tx/" + txid + ".", 404, text, "output format not found (available: .bin, .hex, .json)\r\n"},
		{"/rest/tx/" + txid + ".xml", 400, text, "Invalid hash: " + txid + ".xml\r\n"},
		{"/rest/tx/" + zeroHash + ".json", 404, text, zeroHash + " not found\r\n"},
		{"/rest/tx/" + zeroHash, 404, text, zeroHash + " not found\r\n"},
		{"/rest/tx/12.json", 400, text, "Invalid hash: 12\r\n"},
		{"/rest/tx/" + strings.Repeat("g", 64) + ".json", 400, text, "Invalid hash: " + strings.Repeat("g", 64) + "\r\n"},
		{"/rest/tx/", 400, text, "Invalid hash: \r\n"},

		{"/rest/mempool/info.json", 200, jsonType, result("getmempoolinfo", "[]")},
		{"/rest/mempool/contents.json", 200, jsonType, result("getrawmempool", "[true]")},
		{"/rest/mempool/contents.json?verbose=true", 200, jsonType, result("getrawmempool", "[true]")},
		{"/rest/mempool/contents.json?verbose=false", 200, jsonType, result("getrawmempool", "[false]")},
		{"/rest/mempool/contents.json?verbose=false&mempool_sequence=true", 200, jsonType, result("getrawmempool", "[false,true]")},
		{"/rest/mempool/contents.json?mempool_sequence=true", 400, text, "Verbose results cannot contain mempool sequence values. (hint: set \"verbose=false\")\r\n"},
		{"/rest/mempool/contents.json?verbose=1", 400, text, "The \"verbose\" query parameter must be either \"true\" or \"false\".\r\n"},
		{"/rest/mempool/contents.json?mempool_sequence=", 400, text, "The \"mempool_sequence\" query parameter must be either \"true\" or \"false\".\r\n"},
		{"/rest/mempool/info.hex", 404, text, "output format not found (available: json)\r\n"},
		{"/rest/mempool/info", 404, text, "output format not found (available: json)\r\n"},
		{"/rest/mempool/other.json", 400, text, "Invalid URI format. Expected /rest/mempool/<info|contents>.json\r\n"},
		{"/rest/chaininfo.json", 404, text, ""},
		{"/rest/", 404, text, ""},
	} {
		w := get(h, test.path)
		if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || w.Body.String() != test.body {
			t.Errorf("%s: HTTP %d %s\n%q\nwant HTTP %d %s\n%q", test.path, w.Code, w.Header().Get("Content-Type"), w.Body, test.status, test.contentType, test.body)
		}
	}
}

// TestRESTIsShut unless it is asked for, for what is not reading, for web pages,
// before the mempool is there, and when too many ask.
func TestRESTIsShut(t *testing.T) {
	const path = "/rest/mempool/info.json"
	if w := get(newFakeNode().server(), path); w.Code != 404 {
		t.Errorf("without the option: HTTP %d", w.Code)
	}
	n := newFakeNode()
	h := restServer(n)
	if w := serve(h, newRequest(path, "")); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: HTTP %d", w.Code)
	}
	page := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
	page.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := serve(h, page); w.Code != 403 {
		t.Errorf("a web page: HTTP %d", w.Code)
	}
	page = httptest.NewRequest(http.MethodGet, "http://evil.example"+path, nil)
	if w := serve(h, page); w.Code != 403 {
		t.Errorf("a name that was rebound: HTTP %d", w.Code)
	}
	n.loading = true
	if w := get(h, path); w.Code != 503 || w.Body.String() != "Service temporarily unavailable: Loading mempool…\r\n" {
		t.Errorf("loading: HTTP %d %q", w.Code, w.Body)
	}
	n.loading = false
	slots := h.(*handler).restSlots
	for range maxREST {
		slots <- struct{}{}
	}
	if w := get(h, path); w.Code != 503 || w.Body.String() != "Work queue depth exceeded\r\n" {
		t.Errorf("busy: HTTP %d %q", w.Code, w.Body)
	}
	if w := serve(h, newRequest("/", `{"method":"uptime","id":1}`)); w.Code != 200 {
		t.Errorf("RPC meanwhile: HTTP %d", w.Code)
	}
	<-slots
	if w := get(h, path); w.Code != 200 {
		t.Errorf("afterwards: HTTP %d", w.Code)
	}
}

// FuzzREST: any path gets an answer of Core's forms, however it is asked.
func FuzzREST(f *testing.F) {
	n := newFakeNode()
	e := n.add(f, spend(coin(1), coinValue-1000))
	for _, seed := range []string{"mempool/info.json", "mempool/contents.json?verbose=%66alse&x;y", "tx/" + e.TxID.String() + ".bin", "tx/..%2f.json", "tx/\n.hex", "mempool/%zz"} {
		f.Add(seed)
	}
	h := restServer(n)
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/rest/"+path, nil)
		if err != nil {
			return
		}
		w := serve(h, r)
		switch body := w.Body.Bytes(); {
		case w.Code == 200 && w.Header().Get("Content-Type") == "application/json":
			if !json.Valid(body) {
				t.Fatalf("%q", body)
			}
		case w.Code == 200:
		case w.Code == 400 || w.Code == 404:
			if len(body) > 3*len(path)+200 { // bytes are escaped
				t.Fatalf("HTTP %d with %d bytes", w.Code, len(body))
			}
		default:
			t.Fatalf("HTTP %d", w.Code)
		}
	})
}
