package testnet

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/txnode/txnode/p2p"
)

func TestSummarizeTakesNearestRanks(t *testing.T) {
	upTo := func(n int) []time.Duration { // n, n-1, … 1 seconds
		samples := make([]time.Duration, n)
		for i := range samples {
			samples[i] = time.Duration(n-i) * time.Second
		}
		return samples
	}
	for _, c := range []struct {
		n    int
		want Latency
	}{
		{1, Latency{1, 1, 1, 1}},
		{2, Latency{1, 2, 2, 2}},
		{10, Latency{5, 9, 10, 10}},
		{100, Latency{50, 90, 99, 100}},
		{1000, Latency{500, 900, 990, 1000}},
	} {
		if got := summarize(upTo(c.n)); got != c.want {
			t.Errorf("of %d: %+v, want %+v", c.n, got, c.want)
		}
	}
	if got := summarize(nil); !got.P50.Never() || !got.Max.Never() {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestNumbersAsJSON(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{Seconds(0), "0"},
		{Seconds(0.4304), "0.43"},
		{Seconds(1.2345), "1.235"},
		{never, "null"},
		{Ratio(math.Inf(1)), "null"},
		{Ratio(343.25), "343.25"},
		{Ratio(-0.5), "-0.5"},
		{Ratio(1e9), "1000000000"},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v, want %s", c.value, got, err, c.want)
		}
	}
}

func TestPerTxNode(t *testing.T) {
	// 10 transactions of 300 bytes, 5 nodes: 40 deliveries, one of them twice.
	before := p2p.TrafficBytes{Announce: 7, Request: 7, Body: 7, Reconcile: 7, Control: 107, Beacon: 7}
	now := p2p.TrafficBytes{Announce: 7 + 500, Request: 7 + 250, Body: 7 + 41*300, Reconcile: 7 + 100, Control: 7 + 50, Beacon: 7 + 1000}
	want := Bytes{Announce: 10, Request: 5, Body: 246, Reconcile: 2, Control: -1, Beacon: 20, Overhead: 22, Total: 282}
	if got := perTxNode(since(before, now), 40*300, 10, 5); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTrafficAddsUp(t *testing.T) {
	a := p2p.TrafficBytes{Announce: 1, Request: 2, Body: 3, Bodies: 7, Reconcile: 4, Beacon: 5, Control: 6}
	b := p2p.TrafficBytes{Announce: 10, Request: 20, Body: 30, Bodies: 70, Reconcile: 40, Beacon: 50, Control: 60}
	if got := since(a, sum(a, b)); got != b {
		t.Errorf("%+v, want %+v", got, b)
	}
}
