package p2p

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/inv/relaymsg"
)

// meshOf is what the owner was told last, as peers.
func (n *node) meshOf() (peers []peer.ID) {
	changes := events[MeshChanged](n)
	if len(changes) == 0 {
		return nil
	}
	for _, id := range changes[len(changes)-1].IDs {
		if l := n.liveLink(id); l != nil {
			peers = append(peers, l.peer)
		}
	}
	return peers
}

func TestMeshFollowsGossipSub(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var nodes []*node
		for i := range 11 { // the first is the others' bootstrap node
			nodes = append(nodes, w.start(func(c *Config) {
				c.BeaconBudget = 200
				if i > 0 {
					c.Bootstrap = []string{nodes[0].addr()}
				}
			}))
		}
		for i, a := range nodes {
			for _, b := range nodes[:i] {
				if err := a.Connect(t.Context(), b.addr()); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Minute)
		checkSymmetric(t, nodes)
		checkBudget(t, nodes[0]) // where every node hears every other one directly

		// A peer that leaves is not reported by PRUNE, and must leave the set.
		gone := nodes[0]
		neighbours := gone.meshOf()
		gone.close()
		time.Sleep(time.Second)
		for _, n := range nodes[1:] {
			if n.mesh.has(gone.Host().ID()) {
				t.Errorf("the mesh still has a peer that left")
			}
		}
		if len(neighbours) == 0 {
			t.Error("the peer that left had no neighbours")
		}
		time.Sleep(90 * time.Second) // PRUNE backs off for a minute
		checkSymmetric(t, nodes[1:])
		for _, n := range nodes {
			n.checkLifecycle()
		}
	})
}

// checkBudget checks over some time that the beacons stay within their budget.
func checkBudget(t *testing.T, n *node) {
	t.Helper()
	const span = 20 * time.Minute // a dozen beacons of each author
	before := n.Traffic().Received.Beacon
	time.Sleep(span)
	perSecond := float64(n.Traffic().Received.Beacon-before) / span.Seconds()
	if budget := float64(n.cfg.BeaconBudget); perSecond < budget/10 || perSecond > budget {
		t.Errorf("%.0f B/s of beacons received, budget %.0f", perSecond, budget)
	}
}

// checkSymmetric checks that mesh links are seen from both ends and that the
// degrees are GossipSub's.
func checkSymmetric(t *testing.T, nodes []*node) {
	t.Helper()
	for _, n := range nodes {
		mesh := n.meshOf()
		if len(mesh) < 4 || len(mesh) > 9 {
			t.Errorf("degree %d", len(mesh))
		}
		for _, other := range nodes {
			if slices.Contains(mesh, other.Host().ID()) && !slices.Contains(other.meshOf(), n.Host().ID()) {
				t.Error("a mesh link is seen from one end only")
			}
		}
	}
}

func TestMeshTracerTraps(t *testing.T) {
	m := newMesh()
	m.Prune("never grafted", "")
	m.Graft("a", "")
	m.Graft("a", "") // twice
	m.Graft("b", "") // before there is a link
	m.OnClosedOutboundStream("a")
	m.OnClosedOutboundStream("stranger")
	if m.has("a") || !m.has("b") || m.size() != 1 {
		t.Errorf("mesh %v", m.snapshot())
	}
	select {
	case <-m.changed:
	default:
		t.Error("no poke")
	}
}

func TestBeaconsReachAll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const count = 10
		var nodes []*node
		for i := range count {
			nodes = append(nodes, w.start(func(c *Config) {
				c.BeaconBudget = 600
				c.Beacon = func() Beacon { return Beacon{Digest: [32]byte{byte(i % 3)}, Count: uint64(i), Agent: "txnode/test"} }
			}))
		}
		for i := 1; i < count; i++ { // a tree: no node has more than four links
			if err := nodes[i].Connect(t.Context(), nodes[(i-1)/3].addr()); err != nil {
				t.Fatal(err)
			}
		}
		await(t, 2*time.Minute, "all know all", func() bool {
			return !slices.ContainsFunc(nodes, func(n *node) bool { return n.Overlay().Nodes != count })
		})
		time.Sleep(2 * sizeDebounce)
		for i, n := range nodes {
			o := n.Overlay()
			if o.Digests != 3 || o.Dropped != 0 {
				t.Errorf("node %d: %d digests, %d dropped", i, o.Digests, o.Dropped)
			}
			for _, a := range o.Authors {
				j := slices.IndexFunc(nodes, func(n *node) bool { return n.Host().ID() == a.Peer })
				if a.Beacon.Count != uint64(j) || a.Beacon.Agent != "txnode/test" || len(a.Addrs) != 1 {
					t.Errorf("node %d of %d: %+v", i, j, a)
				}
			}
			if sizes := events[NetworkSize](n); len(sizes) == 0 || sizes[len(sizes)-1].Nodes != count {
				t.Errorf("node %d was told %v", i, sizes)
			}
		}
		// A leaf that dies is forgotten after three of its intervals.
		nodes[count-1].close()
		await(t, 5*time.Minute, "network shrinks", func() bool {
			sizes := events[NetworkSize](nodes[0])
			return sizes[len(sizes)-1].Nodes == count-1 && nodes[0].Overlay().Nodes == count-1
		})
	})
}

