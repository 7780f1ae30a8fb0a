package inv

import (
	"math"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// FloorDelay is within which a change of our fee floor is told (Core:
	// MAX_FEEFILTER_CHANGE_DELAY, 5 minutes for its slower network).
	FloorDelay = 30 * time.Second

	// floorSpacing is between one floor that is told and the next, and
	// floorLimit the highest (Core: FEE_FILTER_SPACING, MAX_FILTER_FEERATE).
	floorSpacing = 1.1
	floorLimit   = 1e7
)

// floor is the fee rate below which our mempool takes nothing, and what peers
// know of it, both in satoshi per 1000 virtual bytes.
type floor struct {
	rate   uint64
	told   uint64
	tellAt time.Time // zero: what was told is good enough
}

// FeeFloorChanged tells the fee rate below which the mempool takes nothing now.
// Calling it with an unchanged rate costs nothing.
func (r *Relay) FeeFloorChanged(now time.Time, rate uint64) {
	r.advance(now)
	f := &r.floor
	f.rate = max(min(rate, floorLimit), r.cfg.FeeFloor)
	lowest := f.rate == r.cfg.FeeFloor && f.told != f.rate
	switch {
	case !lowest && 4*f.rate >= 3*f.told && 3*f.rate <= 4*f.told:
		f.tellAt = time.Time{}
	case f.tellAt.IsZero():
		f.tellAt = r.now.Add(time.Duration(r.cfg.Rand.Int64N(int64(FloorDelay))))
	}
}

// tellFloor tells all peers our floor if that is due.
func (r *Relay) tellFloor() {
	if !r.due(r.floor.tellAt) {
		return
	}
	r.floor.tellAt = time.Time{}
	r.floor.told = r.cfg.FeeFloor
	if r.floor.rate > r.cfg.FeeFloor {
		r.floor.told = max(r.floor.told, r.roundFloor())
	}
	for _, p := range r.order {
		r.send(p, &relaymsg.FeeFilter{FeeFloor: r.floor.told})
	}
}

// roundFloor is the step below our floor in two of three cases, else the one
// above.
func (r *Relay) roundFloor() uint64 {
	step := 1.0
	for step*floorSpacing <= float64(r.floor.rate) {
		step *= floorSpacing
	}
	if r.cfg.Rand.IntN(3) == 0 {
		step *= floorSpacing
	}
	return uint64(math.Round(step))
}
