// Package sim simulates networks of thousands of nodes in virtual time. Every
// node is the relay engine of package inv itself, the one that runs in a real
// node; what is simulated is the world around it.
//
// # The model
//
// Each node dials a number of others at random, among those that are reachable.
// A link delivers frames in order after a latency of its own, drawn once. A
// node judges a body in 2 ms, accepts it, and has no memory limit. All
// transactions are valid, independent and pay the same. Frames are counted at
// the sender, with their real size.
//
// The overlay mesh is GossipSub's, reduced to its heartbeat: every second a
// node with less than Dlo = D-2 links in the mesh grafts others at random, up to
// D, if those have less than Dhi. Links leave the mesh only when they
// die; there are no scores, so a misbehaving peer stays in it. Beacons are not
// simulated: every engine is told the number of nodes.
//
// Not modelled: bandwidth, queues, packets and their loss, CPU time, libp2p's
// own messages, NAT traversal, admission rules, mempool limits, and what an
// attacker does beyond the faults below. What a packet costs can be guessed
// from the number of writes, each of which is at least one.
//
// # Faults
//
// A sink takes part in the mesh, requests and takes transactions, and sends
// nothing else: it announces, serves and reconciles nothing. A teaser announces
// to all its peers, at once, whatever it first hears of, offers it in rounds,
// and never delivers a body nor says that it will not. A churner crashes after
// 20 s on average, without taking leave, and comes back after 10 s on average
// with the mempool it had. Its peers notice after 30 s or when it is back. A
// partition closes all links between two random halves, which both take
// transactions; after it the links are dialed again.
//
// # What is measured
//
// A run lets the nodes join and the mesh form, and submits transactions at
// random honest nodes that stay, until all of these have all of them: first some
// to warm up, then those of the steady phase. Latency, hops and bytes are about
// that phase; see [Report]. Then churners have to catch up, and the partition
// follows, if any.
//
// # Reproducing a run
//
// All that is random is drawn from the seed, events at equal times happen in
// the order in which they were scheduled, and nothing depends on the wall clock
// or on the order of a map. A configuration has one report; its fingerprint
// covers every event. (One thing may differ between processor architectures:
// floating-point operations that a compiler fuses on some of them.)
package sim
