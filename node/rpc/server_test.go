package rpc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts connections made by dial, all in memory, so that a server
// runs in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial connects; what the server sends can be read line by line.
func (l *pipeListener) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	client, server := net.Pipe()
	l.conns <- server
	t.Cleanup(func() { client.Close() })
	return client, bufio.NewReader(client)
}

// inVirtualTime runs a server of n for the length of test.
func inVirtualTime(t *testing.T, n *fakeNode, test func(t *testing.T, l *pipeListener)) {
	inVirtualTimeWith(t, n, Options{Cookie: testCookie}, test)
}

// inVirtualTimeWith does so with other options.
func inVirtualTimeWith(t *testing.T, n *fakeNode, o Options, test func(t *testing.T, l *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		s := newServer(l, n, o)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		test(t, l)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// header is the head of a POST with the cookie and a body of that length.
func header(length int) string {
	r := newRequest("/", "")
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n", r.Header.Get("Authorization"), length)
}

// send writes what it can; the other side may hang up in between.
func send(c net.Conn, text string) { go io.WriteString(c, text) }

// closedAfter is how long the server takes to hang up.
func closedAfter(r *bufio.Reader) time.Duration {
	began := time.Now()
	io.Copy(io.Discard, r)
	return time.Since(began)
}

// TestSlowClients: each phase of a request has a deadline.
func TestSlowClients(t *testing.T) {
	const uptime = `{"method":"uptime","id":1}`
	for _, test := range []struct {
		name, sent string
		cut        time.Duration
	}{
		{"nothing", "", readHeaderTimeout},
		{"half a header", "POST / HTTP/1.1\r\nHost: 127", readHeaderTimeout},
		{"half a body", header(100) + "{", readTimeout},
		{"silence after an answer", header(len(uptime)) + uptime, idleTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
				c, r := l.dial(t)
				send(c, test.sent)
				if took := closedAfter(r); took != test.cut {
					t.Errorf("cut after %s, want %s", took, test.cut)
				}
			})
		})
	}
}

// TestSlowReader: who does not take the answer is cut, too.
func TestSlowReader(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		c, r := l.dial(t)
		const uptime = `{"method":"uptime","id":1}`
		send(c, header(len(uptime))+uptime)
		time.Sleep(writeTimeout + time.Millisecond)
		if got, err := io.ReadAll(r); err != nil || len(got) > 0 {
			t.Errorf("after the deadline: %q %v", got, err)
		}
	})
}

// TestSlowloris: five hundred half-open requests do not hold up a good one.
func TestSlowloris(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		for range 500 {
			c, _ := l.dial(t)
			send(c, "POST / HTTP/1.1\r\nHost: 127")
		}
		synctest.Wait()
		began := time.Now()
		c, r := l.dial(t)
		const uptime = `{"method":"uptime","id":1}`
		send(c, header(len(uptime))+uptime)
		if answer, err := http.ReadResponse(r, nil); err != nil || answer.StatusCode != 200 || time.Since(began) != 0 {
			t.Errorf("good request: %v %v after %s", answer, err, time.Since(began))
		}
		time.Sleep(2 * readHeaderTimeout)
	})
}

// TestConnectionLimit: with 1024 requests under way connection 1025 is closed,
// and 1026 served when one left.
func TestConnectionLimit(t *testing.T) {
	const uptime = `{"method":"uptime","id":1}`
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		first, _ := l.dial(t)
		send(first, header(len(uptime)))
		for range maxConnections - 1 {
			c, _ := l.dial(t)
			send(c, header(len(uptime)))
		}
		synctest.Wait()
		_, r := l.dial(t)
		if took := closedAfter(r); took != 0 {
			t.Errorf("closed after %s", took)
		}
		first.Close()
		synctest.Wait()
		c, r := l.dial(t)
		send(c, header(len(uptime))+uptime)
		if answer, err := http.ReadResponse(r, nil); err != nil || answer.StatusCode != 200 {
			t.Errorf("afterwards: %v %v", answer, err)
		}
	})
}

// TestSilentConnectionsGiveWay: who takes all connections and says nothing, or
// begins to, keeps nobody out, and closes no connection that had credentials.
func TestSilentConnectionsGiveWay(t *testing.T) {
	const uptime = `{"method":"uptime","id":1}`
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		ask := func(c net.Conn, r *bufio.Reader) {
			t.Helper()
			send(c, header(len(uptime))+uptime)
			answer, err := http.ReadResponse(r, nil)
			if err != nil || answer.StatusCode != 200 {
				t.Fatalf("%v %v", answer, err)
			}
			io.Copy(io.Discard, answer.Body)
		}
		old, oldReader := l.dial(t)
		ask(old, oldReader)
		_, firstReader := l.dial(t)
		for range 2 * maxConnections {
			c, _ := l.dial(t)
			send(c, "POST / HTTP/1.1\r\n")
		}
		if took := closedAfter(firstReader); took != 0 {
			t.Errorf("the first of the silent was closed after %s", took)
		}
		c, r := l.dial(t)
		ask(c, r)
		ask(old, oldReader)
	})
}

