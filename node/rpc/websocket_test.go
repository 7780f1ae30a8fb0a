package rpc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/txnode/txnode/mempool"
)

// open begins a websocket, with the cookie in the header unless header says
// otherwise. What the client sends is masked by the library.
func (l *pipeListener) open(t *testing.T, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	if header == nil {
		header = http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(testCookie))}}
	}
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		l.conns <- server
		t.Cleanup(func() { client.Close() })
		return client, nil
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	c, r, err := websocket.Dial(t.Context(), "ws://127.0.0.1/ws", &websocket.DialOptions{HTTPHeader: header, HTTPClient: &http.Client{Transport: transport}})
	if err == nil {
		c.SetReadLimit(-1)
		t.Cleanup(func() { c.CloseNow() })
	}
	return c, r, err
}

// mustOpen is open with the cookie.
func (l *pipeListener) mustOpen(t *testing.T) *websocket.Conn {
	t.Helper()
	c, _, err := l.open(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tell sends a message.
func tell(t *testing.T, c *websocket.Conn, message string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

// hear is the next message.
func hear(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	_, message, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// expect asks and compares the answer.
func expect(t *testing.T, c *websocket.Conn, message, answer string) {
	t.Helper()
	tell(t, c, message)
	if got := hear(t, c); got != answer {
		t.Errorf("%s\n%s\nwant\n%s", message, got, answer)
	}
}

const (
	askUptime  = `{"jsonrpc":"1.0","method":"uptime","params":[],"id":1}`
	hereUptime = `{"result":100,"error":null,"id":1}`
	watch      = `{"jsonrpc":"1.0","method":"notifynewtransactions","params":[],"id":2}`
	watching   = `{"result":null,"error":null,"id":2}`
)

// TestWebsocketAnswers: a message is answered as the body of a POST would be.
func TestWebsocketAnswers(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		c := l.mustOpen(t)
		expect(t, c, askUptime, hereUptime)
		expect(t, c, `{"method":`, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`)
		expect(t, c, `{"jsonrpc":"2.0","method":"x","id":"a"}`, `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"a"}`)
		expect(t, c, `[{"jsonrpc":"2.0","method":"uptime","id":1},{"jsonrpc":"2.0","method":"uptime"}]`, `[{"jsonrpc":"2.0","result":100,"id":1}]`)
		expect(t, c, `{"method":"authenticate","params":["a","b"],"id":1}`, `{"result":null,"error":{"code":-1,"message":"This websocket client is authenticated already"},"id":1}`)
		tell(t, c, `{"jsonrpc":"2.0","method":"uptime"}`) // no answer
		tell(t, c, `{"method":"session","params":[],"id":3}`)
		first := hear(t, c)
		if !strings.HasPrefix(first, `{"result":{"sessionid":`) {
			t.Errorf("session: %s", first)
		}
		other := l.mustOpen(t)
		tell(t, other, `{"method":"session","params":[],"id":3}`)
		if hear(t, other) == first {
			t.Error("two sessions have the same id")
		}
	})
	w := serve(newFakeNode().server(), newRequest("/", watch))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "Method notifynewtransactions needs a websocket: connect to /ws") {
		t.Errorf("over HTTP: %d %s", w.Code, w.Body)
	}
}

// TestNotifications are btcd's, in the order of acceptance, until they are
// stopped.
func TestNotifications(t *testing.T) {
	n := newFakeNode()
	inVirtualTime(t, n, func(t *testing.T, l *pipeListener) {
		accept := func(tx *mempool.Entry) *mempool.Entry { n.announce(tx); return tx }
		brief, verbose := l.mustOpen(t), l.mustOpen(t)
		expect(t, brief, watch, watching)
		expect(t, verbose, strings.Replace(watch, "[]", "[true]", 1), watching)
		for i := range uint32(3) {
			e := accept(n.add(t, spend(coin(i), coinValue-2000, 1000)))
			if got, want := hear(t, brief), fmt.Sprintf(`{"jsonrpc":"1.0","method":"txaccepted","params":["%s",0.99999000],"id":null}`, e.TxID); got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
			got := hear(t, verbose)
			if !strings.HasPrefix(got, fmt.Sprintf(`{"jsonrpc":"1.0","method":"txacceptedverbose","params":[{"txid":"%s"`, e.TxID)) || !strings.Contains(got, fmt.Sprintf(`"hex":"%x"`, e.Raw)) {
				t.Errorf("verbose: %s", got)
			}
		}
		expect(t, brief, strings.Replace(watch, "notify", "stopnotify", 1), watching)
		accept(n.add(t, spend(coin(3), coinValue-1000)))
		synctest.Wait()
		expect(t, brief, askUptime, hereUptime)
		hear(t, verbose)

		n.hangUp() // nobody may wait for what will not come
		if _, _, err := verbose.Read(t.Context()); err == nil {
			t.Error("still connected to a node that ended")
		}
		expect(t, brief, askUptime, hereUptime)
	})
	if len(n.followers) > 0 {
		t.Errorf("%d still follow the node", len(n.followers))
	}
}

// TestSlowWebsocket: who does not read is disconnected, for too many
// notifications or for the time an answer takes, and others are not held up.
func TestSlowWebsocket(t *testing.T) {
	n := newFakeNode()
	inVirtualTime(t, n, func(t *testing.T, l *pipeListener) {
		slow, good := l.mustOpen(t), l.mustOpen(t)
		expect(t, slow, watch, watching)
		expect(t, good, watch, watching)
		e := n.add(t, spend(coin(0), coinValue-1000))
		began := time.Now()
		for range maxNotifications + 2 { // one is being written
			n.announce(e)
			hear(t, good)
		}
		synctest.Wait()
		if _, err := readAll(slow); err == nil || !time.Now().Equal(began) {
			t.Errorf("too many notifications: %v after %s", err, time.Since(began))
		}
		expect(t, good, askUptime, hereUptime)

		slow = l.mustOpen(t)
		expect(t, slow, watch, watching)
		n.announce(e)
		hear(t, good)
		time.Sleep(writeTimeout + time.Millisecond)
		if count, err := readAll(slow); err == nil || count > 0 {
			t.Errorf("too late: %d messages, %v", count, err)
		}
	})
}

// readAll counts messages until the connection ends.
func readAll(c *websocket.Conn) (count int, err error) {
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			return count, err
		}
		count++
	}
}

// TestDeadWebsocket: a client that shows no life is disconnected, one that only
// answers pings is not.
func TestDeadWebsocket(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		alive := l.mustOpen(t)
		heard := make(chan string, 1)
		go func() { heard <- hear(t, alive) }() // the library answers pings
		client, r := l.dial(t)
		send(client, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: "+newRequest("/", "").Header.Get("Authorization")+
			"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		if answer, err := http.ReadResponse(r, nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v %v", answer, err)
		}
		if took := closedAfter(r); took != 2*pingInterval {
			t.Errorf("cut after %s", took)
		}
		time.Sleep(time.Hour)
		tell(t, alive, askUptime)
		if got := <-heard; got != hereUptime {
			t.Errorf("%s", got)
		}
	})
}

// TestWebsocketCredentials: by header or by the first message, at once, and
// nothing is done for others.
func TestWebsocketCredentials(t *testing.T) {
	user, password, _ := strings.Cut(testCookie, ":")
	authenticate := fmt.Sprintf(`{"jsonrpc":"1.0","method":"authenticate","params":[%q,%q],"id":7}`, user, password)
	for _, test := range []struct {
		name, first string
		took        time.Duration // until disconnected; negative: served
	}{
		{"right", authenticate, -1},
		{"wrong", strings.Replace(authenticate, password, "x", 1), wrongPasswordDelay},
		{"another method", askUptime, 0},
		{"a number for a password", `{"method":"authenticate","params":["a",1],"id":7}`, 0},
		{"no JSON", `{`, 0},
		{"nested", strings.Repeat("[", maxStrangerMessage), 0},
		{"large", authenticate + strings.Repeat(" ", maxStrangerMessage), 0},
		{"nothing", "", readHeaderTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
				c, _, err := l.open(t, http.Header{})
				if err != nil {
					t.Fatal(err)
				}
				if test.took < 0 {
					expect(t, c, test.first, `{"result":null,"error":null,"id":7}`)
					expect(t, c, askUptime, hereUptime)
					return
				}
				began := time.Now()
				if test.first != "" {
					c.Write(t.Context(), websocket.MessageText, []byte(test.first))
				}
				if count, err := readAll(c); err == nil || count > 0 || time.Since(began) != test.took {
					t.Errorf("%d answers, %v after %s", count, err, time.Since(began))
				}
			})
		})
	}
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		wrong := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("a:b"))}}
		if _, r, err := l.open(t, wrong); err == nil || r == nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("wrong header: %v %v", r, err)
		}
		for _, page := range []http.Header{{"Origin": {"http://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"null"}}} {
			page.Set("Authorization", newRequest("/", "").Header.Get("Authorization"))
			if _, r, err := l.open(t, page); err == nil || r == nil || r.StatusCode != http.StatusForbidden {
				t.Errorf("page %v: %v %v", page, r, err)
			}
		}
	})
}

// TestWebsocketLimits: the 26th client is turned away until another leaves, and a
// message is no larger than a body.
func TestWebsocketLimits(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		first := l.mustOpen(t)
		for range maxWebsockets - 1 {
			expect(t, l.mustOpen(t), askUptime, hereUptime)
		}
		if _, r, err := l.open(t, nil); err == nil || r == nil || r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one too many: %v %v", r, err)
		}
		stranger, _, err := l.open(t, http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		user, password, _ := strings.Cut(testCookie, ":")
		expect(t, stranger, fmt.Sprintf(`{"method":"authenticate","params":[%q,%q],"id":7}`, user, password), `{"result":null,"error":null,"id":7}`)
		var closed websocket.CloseError
		if _, err := readAll(stranger); !errors.As(err, &closed) || closed.Code != websocket.StatusTryAgainLater {
			t.Errorf("one too many: %v", err)
		}
		tell(t, first, askUptime+strings.Repeat(" ", maxBody-len(askUptime)))
		if got := hear(t, first); got != hereUptime {
			t.Errorf("largest message: %s", got)
		}
		first.Write(t.Context(), websocket.MessageText, make([]byte, maxBody+1))
		if _, err := readAll(first); !errors.As(err, &closed) || closed.Code != websocket.StatusMessageTooBig {
			t.Errorf("too large: %v", err)
		}
		synctest.Wait()
		expect(t, l.mustOpen(t), askUptime, hereUptime)
	})
}
