package rpc

import "slices"

// Headings of the list of methods.
const (
	categoryBlockchain = "Blockchain"
	categoryControl    = "Control"
	categoryMining     = "Mining"
	categoryNetwork    = "Network"
	categoryRawTx      = "Rawtransactions"
	categoryTxNode     = "Txnode"
	categoryWebsocket  = "Websocket"
	categoryZMQ        = "Zmq"
)

// table is the one list of methods: dispatch, argument checks, help texts and
// the command line's argument types all come from it.
func table() []*method {
	return slices.Concat(mempoolMethods(), rawTxMethods(), standingMethods(), miningMethods(), dumpMethods(), networkMethods(), reconMethods(), receiptMethods(), controlMethods(), websocketMethods(), zmqMethods())
}

const (
	entryHelp  = "An object with vsize, weight, time, height, ancestor and descendant totals, wtxid, fees, depends and spentby."
	txidHelp   = "The transaction id"
	rateHelp   = "Refuse a fee rate above this, in BTC/kvB; 0 accepts any"
	verbosHelp = "true: an object of entries by txid, false: an array of txids"
)

func mempoolMethods() []*method {
	txid := param{name: "txid", typ: typeHex, help: txidHelp}
	verbose := param{name: "verbose", typ: typeBool, optional: true, help: verbosHelp}
	return []*method{{
		name: "getrawmempool", category: categoryBlockchain, call: getRawMempool,
		summary: "Returns all transaction ids in the mempool.",
		params: []param{verbose, {name: "mempool_sequence", typ: typeBool, optional: true,
			help: "Add the mempool sequence value; not with verbose"}},
		result: "An array of txids; with verbose, an object of entries as in getmempoolentry; with mempool_sequence, an object with txids and mempool_sequence.", example: "true",
	}, {
		name: "getmempoolentry", category: categoryBlockchain, call: getMempoolEntry,
		summary: "Returns mempool data for the given transaction.",
		params:  []param{txid}, result: entryHelp, example: `"mytxid"`,
	}, {
		name: "getmempoolcluster", category: categoryBlockchain, call: getMempoolCluster,
		summary: "Returns the cluster of a transaction in the mempool: all that are connected with it by spending each other's outputs.",
		params:  []param{txid}, result: "An object with clusterweight, txcount, and chunks, best first: objects with chunkfee, chunkweight and txs.", example: `"mytxid"`,
	}, {
		name: "getmempoolancestors", category: categoryBlockchain, call: getMempoolAncestors,
		summary: "Returns all in-mempool ancestors of a transaction in the mempool.",
		params:  []param{txid, verbose}, result: "As getrawmempool.", example: `"mytxid"`,
	}, {
		name: "getmempooldescendants", category: categoryBlockchain, call: getMempoolDescendants,
		summary: "Returns all in-mempool descendants of a transaction in the mempool.",
		params:  []param{txid, verbose}, result: "As getrawmempool.", example: `"mytxid"`,
	}, {
		name: "gettxspendingprevout", category: categoryBlockchain, call: getTxSpendingPrevout,
		summary: "Finds the mempool transactions that spend the given outputs.",
		params: []param{
			{name: "outputs", typ: typeArray, help: "1 to 10000 objects with txid and vout"},
			{name: "options", typ: typeObject, optional: true,
				help: "mempool_only (default true; false fails for an output without a spender in the mempool, as spent outputs are not indexed) and return_spending_tx (default false)"},
		},
		result:  "An array in the order given of objects with txid, vout and, of a spent output, spendingtxid and if asked for spendingtx in hex.",
		example: `'[{"txid":"mytxid","vout":0}]'`,
	}, {
		name: "gettxout", category: categoryBlockchain, call: getTxOut,
		summary: "Returns an unspent output, confirmed or of a transaction in the mempool.",
		params: []param{
			txid,
			{name: "n", typ: typeNumber, help: "The number of the output"},
			{name: "include_mempool", typ: typeBool, optional: true, help: "Whether the mempool's outputs exist, and what it spends is spent. Default true"},
		},
		result: "null if there is none, else an object with bestblock, confirmations, value, scriptPubKey and coinbase.", example: `"mytxid" 1`,
	}, {
		name: "getmempoolinfo", category: categoryBlockchain, call: getMempoolInfo, early: true,
		summary: "Returns totals and limits of the mempool. unbroadcastcount are transactions submitted here that have not been shown to have arrived anywhere.",
		result:  "An object with loaded, size, bytes, usage, total_fee, maxmempool and the fee floors in BTC/kvB.",
	}, {
		name: "getmempooldigest", category: categoryTxNode, call: getMempoolDigest, own: true,
		summary: "Returns a digest of the mempool: nodes with equal digests hold the same transactions.",
		result:  "An object with digest (hex), count, bytes, and what is heard of other nodes: overlay.nodes nodes with overlay.digests different digests.",
	}, {
		name: "getoverlayinfo", category: categoryTxNode, call: getOverlayInfo, own: true,
		summary: "Returns what beacons tell of the other nodes of the network.",
		result:  "An object with nodes, digests, the interval between this node's beacons in seconds, how many others lag, and others: an array of objects with peerid, agent, digest, count, bytes, feefloor, sequence, heard, lags, lacks (transactions that this node had held for half a minute when that beacon came, at least), differs (another mempool although this node's had been the same for half a minute), ahead (seconds by which its clock is, at least).",
	}}
}

