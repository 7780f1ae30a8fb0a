// Package zmq publishes what happens in a node's mempool as Bitcoin Core's ZMQ
// interface does: topics rawtx, hashtx and sequence, each message with three
// parts, of which the last counts the messages of its topic.
//
//	p, err := zmq.Listen([]zmq.Publication{{Topic: "rawtx", Address: "tcp://127.0.0.1:28332"}}, logger)
//	go p.Run(ctx, n.Events)
//
// Where it differs from Core: there are no blocks, so nothing is published when
// one comes, and sequence tells of every transaction that leaves the mempool,
// also of those that a block took.
//
// # Wire
//
// ZMTP 3.0 over TCP, mechanism NULL, socket type PUB, which every ZeroMQ library
// since libzmq 4.0 speaks. Nobody is asked for credentials: listen on addresses
// that only those can reach who may know.
//
// # Limits
//
// 64 subscribers to an address, 5 s for the handshake, 64 subscriptions of 255
// bytes each. A subscriber that lags 1000 messages or 16 MiB behind loses
// messages, which it can tell by the counter; one that takes nothing for a minute
// is disconnected. The node waits for none.
package zmq
