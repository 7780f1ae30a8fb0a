// Package mempool decides which transactions a node holds and relays, and keeps them.
//
// [Pool.Add] runs serialized bytes through the same stages, in the same order and with the same reject strings as
// Bitcoin Core's MemPoolAccept:
//
//  1. pre-scan: the shape of the bytes, without allocating ([DecodeTx]);
//  2. context-free consensus rules, then standardness;
//  3. finality at the tip of the previous-output source;
//  4. duplicates of transactions held;
//  5. previous outputs, maturity, amounts, standardness of what is spent;
//  6. signature operations and fee;
//  7. topology (TRUC, cluster limits) and replacement of conflicting transactions (full RBF);
//  8. scripts, with the standard flags, after an estimate of what they will cost;
//  9. commit, which repeats what another goroutine may have changed meanwhile, and evicts what there is no room for.
//
// The pool is bounded by memory. When it is full, the chunk ([Chunk]) that pays the least leaves, and a minimum above
// its fee rate stays behind, which falls with time. Every entry that comes or leaves is a numbered [Change].
//
// Everything a stage costs is bounded by the stages before it. Only the lookups of stages 4 and 7 and the commit take
// the pool's lock; decoding and scripts run outside it, at most [Config.Workers] at a time.
//
// Consensus code is btcd's: wire decodes, txscript executes. Ahead of it, package sigcheck verifies the commonest
// signatures in less time, and txscript takes from the cache what that found good. What is written here is policy, and
// the consensus checks that are plain arithmetic. A rejection is a [RuleError], whose text is Core's and whose kind
// says what it means to the caller. Differences from Core on purpose: clusters are linearised well, not optimally;
// where Core waits for a block, the minimum fee rate falls with time alone; where a reorganization joins too large a
// cluster, Core drops the worst of it, and here what would join it does not come back; and scripts that could take long
// for their size are refused, though no signatures of keys or multisig are among them. Not on purpose: btcd takes a
// signature under a public key that is no point, or whose numbers are out of range, for a failed check, so that a
// script may go on, where Core refuses it (NULLFAIL).
//
// The previous outputs may follow a chain ([ChainObserver]). Then the owner of the pool hands each block to
// [Pool.Connect], and after a reorganization asks [Pool.Recheck] about what the pool holds.
//
// The package is pure: time is an argument, and it does no I/O but what the given [PrevOuts] does.
package mempool