// TestHeaderLimit: net/http allows 4 KiB on top of the limit.
func TestHeaderLimit(t *testing.T) {
	inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
		c, r := l.dial(t)
		send(c, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "+strings.Repeat("x", maxHeaderBytes+4096)+"\r\n\r\n")
		answer, err := http.ReadResponse(r, nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v %v", answer, err)
		}
	})
}

// TestHugeBody: of 100 MB no more than the limit is read, announced or not.
func TestHugeBody(t *testing.T) {
	const huge = 100_000_000
	announced := header(huge)
	chunked := strings.Replace(announced, fmt.Sprintf("Content-Length: %d", huge), "Transfer-Encoding: chunked", 1) + fmt.Sprintf("%x\r\n", huge)
	for name, head := range map[string]string{"announced": announced, "chunked": chunked} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, newFakeNode(), func(t *testing.T, l *pipeListener) {
				c, r := l.dial(t)
				taken := make(chan int64, 1)
				go func() {
					n, _ := io.Copy(c, io.MultiReader(strings.NewReader(head), io.LimitReader(spaces{}, huge)))
					taken <- n
				}()
				answer, err := http.ReadResponse(r, nil)
				if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
					t.Fatalf("%v %v", answer, err)
				}
				io.Copy(io.Discard, r)
				if n := <-taken; n > maxBody+1<<20 {
					t.Errorf("%d bytes were read", n)
				}
			})
		})
	}
}

// spaces is an endless body.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestShutdown: a request under way is answered, one that hangs is cut after the
// grace, and Run returns when no handler runs any more.
func TestShutdown(t *testing.T) {
	submit := fmt.Sprintf(`{"method":"sendrawtransaction","params":[%q],"id":1}`, hexOf(spend(coin(1), coinValue-1000)))
	for _, test := range []struct {
		name     string
		node     time.Duration // until it answers
		took     time.Duration
		answered bool
	}{
		{"graceful", time.Second, time.Second, true},
		{"hung", time.Hour, shutdownGrace, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, l := newFakeNode(), newPipeListener()
				n.block = make(chan struct{})
				s := newServer(l, n, Options{Cookie: testCookie})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- s.Run(ctx) }()
				c, r := l.dial(t)
				send(c, header(len(submit))+submit)
				synctest.Wait()

				unblock := time.AfterFunc(test.node, func() { close(n.block) })
				defer unblock.Stop()
				answers := make(chan bool, 1)
				go func() {
					answer, err := http.ReadResponse(r, nil)
					answers <- err == nil && answer.StatusCode == 200
				}()
				began := time.Now()
				stop()
				if err := <-ended; err != nil {
					t.Errorf("Run: %v", err)
				}
				// http.Server.Shutdown polls with up to half a second between.
				if took := time.Since(began); took < test.took || took > test.took+550*time.Millisecond {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if answered := <-answers; answered != test.answered {
					t.Errorf("answered: %v", answered)
				}
			})
		})
	}
}

func TestListenErrors(t *testing.T) {
	if _, err := Listen("127.0.0.1:0", newFakeNode(), Options{}); err == nil || !strings.Contains(err.Error(), "no credentials") {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := Listen("127.0.0.1:0", newFakeNode(), Options{User: "alice"}); err == nil || !strings.Contains(err.Error(), "no password") {
		t.Errorf("without a password: %v", err)
	}
	s, err := Listen("127.0.0.1:0", newFakeNode(), Options{Cookie: testCookie})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Listen(s.Addr().String(), newFakeNode(), Options{Cookie: testCookie}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("address in use: %v", err)
	}
	if _, err := Listen("nonsense", newFakeNode(), Options{Cookie: testCookie}); err == nil {
		t.Error("listening on nonsense")
	}
}

// TestRunFails: a listener that breaks ends Run.
func TestRunFails(t *testing.T) {
	l := newPipeListener()
	s := newServer(l, newFakeNode(), Options{Cookie: testCookie})
	l.Close()
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "failed") {
		t.Errorf("Run: %v", err)
	}
}
