package utxo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// maxConns bounds the connections to the Bitcoin node. btcd serves 10
	// clients at a time and bitcoind has 16 threads, for everybody.
	maxConns = 4

	// idleTimeout closes connections before bitcoind does, after 30 seconds.
	idleTimeout = 10 * time.Second

	// Bounds on what is read of a cookie file and of a certificate, and quoted
	// of an answer that is not JSON-RPC, in bytes.
	maxCookie    = 4096
	maxCert      = 64 << 10
	maxComplaint = 200
)

var (
	// errAway marks failures that time may heal: the node is not reachable,
	// starting, or too busy.
	errAway = errors.New("the Bitcoin node does not answer")

	// errRefused marks failures that somebody has to do something about.
	errRefused = errors.New("the Bitcoin node refuses")
)

// rpcError is an error answer to one call.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error is the node's message and code.
func (e *rpcError) Error() string { return fmt.Sprintf("%.200s (code %d)", e.Message, e.Code) }

// Codes of Core's rpc/protocol.h.
const (
	codeWarmup   = -28    // RPC_IN_WARMUP: not started yet
	codeNoMethod = -32601 // RPC_METHOD_NOT_FOUND
)

// client calls the JSON-RPC server of a Bitcoin node. Unlike the client in
// node/rpc, which serves the command line, it sends batches over connections
// that it keeps, and reads no more of an answer than the calls are worth.
type client struct {
	url            string
	user, password string
	cookieFile     string
	http           *http.Client
}

func newClient(cfg RPCConfig) (*client, error) {
	address := cfg.URL
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not the URL of a Bitcoin node's RPC server: use something like http://127.0.0.1:8332", cfg.URL)
	case u.User != nil:
		return nil, fmt.Errorf("the URL of the Bitcoin node %s contains credentials, which logs would show: give user and password on their own", u.Redacted())
	case cfg.User == "" && cfg.CookieFile == "":
		return nil, fmt.Errorf("no credentials for the Bitcoin node %s: give its cookie file, or a user and password", u)
	}
	transport := &http.Transport{MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: maxConns, IdleConnTimeout: idleTimeout}
	if cfg.CertFile != "" {
		pem, err := readHead(cfg.CertFile, maxCert)
		if err != nil {
			return nil, fmt.Errorf("reading the Bitcoin node's certificate: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM: give the file that btcd calls rpc.cert", cfg.CertFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &client{
		url:  u.String(),
		user: cfg.User, password: cfg.Password, cookieFile: cfg.CookieFile,
		http: &http.Client{
			Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("it redirects elsewhere, where the credentials do not belong")
			},
		},
	}, nil
}

// call is one request of a batch. Its result must not be longer than limit
// bytes of JSON; the node's error, if it has one for this call, is put in err.
type call struct {
	method string
	params []any
	limit  int
	result any // pointer to decode into
	err    error
}

// envelope is how much of an answer is not its result, in bytes per call.
const envelope = 1024

// do sends the calls as one batch. The error is about all of them; those of
// single calls are left in their err.
func (c *client) do(ctx context.Context, calls ...*call) error {
	type request struct {
		JSONRPC string `json:"jsonrpc"`
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}
	requests, limit := make([]request, len(calls)), 0
	for i, call := range calls {
		requests[i] = request{"2.0", i + 1, call.method, append([]any{}, call.params...)}
		limit += call.limit + envelope
	}
	body, err := json.Marshal(requests)
	if err != nil {
		return err
	}
	status, answer, err := c.post(ctx, body, limit)
	if err != nil {
		return err
	}
	return c.distribute(calls, status, answer)
}

// one sends a single call.
func (c *client) one(ctx context.Context, limit int, result any, method string, params ...any) error {
	only := &call{method: method, params: params, limit: limit, result: result}
	if err := c.do(ctx, only); err != nil {
		return err
	}
	return only.err
}

func (c *client) post(ctx context.Context, body []byte, limit int) (status int, answer []byte, err error) {
	user, password, err := c.credentials()
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	// Nothing we ask changes anything, so net/http may ask again when the node
	// had closed the connection. The header itself is not sent.
	req.Header["Idempotency-Key"] = nil
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errAway, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("%w: reading from %s: %w", errAway, c.url, err)
	case len(answer) > limit:
		return 0, nil, fmt.Errorf("the answer of %s is longer than the %d bytes it may have", c.url, limit)
	}
	return resp.StatusCode, answer, nil
}

// credentials are read from the cookie file each time, since a node writes
// another one whenever it starts.
func (c *client) credentials() (user, password string, err error) {
	if c.user != "" {
		return c.user, c.password, nil
	}
	b, err := readHead(c.cookieFile, maxCookie)
	if errors.Is(err, os.ErrNotExist) {
		return "", "", fmt.Errorf("%w: it has no cookie file %s: is it running?", errAway, c.cookieFile)
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the Bitcoin node's cookie: %w", err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	if !ok {
		return "", "", fmt.Errorf("%s is not a cookie file: it should hold user:password", c.cookieFile)
	}
	return user, password, nil
}

// readHead reads a file, at most limit bytes of it.
func readHead(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// reply is one answer of a batch.
type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
}

// distribute gives each call its answer.
func (c *client) distribute(calls []*call, status int, answer []byte) error {
	var replies []reply
	if err := json.Unmarshal(answer, &replies); err != nil {
		return c.complaint(status, answer)
	}
	answered := make([]bool, len(calls))
	for _, r := range replies {
		i := r.ID - 1
		if i < 0 || i >= len(calls) || answered[i] {
			return fmt.Errorf("%s answers a call that was not made, with id %d", c.url, r.ID)
		}
		answered[i] = true
		if err := calls[i].take(r); err != nil {
			return err
		}
	}
	for i, ok := range answered {
		if !ok {
			return fmt.Errorf("%s does not answer %s", c.url, calls[i].method)
		}
	}
	return nil
}

func (c *call) take(r reply) error {
	switch {
	case r.Error != nil && r.Error.Code == codeWarmup:
		return fmt.Errorf("%w: it is starting: %w", errAway, r.Error)
	case r.Error != nil:
		c.err = fmt.Errorf("%s: %w", c.method, r.Error)
	case len(r.Result) > c.limit:
		return fmt.Errorf("the result of %s is %d bytes long, more than the %d it may have", c.method, len(r.Result), c.limit)
	default:
		if err := json.Unmarshal(r.Result, c.result); err != nil {
			return fmt.Errorf("the result of %s is not what it should be: %w", c.method, err)
		}
	}
	return nil
}

// complaint says what an answer means that is no batch of results.
func (c *client) complaint(status int, answer []byte) error {
	text := strings.TrimSpace(string(answer[:min(len(answer), maxComplaint)]))
	var single reply
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w the credentials: correct the cookie file, or user and password, for %s", errRefused, c.url)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w the request: allow this host and the methods it needs at %s: %q", errRefused, c.url, text)
	case status >= http.StatusInternalServerError && json.Unmarshal(answer, &single) != nil:
		return fmt.Errorf("%w: HTTP status %d from %s: %q", errAway, status, c.url, text)
	case single.Error != nil && single.Error.Code == codeWarmup:
		return fmt.Errorf("%w: it is starting: %w", errAway, single.Error)
	}
	return fmt.Errorf("%s answers with HTTP status %d and %q: is it the RPC server of a Bitcoin node?", c.url, status, text)
}
