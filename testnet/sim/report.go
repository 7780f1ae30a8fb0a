package sim

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a duration as JSON shows it: with four decimals, or null for NaN,
// which stands for what never happened.
type Seconds float64

// never is the time of what did not happen.
var never = Seconds(math.NaN())

func seconds(d time.Duration) Seconds { return Seconds(round(d.Seconds(), 4)) }

// Never reports whether what s measures did not happen.
func (s Seconds) Never() bool { return math.IsNaN(float64(s)) }

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) {
	if s.Never() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(s), 'f', -1, 64), nil
}

// String gives the time with its unit, or "never".
func (s Seconds) String() string {
	if s.Never() {
		return "never"
	}
	return fmt.Sprintf("%.2f s", float64(s))
}

// Ratio is a quotient of three decimals.
type Ratio float64

func ratio(f float64) Ratio { return Ratio(round(f, 3)) }

func round(f float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(f*scale) / scale
}

// Report is what a run found. All but Partition, MissingAtEnd and what follows
// it is about the steady phase, from its first submission to its last delivery
// at a steady node: one that is honest and always there.
type Report struct {
	Config Config

	Steady, Honest int // nodes

	// Deliveries are arrivals at steady nodes other than the origin, Missing
	// those that had not happened after two minutes.
	Deliveries, Missing int
	Seconds             Seconds
	Latency             Latency
	Reach               Reach
	Bytes               Bytes // per transaction and honest node, sent by these
	Bodies              Ratio // per transaction and honest node
	Writes              Ratio // batches of frames to one peer at one moment, per transaction and honest node
	Hops                Hops

	// Partition is zero if there was none.
	Partition Partition

	// MissingAtEnd counts what honest nodes lack at the end of the run, when
	// those that had been away are back.
	MissingAtEnd int
	MeshDegree   Ratio // mean
	End          Seconds
	Events       uint64
	Fingerprint  uint64 // of all events: equal for equal runs

	curve []Seconds // every half percentile of the latency
}

// Latency is the time from a transaction's submission to its acceptance by
// another node, over all pairs of transaction and steady node. Null when
// nothing was delivered.
type Latency struct {
	P50 Seconds `json:"p50"`
	P90 Seconds `json:"p90"`
	P99 Seconds `json:"p99"`
	Max Seconds `json:"max"`
}

// Reach is the time until such a share of the steady nodes has a transaction,
// averaged over the transactions. Null if one never got so far.
type Reach struct {
	T50  Seconds `json:"t50"`
	T90  Seconds `json:"t90"`
	T99  Seconds `json:"t99"`
	T100 Seconds `json:"t100"`
}

// Bytes are bytes of whole frames by what they were for.
type Bytes struct {
	Announce  Ratio `json:"announce"`  // INV
	Request   Ratio `json:"request"`   // GET, NOTFOUND
	Body      Ratio `json:"body"`      // TXS, PUSH
	Reconcile Ratio `json:"reconcile"` // rounds
	Control   Ratio `json:"control"`   // HELLO, FEEFILTER
	Overhead  Ratio `json:"overhead"`  // total less one body per delivery
	Total     Ratio `json:"total"`
}

// Hops is over how many links transactions came, over all pairs of transaction
// and steady node.
type Hops struct {
	Mean Ratio `json:"mean"`
	P50  int   `json:"p50"`
	P99  int   `json:"p99"`
	Max  int   `json:"max"`
}

// Partition is what a run found about its partition.
type Partition struct {
	Seconds     Seconds `json:"seconds"`      // how long it lasted
	Txs         int     `json:"txs"`          // submitted meanwhile, in both halves
	HealSeconds Seconds `json:"heal_seconds"` // from its end until every honest node had everything
}

// Complete reports whether every honest node had every transaction in the end.
func (r *Report) Complete() bool { return r.Missing == 0 && r.MissingAtEnd == 0 }

// MarshalJSON implements [json.Marshaler]: the object that `txnode sim --json`
// prints for a run. What has the name of something in the object of `txnode
// testnet` means the same.
func (r *Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Nodes       int       `json:"nodes"`
		Relay       Relay     `json:"relay"`
		Seed        uint64    `json:"seed"`
		Txs         int       `json:"txs"`
		Steady      int       `json:"steady_nodes"`
		Complete    bool      `json:"complete"`
		Deliveries  int       `json:"deliveries"`
		Missing     int       `json:"missing"`
		AtEnd       int       `json:"missing_at_end"`
		Seconds     Seconds   `json:"seconds"`
		Latency     Latency   `json:"latency"`
		Reach       Reach     `json:"reach"`
		Bytes       Bytes     `json:"bytes_per_tx_node"`
		Bodies      Ratio     `json:"bodies_per_tx_node"`
		Writes      Ratio     `json:"writes_per_tx_node"`
		Hops        Hops      `json:"hops"`
		MeshDegree  Ratio     `json:"mesh_degree"`
		Partition   Partition `json:"partition"`
		Events      uint64    `json:"events"`
		Fingerprint string    `json:"fingerprint"`
	}{
		r.Config.Nodes, r.Config.Relay, r.Config.Seed, r.Config.Txs, r.Steady, r.Complete(),
		r.Deliveries, r.Missing, r.MissingAtEnd, r.Seconds, r.Latency, r.Reach, r.Bytes, r.Bodies, r.Writes,
		r.Hops, r.MeshDegree, r.Partition, r.Events, fmt.Sprintf("%016x", r.Fingerprint),
	})
}
