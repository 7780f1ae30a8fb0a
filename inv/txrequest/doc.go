// Package txrequest decides which peer is asked for which transaction, and
// when. It follows the rules of Bitcoin Core's TxRequestTracker
// (src/txrequest.h), with timeouts measured in round trips instead of a fixed
// minute.
//
// # Specification
//
// A transaction is known here by the short id under which peers announce it:
// our own salt, so ids from different peers are comparable. An announcement is
// a pair (peer, id) in one of these states:
//
//	candidate   may be asked now, or (delayed) from a certain time on
//	requested   asked, the answer is awaited
//	completed   will not be asked again for this transaction: it answered,
//	            said NOTFOUND, or let the request time out
//
// The rules:
//
//   - At most one announcement of an id is requested at a time.
//     Rationale: bodies are what costs bandwidth; a second copy is waste.
//   - No peer is asked twice for the same id while the id is tracked.
//     Rationale: one that failed once would be asked for ever.
//   - An id is forgotten when none of its announcements is candidate or
//     requested any more. A later announcement starts afresh, by anybody.
//     Rationale: completed announcements only serve the rule before; without
//     anyone left to ask they would keep memory for nothing.
//   - Whom to ask is decided as late as possible, in [Tracker.Poll], among the
//     candidates with a free slot: responsive before slow, within that
//     outbound before inbound, at random among equals.
//     Rationale: an attacker cannot pick which outbound peers we have, and
//     gains nothing by being first or by announcing again.
//   - A peer is slow while its last request timed out or its timeout has grown
//     above [SlowTimeout]. Announcements by a slow peer are delayed by
//     [SlowDelay], no others.
//     Rationale: Core delays every inbound announcement by 2 s so that an
//     outbound peer can come first. Here half of all mesh links are inbound
//     and a hop takes 0.3 s, so it would be paid at every other hop: in the
//     30-node test network of package inv, delaying inbound announcements by
//     100 ms raises the median time to reach a node from 0.82 to 0.92 s,
//     300 ms (one INV tick) to 1.11 s. What it buys is bought instead by
//     demoting those who did stall us: each can do it once, then loses the
//     race against everybody who did not.
//   - A request to a slow peer is abandoned, and its body still welcome, as
//     soon as a peer that is not slow can be asked: when it announces, or when
//     the requested one becomes slow by another timeout.
//     Rationale: a peer that announces at once and never delivers is often
//     alone for longer than SlowDelay, and would hold up the transaction for
//     its whole doubled timeout. In a simulation of 300 nodes, 30 % of them
//     such peers, p99 was 22.6 s, and is 2.5 s with this rule and the short
//     timeout of a peer that has never answered (`txnode sim --nodes 300
//     --faults`). A peer that is honest and slow costs one body twice.
//   - At most [MaxAnnouncements] announcements and [MaxInFlight] occupied
//     slots per peer. Announcements beyond are ignored; candidates of a peer
//     whose slots are full wait until one is free, unless somebody else can
//     be asked. A slot is occupied by a request, and by a received body that
//     the owner is still judging ([Tracker.Hold]).
//     Rationale: bounds memory, and how much unjudged data a peer can make us
//     keep, at a rate that our own validation sets.
//   - The timeout is the peer's smoothed response time plus four deviations
//     (RFC 6298), doubled for every timeout in a row, within [MinTimeout] and
//     [MaxTimeout]. NOTFOUND and a disconnect free the request at once.
//   - A body that arrives within [LateGrace] after its request timed out or
//     became moot still counts as asked for.
//     Rationale: the peer answered in good faith; treating that as an
//     unasked body would cut off every peer behind a short stall.
//
// # Attacks
//
// A peer's input touches only its own announcements: it cannot evict, complete
// or delay another's. With P malicious and H honest announcers of the same
// class, the request goes to a malicious one P/(H+1) times on average before
// an honest one; with the honest one outbound and the others inbound, at most
// once. Each costs a timeout, [MinTimeout] for a peer with a normal history,
// after which the attacker is slow, asked last for every other transaction, and
// overtaken by whoever else announces it.
// An attacker that trains its timeout towards [MaxTimeout] by answering late
// passes [SlowTimeout] on the way and is asked last too.
//
// # Complexity
//
// Memory is proportional to the announcements tracked, at most
// MaxAnnouncements per peer. Every method costs O(log n) per announcement it
// touches, for the timer heap; choosing whom to ask scans the announcers of
// that one id, so O(peers) per request sent. Nothing else is ever scanned.
//
// # Duties of the caller
//
// Every input carries the time, which must not run backwards. Announced must
// not be called for transactions that the caller has or has rejected; Forget
// must be called when it comes to have or reject one. Poll must be called
// after each batch of inputs and no later than [Tracker.Next], and what it
// returns must be sent. A Tracker has no lock: it belongs to one goroutine.
package txrequest