func rawTxMethods() []*method {
	return []*method{{
		name: "sendrawtransaction", category: categoryRawTx, call: sendRawTransaction,
		summary: "Submits a raw transaction to the mempool and the network. It is on disk when this answers. A transaction that is in the mempool already is announced again.",
		params: []param{
			{name: "hexstring", typ: typeHex, help: "The hex string of the raw transaction"},
			{name: "maxfeerate", typ: typeAmount, optional: true, help: rateHelp + ". Default 0.10. As in old versions, true accepts any"},
			{name: "maxburnamount", typ: typeAmount, optional: true, help: "Refuse to burn more than this in one unspendable output, in BTC. Default 0"},
		},
		result: "The transaction id in hex.", example: `"signedhex"`,
	}, {
		name: "testmempoolaccept", category: categoryRawTx, call: testMempoolAccept,
		summary: "Tells whether raw transactions would be accepted by the mempool. Of several, each is judged as if those before it were in the mempool, has to pay for itself, and replaces nothing; when one fails, the others are not judged.",
		params: []param{
			{name: "rawtxs", typ: typeArray, help: "1 to 25 hex strings of raw transactions"},
			{name: "maxfeerate", typ: typeAmount, optional: true, help: rateHelp + ". Default 0.10"},
		},
		result: "An array in the order given of objects with txid, wtxid, allowed, and vsize and fees, or reject-reason and reject-details; of several, package-error if they are no package, and neither it nor allowed for one that is not judged.", example: `'["signedhex"]'`,
	}, {
		name: "submitpackage", category: categoryRawTx, call: submitPackage,
		summary: "Submits a transaction together with unconfirmed parents of it, which it may pay for. What can stand alone enters the mempool even if the others cannot.",
		params: []param{
			{name: "package", typ: typeArray, help: "1 to 25 hex strings of raw transactions: the parents, which do not depend on each other, and last their child"},
			{name: "maxfeerate", typ: typeAmount, optional: true, help: rateHelp + ". Default 0.10"},
			{name: "maxburnamount", typ: typeAmount, optional: true, help: "Refuse to burn more than this in one unspendable output, in BTC. Default 0"},
		},
		result:  "An object with package_msg (success, or why not all are in the mempool), tx-results by wtxid (objects with txid, other-wtxid, vsize, fees, error) and replaced-transactions.",
		example: `'["parenthex","childhex"]'`,
	}, {
		name: "getrawtransaction", category: categoryRawTx, call: getRawTransaction,
		summary: "Returns a transaction that is in the mempool.",
		params: []param{
			{name: "txid", typ: typeHex, help: txidHelp},
			{name: "verbosity", typ: typeAny, optional: true, help: "0: hex (default), 1 and 2: an object"},
			{name: "blockhash", typ: typeHex, optional: true, help: "Blocks are not kept: must be absent"},
		},
		result: "The serialization in hex, or an object as of decoderawtransaction with hex.", example: `"mytxid" 1`,
	}, {
		name: "decoderawtransaction", category: categoryRawTx, call: decodeRawTransaction, early: true,
		summary: "Returns a serialized transaction taken apart.",
		params: []param{
			{name: "hexstring", typ: typeHex, help: "The transaction hex string"},
		},
		result: "An object with txid, hash, version, size, vsize, weight, locktime, vin and vout.", example: `"hexstring"`,
	}}
}

