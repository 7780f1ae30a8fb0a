package rpc

import (
	"fmt"
	"strings"
	"testing"
)

func TestGetTxSpendingPrevout(t *testing.T) {
	s := newScenario(t)
	outputs := fmt.Sprintf(`[{"txid":%q,"vout":0},{"txid":%q,"vout":1}]`, s.parent.TxID(), s.parent.TxID())
	spent := fmt.Sprintf(`{"txid":%q,"vout":0,"spendingtxid":%q`, s.parent.TxID(), s.child.TxID())
	free := fmt.Sprintf(`{"txid":%q,"vout":1}`, s.parent.TxID())
	for _, test := range []struct{ params, want string }{
		{`[` + outputs + `]`, `[` + spent + `},` + free + `]`},
		{`[` + outputs + `,{}]`, `[` + spent + `},` + free + `]`},
		{`[` + outputs + `,{"mempool_only":null,"return_spending_tx":false}]`, `[` + spent + `},` + free + `]`},
		{`{"outputs":` + outputs + `,"options":{"return_spending_tx":true}}`, `[` + spent + `,"spendingtx":"` + hexOf(s.child) + `"},` + free + `]`},
	} {
		if got, failure := callRaw(t, s.node, "gettxspendingprevout", test.params); failure != nil || string(got) != test.want {
			t.Errorf("%s: %s %v, want %s", test.params, got, failure, test.want)
		}
	}

	output := func(vout string) string { return `{"txid":"` + zeroHash + `","vout":` + vout + `}` }
	for _, test := range []struct {
		params string
		want   Error
	}{
		{`[[]]`, Error{-8, "Invalid parameter, outputs are missing"}},
		{`[[` + strings.Repeat(output("0")+",", maxOutpoints) + output("0") + `]]`, Error{-8, "Invalid parameter, more than 10000 outputs"}},
		{`[[1]]`, Error{-3, "JSON value of type number is not of expected type object"}},
		{`[[{"vout":0}]]`, Error{-3, "Missing txid"}},
		{`[[{"txid":"` + zeroHash + `"}]]`, Error{-3, "Missing vout"}},
		{`[[{"txid":1,"vout":0}]]`, Error{-3, "JSON value of type number for field txid is not of expected type string"}},
		{`[[{"txid":"` + zeroHash + `","vout":0,"n":1}]]`, Error{-3, "Unexpected key n"}},
		{`[[{"txid":"00","vout":0}]]`, Error{-8, "txid must be of length 64 (not 2, for '00')"}},
		{`[[` + output("-1") + `]]`, Error{-8, "Invalid parameter, vout cannot be negative"}},
		{`[[` + output("0.5") + `]]`, Error{-1, "JSON integer out of range"}},
		{`[[` + output("4294967296") + `]]`, Error{-1, "JSON integer out of range"}},
		{`[[` + output("0") + `],{"mempool_only":1}]`, Error{-3, "JSON value of type number for field mempool_only is not of expected type bool"}},
		{`[[` + output("0") + `],{"mempool_only":false}]`, Error{-1, "Mempool lacks a relevant spend, and txospenderindex is unavailable."}},
	} {
		if got, failure := callRaw(t, s.node, "gettxspendingprevout", test.params); failure == nil || *failure != test.want {
			t.Errorf("%.200s: %s %v, want %v", test.params, got, failure, test.want)
		}
	}
}
