package testnet

import (
	"encoding/json"
	"time"
)

// Report is what a run found.
type Report struct {
	Nodes   int
	Relay   Relay
	Trickle bool
	Fault   string // name of the faulty node; empty: none
	Verdict Verdict

	// Elapsed is from the start of the nodes to the verdict.
	Elapsed time.Duration

	// Txs is how many transactions were submitted in the steady phase. What
	// follows covers that phase only, from its first submission to its last
	// delivery. A delivery is a transaction's arrival at a node that it was
	// not submitted to.
	Txs        int
	Deliveries int
	Latency    Latency
	Bytes      Bytes

	// BodiesPerTxNode is how many bodies were sent per transaction and node;
	// what is above Deliveries was sent twice to the same node.
	BodiesPerTxNode Ratio

	// Partition is zero if there was none.
	Partition Partition
}

// Partition is what a run found about its partition.
type Partition struct {
	// Seconds is how long it lasted. Zero: there was none.
	Seconds Seconds `json:"seconds"`

	// HealSeconds is the time from its end until all mempools were equal, or
	// null if they never were. Zero if there was no partition.
	HealSeconds Seconds `json:"heal_seconds"`

	// Rounds is how many rounds of reconciliation each node started and completed
	// on average from its end until all mempools were equal.
	Rounds Ratio `json:"-"`

	Nodes [2]int `json:"-"` // on each side
	Txs   [2]int `json:"-"` // submitted meanwhile on each side
}

// MarshalJSON implements [json.Marshaler]: the object that `txnode testnet
// --json` prints. Its txs are those of the steady phase; missing counts pairs
// of transaction and node over the whole run, as digests does at its end.
func (r *Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Nodes           int       `json:"nodes"`
		Txs             int       `json:"txs"`
		Converged       bool      `json:"converged"`
		Settled         bool      `json:"settled"`
		Digests         int       `json:"digests"`
		Missing         int       `json:"missing"`
		Seconds         Seconds   `json:"seconds"`
		Latency         Latency   `json:"latency"`
		Bytes           Bytes     `json:"bytes_per_tx_node"`
		BodiesPerTxNode Ratio     `json:"bodies_per_tx_node"`
		Partition       Partition `json:"partition"`
		Relay           Relay     `json:"relay"`
		Trickle         bool      `json:"trickle"`
	}{
		Nodes:           r.Nodes,
		Txs:             r.Txs,
		Converged:       r.Verdict.Outcome == Converged,
		Settled:         r.Verdict.OK(),
		Digests:         r.Verdict.Digests,
		Missing:         r.Verdict.Missing,
		Seconds:         seconds(r.Elapsed),
		Latency:         r.Latency,
		Bytes:           r.Bytes,
		BodiesPerTxNode: r.BodiesPerTxNode,
		Partition:       r.Partition,
		Relay:           r.Relay,
		Trickle:         r.Trickle,
	})
}
