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
	for _, n := range parents {
		if err := checkInheritance(e, n.entry); err != nil {
			return nil, err
		}
	}
	if e.version() != trucVersion {
		return nil, nil
	}
	if e.VSize > trucMaxVSize {
		return nil, violation("version=3 tx %s (wtxid=%s) is too big: %d > %d virtual bytes", e.TxID, e.WTxID, e.VSize, trucMaxVSize)
	}
	if len(parents) == 0 {
		return nil, nil
	}
	parent := parents[0]
	if len(parents) > 1 || len(parent.parents()) > 0 {
		return nil, tooManyAncestors(e)
	}
	if err := checkChildSize(e); err != nil {
		return nil, err
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

// checkGroupTRUC is checkTRUC for a member of a group, which may have parents in the pool and before it in the group:
// Core's PackageTRUCChecks. What it replaces still counts.
func (p *Pool) checkGroupTRUC(e *Entry, group []candidate) error {
	inPool := p.parentsOf(e)
	parents := entriesOf(inPool)
	for _, c := range group[:slices.IndexFunc(group, func(c candidate) bool { return c.entry == e })] {
		if e.spendsFrom(c.entry) {
			parents = append(parents, c.entry)
		}
	}
	if e.version() != trucVersion {
		for _, parent := range parents {
			if err := checkInheritance(e, parent); err != nil {
				return err
			}
		}
		return nil
	}
	if len(parents) > 1 || len(inPool) > 0 && len(inPool[0].parents()) > 0 {
		return tooManyAncestors(e)
	}
	if len(parents) == 0 {
		return nil
	}
	if err := checkChildSize(e); err != nil {
		return err
	}
	if err := checkInheritance(e, parents[0]); err != nil {
		return err
	}
	for _, c := range group {
		switch other := c.entry; {
		case other == e:
		case other.spendsFrom(parents[0]):
			return tooManyDescendants(parents[0])
		case other.spendsFrom(e):
			return tooManyAncestors(other)
		}
	}
	if len(inPool) > 0 && len(inPool[0].children()) > 0 {
		return tooManyDescendants(parents[0])
	}
	return nil
}

// checkInheritance wants parent and child to be version 3 both, or neither.
func checkInheritance(e, parent *Entry) error {
	switch {
	case e.version() == parent.version():
	case e.version() == trucVersion:
		return violation("version=3 tx %s (wtxid=%s) cannot spend from non-version=3 tx %s (wtxid=%s)", e.TxID, e.WTxID, parent.TxID, parent.WTxID)
	case parent.version() == trucVersion:
		return violation("non-version=3 tx %s (wtxid=%s) cannot spend from version=3 tx %s (wtxid=%s)", e.TxID, e.WTxID, parent.TxID, parent.WTxID)
	}
	return nil
}

func checkChildSize(e *Entry) error {
	if e.VSize > trucChildMaxVSize {
		return violation("version=3 child tx %s (wtxid=%s) is too big: %d > %d virtual bytes", e.TxID, e.WTxID, e.VSize, trucChildMaxVSize)
	}
	return nil
}

func violation(format string, args ...any) error {
	return rejectf(ErrTopology, reasonTRUC, format, args...)
}

func tooManyAncestors(e *Entry) error {
	return violation("tx %s (wtxid=%s) would have too many ancestors", e.TxID, e.WTxID)
}

func tooManyDescendants(parent *Entry) error {
	return violation("tx %s (wtxid=%s) would exceed descendant count limit", parent.TxID, parent.WTxID)
}
