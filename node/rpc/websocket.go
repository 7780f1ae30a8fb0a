package rpc

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxWebsockets is how many clients with credentials there may be: btcd's
	// default of rpcmaxwebsockets.
	maxWebsockets = 25
	// maxStrangerMessage bounds what is read of a client before it has shown
	// credentials, as in btcd.
	maxStrangerMessage = 4 << 10
	// maxNotifications is how many notifications may wait for a client.
	maxNotifications = 1000
	// pingInterval is how often a client must show that it is there, and how long
	// it may take to.
	pingInterval = 30 * time.Second
)

var (
	errSlowClient = errors.New("it is too slow for its notifications")
	errMissed     = errors.New("notifications were missed")
)

// wsClient is a client on a websocket. Its requests are answered one after the
// other: while one is worked on, one more is read and the rest is left to TCP.
type wsClient struct {
	id       uint64 // tells sessions apart
	user     string
	conn     *websocket.Conn
	watchers *watchers
	cut      context.CancelCauseFunc // disconnects

	accepted chan *mempool.Entry // to be told of; filled by watchers
	verbose  atomic.Bool         // tell of whole transactions
}

// websocket serves a client that speaks as btcd's rpcclient does. Its
// credentials come by header or, at once, by the method authenticate.
func (h *handler) websocket(w http.ResponseWriter, r *http.Request) {
	known := r.Header.Get("Authorization") != ""
	var user string
	if known {
		var ok bool
		if user, ok = h.auth.admit(w, r); !ok {
			return
		}
	}
	if known && !h.enter() {
		http.Error(w, "Too many websocket clients", http.StatusServiceUnavailable)
		return
	}
	if known {
		defer h.leave()
		defer occupy(r.Context())()
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	if !known {
		var ok bool
		if user, ok = h.authenticate(r, conn); !ok {
			return
		}
		if !h.enter() {
			conn.Close(websocket.StatusTryAgainLater, "too many websocket clients")
			return
		}
		defer h.leave()
		defer occupy(r.Context())()
	}
	conn.SetReadLimit(maxBody)
	c := &wsClient{id: rand.Uint64N(1 << 53), user: user, conn: conn, watchers: h.watchers, accepted: make(chan *mempool.Entry, maxNotifications)}
	if reason := c.serve(r.Context(), h); errors.Is(reason, errSlowClient) || errors.Is(reason, errMissed) {
		h.auth.log.Warn("websocket client disconnected", "from", r.RemoteAddr, "reason", reason)
	}
}

// enter reports whether there is room for one more websocket client with
// credentials, and takes it.
func (h *handler) enter() bool {
	select {
	case h.sockets <- struct{}{}:
		return true
	default:
		return false
	}
}

func (h *handler) leave() { <-h.sockets }

// authenticate waits for the method of that name, for as long as a header may
// take, and answers it if its credentials are right: then it tells whose they are.
func (h *handler) authenticate(r *http.Request, conn *websocket.Conn) (user string, ok bool) {
	ctx, cancel := context.WithTimeout(r.Context(), readHeaderTimeout)
	defer cancel()
	conn.SetReadLimit(maxStrangerMessage)
	_, message, err := conn.Read(ctx)
	if err != nil {
		return "", false
	}
	request, credentials, ok := parseAuthenticate(message)
	if !ok {
		return "", false
	}
	if !h.auth.knows(credentials) {
		h.auth.delay(r.RemoteAddr)
		return "", false
	}
	user, _, _ = strings.Cut(credentials, ":")
	return user, conn.Write(ctx, websocket.MessageText, request.answer([]byte("null"), nil)) == nil
}

// serve does everything for the client until it leaves, ctx ends or it is cut,
// and says why.
func (c *wsClient) serve(ctx context.Context, h *handler) (reason error) {
	ctx, c.cut = context.WithCancelCause(context.WithValue(ctx, clientKey{}, c))
	requests := make(chan []byte)
	var group sync.WaitGroup
	for _, work := range []func() error{
		func() error { return c.read(ctx, requests) },
		func() error { return c.answer(ctx, h, requests) },
		func() error { return c.notify(ctx) },
		func() error { return c.ping(ctx) },
	} {
		group.Go(func() { c.cut(work()) })
	}
	group.Wait()
	c.watchers.remove(c)
	return context.Cause(ctx)
}

func (c *wsClient) read(ctx context.Context, requests chan<- []byte) error {
	for {
		_, message, err := c.conn.Read(ctx)
		if err != nil {
			return err
		}
		select {
		case requests <- message:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *wsClient) answer(ctx context.Context, h *handler, requests <-chan []byte) error {
	for {
		select {
		case message := <-requests:
			if err := c.answerOne(ctx, h, message); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answerOne takes a slot like any other request, but waits for one.
func (c *wsClient) answerOne(ctx context.Context, h *handler, message []byte) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, maxDuration)
	defer cancel()
	limited, release := withLease(limited, h.large)
	defer release()
	_, answer := h.respond(limited, c.user, message)
	<-h.slots
	if answer == nil {
		return nil
	}
	return c.write(ctx, answer)
}

// write gives up on a client that does not read.
func (c *wsClient) write(ctx context.Context, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, message)
}

// notify tells of accepted transactions in the order in which they came.
func (c *wsClient) notify(ctx context.Context) error {
	for {
		select {
		case e := <-c.accepted:
			message, err := c.notification(e)
			if err == nil {
				err = c.write(ctx, message)
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ping disconnects a client that shows no life. Its answer is noticed by read.
func (c *wsClient) ping(ctx context.Context) error {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		limited, cancel := context.WithTimeout(ctx, pingInterval)
		err := c.conn.Ping(limited)
		cancel()
		if err != nil {
			return err
		}
	}
}
