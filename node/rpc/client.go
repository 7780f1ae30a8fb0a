package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// maxAnswer bounds what a client reads of one answer.
const maxAnswer = 256 << 20

// ClientConfig says which server a [Client] calls and as whom.
type ClientConfig struct {
	// URL of the server, e.g. http://127.0.0.1:18443. Without a scheme it is
	// taken for http.
	URL string

	// CookieFile holds the credentials. It is read at the first call and
	// again when the server refuses them, since a server makes a new cookie
	// each time it starts.
	CookieFile string

	// User and Password are used instead of a cookie file when User is set.
	User, Password string

	// CertFile holds, in PEM, the certificate by which a server at an https URL is
	// recognized, unless it is one that this system trusts. It is read for each
	// connection. Empty: there is none.
	CertFile string
}

// Client calls a JSON-RPC server, txnode's or Bitcoin Core's. It is safe for
// concurrent use. Calls take as long as their context allows.
type Client struct {
	url        string
	cookieFile string
	certFile   string
	http       *http.Client
	lastID     atomic.Uint64

	mu          sync.Mutex
	credentials string // user:password; empty: the cookie was not read yet
}

// NewClient returns a client of the configured server. Nothing is sent or read
// yet.
func NewClient(cfg ClientConfig) (*Client, error) {
	address := cfg.URL
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("rpc: %q is not the URL of a JSON-RPC server: want something like http://127.0.0.1:18443", cfg.URL)
	}
	c := &Client{
		url:        u.String(),
		cookieFile: cfg.CookieFile,
		certFile:   cfg.CertFile,
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if c.certFile != "" {
		transport.DialTLSContext = c.dialTLS
	}
	c.http = &http.Client{Transport: transport}
	switch {
	case cfg.User != "":
		c.credentials = cfg.User + ":" + cfg.Password
		c.cookieFile = ""
	case cfg.CookieFile == "":
		return nil, errors.New("rpc: no credentials: give a cookie file, or a user and password")
	}
	return c, nil
}

// dialTLS connects to a server that may show the certificate in the file.
func (c *Client) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	roots, err := trusted(c.certFile)
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return d.DialContext(ctx, network, addr)
}

// URL is the server's address.
func (c *Client) URL() string { return c.url }

// Call calls method with positional params and stores the result in what result
// points to, unless it is nil. An error answer of the server is an [*Error].
func (c *Client) Call(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(struct {
		JSONRPC string `json:"jsonrpc"`
		ID      uint64 `json:"id"`
		Method  string `json:"method"`
		Params  []any  `json:"params"`
	}{"2.0", c.lastID.Add(1), method, params})
	if err != nil {
		return fmt.Errorf("rpc: %s: %w", method, err)
	}
	credentials, err := c.login("")
	if err != nil {
		return err
	}
	status, answer, err := c.post(ctx, credentials, body)
	if err == nil && status == http.StatusUnauthorized && c.cookieFile != "" {
		if credentials, err = c.login(credentials); err != nil {
			return err
		}
		status, answer, err = c.post(ctx, credentials, body)
	}
	if err != nil {
		return c.explain(method, err)
	}
	return c.decode(result, method, status, answer)
}

// login returns the credentials to use; refused are those that the server just
// turned down.
func (c *Client) login(refused string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.credentials != "" && c.credentials != refused {
		return c.credentials, nil
	}
	cookie, err := readCookie(c.cookieFile)
	if err != nil {
		return "", err
	}
	c.credentials = cookie
	return cookie, nil
}

// readCookie reads a cookie file, of which no more than a line is of interest.
func readCookie(path string) (string, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("rpc: there is no cookie file %s: start the node with txnode run, or give the data directory and network of one that runs", path)
	case errors.Is(err, os.ErrPermission):
		return "", fmt.Errorf("rpc: the cookie file %s may only be read by the user who runs the node: become that user, or set a user and password: %w", path, err)
	case err != nil:
		return "", fmt.Errorf("rpc: reading the cookie: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("rpc: reading the cookie: %w", err)
	}
	cookie := strings.TrimSpace(string(b))
	if !strings.Contains(cookie, ":") {
		return "", fmt.Errorf("rpc: %s is not a cookie file: want user:password in it", path)
	}
	return cookie, nil
}

func (c *Client) post(ctx context.Context, credentials string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	user, password, _ := strings.Cut(credentials, ":")
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return resp.StatusCode, answer, err
}

// decode reads an answer. Servers before JSON-RPC 2.0 put errors under an HTTP
// error status, so the body is looked at first.
func (c *Client) decode(result any, method string, status int, answer []byte) error {
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *Error          `json:"error"`
	}
	err := json.Unmarshal(answer, &reply)
	switch {
	case err == nil && reply.Error != nil:
		return reply.Error
	case status == http.StatusUnauthorized:
		return fmt.Errorf("rpc: %s refuses the credentials: check the cookie file or the user and password", c.url)
	case status == http.StatusForbidden && len(answer) == 0:
		return fmt.Errorf("rpc: %s does not let this user call %s: see its rpcwhitelist, or call as another user", c.url, method)
	case status == http.StatusForbidden:
		return fmt.Errorf("rpc: %s refuses the request: %s", c.url, strings.TrimSpace(string(answer[:min(len(answer), 200)])))
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("rpc: %s is too busy: %s; try again", c.url, strings.TrimSpace(string(answer[:min(len(answer), 200)])))
	case status == http.StatusBadRequest && bytes.Contains(answer, []byte("HTTP request to an HTTPS server")):
		return fmt.Errorf("rpc: %s speaks TLS only: call it by https://", c.url)
	case status != http.StatusOK:
		return fmt.Errorf("rpc: %s answered %s with HTTP status %d: is it a JSON-RPC server?", c.url, method, status)
	case err != nil:
		return fmt.Errorf("rpc: %s answered %s with something that is not JSON-RPC: %w", c.url, method, err)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(reply.Result, result); err != nil {
		return fmt.Errorf("rpc: the result of %s is not as expected: %w", method, err)
	}
	return nil
}

// explain says what a failed exchange means and what to do.
func (c *Client) explain(method string, err error) error {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("rpc: nobody listens at %s: start the node with txnode run, or give the address of one that runs: %w", c.url, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("rpc: %s cannot prove who it is: give its rpc.cert, and call it by a name or address in there: %w", c.url, err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("rpc: %s does not speak TLS: call it by http://: %w", c.url, err)
	case errors.As(err, &dns):
		return fmt.Errorf("rpc: the host of %s is unknown: check the address: %w", c.url, err)
	}
	return fmt.Errorf("rpc: calling %s: %w", method, err)
}
