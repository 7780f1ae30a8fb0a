package backend

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
)

// eventOf is an event as the stream has it.
func eventOf(e node.Event) rpc.Event {
	told := rpc.Event{
		Sequence: e.Sequence, Time: unix(e.Time), Kind: string(e.Kind), TxID: shown(e.TxID), WTxID: shown(e.WTxID),
		Reason: string(e.Reason), ReplacedBy: shown(e.ReplacedBy), Local: e.Local, Missed: e.Missed,
	}
	if e.Entry != nil {
		told.VSize, told.Fee = e.Entry.VSize, rpc.Amount(e.Entry.Fee)
	}
	if e.Err != nil {
		told.Reason = e.Err.Error()
	}
	if e.Peer != "" {
		told.Peer = e.Peer.String()
	}
	if e.Kind == node.EventRound {
		told.Outcome, told.Difference, told.Reason = string(e.Round.Outcome), e.Round.Difference, e.Round.Reason
	}
	return told
}

// shown is the hash as people see it, or nothing for none.
func shown(h chainhash.Hash) string {
	if h == (chainhash.Hash{}) {
		return ""
	}
	return h.String()
}
