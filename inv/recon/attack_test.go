package recon

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/inv/sketch"
)

// T26: transactions ground, for a salt that was known, to lie in the first cell
// and in none of the next, so that no number of cells tells them. The round ends
// all the same, with the list, and finds them and an honest one, for the bytes of
// two lists. Under the next salt they are as cheap as any.
func TestGroundTransactionsEndInAList(t *testing.T) {
	const common, ground, clear = 1500, 12, 150
	key := cellKey(roundSalt)
	var txs []chainhash.Hash
	for n := common; len(txs) < ground; n++ {
		cells := sketch.NewCellEncoder(key, []uint64{uint64(id40(roundSalt, hash(n)))}).Next(clear)
		if !slices.ContainsFunc(cells[1:], func(c sketch.Cell) bool { return c != 0 }) {
			txs = append(txs, hash(n))
		}
	}
	txs = append(txs, chainhash.Hash{31: 1})
	ours := setOfSize(common)
	theirs := setOf(slices.Concat(ours.WTxIDs, txs)...)
	round := func(nonce relaymsg.Nonce) (size int) {
		var i Initiator
		var r Responder
		if reply, _, err := r.Request(epoch, i.Start(epoch, relaymsg.Nonce{1}, ours), nonce, theirs, false); reply != nil || err != nil {
			t.Fatal(reply, err)
		}
		diff, size := summarise(t, &i, &r)
		if len(diff.Want) != len(txs) || len(diff.Surplus) != 0 {
			t.Errorf("found %d, surplus %d", len(diff.Want), len(diff.Surplus))
		}
		return size
	}
	if size, list := round(responder), sketch.ListLen(len(theirs.WTxIDs)); size < 8*clear || size > 2*list+1000 {
		t.Errorf("%d bytes under the known salt, a list has %d", size, list)
	}
	if size := round(relaymsg.Nonce{3}); size > 8*sketch.CellsFor(2*len(txs)) {
		t.Errorf("%d bytes under another salt", size)
	}
}
