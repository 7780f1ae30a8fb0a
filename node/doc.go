// Package node is a txnode that can be embedded: it joins the relay engine, the
// mempool, storage and the libp2p host in one loop.
//
//	cfg := node.DefaultConfig() // or LANConfig
//	cfg.Network, cfg.PrevOuts, cfg.Listen = …
//	n, err := node.New(cfg)
//	go n.Run(ctx)
//	<-n.Ready()
//	entry, err := n.Submit(ctx, raw)
//
// The examples are complete programs. RPC is in node/rpc and node/rpc/backend,
// ZMQ in node/zmq, Prometheus in node/metrics, networks for tests in testnet: who
// does not import them does not compile them.
//
// # Life cycle
//
// [New] acquires everything that can fail for a reason the caller must hear: it
// checks the configuration, opens the data directory and binds the listening
// sockets. [Node.Run] then does all the work: it loads and re-validates the
// stored mempool, joins the network, and blocks until its context ends, which is
// no error, or something fatal happens, of which it returns the first; it owns
// and joins every goroutine it starts and releases what New acquired. Call Run
// exactly once. A node that is never run is released with [Node.Close]. The
// context may end at any moment, and the process may die at any moment: the data
// directory stays usable, and one node at a time can have it.
//
// # Ownership
//
// The package has no globals, reads no environment, handles no signal and never
// exits the process; any number of nodes live in one process. It logs to the
// logger it is given, or not at all. A libp2p host handed in by the caller stays
// the caller's: it is neither reconfigured nor closed. What the caller passes in
// is not written to, and what methods return is the caller's to read, not to
// change.
//
// # Concurrency
//
// Every method of a [Node] is safe for concurrent use, before, during and after
// Run. One goroutine owns the relay engine; validation happens on worker
// goroutines, fairly shared among peers; nothing slow runs in the loop.
//
// # What blocks
//
// New, Run, and what takes a context block, until what their comments say, and
// Check for as long as it validates. All other methods return at once: they read what the loop has published, or leave
// it a request. A slow consumer of [Node.Events] is told what it missed and is
// never waited for. Two things of the caller's are waited for and must be quick:
// Config.Observer by the whole node, Config.PrevOuts by a validation worker.
//
// # What is guaranteed
//
// When [Node.Submit] returns nil the transaction is valid, in the mempool and
// committed to the data directory: it survives kill -9, for as long as it is in
// the mempool. It leaves when another replaces it, when better paying ones need
// the room, when it expires or when a block decides; observers are told why
// ([EventRemoved]), and its deletion is committed before whoever replaced it is
// answered. Announcing it to peers starts at once but is not waited for.
// [Node.ImportMempool] returns when all that it accepted is committed likewise.
//
// Each change of the mempool is an event with a number that rises by one from each
// to the next, also across restarts, and is committed together with what it does
// to the records. [Node.EventsSince] yields all after a number; what it cannot
// yield any more it says. Whoever applies all events in their order holds the
// mempool. Other events have no number and are gone with the process.
//
// # Blocks
//
// With previous outputs that follow a chain ([mempool.ChainSource]), a block takes
// out of the mempool, storage and the relay engine what it confirms and what it
// contradicts. When blocks leave the chain, their transactions are validated
// again like new ones and what has become invalid goes. A transaction that is
// being validated meanwhile is judged again. While the source cannot tell what
// exists, nothing is accepted, nothing is remembered as refused, and nothing
// that is stored is given up.
//
// # Versions
//
// Semantic versioning covers the exported names of this package and the types of
// other packages that they mention, the data directory, and the reject strings.
// From 1.0 on a minor version adds and does not take away: fields to structs, so
// name them in literals; kinds of events, so ignore those you do not know.
// Before, a minor version may change them, and CHANGELOG.md says how. What is
// not covered: the texts of logs and of errors that are not reject strings, what
// the numbers in DefaultConfig are, and what costs how much. The wire protocol
// has a version of its own, which nodes tell each other.
package node
