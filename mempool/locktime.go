package mempool

import (
	"fmt"
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
	if int64(tx.LockTime) < limit {
		return nil
	}
	for _, in := range tx.TxIn {
		if in.Sequence != wire.MaxTxInSequenceNum {
			return reject(ErrPremature, "non-final")
		}
	}
	return nil
}

// A Chronicle is a [PrevOuts] that knows the past of its chain, without which relative locks by time cannot be judged.
type Chronicle interface {
	// MedianTime is the median time of the block at this height, which is not above the tip's, and the ten before it
	// (BIP 113). An error means the source could not tell.
	MedianTime(height int32) (time.Time, error)
}

// checkSequenceLocks judges relative lock times (BIP 68) for the next block. An unconfirmed previous output counts as
// confirmed in that block. Any other error than a rejection means that the source could not tell.
func (p *Pool) checkSequenceLocks(tx *wire.MsgTx, spent []spentOutput, t tip) error {
	if tx.Version < 2 {
		return nil
	}
	for i, in := range tx.TxIn {
		if in.Sequence&wire.SequenceLockTimeDisabled != 0 {
			continue
		}
		height := spent[i].Height
		if spent[i].unconfirmed {
			height = t.height + 1
		}
		lock := int32(in.Sequence & wire.SequenceLockTimeMask)
		ends, now := int64(height+lock), int64(t.height)+1
		if in.Sequence&wire.SequenceLockTimeIsSeconds != 0 && lock > 0 {
			begins, err := p.medianTime(max(height-1, 0), t)
			if err != nil {
				return err
			}
			ends, now = begins.Unix()+int64(lock)<<wire.SequenceLockTimeGranularity, t.medianTime.Unix()
		}
		if ends > now {
			return reject(ErrPremature, "non-BIP68-final")
		}
	}
	return nil
}

// medianTime is that of the block at a height: a lock by time counts from that of the block before the one that holds the
// previous output. Where the source does not know it the tip's stands in for it: never earlier, so nothing is accepted too
// soon, but a lock of one unit or more is refused although it may have passed.
func (p *Pool) medianTime(height int32, t tip) (time.Time, error) {
	c, ok := p.cfg.PrevOuts.(Chronicle)
	if !ok || height >= t.height {
		return t.medianTime, nil
	}
	median, err := c.MedianTime(height)
	if err != nil {
		return time.Time{}, fmt.Errorf("looking up the median time at height %d: %w", height, err)
	}
	return median, nil
}
