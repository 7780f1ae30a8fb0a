package node

import "fmt"

// Warnings are what is wrong with the node's surroundings: storage that cannot be
// written or was damaged, a Bitcoin node that is away. Each is one line that says
// what to do, if anything is to be done.
func (n *Node) Warnings() (warnings []string) {
	if err := n.db.Unwritable(); err != nil {
		warnings = append(warnings, fmt.Sprintf("what comes is kept in memory only: %v", err))
	} else if reason := n.unwritten.Load(); reason != nil {
		warnings = append(warnings, "storage does not follow the mempool: "+*reason+": check the disk")
	}
	switch lost := n.db.Recovery(); {
	case lost == nil:
	case lost.MovedTo == "":
		warnings = append(warnings, fmt.Sprintf("a part of the stored mempool was damaged and is lost; peers refill it: check the disk: %v", lost.Cause))
	default:
		warnings = append(warnings, fmt.Sprintf("the stored mempool was damaged; peers refill it: check the disk, then delete %s: %v", lost.MovedTo, lost.Cause))
	}
	if source, ok := n.cfg.PrevOuts.(interface{ Away() error }); ok {
		if err := source.Away(); err != nil {
			warnings = append(warnings, fmt.Sprintf("transactions wait for the source of previous outputs: %v", err))
		}
	}
	return warnings
}
