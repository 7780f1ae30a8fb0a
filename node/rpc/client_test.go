package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// startServer runs a real server of n on a free loopback port, with a cookie.
func startServer(t testing.TB, n *fakeNode) (address, cookieFile string) {
	t.Helper()
	return startServerWith(t, n, Options{})
}

// startServerWith does so with other options.
func startServerWith(t testing.TB, n *fakeNode, o Options) (address, cookieFile string) {
	t.Helper()
	cookieFile = filepath.Join(t.TempDir(), ".cookie")
	cookie, err := WriteCookie(cookieFile)
	if err != nil {
		t.Fatal(err)
	}
	o.Version, o.Cookie = "0.1.0", cookie.String()
	s, err := Listen("127.0.0.1:0", n, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String(), cookieFile
}

func TestClient(t *testing.T) {
	ctx := t.Context()
	s := newScenario(t)
	address, cookieFile := startServer(t, s.node)
	c, err := NewClient(ClientConfig{URL: address, CookieFile: cookieFile})
	if err != nil {
		t.Fatal(err)
	}
	tx := spend(coin(1), coinValue-1000)
	if verdicts, err := c.TestMempoolAccept(ctx, rawOf(tx)); err != nil || len(verdicts) != 1 || !verdicts[0].Accepted() || verdicts[0].Fees.Base != 1000 {
		t.Errorf("TestMempoolAccept: %+v %v", verdicts, err)
	}
	if txid, err := c.SendRawTransaction(ctx, rawOf(tx)); err != nil || txid != tx.TxHash() {
		t.Errorf("SendRawTransaction: %v %v", txid, err)
	}
	if ids, err := c.GetRawMempool(ctx); err != nil || !reflect.DeepEqual(ids, []string{s.parent.TxID(), s.child.TxID(), tx.TxID()}) {
		t.Errorf("GetRawMempool: %v %v", ids, err)
	}
	if entries, err := c.GetRawMempoolVerbose(ctx); err != nil || entries[s.child.TxID()].Depends[0] != s.parent.TxID() {
		t.Errorf("GetRawMempoolVerbose: %v %v", entries, err)
	}
	if e, err := c.GetMempoolEntry(ctx, tx.TxID()); err != nil || e.Fees.Base != 1000 {
		t.Errorf("GetMempoolEntry: %+v %v", e, err)
	}
	if info, err := c.GetMempoolInfo(ctx); err != nil || info.Size != 3 {
		t.Errorf("GetMempoolInfo: %+v %v", info, err)
	}
	if d, err := c.GetMempoolDigest(ctx); err != nil || d.Count != 3 || len(d.Digest) != 64 {
		t.Errorf("GetMempoolDigest: %+v %v", d, err)
	}
	if raw, err := c.GetRawTransaction(ctx, tx.TxID()); err != nil || string(raw) != string(rawOf(tx)) {
		t.Errorf("GetRawTransaction: %x %v", raw, err)
	}
	if v, err := c.GetRawTransactionVerbose(ctx, tx.TxID()); err != nil || v.Vout[0].Value != coinValue-1000 {
		t.Errorf("GetRawTransactionVerbose: %+v %v", v, err)
	}
	if peers, err := c.GetPeerInfo(ctx); err != nil || len(peers) != 2 || peers[0].TxNode.PeerID != "12D3KooWPeerOne" {
		t.Errorf("GetPeerInfo: %+v %v", peers, err)
	}
	if info, err := c.GetNetworkInfo(ctx); err != nil || info.TxNode.Version != "0.1.0" {
		t.Errorf("GetNetworkInfo: %+v %v", info, err)
	}
	if n, err := c.GetConnectionCount(ctx); err != nil || n != 2 {
		t.Errorf("GetConnectionCount: %d %v", n, err)
	}
	if info, err := c.GetBlockchainInfo(ctx); err != nil || info.Chain != "regtest" {
		t.Errorf("GetBlockchainInfo: %+v %v", info, err)
	}
	if err := c.AddNode(ctx, "/ip4/192.0.2.1/tcp/1", "add"); err != nil {
		t.Errorf("AddNode: %v", err)
	}
	if err := c.DisconnectNode(ctx, 2); err != nil {
		t.Errorf("DisconnectNode: %v", err)
	}
	if seconds, err := c.Uptime(ctx); err != nil || seconds != 100 {
		t.Errorf("Uptime: %d %v", seconds, err)
	}
	if text, err := c.Help(ctx, "uptime"); err != nil || !strings.HasPrefix(text, "uptime\n") {
		t.Errorf("Help: %q %v", text, err)
	}
	if err := c.Stop(ctx); err != nil || !s.node.stopped {
		t.Errorf("Stop: %v", err)
	}
	var answer *Error
	if _, err := c.GetMempoolEntry(ctx, zeroHash); !errors.As(err, &answer) || answer.Code != CodeUnknownTx {
		t.Errorf("GetMempoolEntry of nothing: %v", err)
	}
}

// TestClientNewCookie: the node was restarted since the last call.
func TestClientNewCookie(t *testing.T) {
	cookieFile := filepath.Join(t.TempDir(), ".cookie")
	cookie, err := WriteCookie(cookieFile)
	if err != nil {
		t.Fatal(err)
	}
	n := newFakeNode()
	h := NewHandler(n, Options{Cookie: cookie.String()})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	defer server.Close()
	c, err := NewClient(ClientConfig{URL: server.URL, CookieFile: cookieFile})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Uptime(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cookie, err = WriteCookie(cookieFile); err != nil {
		t.Fatal(err)
	}
	h = NewHandler(n, Options{Cookie: cookie.String()})
	if _, err := c.Uptime(t.Context()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	h = NewHandler(n, Options{Cookie: testCookie})
	if _, err := c.Uptime(t.Context()); err == nil || !strings.Contains(err.Error(), "refuses the credentials") {
		t.Errorf("with a stale cookie file: %v", err)
	}
}

// TestClientErrors: what goes wrong is told with what to do.
func TestClientErrors(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer silent.Close()
	defer close(done)
	answering := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	deadServer := httptest.NewServer(nil)
	deadServer.Close()
	withCookie := func(url, file string) ClientConfig { return ClientConfig{URL: url, CookieFile: file} }
	to := func(url string) ClientConfig { return ClientConfig{URL: url, User: "u", Password: "p"} }
	for _, test := range []struct {
		name string
		cfg  ClientConfig
		want string
	}{
		{"no server", to(deadServer.URL), "start the node with txnode run"},
		{"unknown host", to("http://host.invalid:1"), "is unknown: check the address"},
		{"no cookie file", withCookie("127.0.0.1:1", "/nowhere/.cookie"), "start the node with txnode run"},
		{"not a cookie file", withCookie("127.0.0.1:1", empty), "is not a cookie file"},
		{"not a URL", to("://"), "is not the URL of a JSON-RPC server"},
		{"other scheme", to("ftp://127.0.0.1"), "is not the URL of a JSON-RPC server"},
		{"no credentials", ClientConfig{URL: "127.0.0.1:1"}, "no credentials"},
		{"web server", to(answering(200, "<html>")), "not JSON-RPC"},
		{"another web server", to(answering(404, "<html>")), "is it a JSON-RPC server"},
		{"busy", to(answering(503, "Work queue depth exceeded\n")), "too busy: Work queue depth exceeded; try again"},
		{"whitelist", to(answering(403, "")), "does not let this user call uptime"},
		{"forbidden", to(answering(403, "Host \"x\" is not allowed")), "is not allowed"},
		{"unauthorized", to(answering(401, "")), "refuses the credentials"},
		{"1.x error", to(answering(500, `{"result":null,"error":{"code":-28,"message":"Loading…"},"id":1}`)), "Loading… (code -28)"},
		{"other result", to(answering(200, `{"result":"x","error":null,"id":1}`)), "result of uptime is not as expected"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := NewClient(test.cfg)
			if err == nil {
				_, err = c.Uptime(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		c, err := NewClient(to(silent.URL))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := c.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		method string
		words  []string
		want   string // JSON, or an error
	}{
		{"getrawmempool", []string{"true", "false"}, `[true,false]`},
		{"getrawmempool", nil, `[]`},
		{"sendrawtransaction", []string{"00", "0.1"}, `["00",0.1]`},
		{"sendrawtransaction", []string{"1234", "true"}, `["1234",true]`},
		{"testmempoolaccept", []string{`["00","11"]`}, `[["00","11"]]`},
		{"disconnectnode", []string{"", "7"}, `["",7]`},
		{"unknown", []string{"1", "true"}, `["1","true"]`},
		{"uptime", []string{"1"}, `["1"]`},
		{"getrawmempool", []string{"yes"}, `argument 1 of getrawmempool, verbose, must be JSON (boolean), not "yes"`},
	} {
		arguments, err := Arguments(test.method, test.words)
		got, _ := json.Marshal(arguments)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != test.want {
			t.Errorf("Arguments(%s, %q) = %s, want %s", test.method, test.words, got, test.want)
		}
	}
}
