package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second // also of a TLS handshake
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 8 << 10 // Core's MAX_HEADERS_SIZE
	maxConnections    = 1024
	// shutdownGrace is how long requests under way may take to end.
	shutdownGrace = 3 * time.Second
)

// Server is a listening JSON-RPC server.
type Server struct {
	http     *http.Server
	listener net.Listener
	cancel   context.CancelFunc // of all requests

	mu       sync.Mutex
	ended    bool           // no request may begin
	requests sync.WaitGroup // Add under mu, while not ended
}

// Listen binds addr, a host:port, for a server of b. Requests are answered once
// Run is called; a server that is never run is released with Close.
func Listen(addr string, b Backend, o Options) (*Server, error) {
	if o.Cookie == "" && o.User == "" && len(o.Auth) == 0 {
		return nil, errors.New("rpc: no credentials: nobody could call the server; write a cookie or set a user")
	}
	if o.User != "" && o.Password == "" {
		return nil, fmt.Errorf("rpc: the user %q has no password: set one, or no user", o.User)
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("rpc: %s is in use, perhaps by another node: stop it or choose another address: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("rpc: cannot listen on %s: %w", addr, err)
	}
	return newServer(l, b, o), nil
}

func newServer(l net.Listener, b Backend, o Options) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	base := context.WithValue(ctx, lifeKey{}, ctx)
	s := &Server{listener: &boundedListener{Listener: l, limit: maxConnections}, cancel: cancel}
	s.http = &http.Server{
		Handler:           s.counted(NewHandler(b, o)),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConn,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{o.logger()}, "", 0),
	}
	if o.Certificate != nil {
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*o.Certificate}, MinVersion: tls.VersionTLS12}
		// Websockets need HTTP/1.1, and the limits count one request per connection.
		s.http.Protocols = new(http.Protocols)
		s.http.Protocols.SetHTTP1(true)
	}
	return s
}

// serverLog warns of what the HTTP server complains of, except of what every
// stranger can make it complain of.
type serverLog struct{ *slog.Logger }

// Write implements [io.Writer] for a [log.Logger].
func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	l.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}

// Addr is the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run answers requests until ctx ends, which it reports as nil, or the listener
// fails. Requests under way get 3 s to end, then their contexts do; Run returns
// when no handler is running any more.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	serve := s.http.Serve
	if s.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	go func() { failed <- serve(s.listener) }()
	select {
	case err := <-failed:
		s.end()
		return fmt.Errorf("rpc: the server at %s failed: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	s.http.Shutdown(grace) // what it could not end gently, end does
	s.end()
	<-failed
	return nil
}

// end closes all connections and waits for the handlers still running.
func (s *Server) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.cancel()
	s.http.Close()
	s.requests.Wait()
}

// counted is h for as long as the server has not ended.
func (s *Server) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			http.Error(w, "Shutting down", http.StatusServiceUnavailable)
			return
		}
		s.requests.Add(1)
		s.mu.Unlock()
		defer s.requests.Done()
		h.ServeHTTP(w, r)
	})
}

// Close releases the address of a server that was not run.
func (s *Server) Close() error {
	s.cancel()
	return s.listener.Close()
}
