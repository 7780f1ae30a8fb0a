// Package rpc is the node's front door: a JSON-RPC server that the tools
// Bitcoin people already have use unmodified, and a typed client for it.
//
// # Server
//
// [Listen] binds a loopback address and [Server.Run] serves it; [NewHandler] is
// the same without the listener. Requests are JSON-RPC 1.x, 2.0 or batches of
// both; methods have Bitcoin Core's names, parameter names, result fields, error
// codes and texts, so that bitcoin-cli, btcctl and btcd's rpcclient cannot tell
// the difference where the method is one of Core's. What the methods tell and
// change is a [Backend].
//
// A 1.x error answer has HTTP status 500 (404 for an unknown method, 400 for an
// invalid request), a 2.0 answer and a batch always have 200, a 2.0
// notification 204.
//
// At /ws the same requests and answers travel as websocket messages, as btcd's
// clients send them, and the methods of the category Websocket have the client
// told of new transactions.
//
// GET /events is a stream of server-sent events: see [Event] and [SnapshotPart].
// With [Options.REST], /rest/mempool/info.json, /rest/mempool/contents.json and
// /rest/tx/TXID.json, .hex and .bin answer as Core's do.
//
// # Who may call
//
// Every request, except for REST, needs HTTP Basic credentials: those of the
// cookie file that [WriteCookie] makes for each run, of a configured user and
// password, or of an [Auth]. Wrong ones are answered with 401 after 250 ms, during
// which nobody else waits; when 8 from one address (IPv6: /64) wait so, its others
// are answered and disconnected at once. Right ones always pass, so choose
// passwords beyond guessing. A [Whitelist] says which methods each user may call;
// others are answered with 403, on a websocket with an error. With a certificate,
// as [EnsureCertificate] makes it, all of it goes over TLS.
//
// The Host header must be an IP address, localhost or a configured name, and a
// browser must be on the same origin: a web page can neither rebind its name to
// this server nor post to it across sites.
//
// # Limits
//
// Headers 8 KiB, bodies 2 MiB, batches of 100, JSON nested 32 deep, 64 requests
// worked on at once (the next gets 503 with Core's "Work queue depth
// exceeded"), 8 of REST, 1024 connections, 5 s to send headers, 15 s to send a request,
// 30 s to take the answer, 16 MiB of answers to one batch, 2 listings at
// once of a mempool above 10 000 transactions, and 1 by REST. Websockets: 25
// clients, each with one request worked on at a time and 1000 notifications
// waiting, messages of 2 MiB, 5 s to show credentials, 30 s to take a message, 60 s
// without a sign of life. Who exceeds one is disconnected; nobody waits for it.
//
// # Client
//
// [Client] calls any such server, Bitcoin Core included. A server's error comes
// back as [*Error]; a server that cannot be reached as an error that says what
// to do next.
package rpc
