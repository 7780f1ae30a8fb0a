package rpc

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// siege is a server over TCP and those who besiege it, each in a loop.
type siege struct {
	t       *testing.T
	node    *fakeNode
	address string
	scheme  string
	auth    string // header of who has the cookie
	http    *http.Client

	mu      sync.Mutex
	refused map[string]int // how often which answer was given
}

// besiege starts everybody. They end with ctx and before done returns.
func (s *siege) besiege(ctx context.Context) (done func()) {
	var group sync.WaitGroup
	for _, attacker := range []struct {
		count int
		act   func(context.Context)
	}{
		{100, s.slowloris}, {10, s.silentSocket}, {1, s.hugeBody}, {1, s.hugeBatch},
		{10, s.guess}, {2, s.guessBySocket}, {1, s.crossSite}, {1, s.rebind}, {2, s.deafSocket},
	} {
		for range attacker.count {
			group.Go(func() {
				for ctx.Err() == nil {
					attacker.act(ctx)
				}
			})
		}
	}
	return group.Wait
}

// note counts an answer.
func (s *siege) note(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[answer]++
}

func (s *siege) dial(ctx context.Context) (net.Conn, func()) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, func() {}
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	return c, func() {
		stop()
		c.Close()
	}
}

// slowloris holds a request that it never finishes.
func (s *siege) slowloris(ctx context.Context) {
	c, close := s.dial(ctx)
	defer close()
	if c != nil {
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
		io.Copy(io.Discard, c)
	}
}

// silentSocket holds a websocket without credentials.
func (s *siege) silentSocket(ctx context.Context) {
	if c, _, err := websocket.Dial(ctx, "ws://"+s.address+"/ws", nil); err == nil {
		c.Read(ctx)
		c.CloseNow()
		s.note("websocket closed")
	}
}

// deafSocket has credentials, asks for everything and reads nothing.
func (s *siege) deafSocket(ctx context.Context) {
	c, close := s.dial(ctx)
	defer close()
	if c == nil {
		return
	}
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: "+s.auth+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	masked := fmt.Sprintf("\x81\xc0\x00\x00\x00\x00%-64s", `{"method":"notifynewtransactions","params":[true],"id":1}`)
	for {
		if _, err := io.WriteString(c, masked); err != nil {
			return
		}
	}
}

// hugeBody sends 100 MB with credentials.
func (s *siege) hugeBody(ctx context.Context) {
	s.post(ctx, io.LimitReader(spaces{}, 100_000_000), nil)
}

// hugeBatch sends a batch of a million requests with credentials.
func (s *siege) hugeBatch(ctx context.Context) {
	s.post(ctx, strings.NewReader("["+strings.Repeat("1,", 1_000_000)+"1]"), nil)
}

// guess tries passwords.
func (s *siege) guess(ctx context.Context) {
	s.post(ctx, strings.NewReader("{}"), func(r *http.Request) { r.SetBasicAuth("alice", "guess") })
}

// guessBySocket tries passwords on websockets.
func (s *siege) guessBySocket(ctx context.Context) {
	if c, _, err := websocket.Dial(ctx, "ws://"+s.address+"/ws", nil); err == nil {
		c.Write(ctx, websocket.MessageText, []byte(`{"method":"authenticate","params":["alice","guess"],"id":1}`))
		c.Read(ctx)
		c.CloseNow()
	}
}

// crossSite is a web page that posts and connects, with the cookie even.
func (s *siege) crossSite(ctx context.Context) {
	s.post(ctx, strings.NewReader(`{"method":"stop"}`), func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
}

// rebind is a web page whose name leads to the server.
func (s *siege) rebind(ctx context.Context) {
	s.post(ctx, strings.NewReader(`{"method":"stop"}`), func(r *http.Request) { r.Host = "evil.example" })
}

func (s *siege) post(ctx context.Context, body io.Reader, change func(*http.Request)) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address, body)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", s.auth)
	if change != nil {
		change(r)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return // cut off while it was sending
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	s.note(answer.Status)
}

// p99 is what good clients wait for their answers, each on a connection of its own
// as of bitcoin-cli, while transactions come in. One has the cookie and the other
// the password that everybody guesses at from the same address.
func (s *siege) p99(requests int) time.Duration {
	s.t.Helper()
	e := s.node.Mempool().Snapshot()[0]
	took := make([]time.Duration, requests)
	for i := range took {
		s.node.announce(e)
		r, err := http.NewRequest(http.MethodPost, s.scheme+"://"+s.address, strings.NewReader(`{"method":"getrawmempool","params":[true],"id":1}`))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("Authorization", s.auth)
		if i%2 == 1 {
			r.SetBasicAuth("alice", "secret")
		}
		began := time.Now()
		answer, err := s.http.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != 200 {
			s.t.Fatalf("%s %v", answer.Status, err)
		}
		answer.Body.Close()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[requests*99/100-1]
}

// best is the least p99 of three measurements, or the first below limit: the
// machine may be busy with other things.
func (s *siege) best(requests int, limit time.Duration) time.Duration {
	s.t.Helper()
	best := s.p99(requests)
	for try := 1; try < 3 && best >= limit; try++ {
		best = min(best, s.p99(requests))
	}
	return best
}

// TestHostileClients: while everybody misbehaves at once, good clients have their
// answers within 500 ms.
func TestHostileClients(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector is the slowest of all attackers")
	}
	const requests, limit = 100, 500 * time.Millisecond
	n := newScenario(t).node
	address, cookieFile := startServerWith(t, n, Options{User: "alice", Password: "secret"})
	cookie, err := readCookie(cookieFile)
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{
		t: t, node: n, address: address, scheme: "http", auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(cookie)), refused: make(map[string]int),
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	ctx, stop := context.WithCancel(t.Context())
	done := s.besiege(ctx)
	defer func() {
		stop()
		done()
	}()
	best := s.best(requests, limit)
	stop()
	done()
	t.Logf("99 %% of the answers took up to %s; the others got %v", best, s.refused)
	if best >= limit {
		t.Errorf("that is more than %s", limit)
	}
	for _, status := range []string{"400 Bad Request", "401 Unauthorized", "403 Forbidden", "413 Request Entity Too Large"} {
		if s.refused[status] == 0 {
			t.Errorf("nobody got %s", status)
		}
	}
}
