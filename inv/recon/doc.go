// Package recon holds the state of set reconciliation on one link: rounds in
// which two nodes find out which transactions only one of them holds.
//
// # A round over whole mempools
//
//	initiator                                responder
//	REQUEST  nonce, count, digest, sketch ->
//	                                 <-      EQUAL     same digest and count: done
//	                                 <-      BUSY      not now: done
//	                                 <-      CELLS ... nonce, as many as tell the estimated difference
//	MORE     another part            ->                if they did not
//	                                 <-      CELLS ...
//	MORE     0                       ->                or when the list is shorter
//	                                 <-      LIST ...  nonce, all its ids
//	DIFF     want, have              ->
//	                                 <-      OFFER     have: what was wanted: done, unless DIFF has more
//
// REQUEST carries a count sketch, by which the responder estimates how large the
// difference is, and answers with the smaller of coded cells and a sorted list:
// see package sketch for both. A summary costs about 11 to 14 bytes for each
// transaction of the difference, and never more than the list does twice.
//
// The round's salt joins both nonces ([relaymsg.RoundSalt]), so neither side
// chooses it and no round repeats one; the count sketch, of which only the
// responder learns, is under the initiator's. Both sides work on a set frozen
// when the round began; what is accepted meanwhile is for the next round. What a
// DIFF or OFFER has is named under the receiver's own salt, ready for GET. After
// the round both sides hold, or can fetch, the union.
//
// # A round over what is new
//
//	initiator                                responder
//	STEADY   since, count, checksum  ->
//	                                 <-      EQUAL     same count and checksum: done
//	                                 <-      RESYNC    not since that, or too much: done
//	                                 <-      BUSY      not now: done
//	                                 <-      SKETCH    a PinSketch, or the ids if they are as few
//	MORE     more capacity           ->                if that did not tell the difference
//	                                 <-      SKETCH    the syndromes that follow
//	MORE     0                       ->                or if that did not
//	                                 <-      SKETCH    the ids
//	DIFF, OFFER as above
//
// Both sides count what is new on the link since the last round that both know to
// be complete; what that is, the caller knows. The capacity is what the latest
// rounds make the responder expect, and two standard deviations, so that one
// round in fifty needs more. Ids have 32 bits under a salt that joins the
// initiator's nonce in the last round over whole mempools and the salt of the
// responder's HELLO, so that neither side chooses it and nobody else knows it; those
// of all that happens to collide are overlooked until the next such round.
//
// The initiator decodes, and when it fails asks for the syndromes that follow
// instead of answering with a larger sketch of its own: 4 bytes less for each of
// those that came, one kind of round less, and nobody can make the responder
// decode anything.
//
// # Both
//
// What the initiator lacks, more of it than it may request from one peer at
// once, it asks for in several DIFFs, while the responder keeps its set frozen.
//
// A transaction whose id collides with another's under the round's salt is
// overlooked in that round, and only there: the next one uses another salt.
// Nothing is ever decided about a transaction by its short id alone.
//
// # What is a violation, and what is an honest race
//
// Rounds of one initiator on one link are numbered upwards. Either side may
// abandon a round ([Timeout], [PageTimeout]), so a message can come for a round
// that the receiver has abandoned: that is [ErrStale] and means nothing. A
// message for a round that was never started, that its sender has itself ended,
// or in a phase its sender knows to be wrong, has no honest explanation; neither
// has a summary that is malformed or over its limit (sketch.CellLimit, [MaxList]),
// a chunk other than the last that is not full, a demand for other cells than
// sketch.MoreCells tells or for syndromes twice, a difference over [MaxDiff], a
// wanted id that does not take part or is wanted twice, or an offer of more than
// was wanted. Those errors wrap [ErrViolation]. Cells that tell nothing are none: the sets may differ by more
// than was estimated.
//
// # Limits
//
// Per link at most one round is initiated and one answered. A summary costs both
// sides time in the size of their sets, so answering is paid from an allowance:
// [MinSpacing] per request, more for a larger set and for each demand for more,
// with a burst of four. A whole mempool of more than [MaxNew] is summarised for a
// link at once and then once a [SyncInterval], or as long as the initiator has more
// than a DIFF can tell of, but to one peer never twice in [SyncSpacing], however
// often it connects. A frozen set is freed when its round ends.
//
// An [Initiator] or [Responder] has no lock, clock or random source: it
// belongs to the goroutine that owns the link and is told the time and the
// nonces.
package recon
