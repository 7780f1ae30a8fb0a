package utxo

import "github.com/btcsuite/btcd/chainhash/v2"

// maxRecent is how many blocks below the tip are remembered: the deepest
// reorganization and the longest absence that are followed block by block. It
// is a day of blocks.
const maxRecent = 144

// blockRef names a block.
type blockRef struct {
	hash   chainhash.Hash
	height int32
}

// chain are the newest blocks of a chain, the tip last, without gaps.
type chain []blockRef

// tip is zero if there is none.
func (c chain) tip() blockRef {
	if len(c) == 0 {
		return blockRef{}
	}
	return c[len(c)-1]
}

func (c chain) find(hash chainhash.Hash) (b blockRef, ok bool) {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].hash == hash {
			return c[i], true
		}
	}
	return blockRef{}, false
}

// with is c with b on top, in an array of its own.
func (c chain) with(b blockRef) chain {
	kept := c[max(0, len(c)+1-maxRecent):]
	return append(append(make(chain, 0, len(kept)+1), kept...), b)
}
