package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
)

// ensure is the certificate in dir for hosts.
func ensure(t *testing.T, dir string, hosts ...string) tls.Certificate {
	t.Helper()
	pair, err := EnsureCertificate(dir, hosts)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestCertificate: it is kept as long as it serves, and its key is its owner's.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	first := ensure(t, dir, "127.0.0.1")
	for name, mode := range map[string]os.FileMode{certFile: 0o644, keyFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		if err := first.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if first.Leaf.PublicKeyAlgorithm != x509.ECDSA || first.Leaf.NotAfter.Before(time.Now().Add(9*365*24*time.Hour)) {
		t.Errorf("%v until %v", first.Leaf.PublicKeyAlgorithm, first.Leaf.NotAfter)
	}
	if again := ensure(t, dir, "127.0.0.1", "localhost"); !again.Leaf.Equal(first.Leaf) {
		t.Error("a good one was replaced")
	}
	second := ensure(t, dir, "127.0.0.1", "node0.example", "192.0.2.7")
	if second.Leaf.Equal(first.Leaf) || second.Leaf.VerifyHostname("node0.example") != nil || second.Leaf.VerifyHostname("192.0.2.7") != nil {
		t.Error("one that lacks a host was not replaced")
	}
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if third := ensure(t, dir); third.Leaf.Equal(second.Leaf) {
		t.Error("one without its key was not replaced")
	}
	if usable(first.Leaf, []string{"node0.example"}) || !usable(first.Leaf, nil) {
		t.Error("usable")
	}
	first.Leaf.NotAfter = time.Now().Add(certificateRest - time.Hour)
	if usable(first.Leaf, nil) {
		t.Error("one that expires soon is usable")
	}
}

// TestForeignCertificate: what txnode did not make is used as it is or not at all.
func TestForeignCertificate(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	foreign := server.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(foreign.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: foreign.Certificate[0]})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for _, test := range []struct {
		name      string
		cert, key []byte
		good      bool
	}{
		{"pair", cert, key, true},
		{"without key", cert, nil, false},
		{"without certificate", nil, key, false},
		{"nonsense", []byte("nonsense"), key, false},
		{"broken", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{certFile: test.cert, keyFile: test.key} {
				if content == nil {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			pair, err := EnsureCertificate(dir, []string{"node0.example"})
			switch {
			case test.good && (err != nil || string(pair.Certificate[0]) != string(foreign.Certificate[0])):
				t.Errorf("not used: %v", err)
			case !test.good && (err == nil || !strings.Contains(err.Error(), "remove both")):
				t.Errorf("error %v", err)
			}
			for name, content := range map[string][]byte{certFile: test.cert, keyFile: test.key} {
				if left, _ := os.ReadFile(filepath.Join(dir, name)); string(left) != string(content) {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// startTLS is startServer over TLS, with the file of its certificate.
func startTLS(t *testing.T, n *fakeNode) (address, cookieFile, cert string) {
	dir := t.TempDir()
	pair := ensure(t, dir)
	address, cookieFile = startServerWith(t, n, Options{Certificate: &pair})
	return address, cookieFile, CertificatePath(dir)
}

// TestClientOverTLS: our client trusts the certificate in the file and no other,
// and says what is wrong.
func TestClientOverTLS(t *testing.T) {
	n := newScenario(t).node
	address, cookieFile, cert := startTLS(t, n)
	plain, plainCookie := startServer(t, n)
	other := t.TempDir()
	ensure(t, other)
	none := filepath.Join(t.TempDir(), "none")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, url, cookie, cert, want string }{
		{"trusted", "https://" + address, cookieFile, cert, ""},
		{"by name", "https://localhost:" + port, cookieFile, cert, ""},
		{"another's certificate", "https://" + address, cookieFile, CertificatePath(other), "cannot prove who it is: give its rpc.cert"},
		{"no certificate", "https://" + address, cookieFile, "", "cannot prove who it is"},
		{"plain to TLS", "http://" + address, cookieFile, cert, "speaks TLS only: call it by https://"},
		{"TLS to plain", "https://" + plain, plainCookie, cert, "does not speak TLS: call it by http://"},
		{"missing file", "https://" + address, cookieFile, none, "reading the server's certificate"},
		{"no PEM", "https://" + address, cookieFile, empty, "holds no certificate in PEM"},
	} {
		c, err := NewClient(ClientConfig{URL: test.url, CookieFile: test.cookie, CertFile: test.cert})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Uptime(t.Context())
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	c, err := NewClient(ClientConfig{URL: "https://" + address, CookieFile: cookieFile, CertFile: cert})
	if err != nil {
		t.Fatal(err)
	}
	for event, err := range c.Stream(t.Context(), "") {
		if err != nil || !strings.Contains(string(event), "snapshot") {
			t.Errorf("%s %v", event, err)
		}
		break
	}
}

// TestRPCClientOverTLS is btcd's rpcclient as it connects by default, with
// Certificates: by POST and by websocket.
func TestRPCClientOverTLS(t *testing.T) {
	s := newScenario(t)
	address, cookieFile, certFile := startTLS(t, s.node)
	cert, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *btcjson.TxRawResult, 1)
	for _, cfg := range []rpcclient.ConnConfig{{HTTPPostMode: true}, {Endpoint: "ws"}} {
		cfg.Host, cfg.CookiePath, cfg.Certificates = address, cookieFile, cert
		var handlers *rpcclient.NotificationHandlers
		if cfg.Endpoint != "" {
			handlers = &rpcclient.NotificationHandlers{OnTxAcceptedVerbose: func(tx *btcjson.TxRawResult) { accepted <- tx }}
		}
		c, err := rpcclient.New(&cfg, handlers)
		if err != nil {
			t.Fatal(err)
		}
		defer c.WaitForShutdown()
		defer c.Shutdown()
		if v, err := c.BackendVersion(); err != nil || v.String() != rpcclient.BitcoindPost25.String() {
			t.Errorf("BackendVersion: %v %v", v, err)
		}
		if ids, err := c.GetRawMempool(); err != nil || len(ids) != 2 {
			t.Errorf("GetRawMempool: %v %v", ids, err)
		}
		if _, err := c.GetMempoolEntry(chainhash.Hash{}.String()); err == nil {
			t.Error("GetMempoolEntry of nothing")
		}
		if handlers == nil {
			continue
		}
		if err := c.NotifyNewTransactions(true); err != nil {
			t.Errorf("NotifyNewTransactions: %v", err)
		}
		tx := spend(coin(1), coinValue-1000)
		if _, err := c.SendRawTransaction(tx, false); err != nil {
			t.Errorf("SendRawTransaction: %v", err)
		} else if got := <-accepted; got.Txid != tx.TxID() {
			t.Errorf("told of %+v", got)
		}
	}
}

// TestConnectionsOverTLS: the limit of connections knows which have shown
// credentials, and clients that would multiplex get HTTP/1.1.
func TestConnectionsOverTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pair := ensure(t, t.TempDir())
	s := newServer(l, newFakeNode(), Options{Cookie: testCookie, Certificate: &pair})
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx) }()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	r := newRequest("/", `{"method":"uptime","id":1}`)
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "https", l.Addr().String()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.ProtoMajor != 1 {
		t.Errorf("%s by %s", answer.Status, answer.Proto)
	}
	bounded := s.listener.(*boundedListener)
	bounded.mu.Lock()
	if len(bounded.open) != 1 || !bounded.open[0].known {
		t.Errorf("connections %+v", bounded.open)
	}
	bounded.mu.Unlock()
	answer.Body.Close()
	client.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
