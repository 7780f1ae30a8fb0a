package utxo_test

import (
	"testing"
	"time"

	"github.com/txnode/txnode/mempool/utxo"
)

func expectMedian(t *testing.T, r *utxo.RPC, height int32, want time.Time) {
	t.Helper()
	if got, err := r.MedianTime(height); err != nil || !got.Equal(want) {
		t.Errorf("at height %d: %v, %v; want %v", height, got, err, want)
	}
}

func TestMedianTimes(t *testing.T) {
	n := newFakeNode(t, "regtest", testTip, nil)
	r := connect(t, n.config())
	o := follow(t, r)
	at := func(height int32) time.Time {
		return testTip.MedianTime.Add(time.Duration(height-testTip.Height) * 10 * time.Minute)
	}
	expectMedian(t, r, testTip.Height, testTip.MedianTime)
	expectMedian(t, r, 100, at(100))
	expectMedian(t, r, 10, at(10))
	expectMedian(t, r, 9, at(10)) // of ten blocks, the sixth
	expectMedian(t, r, 1, at(6))
	expectMedian(t, r, 0, at(5))
	before := n.called("getblockheader")
	expectMedian(t, r, 100, at(100))
	if n.called("getblockheader") != before {
		t.Error("the node was asked twice")
	}

	n.mine(1)
	<-o.connected
	expectMedian(t, r, testTip.Height+1, at(testTip.Height+1))
	n.invalidate()
	n.mine(2)
	<-o.reorganized
	expectMedian(t, r, testTip.Height+1, at(testTip.Height+1))
	if n.called("getblockheader") < before+22 {
		t.Error("what was known of a block that left the chain was told of another")
	}
}
