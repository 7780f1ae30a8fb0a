// Package p2p is the libp2p host of a node: it finds peers, keeps one link to
// each, moves relay messages over it and follows the GossipSub overlay. It
// decides nothing about transactions; package inv does.
//
// # Links
//
// A link is a pair of long-lived streams to one peer, one per
// [relaymsg.Lane], both opened by the side that dialled. On the relay lane each
// side writes HELLO first; a peer of another protocol version, network or
// previous-output source is refused with a reason on both ends. When both lanes
// are open and both HELLOs agree, [PeerUp] tells the link's handle. If two peers
// dial each other at once, the link opened by the lower peer id lives.
//
// Each lane has one reader and one writer. The writer takes all that waits in
// one write; [Network.Send] only queues and never blocks. A peer that lets more
// than 1 MiB pile up, takes longer than 10 s for a write, or 30 s for a frame it
// began, is disconnected. A peer that sends what the protocol does not allow is
// disconnected and denied for 10 minutes. Readers wait while the Events channel
// is full, so a busy owner slows its peers down instead of growing.
//
// # Overlay
//
// Every node joins the GossipSub topic txnode/<network>/beacon/1 under the
// protocol id /txnode/meshsub/1, which does not meet other GossipSub users of a
// shared host. The mesh that GossipSub keeps is what transactions are pushed
// along; [MeshChanged] follows it. On the topic itself travel only beacons:
// small signed statements of what a node holds and where it listens. Their
// interval keeps what each node receives below [Config.BeaconBudget].
//
// # Finding peers
//
// Bootstrap and added peers are dialled for as long as there is no link to
// them, with a backoff of 1 s to 60 s. Below [Config.TargetOutbound] outbound
// links, peers known from beacons or mDNS are dialled as well, one at a time, at
// most two per second. So nodes which at first know only a bootstrap node soon
// form a graph that outlives it. An address in a beacon is dialled only if it is
// a literal IP with TCP or QUIC on an unprivileged port, and public or of the
// same scope (private, loopback) as our own best address: a beacon cannot make
// a public node probe its private network.
package p2p
