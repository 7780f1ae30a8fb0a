package mempool

import (
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// AddFamily adds an orphan, which is the last of the given transactions, and those of the others that are its ancestors,
// which come parents before children: each alone, or, if it or parents of it could not stand alone for their fee, as a
// package with those parents. That is what Core accepts when they come one by one, so what is deeper than parents has to
// pay for itself.
//
// The results are one for each transaction that was judged: nothing is that is no ancestor of the last, nor what follows
// one that is refused for anything but its fee or missing parents.
func (p *Pool) AddFamily(raws [][]byte, now time.Time) (results []PackageResult, changes []Change) {
	raws, txs := lineage(raws)
	poor := map[chainhash.Hash]int{} // by txid, refused for their fee so far
	for i, raw := range raws {
		e, made, err := p.Add(raw, now)
		results, changes = append(results, PackageResult{Entry: e, Err: err}), append(changes, made...)
		switch {
		case err == nil, errors.Is(err, ErrAlreadyInMempool), errors.Is(err, ErrSameTxID):
			continue
		case !Reconsiderable(err) && !errors.Is(err, ErrMissingInputs):
			return results, changes
		}
		if pack := parentsAmong(poor, txs[i]); len(pack) > 0 {
			changes = append(changes, p.addGroup(raws, append(pack, i), results, now)...)
		}
		if Reconsiderable(results[i].Err) {
			poor[txs[i].TxHash()] = i
		}
	}
	return results, changes
}

// addGroup adds the named transactions as a package and puts what became of them into the results.
func (p *Pool) addGroup(raws [][]byte, which []int, results []PackageResult, now time.Time) []Change {
	group := make([][]byte, len(which))
	for k, i := range which {
		group[k] = raws[i]
	}
	members, changes, _ := p.AddPackage(group, now)
	for k, m := range members {
		results[which[k]] = m
	}
	return changes
}

// lineage is the last transaction and those of the others that are its ancestors, in their order.
func lineage(raws [][]byte) (related [][]byte, txs []*wire.MsgTx) {
	wanted := map[chainhash.Hash]bool{}
	keep := make([]*wire.MsgTx, len(raws))
	for i := len(raws) - 1; i >= 0; i-- {
		tx, err := DecodeTx(raws[i])
		if err != nil || i < len(raws)-1 && !wanted[tx.TxHash()] {
			continue
		}
		keep[i] = tx
		for _, in := range tx.TxIn {
			wanted[in.PreviousOutPoint.Hash] = true
		}
	}
	for i, tx := range keep {
		if tx != nil {
			related, txs = append(related, raws[i]), append(txs, tx)
		}
	}
	return related, txs
}

// parentsAmong are the parents of tx among the given, by their place, once each and in order.
func parentsAmong(given map[chainhash.Hash]int, tx *wire.MsgTx) (places []int) {
	for _, in := range tx.TxIn {
		if i, ok := given[in.PreviousOutPoint.Hash]; ok {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}
