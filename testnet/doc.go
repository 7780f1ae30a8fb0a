// Package testnet runs clusters of real nodes in one process and says whether
// their mempools converged.
//
// A [Cluster] is N nodes of package node with real sockets on loopback, real
// storage in a directory of its own, a shared allocation of spendable test
// outputs and, if wanted, a JSON-RPC server per node. [Start] brings it up,
// [Cluster.Run] takes it through the phases of an experiment, [Cluster.Close]
// ends it. Between the last two it stays up and can be talked to.
//
// [New] is for the tests of applications: real nodes in virtual time, to be
// partitioned, healed, killed and restarted. See [Net].
//
// # Phases
//
// A run starts the nodes and waits until every link of the topology is up and
// the overlay mesh has formed. Then signed transactions are submitted to random
// nodes at a steady rate, and the run waits for them to be delivered. Then the
// nodes are split into two random halves, which both go on accepting
// transactions, and joined again. The run ends as soon as all mempools are
// equal, or when nothing has changed for so long that nothing will.
//
// # Verdict
//
// Mempools have converged when they hold the same transactions. They have
// settled when every remaining difference has a reason that time does not
// change: the node that lacks a transaction refuses it for good, as it refuses
// the second of two conflicting ones. Otherwise they have diverged, and the
// verdict says which transaction is missing where.
//
// # Numbers
//
// Latency is the time from the submission of a transaction to its acceptance by
// another node, over all pairs of transaction and node but the origin's. Bytes
// are those written to libp2p streams, counted at the sender, and divided by
// the number of transactions times the number of nodes. Both cover the steady
// phase only, from its first submission to its last delivery. See [Report].
package testnet
