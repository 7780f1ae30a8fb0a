package sim

import (
	"slices"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// meter counts what honest nodes send.
type meter struct {
	announce, request, body, reconcile, control int // bytes of frames
	bodies                                      int // transactions in TXS and PUSH
	writes                                      int // batches of frames to one peer at one moment
	accepted                                    int // deliveries, to sinks as well
}

// count counts a frame.
func (n *network) count(s *node, m relaymsg.Message) {
	if !s.role.honest() {
		return
	}
	n.frame = relaymsg.AppendFrame(n.frame[:0], m)
	size := len(n.frame)
	switch k := m.Kind(); {
	case k.Lane() == relaymsg.Recon:
		n.meter.reconcile += size
	case k == relaymsg.KindInv:
		n.meter.announce += size
	case k == relaymsg.KindGet, k == relaymsg.KindNotFound:
		n.meter.request += size
	case k == relaymsg.KindTxs:
		n.meter.body += size
		n.meter.bodies += len(m.(*relaymsg.Txs).Bodies)
	case k == relaymsg.KindPush:
		n.meter.body += size
		n.meter.bodies++
	default:
		n.meter.control += size
	}
}

// wrote counts a batch.
func (m *meter) wrote(s *node) {
	if s.role.honest() {
		m.writes++
	}
}

// accepted notes a delivery.
func (n *network) accepted(s *node, i int) {
	tx := &n.txs.all[i]
	tx.took[s.number] = n.now - tx.at
	n.meter.accepted++
	if s.role.honest() {
		n.missing--
	}
	if s.role == steady {
		n.missingSteady--
	}
}

// trace is a fingerprint of everything that happened.
type trace struct {
	events uint64
	hash   uint64 // FNV-1a
}

func newTrace() trace { return trace{hash: 0xcbf29ce484222325} }

func (t *trace) add(at time.Duration, e *event) {
	t.events++
	which := uint64(e.which)
	if e.msg != nil {
		which |= uint64(e.msg.Kind()) << 56
	}
	for _, v := range [...]uint64{uint64(at), uint64(e.kind), which} {
		t.hash = (t.hash ^ v) * 0x100000001b3
	}
}

func (n *network) tell() {
	if n.observe != nil {
		n.observe(Progress{Config: &n.cfg, Time: n.now, Events: n.trace.events, Published: n.txs.published, Planned: n.cfg.planned(), Missing: n.missing})
	}
}

// measure sums up the steady phase, which took so long.
func (n *network) measure(r *Report, took time.Duration) {
	r.Steady, r.Honest = n.steady, n.honest
	r.Seconds = seconds(took)
	var all []time.Duration
	var hops []int
	reach := [len(shares)]time.Duration{}
	reached := [len(shares)]int{}
	for i := range n.cfg.Txs {
		tx := &n.txs.all[n.cfg.Warmup+i]
		var of []time.Duration
		for s, d := range tx.took {
			if node := n.nodes[s]; node.role == steady && node != tx.origin && d >= 0 {
				of = append(of, d)
				hops = append(hops, int(tx.hops[s]))
			}
		}
		slices.Sort(of)
		for k, percent := range shares {
			if need := rank(n.steady-1, percent); need < len(of) {
				reach[k] += of[need]
				reached[k]++
			}
		}
		all = append(all, of...)
	}
	r.Deliveries = len(all)
	r.Missing = n.cfg.Txs*(n.steady-1) - len(all)
	r.Latency = latency(all)
	r.curve = curve(all)
	for k, at := range []*Seconds{&r.Reach.T50, &r.Reach.T90, &r.Reach.T99, &r.Reach.T100} {
		*at = never
		if reached[k] == n.cfg.Txs {
			*at = seconds(reach[k] / time.Duration(reached[k]))
		}
	}
	r.Hops = hopsOf(hops)
	n.measureBytes(r)
}

// shares of the nodes, in percent, for [Reach].
var shares = [...]int{50, 90, 99, 100}

func (n *network) measureBytes(r *Report) {
	m := &n.meter
	share := func(count int) Ratio { return ratio(float64(count) / float64(n.cfg.Txs) / float64(n.honest)) }
	total := m.announce + m.request + m.body + m.reconcile + m.control
	r.Bytes = Bytes{
		Announce: share(m.announce), Request: share(m.request), Body: share(m.body),
		Reconcile: share(m.reconcile), Control: share(m.control),
		Overhead: share(total - m.accepted*n.cfg.Size), Total: share(total),
	}
	r.Bodies = share(m.bodies)
	r.Writes = share(m.writes)
}

// conclude adds what is known only at the end of the run.
func (n *network) conclude(r *Report) {
	r.MissingAtEnd = n.missing
	r.Events, r.Fingerprint = n.trace.events, n.trace.hash
	r.End = seconds(n.now)
	degree := 0
	for _, s := range n.nodes {
		degree += s.meshed
	}
	r.MeshDegree = ratio(float64(degree) / float64(n.cfg.Nodes))
}

// rank is the place of a quantile among so many sorted samples: the nearest, so
// that it is one that was measured.
func rank(samples, percent int) int { return max((samples*percent+99)/100-1, 0) }

// latency sorts the samples and sums them up.
func latency(samples []time.Duration) Latency {
	slices.Sort(samples)
	at := func(percent int) Seconds {
		if len(samples) == 0 {
			return never
		}
		return seconds(samples[rank(len(samples), percent)])
	}
	return Latency{P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}

// curve is every half percentile of the sorted samples, for figures.
func curve(sorted []time.Duration) (points []Seconds) {
	if len(sorted) == 0 {
		return nil
	}
	for i := range 201 {
		points = append(points, seconds(sorted[(len(sorted)-1)*i/200]))
	}
	return points
}

func hopsOf(hops []int) (h Hops) {
	if len(hops) == 0 {
		return h
	}
	slices.Sort(hops)
	sum := 0
	for _, n := range hops {
		sum += n
	}
	h.Mean = ratio(float64(sum) / float64(len(hops)))
	h.P50, h.P99, h.Max = hops[rank(len(hops), 50)], hops[rank(len(hops), 99)], hops[len(hops)-1]
	return h
}
