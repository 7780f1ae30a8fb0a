package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/metrics"
)

// exporter serves /metrics. A nil one serves nothing.
type exporter struct {
	listener net.Listener
	counted  *metrics.Collector
}

// Limits of a scraper, who has nothing to send.
const (
	scrapeTimeout   = 10 * time.Second
	scrapeHeader    = 8 << 10
	scrapesAtOnce   = 2
	scrapeKeepAlive = 2 * time.Minute
)

// openExporter binds the address of --metrics-listen, if there is one, and has
// the node's events counted.
func (l *loaded) openExporter(cfg *node.Config) (*exporter, error) {
	if l.Metrics.Listen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", l.Metrics.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w; correct --metrics-listen (%s)", err, l.origins["metrics-listen"])
	}
	e := &exporter{listener: listener, counted: metrics.New()}
	cfg.Observer = e.counted.Observe
	return e, nil
}

// run serves until ctx ends.
func (e *exporter) run(ctx context.Context, n *node.Node, log *slog.Logger) error {
	if e == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := e.counted.Register(registry, n); err != nil {
		return errors.Join(err, e.close())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce}))
	server := &http.Server{
		Handler:        mux,
		ReadTimeout:    scrapeTimeout,
		WriteTimeout:   scrapeTimeout,
		IdleTimeout:    scrapeKeepAlive,
		MaxHeaderBytes: scrapeHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	log.Info("metrics", "url", fmt.Sprintf("http://%s/metrics", e.listener.Addr()))
	if err := server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close releases an exporter that was not run.
func (e *exporter) close() error {
	if e == nil {
		return nil
	}
	return e.listener.Close()
}
