package mempool

import (
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// A tip is the newest block of the previous-output source. Locks are judged for the block after it.
type tip struct {
	height     int32
	medianTime time.Time
}

// checkFinal judges the absolute lock time (BIP 113: against the median time) for the next block.
func checkFinal(tx *wire.MsgTx, t tip) error {
	limit := int64(t.height) + 1
	if tx.LockTime >= txscript.LockTimeThreshold {
		limit = t.medianTime.Unix()
	}
	if tx.LockTime == 0 || int64(tx.LockTime) < limit {
		return nil
	}
	for _, in := range tx.TxIn {
		if in.Sequence != wire.MaxTxInSequenceNum {
			return reject(ErrPremature, "non-final")
		}
	}
	return nil
}

// checkSequenceLocks judges relative lock times (BIP 68) for the next block. An unconfirmed previous output counts as
// confirmed in that block.
//
// Locks by height are exact. Locks by time count from the median time of the block before the one that holds the
// previous output, which a source that knows only its tip cannot tell. The tip's median time stands in for it: never
// earlier, so nothing is accepted too soon, but a lock of one unit or more is refused although it may have passed.
func checkSequenceLocks(tx *wire.MsgTx, spent []spentOutput, t tip) error {
	if tx.Version < 2 {
		return nil
	}
	for i, in := range tx.TxIn {
		if in.Sequence&wire.SequenceLockTimeDisabled != 0 {
			continue
		}
		lock := int32(in.Sequence & wire.SequenceLockTimeMask)
		if in.Sequence&wire.SequenceLockTimeIsSeconds != 0 {
			if lock > 0 {
				return reject(ErrPremature, "non-BIP68-final")
			}
			continue
		}
		height := spent[i].Height
		if spent[i].unconfirmed {
			height = t.height + 1
		}
		if height+lock > t.height+1 {
			return reject(ErrPremature, "non-BIP68-final")
		}
	}
	return nil
}