func standingMethods() []*method {
	return []*method{{
		name: "standtransaction", category: categoryTxNode, call: standTransaction, own: true,
		summary: "Submits a raw transaction, and leaves it standing if the mempool does not take it now but may later: it pays too little, lacks a parent, or conflicts with what is there. It is then on disk, and tried again when what it waits for may have changed, for two weeks.",
		params: []param{
			{name: "hexstring", typ: typeHex, help: "The hex string of the raw transaction"},
			{name: "maxfeerate", typ: typeAmount, optional: true, help: rateHelp + ", also when it is tried again. Default 0.10"},
			{name: "maxburnamount", typ: typeAmount, optional: true, help: "Refuse to burn more than this in one unspendable output, in BTC. Default 0"},
		},
		result: "An object with txid, wtxid, standing (false: the mempool has it), and reason and waits_for of one that stands. What can never be accepted is refused as by sendrawtransaction.", example: `"signedhex"`,
	}, {
		name: "liststanding", category: categoryTxNode, call: listStanding, own: true,
		summary: "Lists the transactions left standing, the oldest first.",
		result:  "An array of objects with txid, wtxid, size, reason, waits_for, maxfeerate, since, expires, tried and tries (since the node started), and rival, the txid of a confirmed transaction that spends the same, if a block had one since then.",
	}, {
		name: "abortstanding", category: categoryTxNode, call: abortStanding, own: true,
		summary: "Gives up a transaction that is left standing.",
		params:  []param{{name: "id", typ: typeHex, help: "Its txid or wtxid"}},
		result:  "An object with removed_transactions: an array of objects with txid, wtxid and hex.", example: `"mytxid"`,
	}}
}

func miningMethods() []*method {
	return []*method{{
		name: "prioritisetransaction", category: categoryMining, call: prioritiseTransaction,
		summary: "Has a transaction, which need not be in the mempool yet, count with a higher or lower fee: for the minimum fee, replacement, announcement and eviction. It is on disk when this answers, and ends when a block confirms the transaction.",
		params: []param{
			{name: "txid", typ: typeHex, help: txidHelp},
			{name: "dummy", typ: typeNumber, optional: true, help: "Must be 0 or null"},
			{name: "fee_delta", typ: typeNumber, help: "Satoshi to add to what was added before, or if negative to subtract. Nobody pays them"},
		},
		result: "true", example: `"mytxid" 0 10000`,
	}, {
		name: "getprioritisedtransactions", category: categoryMining, call: getPrioritisedTransactions,
		summary: "Returns the fee deltas that prioritisetransaction made, in the mempool or not.",
		result:  "An object by txid of objects with fee_delta in satoshi, in_mempool and, if that is true, modified_fee in satoshi.",
	}}
}

func networkMethods() []*method {
	return []*method{{
		name: "getblockchaininfo", category: categoryBlockchain, call: getBlockchainInfo,
		summary: "Returns the chain and the height and median time that transactions are judged at. There are no blocks.",
		result:  "An object with chain, blocks, headers, mediantime and Core's other fields.",
	}, {
		name: "getblockcount", category: categoryBlockchain, call: getBlockCount,
		summary: "Returns the height that transactions are judged at.", result: "The height.",
	}, {
		name: "getbestblockhash", category: categoryBlockchain, call: getBestBlockHash,
		summary: "Returns the hash of the block at that height: of the Bitcoin node that previous outputs come from, else zeros.", result: "The hash in hex.",
	}, {
		name: "getconnectioncount", category: categoryNetwork, call: getConnectionCount,
		summary: "Returns the number of connections to other nodes.", result: "The connection count.",
	}, {
		name: "getnettotals", category: categoryNetwork, call: getNetTotals,
		summary: "Returns how many bytes the node has sent and received on streams since it started.",
		result:  "An object with totalbytesrecv, totalbytessent, timemillis and uploadtarget, which says that there is none.",
	}, {
		name: "getpeerinfo", category: categoryNetwork, call: getPeerInfo,
		summary: "Returns data about each connected node.",
		result:  "An array of objects with Core's fields; addr is a multiaddr, and txnode holds peer_id, transport and mesh.",
	}, {
		name: "getnetworkinfo", category: categoryNetwork, call: getNetworkInfo,
		summary: "Returns the state of this node's end of the network.",
		result:  "An object with Core's fields; txnode holds version, peer_id, the multiaddrs to give to addnode elsewhere, the number of nodes heard, and in failures the peers there is no link to although there should be, and why. warnings tell what is wrong with the disk or the source of previous outputs.",
	}, {
		name: "addnode", category: categoryNetwork, call: addNode,
		summary: "Adds a node to those this node keeps connected to, removes it, or tries to connect once.",
		params: []param{
			{name: "node", typ: typeString, help: "The node's multiaddr with its peer id, e.g. /ip4/127.0.0.1/tcp/18555/p2p/12D3KooW…"},
			{name: "command", typ: typeString, help: "add, remove or onetry"},
		},
		result: "null", example: `"/ip4/127.0.0.1/tcp/18555/p2p/12D3KooW…" "add"`,
	}, {
		name: "setnetworkactive", category: categoryNetwork, call: setNetworkActive,
		summary: "Switches connections to other nodes off and on again.",
		params:  []param{{name: "state", typ: typeBool, help: "true: on, false: off"}},
		result:  "Whether they are on.", example: "false",
	}, {
		name: "ping", category: categoryNetwork, call: ping,
		summary: "Measures the round trip times to all peers, which getpeerinfo shows as pingtime and minping from then on. Answers once it knows them, after 10 seconds at most.",
		result:  "null.",
	}, {
		name: "disconnectnode", category: categoryNetwork, call: disconnectNode,
		summary: "Closes the link with a node given by address or by id, not both.",
		params: []param{
			{name: "address", typ: typeString, optional: true, help: "addr of the node in getpeerinfo"},
			{name: "nodeid", typ: typeNumber, optional: true, help: "id of the node in getpeerinfo"},
		},
		result: "null", example: `"" 1`,
	}}
}

