// Package storage keeps a node's mempool on disk, in badger, so that no
// transaction whose submission was answered is lost when the process is killed.
//
// # What is promised
//
// When [DB.Put] or [DB.Delete] returns nil, the change survives the death of
// the process (kill -9). With Options.SyncWrites it survives the loss of power
// as well. Concurrent calls share one commit.
//
// The database is a cache that checks itself, never an authority: each record
// is keyed by the hash of its own bytes, and [DB.Load] drops those that do not
// match. What is damaged is lost here and fetched again from peers, but a wrong
// transaction is never returned. Times, sequences and flags are covered by
// badger's checksums only.
//
// # The log of events
//
// What happened to the mempool is numbered without gaps, by the caller, and
// committed together with what it did to the records. The latest [MaxEvents] are
// kept. After a commit that failed, the log begins anew with the next event that
// is written.
//
// # Keys, schema 1
//
//	meta/schema    uint32: 1; written first, so its absence marks an empty database
//	meta/network   the network's name
//	meta/prevouts  32 bytes: digest of the source of previous outputs
//	meta/events    uint64: the first event that counts; 1 without it
//	tx/<wtxid>     version u8 = 1 | flags u8 | time i64 | sequence u64 | raw transaction
//	stand/<wtxid>  version u8 = 1 | since i64 | highest fee rate i64 | raw transaction
//	event/<n>      version u8 = 1 | time i64 | wtxid | txid | wtxid of the replacement, or zeros | reason
//
// Integers are little-endian, but n, a uint64, is big-endian; the wtxid is in wire byte order; time is in
// microseconds since 1970; flag 1 means unbroadcast.
//
// # What can go wrong
//
//   - The disk fills up. Badger writes through memory maps and dies of SIGBUS
//     when there is no space, so every commit first asks for free space and
//     fails with [ErrDiskFull] while less than [MinFree] is left. The caller
//     keeps the transaction in memory only. A database on a full disk is not
//     opened until there is space; [DB.Deferred].
//   - Files are damaged. A database that cannot be opened is renamed to
//     <dir>.damaged-<n> and an empty one takes its place; [DB.Recovery] tells.
//     Damage inside the write-ahead log, which holds what was written last,
//     would look to badger like the end of a log that a kill cut off. It is
//     found before: behind what a kill leaves there are only zeros. What is
//     behind the damage is lost, and DB.Recovery tells that, too. A last
//     commit that is damaged, or a log that is gone, cannot be told from a
//     kill.
//   - The directory is in use, unreadable, or belongs to another network, other
//     previous outputs or a newer version. [Open] fails and leaves it alone.
package storage
