// Package inv is the relay engine: it decides which transactions are announced
// to whom, requested from whom, served, and reconciled.
//
// It is a state machine without I/O. A [Relay] starts no goroutine, takes no
// lock, reads no clock and draws no randomness but from [Config.Rand]; the same
// inputs in the same order with the same seed give the same outputs. The same
// engine therefore runs in a node, in a simulator and under a fuzzer.
//
// # Using it
//
// One goroutine owns the Relay. It calls the inputs as things happen, each
// with the current time, then [Relay.Ready] once for the batch, and carries out
// what that says:
//
//	for {
//		select {
//		case ev := <-events: // may take more, without blocking
//			relay.Received(now, ev.Peer, ev.Msg) // or PeerConnected, MeshChanged, ...
//		case <-timer.C:
//			relay.Tick(now)
//		}
//		ready := relay.Ready()
//		// write ready.Send, read and send ready.Push, ready.Serve, ready.ServeParents, admit
//		// ready.Validate and ready.Families, cut off ready.Disconnect, report ready.Rounds, arm timer
//		// for ready.Wake
//	}
//
// The caller's duties:
//
//  1. now never runs backwards (a step back counts as standing still).
//  2. Messages come from relaymsg.Decode, which enforces the limits on each;
//     those of one lane in the order of its stream. HELLO is the caller's.
//  3. A peer id names one connection and is never used again.
//  4. MeshChanged tells the whole set each time, also when links are lost.
//  5. Each Body in Ready.Validate is answered by one Accepted, Rejected or
//     Orphaned.
//  6. Every change of the mempool is told, by Accepted or Removed, parents
//     before children, and its fee floor by FeeFloorChanged.
//  7. Tick is called no later than Ready.Wake.
//
// # Identity
//
// A transaction is its wtxid. On a link it is named by a short id under the
// salt of the node that must look it up: our own in what we receive, so the
// ids that different peers announce are comparable, and the peer's in what we
// announce. GET and NOTFOUND repeat an announcement's id. Bodies are checked by
// their full hash. Two transactions whose ids collide hide each other at most
// until the next round, whose salt is another; no state is keyed by a short id
// in a way that could mix them up.
//
// # First lane: pushing and announcing
//
// While few have a transaction its body is worth sending unasked: nearly
// everybody lacks it. A transaction has a hop: of an own one 0 or 1, drawn for
// each peer, of one that came by PUSH the byte it came with. When one whose hop
// is below the eager hops ([Config.EagerHops], [Relay.NetworkSized]) is accepted,
// it is pushed at once, with its hop plus one, to each peer of the mesh that is
// not known to have it and whose fee floor it meets; what waits for the peer
// goes along. At the edge, where its hop is just the eager hops, it is pushed to
// one of them, drawn at random: few duplicates for a start in many more places.
// All else is announced: what came by TXS, what finds the link's
// bucket of bytes empty ([PushBurst], [PushRate]), what was accepted before the
// peer joined the mesh, an orphan whose parents came. With another audience
// than the mesh nothing is pushed.
//
// A push is worth an announcement: the peer knows the transaction, may GET it,
// and rounds may tell of it. Only an origin sends the byte 1, so a neighbour is
// told of half of the own transactions that they are that; hiding them takes more
// than hops. Drawing for each peer and not for each transaction makes all spread
// alike, at the price that several neighbours together are told of more than half.
//
// A pushed body is handed to admission unless it is there already. What was
// requested meanwhile from this peer or another is no longer needed; its body
// is still welcome. Where a push may not come its body is dropped and it counts
// as an announcement, for the peer may honestly see things otherwise: from
// outside the mesh ([PushGrace]; GRAFT and PRUNE travel on another stream),
// beyond the bucket of bytes, or while a bucketful of its pushes is not judged
// yet. Only twice the bucket is a violation.
//
// What is announced waits for each peer of the audience that is not known to
// have it and whose fee floor it meets. The first one waiting arms that link's
// tick ([Config.InvInterval]); at the tick, or as soon as anything else is sent
// to the peer, or has come from it, whose acknowledgement costs a packet anyway,
// a third of the interval or more after the latest INV, all that wait go out in
// one INV: parents before children (by number of ancestors), then by fee rate. What was removed
// meanwhile is left out. With [Config.Trickle] ticks are Bitcoin Core's: of a
// Poisson process per outbound link and one for all inbound links together.
//
// A peer knows a transaction once either side announced or pushed it to the
// other or sent its body ([MaxKnown]). Only what is in the mempool is
// announced, so an id that nobody can serve dies at the first honest node. What
// reconciliation brought is announced like anything else: after a partition
// that is what carries it through the other half.
//
// A link that joins the audience is told only what nobody has been told yet,
// such as what was accepted while there was no link at all ([MaxUnannounced]).
// The rest is for reconciliation. A restored transaction is not announced.
//
// Of more transactions than [Config.SendRate] allows nobody is told at once: they
// wait in a backlog, parents first, then those that pay the most, and are dropped
// if they leave the mempool meanwhile. By rounds they are found all the same.
//
// With [AudienceTopicIDs] and [AudienceTopicBodies], which are there to be compared
// with, the caller publishes what is accepted on a topic and tells of what it hears
// there as of an INV of the peer that passed it on; here everybody is only offered it.
//
// # Delivery
//
// A transaction submitted here is announced again, to every linked peer that has
// not shown that it holds it, in the mesh or not, until two peers have shown that
// they hold it without having the body from us, or all linked ones have shown that
// they hold it: after one minute to one and a half, then twice as long each time,
// up to 10 to 15 minutes. That the body was requested is not enough: who requests
// may keep it to himself. A peer shows that it holds a transaction by announcing or
// pushing it, which one that has it from us would not do, or by a round: as the
// initiator of one, or by equal digests. What the initiator does not ask us for is
// no evidence, for it does not ask for what it has rejected either.
//
// What peers have shown is remembered for receipts ([Relay.Delivery],
// [MaxTracedLocal], [Config.Trace], [MaxWitnesses]).
//
// # Fee floors
//
// Nothing whose chunk pays less than the fee floor of a peer is pushed, announced
// or offered to it; a child that pays for its parent raises what the parent pays
// ([Relay.FeeRateChanged]). The floor is that of its HELLO, then that of its latest FEEFILTER. Our own is told to all
// peers when [Relay.FeeFloorChanged] makes it a third higher or a quarter lower
// than what they know, or the lowest again, after a random part of
// [FloorDelay]. What is told is rounded at random to steps of 10 %, for the exact
// minimum of a mempool would tell which node it is on any link (BIP133).
//
// # Second lane: pulling
//
// Whom to ask is decided by package txrequest. An announced id is requested
// unless a transaction with that id is in the mempool, is being judged, was
// rejected for good ([MaxRejects], [RejectTurn]) since the chain changed last
// ([Relay.ChainChanged]), or waits as an orphan for its parents ([MaxOrphans],
// [OrphanTurn]). All ids for one peer go out in one GET. A body is handed to
// admission once; another copy that had been asked for as well is dropped. While
// a body that was asked for is being judged, it occupies a request slot of the
// peer that sent it, so no peer has more than txrequest.MaxInFlight unjudged
// bodies and open requests here, besides PushBurst bytes of pushes, and the pace
// of admission limits the pace of requesting.
//
// A body in TXS whose hash was not asked for from this peer is a violation,
// whether it is junk, another transaction, or the right one with another
// witness. The sender is cut off, and what it had been asked for is asked of
// the next announcer.
//
// An announcement, or a push, gives its receiver the right to one GET
// ([MaxGranted]); any further GET of it is paid from a small budget
// ([RepeatBurst]). All else is answered NOTFOUND, the same for what we lack and
// for what we have not announced to that peer.
//
// # Orphans
//
// A body that turns out to be an orphan has a right to its parents: half a second
// later ([ParentsDelay]), if they have not come, who gave it to us is asked for all
// its ancestors by GETPARENTS; if that brings nothing, at most two others that
// announced it are, one after the other ([ParentsTimeout]), and none that did not
// or that we have told of it. The answer goes to admission as one family with the
// orphan, but for what is here, and not at all if some of it was rejected for good.
// PARENTS that nobody asked for is a violation; late ones are not.
//
// Whoever was offered a transaction may ask for its ancestors in the mempool, the
// transaction itself still being there. What he gets takes from a bucket of bytes
// ([ParentsBurst], [ParentsRate]). All else is answered NOTFOUND.
//
// # Third lane: reconciliation
//
// Every [Config.ReconInterval] ±20 % one round with the outbound peer whose
// turn is longest ago, and one within a second of a new outbound link. Package
// recon has the protocol. A link whose earlier round is under way, whose peer is
// busy, or where nothing is new since a round a few seconds ago, is passed over;
// after two rounds without an answer for longer and longer.
//
// The first round of a link, every one after a round without an answer, and one
// in [SyncInterval] is over whole mempools: after a restart or a partition that
// is what heals. The others are over what is new on the link: what either side
// has come to list since their last complete round, but for what that named,
// which one side may come to have just after. What a round finds beyond what may
// be requested from one peer at once is asked for in parts, each when half of the
// one before has come; when it finds more than can be told to the peer at once
// another one over whole mempools follows within a second.
//
// A transaction takes part once it was announced to somebody, has come from a
// peer when nobody awaited it, was told by one who did before its turn came, was
// restored, or is [ListAge] old: a round tells nothing about an own transaction
// that its first INV would not have told.
// What a round's REQUEST or STEADY tells is about these transactions. What was
// rejected for good, and what waits as an orphan, does not count as missing.
// What a round offers is an announcement on that link, with one exception: if
// its id is that of a transaction which took part, it must be another one that
// collides, and it is requested all the same.
//
// # Violations
//
// A body in TXS or PARENTS that was not asked for, pushes of twice their bucket, a second
// HELLO, and what package recon calls a violation. Everything else that is
// useless is ignored: peers differ honestly in timing and policy. The peer's
// state is gone before Ready.Disconnect is returned.
//
// # Bounds
//
// Everything about a peer is in one struct that dies with it:
// txrequest.MaxAnnouncements announcements, MaxKnown and 2 × MaxGranted ids of
// 16 to 40 bytes, four times recon.MaxDiff ids named in rounds, four token
// buckets, MaxParentsAsked questions about orphans, at most one frozen set each way
// (recon.MaxList; MaxFrozen for all answered rounds together). Beyond peers
// there is one entry of about 200 bytes per mempool transaction, MaxRejects, MaxUnpaid and
// MaxOrphans unwanted ones and 2 × MaxUnannounced pointers, besides what peers have shown about
// Config.Trace + MaxTracedLocal transactions. An input costs
// O(log n) per id it names, Ready O(peers); a round costs O(n log n) in the
// transactions that take part.
package inv
