package rpc

import (
	"context"
	"encoding/hex"

	"github.com/txnode/txnode/mempool"
)

// clientKey finds the websocket client that a request came from in its context.
type clientKey struct{}

func clientOf(ctx context.Context) *wsClient {
	c, _ := ctx.Value(clientKey{}).(*wsClient)
	return c
}

func websocketMethods() []*method {
	return []*method{{
		name: "authenticate", category: categoryWebsocket, call: authenticateAgain, early: true, websocket: true,
		summary: "Shows the credentials of a websocket client that sent none by header. It must be the first method called; whoever fails is disconnected.",
		params: []param{{name: "username", typ: typeString, help: "As of the cookie file, or configured"},
			{name: "passphrase", typ: typeString, help: "The password"}},
		result: "null", example: `"user" "password"`,
	}, {
		name: "notifynewtransactions", category: categoryWebsocket, call: notifyNewTransactions, early: true, websocket: true,
		summary: "Has this websocket client told of every transaction that enters the mempool from now on, by notifications txaccepted with txid and amount or, with verbose, txacceptedverbose with the transaction as getrawtransaction shows it. Who does not read them is disconnected.",
		params:  []param{{name: "verbose", typ: typeBool, optional: true, help: "Send whole transactions. Default false"}},
		result:  "null", example: "true",
	}, {
		name: "stopnotifynewtransactions", category: categoryWebsocket, call: stopNotifyNewTransactions, early: true, websocket: true,
		summary: "Undoes notifynewtransactions.", result: "null",
	}, {
		name: "session", category: categoryWebsocket, call: session, early: true, websocket: true,
		summary: "Returns what tells this websocket connection from others, so that a client notices that it has reconnected.",
		result:  "An object with sessionid.",
	}}
}

func notifyNewTransactions(ctx context.Context, _ *service, a args) (any, error) {
	c := clientOf(ctx)
	c.verbose.Store(a.boolean(0))
	c.watchers.add(c)
	return nil, nil
}

func stopNotifyNewTransactions(ctx context.Context, _ *service, _ args) (any, error) {
	c := clientOf(ctx)
	c.watchers.remove(c)
	return nil, nil
}

// sessionResult is the result of session.
type sessionResult struct {
	SessionID uint64 `json:"sessionid"`
}

func session(ctx context.Context, _ *service, _ args) (any, error) {
	return sessionResult{SessionID: clientOf(ctx).id}, nil
}

func authenticateAgain(context.Context, *service, args) (any, error) {
	return nil, errorf(CodeMisc, "This websocket client is authenticated already")
}

// parseAuthenticate reads the first message of a client without credentials.
func parseAuthenticate(message []byte) (r request, credentials string, ok bool) {
	r, failure := parseMessage(message)
	if failure != nil || r.method != "authenticate" || kindOf(r.params) != kindArray {
		return r, "", false
	}
	list, err := elements(r.params, 2)
	if err != nil || len(list) != 2 || kindOf(list[0]) != kindString || kindOf(list[1]) != kindString {
		return r, "", false
	}
	return r, stringOf(list[0]) + ":" + stringOf(list[1]), true
}

// notification is JSON-RPC 1.0 with a null id, which btcd's clients insist on.
type notification struct {
	JSONRPC string  `json:"jsonrpc"`
	Method  string  `json:"method"`
	Params  []any   `json:"params"`
	ID      *uint64 `json:"id"`
}

// notification tells of e as the client wants it told.
func (c *wsClient) notification(e *mempool.Entry) ([]byte, error) {
	n := notification{JSONRPC: "1.0", Method: "txaccepted"}
	if c.verbose.Load() {
		t := describeTx(e.Tx(), c.watchers.backend.Network().Name)
		t.Hex = hex.EncodeToString(e.Raw)
		n.Method, n.Params = "txacceptedverbose", []any{t}
		return encode(n)
	}
	var total Amount
	for _, out := range e.Outputs() {
		total += Amount(out.Value)
	}
	n.Params = []any{e.TxID.String(), total}
	return encode(n)
}
