package sim

import (
	"slices"
	"time"

	"github.com/txnode/txnode/inv"
)

// What GossipSub does, as far as it matters here. Every second a node with less
// than Dlo links in the mesh grafts others, up to D. The link is in the mesh on
// both sides, unless the other node has Dhi already.
const (
	heartbeatInterval = time.Second
	// meshSlack is what Dlo is below D.
	meshSlack = 2
)

func (n *network) meshPoor(s *node) bool { return s.meshed < n.cfg.MeshDegree-meshSlack }

// heartbeats lets the node's mesh fill up, beginning with its next heartbeat.
func (s *node) heartbeats() {
	n := s.net
	if s.beating || !s.up || !n.meshPoor(s) {
		return
	}
	s.beating = true
	n.after(s.untilHeartbeat(), func() {
		s.beating = false
		if s.up {
			s.fillMesh()
			s.heartbeats()
		}
	})
}

// untilHeartbeat: each node's heart beats at its own fraction of a second.
func (s *node) untilHeartbeat() time.Duration {
	phase := (s.net.now + s.phase) % heartbeatInterval
	return heartbeatInterval - phase
}

// fillMesh is one heartbeat. The peers that would refuse are passed over at
// once, which saves a GRAFT, a PRUNE and the backoff.
func (s *node) fillMesh() {
	n := s.net
	var grafted []*end
	for _, i := range n.rng.Perm(len(s.ends)) {
		if s.meshed >= n.cfg.MeshDegree {
			break
		}
		e := s.ends[i]
		if e.mesh || e.other.down || e.other.node.meshed >= n.cfg.MeshMax {
			continue
		}
		e.mesh, e.other.mesh = true, true
		s.meshed++
		e.other.node.meshed++
		grafted = append(grafted, e)
	}
	if len(grafted) == 0 {
		return
	}
	s.meshChanged()
	for _, e := range grafted {
		n.after(e.latency, func() {
			if e.other.alive() {
				e.other.node.meshChanged()
			}
		})
	}
}

// meshChanged tells the engine its mesh.
func (s *node) meshChanged() {
	ids := make([]inv.PeerID, 0, s.meshed)
	for _, e := range s.ends {
		if e.mesh {
			ids = append(ids, e.id)
		}
	}
	s.relay.MeshChanged(s.net.clock(), ids)
	s.ready()
}

// forget takes away the end of a link.
func (s *node) forget(e *end) {
	i := slices.Index(s.ends, e)
	s.ends = slices.Delete(s.ends, i, i+1)
	if e.mesh {
		s.meshed--
	}
}
