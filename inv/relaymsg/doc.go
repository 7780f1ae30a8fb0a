// Package relaymsg turns relay messages into bytes and back, with every limit
// checked before anything is allocated.
//
// # Framing
//
// Both protocols carry frames of the form
//
//	uvarint length | kind u8 | body
//
// where length counts the kind byte and the body and is encoded minimally.
// Integers in bodies are little-endian, or minimal uvarints where named so. A
// body must be consumed exactly: trailing bytes are a protocol violation.
//
// # Lanes
//
// A [Lane] is one long-lived bidirectional stream per pair of peers. [Relay]
// carries announcements, requests and bodies; [Recon] carries reconciliation
// rounds. A kind belongs to exactly one lane, and a message on the wrong lane
// is a protocol violation.
//
// # Short ids
//
// A transaction is named on a link by a [ShortID]: the low 48 bits of
// SipHash-2-4 of its wtxid under the salt of the node that must look it up,
// which is the receiver of an INV and the sender of a GET. The salt travels in
// [Hello].
//
// Everything here is a pure function of its arguments and safe for concurrent
// use. Decoded messages never alias the input buffer.
package relaymsg
