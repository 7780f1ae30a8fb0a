package relaymsg

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/dchest/siphash"
)

// ShortIDLen is the length of a [ShortID] on the wire, in bytes.
const ShortIDLen = 6

// ShortID names a transaction on a link. Only the low 48 bits are used.
type ShortID uint64

// String is the id as 12 hexadecimal digits.
func (id ShortID) String() string { return fmt.Sprintf("%012x", uint64(id)) }

// Salt keys short ids: SipHash-2-4 with the two halves as k0 and k1.
type Salt [16]byte

// ShortID names wtxid under the salt.
func (s Salt) ShortID(wtxid chainhash.Hash) ShortID { return ShortID(s.Hash(wtxid) & (1<<48 - 1)) }

// Hash is the SipHash-2-4 of wtxid, of which ids are parts.
func (s Salt) Hash(wtxid chainhash.Hash) uint64 {
	k0 := binary.LittleEndian.Uint64(s[:8])
	k1 := binary.LittleEndian.Uint64(s[8:])
	return siphash.Hash(k0, k1, wtxid[:])
}

// ReconIDLen is the length of a [ReconID] on the wire, in bytes.
const ReconIDLen = 5

// ReconID names a transaction within one reconciliation round: sketch.ID40 of
// its hash under the round's salt.
type ReconID uint64

// String is the id as 10 hexadecimal digits.
func (id ReconID) String() string { return fmt.Sprintf("%010x", uint64(id)) }

// Nonce is one side's random half of a reconciliation round's salt.
type Nonce [16]byte

// RoundSalt joins both halves, so that neither side alone chooses the salt and
// no round repeats one.
func RoundSalt(initiator, responder Nonce) Salt {
	h := sha256.New()
	h.Write([]byte("txnode/recon/v1"))
	h.Write(initiator[:])
	h.Write(responder[:])
	return Salt(h.Sum(nil)[:16])
}
