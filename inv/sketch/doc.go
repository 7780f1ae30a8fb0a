// Package sketch holds the summaries by which two nodes that each hold a set
// of ids find out in what the sets differ, for little more than the difference
// itself. It is pure: no clock, no randomness, no I/O, and all that a peer's
// bytes can make it allocate or compute is bounded, as said at each function.
//
// # Which summary
//
// For a set of n ids and a difference of d, in bytes on the wire:
//
//	PinSketch      4 for each unit of a capacity that must be ≥ d; decoding takes O(capacity²)
//	cells          11·d for large d, 14·d for small, a quarter more for not knowing d; O(n + d)
//	list of ID40   n·(41.5 − log₂ n)/8, whatever d is
//	list of ID32   4·n, whatever d is
//	CountSketch    130 to 180, and tells only how large d is, ±12 %
//
// A [PinSketch] is for d up to about 128; cells, from a [CellEncoder] to a
// [CellDecoder], for more; a list, by a [ListEncoder] or [AppendList32], for d
// above a fifth of n, for small n, and when everything else has failed.
// [CellsFor], [MoreCells], [CellLimit] and [ListLen] are the rules for sizes.
//
// # Ids
//
// Ids are salted hashes of transactions, of 32 bits for a PinSketch, which has
// a use for sets of up to some thousands, and 40 bits for cells and lists; no
// id is 0. See [ID32] and [ID40]. Ids of one set must be distinct: the caller,
// who alone knows the transactions, keeps one of each pair that collides, and
// names the other in full. Which side an id of the difference is on, the caller
// sees by looking it up in its own set.
//
// # PinSketch
//
// The sketch of a set, with capacity c, is its power sums Σ x, Σ x³, … Σ
// x^(2c−1) over GF(2^32): the syndromes of a binary BCH code. The sum of two
// sketches is the sketch of the symmetric difference, which is decoded as an
// error pattern is: Berlekamp–Massey gives the polynomial whose roots are the
// elements, Berlekamp's trace algorithm its roots. BIP330 serializes sums in
// the basis of x^32 + x^7 + x^3 + x^2 + 1, as minisketch does with 32-bit
// elements, and so does this package, byte for byte.
//
// Inside, GF(2^32) is GF((2^16)²), whose products are a few lookups in tables
// of logarithms that fit a processor's second-level cache; a GF(2)-linear
// isomorphism leads from one basis to the other. The tables, 400 KiB, are
// built at first use.
//
// An over-full sketch of small capacity often decodes to something. A
// [PinSketch] therefore carries the [Key.Checksum] of its set, and
// [PinSketch.Decode] returns no set that does not have it.
//
// # Coded cells
//
// Cells are a rateless invertible Bloom lookup table: each is the exclusive or
// of the ids that a pseudorandom sequence, the same on both sides, maps to it,
// the first of all ids and the later ones of ever fewer. The difference of two
// sets' cells is the cells of their difference, and any long enough beginning
// of it is decoded by peeling off ids that are alone in a cell. A cell is 8
// bytes: a 40-bit id and a 24-bit check, and no count, since it is the check,
// and that the id maps to this cell, that make a cell pure.
//
// The sequences are defined by mix64, an integer bijection, and by IEEE 754
// operations with no room for platforms to differ; testdata pins them.
//
// # Sources
//
//   - BIP 330, Transaction announcements reconciliation
//   - G. Naumenko et al., Erlay: Efficient Transaction Relay for Bitcoin, CCS 2019
//   - Y. Dodis, R. Ostrovsky, L. Reyzin, A. Smith, Fuzzy Extractors, SIAM J. Comput. 38(1), 2008: PinSketch
//   - github.com/sipa/minisketch, doc/math.md: the algorithms that fit GF(2^b)
//   - E. R. Berlekamp, Factoring polynomials over large finite fields, Math. Comp. 24, 1970
//   - J. L. Massey, Shift-register synthesis and BCH decoding, IEEE Trans. IT 15, 1969
//   - L. Yang, Y. Gilad, M. Alizadeh, Practical Rateless Set Reconciliation, SIGCOMM 2024: coded cells
//   - M. Charikar, K. Chen, M. Farach-Colton, Finding frequent items in data streams, ICALP 2002: count sketch
//   - R. F. Rice, Some practical universal noiseless coding techniques, JPL 79-22, 1979
//   - G. L. Steele, D. Lea, C. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014: SplitMix64
package sketch
