package inv

import "time"

// bucket is a token bucket. It is full at first.
type bucket struct {
	burst, rate float64 // what it holds, and gains per second
	tokens      float64 // negative: owed
	at          time.Time
}

func newBucket(burst, rate float64) bucket {
	return bucket{burst: burst, rate: rate, tokens: burst}
}

func (b *bucket) refill(now time.Time) {
	if !b.at.IsZero() {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
}

// take takes n tokens if there are as many.
func (b *bucket) take(now time.Time, n float64) bool {
	b.refill(now)
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// charge takes n tokens, on credit if need be, and returns what is left.
func (b *bucket) charge(now time.Time, n float64) (left float64) {
	b.refill(now)
	b.tokens -= n
	return b.tokens
}
