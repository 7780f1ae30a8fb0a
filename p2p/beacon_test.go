package p2p

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

func sampleBeacon() beaconMessage {
	return beaconMessage{
		Beacon:   Beacon{Digest: [32]byte{1, 2, 3}, Count: 300, Bytes: 90_000, FeeFloor: 100, Sequence: 1 << 40, Agent: "txnode/0.1.0"},
		interval: 29 * time.Second,
		addrs: []multiaddr.Multiaddr{
			multiaddr.StringCast("/ip4/172.18.0.3/udp/18555/quic-v1"),
			multiaddr.StringCast("/ip6/2001:470::1/tcp/18555"),
		},
	}
}

func TestBeaconRoundTrip(t *testing.T) {
	m := sampleBeacon()
	raw := m.encode()
	got, err := decodeBeacon(raw)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%+v %v, want %+v", got, err, m)
	}
	// The greatest of all still fits.
	m.Count, m.Bytes, m.FeeFloor, m.Sequence = 1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1
	m.Agent = strings.Repeat("x", 100)
	m.interval = maxInterval
	m.addrs = append(m.addrs, m.addrs...)
	got, err = decodeBeacon(m.encode())
	if err != nil || len(got.Agent) != MaxAgent || len(got.addrs) != maxAddrs || len(m.encode()) > maxBeacon {
		t.Fatalf("%d bytes: %+v %v", len(m.encode()), got, err)
	}
}

func TestBeaconDecodeErrors(t *testing.T) {
	valid := sampleBeacon().encode()
	edit := func(change func([]byte) []byte) []byte { return change(bytes.Clone(valid)) }
	tests := map[string]struct {
		raw  []byte
		want error
	}{
		"empty":           {nil, errBeacon},
		"other version":   {[]byte{2, 1, 2, 3}, errBeaconVersion},
		"too long":        {make([]byte, maxBeacon+1), errBeacon},
		"trailing":        {append(bytes.Clone(valid), 0), errBeacon},
		"zero interval":   {edit(func(b []byte) []byte { b[1] = 0; return b }), errBeacon},
		"long interval":   {append([]byte{1, 0xff, 0xff, 0x7f}, valid[2:]...), errBeacon},
		"padded interval": {append([]byte{1, 0x9d, 0x00}, valid[2:]...), errBeacon},
		"control bytes":   {bytes.Replace(valid, []byte("node"), []byte("\x1b[2J"), 1), errBeacon},
		"long agent":      {bytes.Replace(valid, []byte("\x0ctxnode"), []byte("\x7ftxnode"), 1), errBeacon},
	}
	for i := range len(valid) {
		tests[fmt.Sprintf("cut at %d", i)] = struct {
			raw  []byte
			want error
		}{valid[:i], errBeacon}
	}
	for name, test := range tests {
		if _, err := decodeBeacon(test.raw); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecodeBeacon(f *testing.F) {
	f.Add(sampleBeacon().encode())
	f.Add(beaconMessage{interval: time.Second}.encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeBeacon(raw)
		if err != nil {
			if !errors.Is(err, errBeacon) && !errors.Is(err, errBeaconVersion) {
				t.Fatal(err)
			}
			return
		}
		if again := m.encode(); !bytes.Equal(again, raw) {
			t.Fatalf("%x decodes to %+v, which encodes to %x", raw, m, again)
		}
		for _, addr := range m.addrs {
			scopeOf(addr)
		}
	})
}

func TestBeaconInterval(t *testing.T) {
	tests := []struct {
		nodes, budget int
		want          time.Duration
	}{
		{1, 2000, firstInterval},
		{20, 2000, 13125 * time.Millisecond}, // 20 × 1050 B ÷ (0.8 × 2 kB/s)
		{20, 200, 131250 * time.Millisecond},
		{1_000_000, 200, maxInterval},
	}
	for _, test := range tests {
		if got := beaconInterval(test.nodes, usualCost, test.budget); got != test.want {
			t.Errorf("%d nodes, %d B/s: %v, want %v", test.nodes, test.budget, got, test.want)
		}
	}
	greedy := beaconCost{perBeacon: dearest}
	if got := greedy.update(1, 1<<30); got > dearest {
		t.Errorf("a neighbour that repeats itself makes a beacon cost %v", got)
	}
	cost := beaconCost{perBeacon: usualCost}
	if got := cost.update(0, 0); got != usualCost {
		t.Errorf("cost %v before any beacon", got)
	}
	for i := range uint64(20) {
		cost.update(10*(i+1), 3000*(i+1))
	}
	if got := cost.update(200, 60_000); got < 299 || got > 301 {
		t.Errorf("cost %v, want 300", got)
	}
	if jitter := 0.1; time.Duration(float64(firstInterval)*(1-jitter)) <= minInterval {
		t.Error("our own beacons would be too early for our peers")
	}
}

func TestBeaconTable(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := beaconMessage{interval: 10 * time.Second}
	table := newBeaconTable(3, 1000)
	admit := func(after time.Duration, author peer.ID, sequence uint64, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := table.admit(now, author, sequence, 100, m); got != want {
			t.Errorf("author %s, sequence %d: %v", author, sequence, got)
		}
	}
	admit(0, "a", 10, true)
	admit(time.Second, "a", 11, false)   // too early
	admit(4*time.Second, "a", 10, false) // played back
	admit(0, "a", 9, false)              // older
	admit(0, "a", 1<<63+5, true)         // may jump
	admit(0, "b", 1, true)               //
	admit(0, "c", 1, true)               //
	admit(0, "d", 1, false)              // full
	if n, next := table.count(now); n != 3 || !next.Equal(now.Add(30*time.Second)) {
		t.Errorf("%d authors, next %v", n, next)
	}
	now = now.Add(30 * time.Second)
	if n, next := table.count(now); n != 0 || !next.IsZero() || len(table.living(now)) != 0 {
		t.Errorf("%d authors, next %v", n, next)
	}
	admit(0, "b", 1, false) // an old beacon does not revive an expired author
	admit(0, "d", 1, true)  // who makes room
	if len(table.authors) != 1 {
		t.Errorf("%d authors kept", len(table.authors))
	}
}

func TestBeaconForwardingIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	table := newBeaconTable(maxAuthors, 200)
	admitted := 0
	for i := range 10_000 { // authors cost nothing
		if table.admit(now, peer.ID(fmt.Sprint(i)), 1, 100, beaconMessage{interval: time.Hour}) {
			admitted++
		}
	}
	if admitted != forwardBurst/100 {
		t.Errorf("%d beacons at once", admitted)
	}
	if !table.admit(now.Add(time.Second), "later", 1, 100, beaconMessage{interval: time.Hour}) {
		t.Error("the bucket does not refill")
	}
}

// TestClockAhead: a message's sequence begins at its author's clock.
func TestClockAhead(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for sequence, want := range map[uint64]time.Duration{
		0:                                      0,
		uint64(now.Add(-time.Hour).UnixNano()): 0,
		uint64(now.Add(time.Hour).UnixNano()):  time.Hour,
		math.MaxUint64:                         time.Unix(0, math.MaxInt64).Sub(now),
	} {
		a := authorState{sequence: sequence, heard: now}
		if got := a.ahead(); got != want {
			t.Errorf("sequence %d: %v ahead, want %v", sequence, got, want)
		}
	}
}
