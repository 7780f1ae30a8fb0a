package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody bounds a request. The largest sensible one is
	// testmempoolaccept of 25 standard transactions, 400 kB of hex each at most.
	maxBody = 2 << 20
	// usualBody is more than that of a batch of 100 ordinary transactions.
	usualBody = 64 << 10
	// maxConcurrent is how many requests are worked on at once.
	maxConcurrent = 64
	// maxDuration is how long requests of one body may take together.
	maxDuration = 25 * time.Second
)

// Options of a server.
type Options struct {
	// Version of the node, e.g. 0.1.0; getnetworkinfo tells it inside a
	// subversion that Bitcoin tools understand.
	Version string

	// Cookie is the user:password pair of the cookie file, see [WriteCookie].
	Cookie string

	// User and Password are accepted besides the cookie when User is set.
	User, Password string

	// Auth are users accepted besides, whose passwords are not known here.
	Auth []Auth

	// Whitelist says which methods users may call.
	Whitelist Whitelist

	// Hosts are the host names, besides localhost, under which the server may
	// be called, e.g. that of a container. IP addresses always may.
	Hosts []string

	// REST serves transactions and the mempool at /rest/ to whoever asks, without
	// credentials.
	REST bool

	// Certificate is what a server of [Listen] proves itself by over TLS, e.g. of
	// [EnsureCertificate]. Nil: it speaks plain HTTP.
	Certificate *tls.Certificate

	// ZMQ is what getzmqnotifications tells.
	ZMQ []ZMQNotification

	// Logger receives what an operator should know. Nil: nothing is logged.
	Logger *slog.Logger
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// handler answers JSON-RPC over HTTP.
type handler struct {
	service   *service
	origins   *originGuard
	auth      *authenticator
	whitelist Whitelist
	slots     chan struct{} // one per request being worked on
	large     chan struct{} // one per large answer
	streams   chan struct{} // one per event stream
	sockets   chan struct{} // one per websocket client with credentials
	watchers  *watchers

	restSlots chan struct{} // one per REST request being worked on; nil: there is no REST
	restLarge chan struct{} // one per large answer to them
}

// NewHandler returns the JSON-RPC server of b as an http.Handler. The caller's
// http.Server should have the timeouts that [Listen] gives its own, and a
// BaseContext that ends with it: websockets do not end sooner by themselves.
func NewHandler(b Backend, o Options) http.Handler {
	h := &handler{
		service:   newService(b, o),
		origins:   newOriginGuard(o.Hosts),
		auth:      newAuthenticator(o),
		whitelist: o.Whitelist,
		slots:     make(chan struct{}, maxConcurrent),
		large:     make(chan struct{}, maxLarge),
		streams:   make(chan struct{}, maxStreams),
		sockets:   make(chan struct{}, maxWebsockets),
		watchers:  newWatchers(b),
	}
	if o.REST {
		h.restSlots, h.restLarge = make(chan struct{}, maxREST), make(chan struct{}, maxLargeREST)
	}
	return h
}

// ServeHTTP does the checks that cost the least first. Nothing of a body is read
// for who has no credentials.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.origins.check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if r.URL.Path == "/ws" {
		h.websocket(w, r)
		return
	}
	if r.URL.Path == "/events" {
		h.stream(w, r)
		return
	}
	if h.restSlots != nil && strings.HasPrefix(r.URL.Path, "/rest/") {
		h.rest(w, r)
		return
	}
	// bitcoin-cli -rpcwallet posts to /wallet/<name>; the wallet methods it
	// wants there are unknown methods like any other.
	if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/wallet/") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "JSONRPC server handles only POST requests", http.StatusMethodNotAllowed)
		return
	}
	user, ok := h.auth.admit(w, r)
	if !ok {
		return
	}
	defer occupy(r.Context())()
	body, err := readBody(w, r)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, "Request larger than "+strconv.Itoa(maxBody)+" bytes", http.StatusRequestEntityTooLarge)
		} else {
			http.Error(w, "Request incomplete", http.StatusBadRequest)
		}
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		http.Error(w, "Work queue depth exceeded", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
	defer cancel()
	ctx = context.WithValue(ctx, controlKey{}, http.NewResponseController(w))
	ctx, release := withLease(ctx, h.large)
	defer release()
	status, answer := h.respond(ctx, user, body)
	if status == http.StatusForbidden {
		answer = nil // as Core
	}
	if answer != nil {
		answer = append(answer, '\n')
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(status)
	w.Write(answer) // the client's loss when it fails
}

// readBody allocates at once what the client says it sends, up to a usual size.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), usualBody)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	return b.Bytes(), err
}

// respond answers the body of a user's request with an HTTP status and a body, nil
// when there is nothing to say.
func (h *handler) respond(ctx context.Context, user string, body []byte) (status int, answer []byte) {
	body = bytes.TrimSpace(body)
	nobody := request{id: json.RawMessage("null")}
	if !wellFormed(body) {
		return http.StatusInternalServerError, nobody.answer(nil, errorf(CodeParse, "Parse error"))
	}
	switch kindOf(body) {
	case kindObject:
		return h.single(ctx, user, body)
	case kindArray:
		list, err := elements(body, maxBatch)
		if err != nil {
			return http.StatusBadRequest, nobody.answer(nil, errorf(CodeInvalidRequest, "A batch holds at most %d requests", maxBatch))
		}
		return h.batch(ctx, user, list)
	}
	return http.StatusInternalServerError, nobody.answer(nil, errorf(CodeParse, "Top-level object parse error"))
}

// single answers one request. Only 1.x tells errors by the HTTP status.
func (h *handler) single(ctx context.Context, user string, raw json.RawMessage) (status int, answer []byte) {
	r, failure := parseRequest(raw)
	var result []byte
	if failure == nil {
		if forbidden := h.forbids(user, r.method); forbidden != nil {
			if !r.notification() {
				answer = r.answer(nil, forbidden)
			}
			return http.StatusForbidden, answer
		}
		result, failure = h.service.execute(ctx, r)
	}
	switch {
	case r.notification():
		return http.StatusNoContent, nil
	case r.v2 || failure == nil:
		status = http.StatusOK
	case failure.Code == CodeInvalidRequest:
		status = http.StatusBadRequest
	case failure.Code == CodeMethodNotFound:
		status = http.StatusNotFound
	default:
		status = http.StatusInternalServerError
	}
	return status, r.answer(result, failure)
}
