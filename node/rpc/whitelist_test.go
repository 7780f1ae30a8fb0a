package rpc

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func mustParseWhitelist(t testing.TB, strict bool, values ...string) Whitelist {
	t.Helper()
	w, err := ParseWhitelist(values, strict)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWhitelist has the cases of Core's own test (rpc_whitelist.py), among others.
func TestWhitelist(t *testing.T) {
	w := mustParseWhitelist(t, true, "two:uptime,help", "one:uptime", "none:", "less", "spaced: uptime ,  help,,",
		"both:uptime,help", "both:help,stop", "either:uptime", "either:help")
	for user, may := range map[string]string{
		"two": "help uptime", "one": "uptime", "none": "", "less": "", "spaced": "help uptime",
		"both": "help", "either": "", "other": "", cookieUser: "",
	} {
		for _, method := range []string{"uptime", "help", "stop", "", "uptim", "Uptime"} {
			if want := slices.Contains(strings.Fields(may), method); w.allows(user, method) != want {
				t.Errorf("%s may call %q: %v", user, method, !want)
			}
		}
	}
	if w := mustParseWhitelist(t, false, "one:uptime"); !w.allows("other", "stop") || w.allows("one", "stop") {
		t.Error("rpcwhitelistdefault=0 concerns others than those without a value")
	}
	if w := mustParseWhitelist(t, true); w.allows("other", "uptime") {
		t.Error("rpcwhitelistdefault=1 alone lets somebody call")
	}
	if !(Whitelist{}).allows("other", "uptime") {
		t.Error("without either, somebody may not call")
	}
	for _, value := range []string{"", ":uptime", "uptime,help", "a b:uptime"} {
		if _, err := ParseWhitelist([]string{value}, true); err == nil || !strings.Contains(err.Error(), "user:method,method") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// guarded is a node that alice may ask for uptime and notifications and bob for
// what /events tells; nobody else may call anything.
func guarded(t testing.TB) Options {
	password := func(user string) Auth {
		a, err := NewAuth(user, "secret")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	return Options{Cookie: testCookie, REST: true, Auth: []Auth{password("alice"), password("bob")},
		Whitelist: mustParseWhitelist(t, true, "alice:uptime,notifynewtransactions,getrawmempool", "bob:getrawmempool,getpeerinfo")}
}

// TestWhitelistOverHTTP: a method that the user may not call is answered with 403
// and nothing else, and so is a batch with one such, of which nothing is done.
func TestWhitelistOverHTTP(t *testing.T) {
	n := newFakeNode()
	h := NewHandler(n, guarded(t))
	tx := hexOf(spend(coin(1), coinValue-1000))
	for _, test := range []struct {
		user, body string
		status     int
	}{
		{"alice", `{"method":"uptime","id":1}`, 200},
		{"alice", `{"method":"stop","id":1}`, 403},
		{"alice", `{"jsonrpc":"2.0","method":"stop","id":1}`, 403},
		{"alice", `{"jsonrpc":"2.0","method":"stop"}`, 403},
		{"alice", `{"method":"none","id":1}`, 403},
		{"alice", `{"method":"help","params":["uptime"],"id":1}`, 403},
		{"alice", `{"id":1}`, 400},
		{"alice", `{`, 500},
		{"alice", `[]`, 200},
		{"alice", `[{"method":"uptime","id":1},{"method":"uptime","id":2}]`, 200},
		{"alice", `[{"method":"uptime","id":1},{"jsonrpc":"2.0","method":"stop"}]`, 403},
		{"alice", `[{"method":"sendrawtransaction","params":["` + tx + `"],"id":1},{"method":"uptime","id":1}]`, 403},
		{"alice", `[1,{"method":"stop","id":1}]`, 403},
		{"bob", `{"method":"uptime","id":1}`, 403},
		{"bob", `{"method":"getpeerinfo","id":1}`, 200},
		{"__cookie__", `{"method":"uptime","id":1}`, 403},
	} {
		r := newRequest("/", test.body)
		if test.user != cookieUser {
			r.SetBasicAuth(test.user, "secret")
		}
		w := serve(h, r)
		if w.Code != test.status || w.Code == 403 && w.Body.Len() > 0 {
			t.Errorf("%s, %s: HTTP %d %s, want %d", test.user, test.body, w.Code, w.Body, test.status)
		}
	}
	if n.stopped || n.submits > 0 {
		t.Error("what was forbidden was done")
	}
	if w := serve(h, newRequest("/rest/mempool/info.json", "")); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("REST, which knows no users: HTTP %d", w.Code)
	}
	gone, leave := context.WithCancel(t.Context()) // who gets a stream leaves at once
	leave()
	for user, want := range map[string]int{"alice": 403, "bob": 200} {
		r := newRequest("/events", "").WithContext(gone)
		r.Method = http.MethodGet
		r.SetBasicAuth(user, "secret")
		if w := serve(h, r); w.Code != want {
			t.Errorf("%s gets HTTP %d of /events, want %d", user, w.Code, want)
		}
	}
}

// TestWhitelistOverWebsocket: there the answer is an error to each request, to
// whoever gave credentials by header or by method.
func TestWhitelistOverWebsocket(t *testing.T) {
	const refusal = `"error":{"code":-32602,"message":"User alice may not call stop"}`
	n := newFakeNode()
	inVirtualTimeWith(t, n, guarded(t), func(t *testing.T, l *pipeListener) {
		byHeader, _, err := l.open(t, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("alice:secret"))}})
		if err != nil {
			t.Fatal(err)
		}
		byMethod, _, err := l.open(t, http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, byMethod, `{"method":"authenticate","params":["alice","secret"],"id":0}`, `{"result":null,"error":null,"id":0}`)
		for _, c := range []*websocket.Conn{byHeader, byMethod} {
			expect(t, c, askUptime, hereUptime)
			expect(t, c, watch, watching)
			expect(t, c, `{"method":"stop","id":3}`, `{"result":null,`+refusal+`,"id":3}`)
			expect(t, c, `[{"jsonrpc":"2.0","method":"uptime","id":4},{"jsonrpc":"2.0","method":"stop"},{"jsonrpc":"2.0","method":"stop","id":5}]`,
				`[{"jsonrpc":"2.0",`+refusal+`,"id":4},{"jsonrpc":"2.0",`+refusal+`,"id":5}]`)
			tell(t, c, `{"jsonrpc":"2.0","method":"stop"}`) // no answer
			expect(t, c, askUptime, hereUptime)
		}
	})
	if n.stopped {
		t.Error("what was forbidden was done")
	}
}

// FuzzWhitelist: who is listed may call what the value names after the first
// colon, and nothing else.
func FuzzWhitelist(f *testing.F) {
	for _, seed := range []string{"alice:uptime,help", "alice", ":", "a:b:c", "a:,, ,"} {
		f.Add(seed, "help")
	}
	f.Fuzz(func(t *testing.T, value, method string) {
		w, err := ParseWhitelist([]string{value, value}, false)
		if err != nil {
			return
		}
		user, list, _ := strings.Cut(value, ":")
		want := method != "" && !strings.ContainsAny(method, ", ") && strings.Contains(","+strings.ReplaceAll(list, " ", ",")+",", ","+method+",")
		if w.allows(user, method) != want {
			t.Fatalf("%q: may call %q: %v", value, method, !want)
		}
		if !w.allows(user+"x", method) {
			t.Fatalf("%q concerns others", value)
		}
	})
}
