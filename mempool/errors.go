package mempool

import (
	"errors"
	"fmt"
	"strings"
)

// ErrorKind says what a rejection means to the caller, where [RuleError.Reason] says which rule was broken. Kinds are
// errors themselves: errors.Is(err, mempool.ErrMissingInputs).
type ErrorKind uint8

// The kinds of rejection.
const (
	// ErrDecode: the bytes are not one complete transaction.
	ErrDecode ErrorKind = iota + 1
	// ErrConsensus: no block could ever contain it.
	ErrConsensus
	// ErrNonStandard: valid perhaps, but not relayed (shape, size, script types, dust).
	ErrNonStandard
	// ErrScript: an input's script or witness failed under the standard flags. It says nothing about another witness
	// for the same txid.
	ErrScript
	// ErrFee: pays less than the minimum relay fee.
	ErrFee
	// ErrPremature: not valid in the next block: a time lock or coinbase maturity is still ahead.
	ErrPremature
	// ErrMissingInputs: spends outputs that are unknown or spent; an orphan, perhaps.
	ErrMissingInputs
	// ErrAlreadyKnown: its own outputs are among the previous outputs: it is confirmed.
	ErrAlreadyKnown
	// ErrAlreadyInMempool: this very transaction is in the pool.
	ErrAlreadyInMempool
	// ErrSameTxID: the pool holds the same transaction with another witness.
	ErrSameTxID
	// ErrConflict: the pool holds transactions that spend the same outputs, and it does not pay enough to replace them.
	ErrConflict
	// ErrTopology: the group of unconfirmed transactions it would join is too large or of a forbidden shape.
	ErrTopology
	// ErrFull: the pool is at its size limit and everything in it pays more.
	ErrFull
	// ErrPackage: a package as a whole is malformed, or not all of it entered the pool.
	ErrPackage
)

var kindNames = [...]string{
	ErrDecode:           "malformed transaction",
	ErrConsensus:        "invalid by consensus",
	ErrNonStandard:      "nonstandard",
	ErrScript:           "script failed",
	ErrFee:              "fee too low",
	ErrPremature:        "not yet valid",
	ErrMissingInputs:    "missing inputs",
	ErrAlreadyKnown:     "already confirmed",
	ErrAlreadyInMempool: "already in mempool",
	ErrSameTxID:         "same txid in mempool",
	ErrConflict:         "conflicts with mempool",
	ErrTopology:         "mempool topology limit",
	ErrFull:             "mempool full",
	ErrPackage:          "package refused",
}

// Error names the kind.
func (k ErrorKind) Error() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("ErrorKind(%d)", uint8(k))
}

// Transient reports whether the same bytes may be accepted later although nobody's rules or chain changed: a parent
// may arrive, room may appear. Everything else need not be asked for again soon.
func (k ErrorKind) Transient() bool { return k == ErrMissingInputs || k == ErrFull }

// Reconsiderable reports whether a child may pay for what was refused with err: Core's TX_RECONSIDERABLE.
func Reconsiderable(err error) bool {
	var rule *RuleError
	if !errors.As(err, &rule) {
		return false
	}
	switch rule.Kind {
	case ErrFee, ErrFull:
		return true
	case ErrConflict:
		return !strings.HasPrefix(rule.Reason, reasonTooMany)
	}
	return false
}

// A RuleError is the rejection of a transaction.
type RuleError struct {
	Kind   ErrorKind
	Reason string // Bitcoin Core's reject string
	Detail string // Core's debug message: which input, which amounts; may be empty
}

// Error is the text Core's RPC gives: the reason, and the detail after a comma if there is one.
func (e *RuleError) Error() string {
	if e.Detail == "" {
		return e.Reason
	}
	return e.Reason + ", " + e.Detail
}

// Unwrap returns the kind, for errors.Is.
func (e *RuleError) Unwrap() error { return e.Kind }

func reject(kind ErrorKind, reason string) error {
	return &RuleError{Kind: kind, Reason: reason}
}

func rejectf(kind ErrorKind, reason, format string, args ...any) error {
	return &RuleError{Kind: kind, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
