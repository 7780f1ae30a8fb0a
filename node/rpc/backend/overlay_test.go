package backend

import (
	"testing"
	"time"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/p2p"
)

// TestLagIsWhatTimeDoesNotExplain: a node is behind only by what had time to
// reach it before its beacon.
func TestLagIsWhatTimeDoesNotExplain(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	var pool []*mempool.Entry
	for i := range 10 { // the last after 90 s
		pool = append(pool, &mempool.Entry{Time: began.Add(time.Duration(i) * 10 * time.Second)})
	}
	ours, theirs := [32]byte{1}, [32]byte{2}
	for _, c := range []struct {
		digest  [32]byte
		count   uint64
		heard   time.Duration
		lacks   int
		differs bool
	}{
		{ours, 10, 200 * time.Second, 0, false},
		{theirs, 9, 100 * time.Second, 0, false}, // it may have all of before 70 s
		{theirs, 8, 100 * time.Second, 0, false},
		{theirs, 5, 100 * time.Second, 3, false},
		{theirs, 5, 200 * time.Second, 5, true},
		{theirs, 10, 200 * time.Second, 0, true},
		{theirs, 1 << 63, 200 * time.Second, 0, true},
		{theirs, 0, 10 * time.Second, 0, false},
	} {
		a := p2p.Author{Heard: began.Add(c.heard), Beacon: p2p.Beacon{Digest: c.digest, Count: c.count}}
		if lacks, differs := compare(pool, ours, a); lacks != c.lacks || differs != c.differs {
			t.Errorf("%d transactions after %v: lacks %d, differs %v; want %d, %v", c.count, c.heard, lacks, differs, c.lacks, c.differs)
		}
	}
}
