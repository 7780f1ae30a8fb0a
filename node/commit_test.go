package node

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/p2p"
)

// While storage takes nothing, what has been accepted and is not stored stays bounded, also
// across peers: the rest waits unjudged, where each peer has its share.
func TestStalledStorageStopsValidation(t *testing.T) {
	n := loopless(t, 0)
	synctest.Test(t, func(t *testing.T) {
		n.uncommitted = make(chan result, cap(n.uncommitted)) // of the bubble, that Wait sees who waits for it
		const workers, more = 2, 10
		for i := range maxUncommitted + workers + more {
			raw, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}, Index: uint32(i)}, 990_000)
			n.admission.push(candidate{origin: p2p.PeerID(1 + i%3), wtxid: chainhash.DoubleHashH(raw), raw: raw})
		}
		var group sync.WaitGroup
		for range workers {
			group.Go(func() { n.validate(t.Context()) })
		}
		synctest.Wait()
		if got := n.pool.Info().Count; got != maxUncommitted+workers {
			t.Errorf("%d were accepted, want %d", got, maxUncommitted+workers)
		}
		n.admission.close()
		for range workers {
			<-n.uncommitted
		}
		group.Wait()
	})
}
