package mempool

import "slices"

// Limits on topologically restricted transactions, version 3 (BIP 431): Core policy/truc_policy.h. They may form
// pairs only, a parent and a child, so that nobody can pin another's transaction under a heap of descendants.
const (
	trucVersion       = 3
	trucMaxVSize      = 10_000
	trucChildMaxVSize = 1_000

	reasonTRUC = "TRUC-violation"
)

// checkTRUC refuses e if it or one of its parents in the pool is version 3 and the rules for those forbid it. Where only
// another child stands in the way, e may replace it although they do not conflict: it is returned as the sibling.
func checkTRUC(e *Entry, parents, conflicts []*node) (sibling *node, err error) {
	violation := func(format string, args ...any) (*node, error) {
		return nil, rejectf(ErrTopology, reasonTRUC, format, args...)
	}
	truc := e.version() == trucVersion
	for _, n := range parents {
		parent := n.entry
		if parentTRUC := parent.version() == trucVersion; truc != parentTRUC {
			not := map[bool]string{true: "", false: "non-"}
			return violation("%sversion=3 tx %s (wtxid=%s) cannot spend from %sversion=3 tx %s (wtxid=%s)",
				not[truc], e.TxID, e.WTxID, not[parentTRUC], parent.TxID, parent.WTxID)
		}
	}
	if !truc {
		return nil, nil
	}
	if e.VSize > trucMaxVSize {
		return violation("version=3 tx %s (wtxid=%s) is too big: %d > %d virtual bytes",
			e.TxID, e.WTxID, e.VSize, trucMaxVSize)
	}
	if len(parents) == 0 {
		return nil, nil
	}
	parent := parents[0]
	if len(parents) > 1 || len(parent.parents()) > 0 {
		return violation("tx %s (wtxid=%s) would have too many ancestors", e.TxID, e.WTxID)
	}
	if e.VSize > trucChildMaxVSize {
		return violation("version=3 child tx %s (wtxid=%s) is too big: %d > %d virtual bytes",
			e.TxID, e.WTxID, e.VSize, trucChildMaxVSize)
	}
	switch siblings := parent.children(); {
	case len(siblings) == 0 || slices.ContainsFunc(siblings, func(n *node) bool { return slices.Contains(conflicts, n) }):
		return nil, nil
	case len(siblings) == 1 && len(siblings[0].parents()) == 1 && len(siblings[0].children()) == 0:
		return siblings[0], nil
	default:
		return nil, tooManyDescendants(parent.entry)
	}
}

func tooManyDescendants(parent *Entry) error {
	return rejectf(ErrTopology, reasonTRUC, "tx %s (wtxid=%s) would exceed descendant count limit", parent.TxID, parent.WTxID)
}
