package mempool

import (
	"math"
	"time"
)

// IncrementalRelayFeeRate is what the room taken from others costs, in satoshi per kvB: a replacement pays it on top of
// what it replaces, and after an eviction the minimum is above what was evicted by it. Core policy/policy.h.
const IncrementalRelayFeeRate = 100

// floorHalfLife is the time in which the rolling minimum halves: Core's ROLLING_FEE_HALFLIFE.
const floorHalfLife = 12 * time.Hour

// A rollingFloor is the minimum fee rate that eviction leaves behind, so that what was evicted does not come back at
// once. It decays with time alone. In Core it starts to decay with the next block, which shows that there is room
// again; here the previous outputs may come without blocks, and then it would never fall.
type rollingFloor struct {
	rate float64   // satoshi per kvB; 0: none
	at   time.Time // when it was that
}

// decay lets time pass until now, with usage bytes of limit taken: an emptier pool forgets faster. Times that go back
// are ignored.
func (f *rollingFloor) decay(now time.Time, usage, limit int64) {
	passed := now.Sub(f.at)
	if f.rate == 0 || passed <= 0 {
		return
	}
	halfLife := floorHalfLife
	switch {
	case usage < limit/4:
		halfLife /= 4
	case usage < limit/2:
		halfLife /= 2
	}
	f.rate /= math.Exp2(float64(passed) / float64(halfLife))
	f.at = now
	if f.rate < IncrementalRelayFeeRate/2 {
		f.rate = 0
	}
}

// raise sets the floor above the fee rate of what was evicted.
func (f *rollingFloor) raise(evicted int64, now time.Time) {
	if rate := float64(evicted + IncrementalRelayFeeRate); rate > f.rate {
		f.rate = rate
		if now.After(f.at) {
			f.at = now
		}
	}
}

// perKvB is the floor in satoshi per 1000 virtual bytes; 0: none.
func (f rollingFloor) perKvB() int64 {
	if f.rate == 0 {
		return 0
	}
	return max(int64(math.Round(f.rate)), IncrementalRelayFeeRate)
}
