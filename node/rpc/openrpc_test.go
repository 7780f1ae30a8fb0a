package rpc

import (
	"encoding/json"
	"testing"
)

// rpcResult calls a method and decodes its result.
func rpcResult(t *testing.T, n *fakeNode, method string, result any) {
	t.Helper()
	w := serve(n.server(), newRequest("/", `{"jsonrpc":"2.0","method":"`+method+`","id":1}`))
	answer := struct{ Result any }{result}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %s", method, err, w.Body)
	}
}

// The description has every method of the table, with its parameters.
func TestOpenRPC(t *testing.T) {
	n := newFakeNode()
	n.loading = true
	for _, name := range []string{"getopenrpcinfo", "rpc.discover"} {
		var doc OpenRPC
		rpcResult(t, n, name, &doc)
		methods := make(map[string]OpenRPCMethod)
		for _, m := range doc.Methods {
			methods[m.Name] = m
		}
		if doc.Version == "" || len(methods) != len(table()) {
			t.Errorf("%s: version %q, %d of %d methods", name, doc.Version, len(methods), len(table()))
		}
		for _, m := range table() {
			described := methods[m.name]
			if described.Summary != m.summary || len(described.Params) != len(m.params) {
				t.Errorf("%s: %+v", m.name, described)
				continue
			}
			for i, p := range m.params {
				if d := described.Params[i]; d.Name != p.name || d.Required == p.optional || len(d.Schema) == 0 {
					t.Errorf("%s: parameter %+v of %+v", m.name, d, p)
				}
			}
		}
	}
}

func TestRPCInfo(t *testing.T) {
	var info RPCInfo
	rpcResult(t, newFakeNode(), "getrpcinfo", &info)
	if len(info.ActiveCommands) != 1 || info.ActiveCommands[0].Method != "getrpcinfo" || info.ActiveCommands[0].Duration < 0 {
		t.Errorf("%+v", info)
	}
}

func TestNetTotals(t *testing.T) {
	var totals NetTotals
	rpcResult(t, newFakeNode(), "getnettotals", &totals)
	if totals.TotalBytesSent != 1000 || totals.TotalBytesRecv != 2000 || totals.TimeMillis == 0 || totals.UploadTarget != (UploadTarget{TimeFrame: 86400}) {
		t.Errorf("%+v", totals)
	}
}
