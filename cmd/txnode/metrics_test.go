package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node"
)

func TestMetricsAreServed(t *testing.T) {
	outputs, err := utxo.TestAllocation("regtest", 10)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Network, cfg.PrevOuts = "regtest", outputs
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")}
	l := &loaded{config: defaultConfig(), origins: map[string]string{"metrics-listen": "flag"}}
	if e, err := l.openExporter(&cfg); e != nil || err != nil || e.close() != nil {
		t.Errorf("without being asked to, there is an exporter: %v, %v", e, err)
	}
	l.Metrics.Listen = "127.0.0.1:0"
	e, err := l.openExporter(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	addr := e.listener.Addr().String()
	l.Metrics.Listen = addr
	if _, err := l.openExporter(&cfg); err == nil || !strings.Contains(err.Error(), "--metrics-listen (flag)") {
		t.Errorf("a second exporter at the same address: %v", err)
	}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.run(ctx, n, slog.New(slog.DiscardHandler)) }()
	answer, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\ntxnode_mempool_transactions 0\n", "\ngo_goroutines "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%.500s", want, text)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
