package rpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// clientHello is what a client of TLS sends first. Whoever sends it again has no
// cost, and the server has that of a signature.
func clientHello(t *testing.T) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	go tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake()
	hello := make([]byte, 16<<10)
	n, err := far.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

// withTLS are the options of a server with a certificate of its own.
func withTLS(t *testing.T) Options {
	pair := ensure(t, t.TempDir(), "127.0.0.1")
	return Options{Cookie: testCookie, Certificate: &pair}
}

// TestSlowHandshakes: a handshake has a deadline, whatever comes of it.
func TestSlowHandshakes(t *testing.T) {
	hello, options := clientHello(t), withTLS(t)
	for name, begin := range map[string]func(c net.Conn){
		"nothing":         func(net.Conn) {},
		"half a hello":    func(c net.Conn) { c.Write(hello[:100]) },
		"a hello":         func(c net.Conn) { c.Write(hello) },
		"byte after byte": func(c net.Conn) { drip(c, hello) },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTimeWith(t, newFakeNode(), options, func(t *testing.T, l *pipeListener) {
				c, r := l.dial(t)
				var client sync.WaitGroup
				client.Go(func() { begin(c) })
				if took := closedAfter(r); took != readHeaderTimeout {
					t.Errorf("cut after %s, want %s", took, readHeaderTimeout)
				}
				client.Wait()
			})
		})
	}
}

// drip sends a byte a second.
func drip(c net.Conn, bytes []byte) {
	for _, b := range bytes {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// TestHandshakesGiveWay: whoever begins handshakes without end keeps nobody out,
// and closes no connection that had credentials.
func TestHandshakesGiveWay(t *testing.T) {
	hello, options := clientHello(t), withTLS(t)
	const uptime = `{"method":"uptime","id":1}`
	inVirtualTimeWith(t, newFakeNode(), options, func(t *testing.T, l *pipeListener) {
		ask := func(c net.Conn, r *bufio.Reader) {
			t.Helper()
			go io.WriteString(c, header(len(uptime))+uptime)
			answer, err := http.ReadResponse(r, nil)
			if err != nil || answer.StatusCode != 200 {
				t.Fatalf("%v %v", answer, err)
			}
			io.Copy(io.Discard, answer.Body)
		}
		secure := func() (net.Conn, *bufio.Reader) {
			c, _ := l.dial(t)
			s := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
			return s, bufio.NewReader(s)
		}
		old, oldReader := secure()
		ask(old, oldReader)
		_, firstReader := l.dial(t)
		for i := range maxConnections + 100 {
			c, r := l.dial(t)
			if i%8 == 0 { // others say nothing
				go c.Write(hello)
				go io.Copy(io.Discard, r)
			}
		}
		synctest.Wait()
		if took := closedAfter(firstReader); took != 0 {
			t.Errorf("the first of the silent was closed after %s", took)
		}
		young, youngReader := secure()
		ask(young, youngReader)
		ask(old, oldReader)
		// The server would say goodbye to who does not read, holding a lock that keeps
		// virtual time from passing.
		old.Close()
		young.Close()
		synctest.Wait()
	})
}

// TestHandshakeFlood: 200 connections a second, of which half are held in the
// middle of the handshake, cost good clients no more than 500 ms.
func TestHandshakeFlood(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector is the slowest of all attackers")
	}
	const requests, limit, loops, pause = 100, 500 * time.Millisecond, 20, 100 * time.Millisecond
	n, options := newScenario(t).node, withTLS(t)
	options.User, options.Password = "alice", "secret"
	address, cookieFile := startServerWith(t, n, options)
	cookie, err := readCookie(cookieFile)
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{
		t: t, node: n, address: address, scheme: "https", auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(cookie)), refused: make(map[string]int),
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
	}
	calm := s.p99(requests)
	ctx, stop := context.WithCancel(t.Context())
	hello := clientHello(t)
	var group sync.WaitGroup
	for i := range loops {
		group.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for ctx.Err() == nil {
				<-tick.C
				group.Go(func() { s.handshake(ctx, hello, i%2 == 0) })
			}
		})
	}
	best := s.best(requests, limit)
	stop()
	group.Wait()
	t.Logf("99 %% of the answers took up to %s, %s without a flood; the others got %v", best, calm, s.refused)
	if best >= limit {
		t.Errorf("that is more than %s", limit)
	}
}

// handshake begins one, and goes away or waits when the server has answered.
func (s *siege) handshake(ctx context.Context, hello []byte, hold bool) {
	c, close := s.dial(ctx)
	defer close()
	if c == nil {
		return
	}
	c.Write(hello)
	c.Read(make([]byte, 4<<10))
	if hold {
		io.Copy(io.Discard, c)
	}
	s.note("handshakes")
}
