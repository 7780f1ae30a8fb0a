package rpc

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// credentials is a request with an Authorization header, or none.
func credentials(authorization string) *http.Request {
	r := newRequest("/", `{"method":"uptime","id":1}`)
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("Authorization", authorization)
	if authorization == "" {
		r.Header.Del("Authorization")
	}
	return r
}

func basic(user, password string) string {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// TestCredentials: status and how long the answer took.
func TestCredentials(t *testing.T) {
	user, secret, _ := strings.Cut(testCookie, ":")
	for _, test := range []struct {
		name, authorization string
		status              int
		took                time.Duration
	}{
		{"none", "", 401, 0},
		{"cookie", basic(user, secret), 200, 0},
		{"password", basic("alice", "secret:with:colons"), 200, 0},
		{"wrong cookie", basic(user, secret[1:]+"0"), 401, wrongPasswordDelay},
		{"wrong password", basic("alice", "secret"), 401, wrongPasswordDelay},
		{"wrong user", basic("bob", "secret:with:colons"), 401, wrongPasswordDelay},
		{"empty", basic("", ""), 401, wrongPasswordDelay},
		{"no base64", "Basic !", 401, wrongPasswordDelay},
		{"bearer", "Bearer " + secret, 401, wrongPasswordDelay},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHandler(newFakeNode(), Options{Cookie: testCookie, User: "alice", Password: "secret:with:colons"})
				began := time.Now()
				w := serve(h, credentials(test.authorization))
				if w.Code != test.status || time.Since(began) != test.took {
					t.Errorf("HTTP %d after %s, want %d after %s", w.Code, time.Since(began), test.status, test.took)
				}
				if w.Code == 401 && (w.Header().Get("WWW-Authenticate") != `Basic realm="jsonrpc"` || w.Body.Len() != 0) {
					t.Errorf("WWW-Authenticate %q, body %q", w.Header().Get("WWW-Authenticate"), w.Body)
				}
			})
		})
	}
}

// TestNoCredentialsConfigured: then nobody is let in.
func TestNoCredentialsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(newFakeNode(), Options{})
		for _, authorization := range []string{"", basic("", ""), basic("a", "b")} {
			if w := serve(h, credentials(authorization)); w.Code != 401 {
				t.Errorf("Authorization %q: HTTP %d", authorization, w.Code)
			}
		}
	})
}

// TestGuessing: of two thousand wrong passwords at once few take their time, the
// others cost a connection each, and right credentials pass at once, from that
// address as from others.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(newFakeNode(), Options{Cookie: testCookie, User: "alice", Password: "secret"})
		user, secret, _ := strings.Cut(testCookie, ":")
		const guesses = 2000
		began := time.Now()
		var group sync.WaitGroup
		var closed, delayed atomic.Int32
		for range guesses {
			group.Go(func() {
				w := serve(h, credentials(basic("alice", "guess")))
				if w.Code != 401 {
					t.Errorf("a guess got HTTP %d", w.Code)
				}
				if w.Header().Get("Connection") == "close" {
					closed.Add(1)
				}
				if time.Since(began) == wrongPasswordDelay {
					delayed.Add(1)
				}
			})
		}
		synctest.Wait()
		for _, from := range []string{"127.0.0.1:1", "127.0.0.2:1", "[::1]:1"} {
			for _, authorization := range []string{basic(user, secret), basic("alice", "secret")} {
				r := credentials(authorization)
				r.RemoteAddr = from
				if w := serve(h, r); w.Code != 200 {
					t.Errorf("%s from %s: HTTP %d", authorization, from, w.Code)
				}
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("others waited %s", took)
		}
		group.Wait()
		if delayed.Load() != maxRefusals || closed.Load() != guesses-maxRefusals {
			t.Errorf("%d were delayed, %d lost their connection", delayed.Load(), closed.Load())
		}
		if left := len(h.(*handler).auth.refusals); left != 0 {
			t.Errorf("%d addresses remembered", left)
		}
	})
}

// TestNeighbours: a /64 is one caller.
func TestNeighbours(t *testing.T) {
	if a, b := caller("[2001:db8::1]:1"), caller("[2001:db8::ffff]:2"); a != b {
		t.Errorf("%v and %v differ", a, b)
	}
	if a, b := caller("[2001:db8::1]:1"), caller("[2001:db8:0:1::1]:1"); a == b {
		t.Errorf("both %v", a)
	}
	if a, b := caller("10.0.0.1:1"), caller("[::ffff:10.0.0.1]:2"); a != b {
		t.Errorf("%v and %v differ", a, b)
	}
	if a, b := caller("10.0.0.1:1"), caller("10.0.0.2:1"); a == b {
		t.Errorf("both %v", a)
	}
}
