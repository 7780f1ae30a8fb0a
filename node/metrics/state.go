package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/p2p"
)

// state reads the state of a node.
type state struct{ node *node.Node }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// What there is to read.
var (
	mempoolTransactions = desc("mempool_transactions", "Transactions in the mempool.")
	mempoolVBytes       = desc("mempool_vbytes", "Virtual bytes of the transactions in the mempool.")
	mempoolUsage        = desc("mempool_usage_bytes", "Memory that the mempool takes, estimated.")
	mempoolLimit        = desc("mempool_limit_bytes", "Memory that the mempool may take.")
	mempoolMinFee       = desc("mempool_min_fee_rate", "Satoshi per 1000 virtual bytes below which nothing is admitted.")
	mempoolSequence     = desc("mempool_changes_total", "Additions to and removals from the mempool since the start.")
	links               = desc("peers", "Links to peers, by who opened them.", "direction")
	meshLinks           = desc("mesh_peers", "Links that are neighbours in the GossipSub mesh.")
	networkNodes        = desc("network_nodes", "Nodes of the network as their beacons tell, this one included.")
	networkDigests      = desc("network_digests", "Distinct mempools in the network as beacons tell: 1 when it has converged.")
	gossipDropped       = desc("gossip_dropped_total", "GossipSub messages lost here because a queue was full.")
	streamBytes         = desc("stream_bytes_total", "Bytes of libp2p streams, by direction and by what they were for.", "direction", "purpose")
	bodies              = desc("bodies_total", "Transaction bodies sent and received.", "direction")
)

// Describe implements prometheus.Collector.
func (s *state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		mempoolTransactions, mempoolVBytes, mempoolUsage, mempoolLimit, mempoolMinFee, mempoolSequence,
		links, meshLinks, networkNodes, networkDigests, gossipDropped, streamBytes, bodies,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	info := s.node.Mempool().Info()
	gauge(mempoolTransactions, float64(info.Count))
	gauge(mempoolVBytes, float64(info.VBytes))
	gauge(mempoolUsage, float64(info.Usage))
	gauge(mempoolLimit, float64(info.MaxBytes))
	gauge(mempoolMinFee, float64(info.MinFeeRate))
	counter(mempoolSequence, info.Sequence)

	var in, out, mesh float64
	for _, p := range s.node.Peers() {
		if p.Outbound {
			out++
		} else {
			in++
		}
		if p.InMesh {
			mesh++
		}
	}
	gauge(links, in, "in")
	gauge(links, out, "out")
	gauge(meshLinks, mesh)

	overlay := s.node.Overlay()
	gauge(networkNodes, float64(overlay.Nodes))
	gauge(networkDigests, float64(overlay.Digests))
	counter(gossipDropped, overlay.Dropped)

	traffic := s.node.Traffic()
	for direction, bytes := range map[string]p2p.TrafficBytes{"sent": traffic.Sent, "received": traffic.Received} {
		counter(streamBytes, bytes.Announce, direction, "announce")
		counter(streamBytes, bytes.Request, direction, "request")
		counter(streamBytes, bytes.Body, direction, "body")
		counter(streamBytes, bytes.Reconcile, direction, "reconcile")
		counter(streamBytes, bytes.Beacon, direction, "beacon")
		counter(streamBytes, bytes.Control, direction, "control")
		counter(bodies, bytes.Bodies, direction)
	}
}
