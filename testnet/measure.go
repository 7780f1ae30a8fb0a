package testnet

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/txnode/txnode/p2p"
)

// Seconds is a duration as JSON shows it: seconds with three decimals, or null
// for NaN, which stands for something that never happened.
type Seconds float64

// never is the time of what did not happen.
var never = Seconds(math.NaN())

func seconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Never reports whether what s measures did not happen.
func (s Seconds) Never() bool { return math.IsNaN(float64(s)) }

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) { return appendFloat(float64(s), 3), nil }

// Ratio is a quotient as JSON shows it: with three decimals.
type Ratio float64

// MarshalJSON implements [json.Marshaler].
func (r Ratio) MarshalJSON() ([]byte, error) { return appendFloat(float64(r), 3), nil }

func appendFloat(f float64, decimals int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null")
	}
	scale := math.Pow10(decimals)
	return strconv.AppendFloat(nil, math.Round(f*scale)/scale, 'f', -1, 64)
}

// Latency sums up the times from a transaction's submission to its acceptance
// by another node. All are null when nothing was delivered.
type Latency struct {
	P50 Seconds `json:"p50"`
	P90 Seconds `json:"p90"`
	P99 Seconds `json:"p99"`
	Max Seconds `json:"max"`
}

// summarize sorts samples and takes their quantiles by nearest rank, so that
// each is a time that was measured.
func summarize(samples []time.Duration) Latency {
	if len(samples) == 0 {
		return Latency{never, never, never, never}
	}
	slices.Sort(samples)
	rank := func(percent int) Seconds {
		return seconds(samples[(len(samples)*percent+99)/100-1])
	}
	return Latency{P50: rank(50), P90: rank(90), P99: rank(99), Max: rank(100)}
}

// Bytes is what a transaction costs a node in bytes written to libp2p streams,
// by what they were for.
type Bytes struct {
	Announce  Ratio `json:"announce"`
	Request   Ratio `json:"request"`
	Body      Ratio `json:"body"`
	Reconcile Ratio `json:"reconcile"`
	Control   Ratio `json:"control"`
	Beacon    Ratio `json:"beacon"`
	Overhead  Ratio `json:"overhead"` // total − beacon − one body per delivery
	Total     Ratio `json:"total"`
}

// perTxNode divides the bytes sent by all nodes among transactions and nodes.
// Delivered is the sum of the sizes of the transactions that arrived, each
// counted once for every node it arrived at.
func perTxNode(sent p2p.TrafficBytes, delivered uint64, txs, nodes int) Bytes {
	// Differences of counters wrap around when they are negative: frames under
	// way count as control until they are known to be written.
	share := func(n uint64) Ratio { return Ratio(float64(int64(n)) / float64(txs) / float64(nodes)) }
	return Bytes{
		Announce:  share(sent.Announce),
		Request:   share(sent.Request),
		Body:      share(sent.Body),
		Reconcile: share(sent.Reconcile),
		Control:   share(sent.Control),
		Beacon:    share(sent.Beacon),
		Overhead:  share(sent.Total() - sent.Beacon - delivered),
		Total:     share(sent.Total()),
	}
}

// since is what was sent after the counters stood at before, modulo 2^64.
func since(before, now p2p.TrafficBytes) p2p.TrafficBytes {
	return p2p.TrafficBytes{
		Announce:  now.Announce - before.Announce,
		Request:   now.Request - before.Request,
		Body:      now.Body - before.Body,
		Bodies:    now.Bodies - before.Bodies,
		Reconcile: now.Reconcile - before.Reconcile,
		Beacon:    now.Beacon - before.Beacon,
		Control:   now.Control - before.Control,
	}
}

func sum(a, b p2p.TrafficBytes) p2p.TrafficBytes {
	return p2p.TrafficBytes{
		Announce:  a.Announce + b.Announce,
		Request:   a.Request + b.Request,
		Body:      a.Body + b.Body,
		Bodies:    a.Bodies + b.Bodies,
		Reconcile: a.Reconcile + b.Reconcile,
		Beacon:    a.Beacon + b.Beacon,
		Control:   a.Control + b.Control,
	}
}