func TestStarBecomesGraph(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		hub := w.start(nil)
		nodes := []*node{hub}
		for range 10 { // more than a mesh has room for
			nodes = append(nodes, w.start(func(c *Config) {
				c.Bootstrap = []string{hub.addr()}
				c.TargetOutbound = 3
				c.BeaconBudget = 800
			}))
		}
		time.Sleep(40 * time.Second)
		hub.close()
		time.Sleep(20 * time.Second)
		rest := nodes[1:]
		if reached := reachable(rest); reached != len(rest) {
			t.Errorf("without its bootstrap node the network has %d of %d nodes", reached, len(rest))
		}
		// And a newcomer that knows one of them finds others.
		late := w.start(func(c *Config) {
			c.Bootstrap = []string{rest[4].addr()}
			c.TargetOutbound = 4
		})
		await(t, 2*time.Minute, "newcomer has its outbound links", func() bool { return len(late.Peers()) >= 4 })
	})
}

// reachable counts the nodes that the first can reach over links.
func reachable(nodes []*node) int {
	byID := map[peer.ID]*node{}
	for _, n := range nodes {
		byID[n.Host().ID()] = n
	}
	seen := map[peer.ID]bool{nodes[0].Host().ID(): true}
	for queue := []*node{nodes[0]}; len(queue) > 0; queue = queue[1:] {
		for _, p := range queue[0].Peers() {
			if next := byID[p.Peer]; next != nil && !seen[p.Peer] {
				seen[p.Peer] = true
				queue = append(queue, next)
			}
		}
	}
	return len(seen)
}

func TestSubscriptionBomb(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, s := w.start(nil), w.stranger()
		s.link(n)
		stream, err := s.NewStream(t.Context(), n.Host().ID(), meshProtocol)
		if err != nil {
			t.Fatal(err)
		}
		before := heap()
		sent := 0
		for i := range 100 { // 80 000 topics
			var rpc []byte // protobuf: subscriptions = 1 {subscribe = 1, topicid = 2}
			for j := range 800 {
				topic := fmt.Sprintf("nobody-asked-for-%06d", i*800+j)
				rpc = append(rpc, 1<<3|2, byte(len(topic)+4), 1<<3, 1, 2<<3|2, byte(len(topic)))
				rpc = append(rpc, topic...)
			}
			k, err := stream.Write(append(binary.AppendUvarint(nil, uint64(len(rpc))), rpc...))
			if sent += k; err != nil {
				break
			}
		}
		time.Sleep(5 * time.Second)
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("%d KiB of subscriptions grew the heap by %d KiB", sent>>10, grown>>10)
		}
		// The node still works.
		n.Send(n.handleOf(s.ID()), &relaymsg.Inv{IDs: []relaymsg.ShortID{1}})
		if msg, _, err := readMessage(s.in, relaymsg.Relay); err != nil || msg.Kind() != relaymsg.KindInv {
			t.Errorf("%v %v", msg, err)
		}
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMalformedBeaconCostsItsForwarder(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.start(nil), w.start(nil), w.start(nil)
		link2(t, a, b)
		link2(t, b, c)
		await(t, time.Minute, "c knows all", func() bool { return c.Overlay().Nodes == 3 })
		// a turns bad: what it publishes, b must neither count nor pass on.
		for range 5 {
			if err := a.overlay.topic.Publish(context.Background(), make([]byte, maxBeacon+1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		if n := c.Overlay().Nodes; n != 3 {
			t.Errorf("c counts %d nodes", n)
		}
		if b.mesh.has(a.Host().ID()) {
			t.Error("b keeps a peer in its mesh that sent five malformed beacons")
		}
		if !b.mesh.has(c.Host().ID()) {
			t.Error("b punished an honest peer")
		}
	})
}