func receiptMethods() []*method {
	id := param{name: "txid", typ: typeHex, help: "The wtxid, or while it is in the mempool the txid"}
	result := "An object with coverage (share of the connected peers), verdict in words, and peers, each with the times at which it was told, asked, told this node, or was found by reconciliation to hold it. It is what peers told this node, not proof."
	return []*method{{
		name: "gettxpropagation", category: categoryTxNode, call: getTxPropagation, own: true,
		summary: "Returns how far a transaction has spread, as peers have told this node.",
		params:  []param{id}, result: result, example: `"mytxid"`,
	}, {
		name: "waittxpropagation", category: categoryTxNode, call: waitTxPropagation, own: true,
		summary: "Waits until a share of the peers holds a transaction, and returns how far it has spread.",
		params: []param{id,
			{name: "fraction", typ: typeNumber, help: "Share of the connected peers that take what pays so much, above 0 and at most 1"},
			{name: "timeout", typ: typeNumber, optional: true, help: "Seconds to wait, at most 20, which is the default"}},
		result: result, example: `"mytxid" 0.95 10`,
	}}
}

func reconMethods() []*method {
	peer := param{name: "peer", typ: typeString, help: "id, peer_id or addr of the node in getpeerinfo"}
	return []*method{{
		name: "getreconinfo", category: categoryTxNode, call: getReconInfo, own: true,
		summary: "Returns what is known of reconciliation: for each peer, and the latest rounds.",
		params:  []param{{name: "count", typ: typeNumber, optional: true, help: "How many rounds to show, at most 256. Default 10"}},
		result:  "An object with peers, of which each has its failed rounds and how many transactions it persistently lacks and withholds, and rounds, each with its sizes, bytes, outcome and, on failure, reason.",
		example: "20",
	}, {
		name: "getmempooldiff", category: categoryTxNode, call: getMempoolDiff, own: true,
		summary: "Compares mempools with a peer by a round of reconciliation, after which both fetch what they lack.",
		params:  []param{peer},
		result:  "An object with equal, ours (wtxids the peer lacks), theirs (short ids this node lacks), refused (the peer's transactions this node refused, with reasons) and the round.",
		example: `"12D3KooW…"`,
	}, {
		name: "reconcile", category: categoryTxNode, call: reconcile, own: true,
		summary: "Runs a round of reconciliation with a peer now and returns it when it has ended.",
		params:  []param{peer}, result: "The round, as in getreconinfo.", example: `"12D3KooW…"`,
	}}
}

func controlMethods() []*method {
	return []*method{{
		name: "help", category: categoryControl, call: help, early: true,
		summary: "Lists all methods, or explains one.",
		params:  []param{{name: "command", typ: typeString, optional: true, help: "The method to explain"}},
		result:  "The help text.", example: `"getrawmempool"`,
	}, {
		name: "getopenrpcinfo", category: categoryControl, call: getOpenRPCInfo, early: true,
		summary: "Returns a description of all methods for programs, by the OpenRPC specification.", result: "An OpenRPC document.",
	}, {
		name: "rpc.discover", category: categoryControl, call: getOpenRPCInfo, early: true,
		summary: "Returns the same as getopenrpcinfo, under the name that the OpenRPC specification gives it.", result: "An OpenRPC document.",
	}, {
		name: "getrpcinfo", category: categoryControl, call: getRPCInfo, early: true,
		summary: "Returns what the RPC server works on.", result: "An object with active_commands, an array of objects with method and duration in microseconds, and logpath.",
	}, {
		name: "logging", category: categoryControl, call: logging, early: true,
		summary: "Switches debug messages of categories on and off: txnode's own and those of libp2p's parts. What is excluded logs what the node was configured to.",
		params: []param{
			{name: "include", typ: typeArray, optional: true, help: "Categories to log debug messages of; \"all\" is every one"},
			{name: "exclude", typ: typeArray, optional: true, help: "Categories not to"},
		},
		result: "An object of categories, with whether debug messages of them are logged.", example: `'["txnode"]'`,
	}, {
		name: "stop", category: categoryControl, call: stop, early: true,
		summary: "Requests a graceful shutdown of the node.", result: "A string that says so.",
	}, {
		name: "uptime", category: categoryControl, call: uptime, early: true,
		summary: "Returns how many seconds the node has been running.", result: "The number of seconds.",
	}}
}
