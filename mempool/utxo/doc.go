// Package utxo tells a mempool which outputs it may spend, by implementing
// mempool.PrevOuts: as a fixed allocation, or as what a Bitcoin node says.
//
// # Static allocations
//
// [Static] is a fixed set of confirmed outputs that all nodes of a testnet
// share. It is read by [Load] from a JSON file:
//
//	{
//	  "network": "regtest",
//	  "tip": {"height": 200, "mediantime": 1700000000},
//	  "outputs": [
//	    {"txid": "…", "vout": 0, "value": 5000000000, "scriptPubKey": "hex", "height": 0, "coinbase": false}
//	  ]
//	}
//
// A txid is written as Bitcoin tools show it (byte-reversed hex) and a value is
// in satoshi. The tip decides finality and coinbase maturity; it and both of
// its fields may be left out, and so may an output's height (0) and coinbase
// (false). Unknown fields are refused, because a misspelt one would silently
// make another allocation.
//
// Nodes with different allocations disagree about what is valid. They find out
// when they connect: [Static.Digest] is equal exactly when network, tip and
// outputs are, in whatever order the outputs were listed.
//
// # A Bitcoin node
//
// [RPC] is the set of unspent outputs of a bitcoind or btcd, whose RPC server it
// asks: gettxout, without the node's mempool, for outputs that it has not
// cached; getblockchaininfo every second for the tip, and at once when a
// bitcoind answers waitfornewblock; getblockheader and getblock for the blocks
// between the tip it knew and the new one; getblockhash and getblockheader for
// the median times by which relative locks are judged. [Connect] makes one and
// [RPC.Follow] keeps it current.
//
// A block that joins or leaves the chain drops from the cache exactly what it
// creates and spends, then the observer is told. A change that is deeper than
// 144 blocks is not followed: the cache is emptied and the observer told that
// anything may have changed. An answer is cached only if it is about the tip
// that is known. That an output does not exist is not told at all before the
// observer has heard of the tip at which that is so.
//
// While the node does not answer, starts, or has not caught up with what
// happened in its absence, Lookup returns an error, for known outputs as well:
// a block may have spent them. Follow tries again, with growing pauses, and
// reads the cookie anew each time.
//
// The node is trusted to tell the truth; whoever runs a txnode runs the node it
// asks. What it says is nevertheless limited in size and checked for values
// that cannot be. Its chain is identified by the network's name and the hash
// of the first block, and it is asked for that hash whenever for its tip.
//
// # The test allocation
//
// [TestAllocation] is the allocation that testnets use when none is given.
//
// WARNING: its private keys are PUBLIC. They follow from [TestSeed], which is
// printed in this source. Anyone can spend anything sent to them, at once and
// on every network. Never send coins of value to a test key or test script.
//
// Output i, counted from 0, is derived like this, with numbers in decimal:
//
//	key    SHA-256(TestSeed "/key/" i mod TestKeys), as a secp256k1 private key
//	txid   SHA-256(TestSeed "/" network "/txid/" i), in wire byte order; vout 0
//	script P2WPKH of the key for even i, P2TR for odd i (no script path, BIP 86)
//	value  1 BTC, height 0, not a coinbase
package utxo
