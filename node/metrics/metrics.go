// Package metrics shows a node to Prometheus. It registers on the registerer it
// is given and on no other, and package node does not import it: who does not
// use it does not have it.
//
// Make a [Collector] with [New], give its Observe to the configuration of the
// node, and register it once the node is made:
//
//	c := metrics.New()
//	cfg.Observer = c.Observe
//	n, err := node.New(cfg)
//	…
//	err = c.Register(registry, n)
//
// For several nodes in one registry wrap it once per node, as in
// prometheus.WrapRegistererWith(prometheus.Labels{"node": name}, registry).
//
// No label has a peer, a transaction or an address as its value: the number of
// series is bounded, whatever peers do.
package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/txnode/txnode/node"
)

// Collector counts a node's events and reads its state when it is scraped. It
// is safe for concurrent use.
type Collector struct {
	accepted *prometheus.CounterVec
	rejected *prometheus.CounterVec
	removed  *prometheus.CounterVec
	rounds   *prometheus.CounterVec
	repaired prometheus.Counter
}

// New is a collector for one node.
func New() *Collector {
	return &Collector{
		accepted: counters("transactions_accepted_total", "Transactions that entered the mempool, by where they came from.", "origin"),
		rejected: counters("transactions_rejected_total", "Transactions that were refused, by where they came from.", "origin"),
		removed:  counters("transactions_removed_total", "Transactions that left the mempool, by the reason.", "reason"),
		rounds:   counters("reconciliation_rounds_total", "Reconciliation rounds, by how they ended.", "outcome"),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "reconciliation_wanted_total",
			Help: "Transactions that reconciliation found to be lacking here.",
		}),
	}
}

// namespace begins all names.
const namespace = "txnode"

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{label})
}

// Observe counts an event. It is what [node.Config] wants as its Observer.
func (c *Collector) Observe(e node.Event) {
	switch e.Kind {
	case node.EventAdded:
		c.accepted.WithLabelValues(origin(e)).Inc()
	case node.EventRejected:
		c.rejected.WithLabelValues(origin(e)).Inc()
	case node.EventRemoved:
		c.removed.WithLabelValues(string(e.Reason)).Inc()
	case node.EventRound:
		c.rounds.WithLabelValues(fmt.Sprint(e.Round.Outcome)).Inc()
		c.repaired.Add(float64(e.Round.Wanted))
	}
}

// origin is where a transaction came from.
func origin(e node.Event) string {
	if e.Local {
		return "local"
	}
	return "peer"
}

// Register has reg collect the counters, and the state of n when it is scraped.
// If it fails, nothing is registered.
func (c *Collector) Register(reg prometheus.Registerer, n *node.Node) error {
	all := []prometheus.Collector{c.accepted, c.rejected, c.removed, c.rounds, c.repaired, &state{n}}
	for i, collector := range all {
		if err := reg.Register(collector); err != nil {
			for _, done := range all[:i] {
				reg.Unregister(done)
			}
			return fmt.Errorf("metrics: %w; for several nodes wrap the registerer with a label each", err)
		}
	}
	return nil
}
