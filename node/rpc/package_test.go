package rpc

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

// TestSubmitPackage has a parent that pays nothing and a child that pays for it,
// and what may be wrong with them.
func TestSubmitPackage(t *testing.T) {
	free := spend(coin(2), coinValue)
	outpoint := func(tx *wire.MsgTx, i uint32) wire.OutPoint { return wire.OutPoint{Hash: tx.TxHash(), Index: i} }
	child := spend(outpoint(free, 0), coinValue-2000)
	poor := spend(outpoint(free, 0), coinValue-5)
	rich := spend(outpoint(free, 0), coinValue/2)
	names := strings.NewReplacer("{free}", free.TxID(), "{free wtxid}", free.WitnessHash().String(), "{free hex}", hexOf(free),
		"{payer}", child.TxID(), "{payer wtxid}", child.WitnessHash().String(), "{payer hex}", hexOf(child),
		"{poor}", poor.TxID(), "{poor wtxid}", poor.WitnessHash().String(), "{poor hex}", hexOf(poor),
		"{rich}", rich.TxID(), "{rich wtxid}", rich.WitnessHash().String(), "{rich hex}", hexOf(rich))
	const poorly = `"{free wtxid}":{"txid":"{free}","error":"min relay fee not met, 0 < 10"}`
	for _, test := range []struct{ params, want string }{
		{`[["{free hex}","{payer hex}"]]`, `{"package_msg":"success","tx-results":{
			"{free wtxid}":{"txid":"{free}","vsize":96,"vsize_adjusted":96,"vsize_bip141":96,
				"fees":{"base":0.00000000,"effective-feerate":0.00010416,"effective-includes":["{free wtxid}","{payer wtxid}"]}},
			"{payer wtxid}":{"txid":"{payer}","vsize":96,"vsize_adjusted":96,"vsize_bip141":96,
				"fees":{"base":0.00002000,"effective-feerate":0.00010416,"effective-includes":["{free wtxid}","{payer wtxid}"]}}},
			"replaced-transactions":[]}`},
		{`[["{free hex}","{poor hex}"]]`, `{"package_msg":"transaction failed","tx-results":{` + poorly + `,
			"{poor wtxid}":{"txid":"{poor}","error":"min relay fee not met, 5 < 20"}},"replaced-transactions":[]}`},
		{`[["{free hex}","{rich hex}"]]`, `{"package_msg":"transaction failed","tx-results":{` + poorly + `,
			"{rich wtxid}":{"txid":"{rich}","error":"max feerate exceeded"}},"replaced-transactions":[]}`},
		{`[["{free hex}"]]`, `{"package_msg":"transaction failed","tx-results":{` + poorly + `},"replaced-transactions":[]}`},
		{`[["{free hex}","{free hex}","{payer hex}"]]`, `{"package_msg":"package-contains-duplicates","tx-results":{
			"{free wtxid}":{"txid":"{free}","error":"package-not-validated"},
			"{payer wtxid}":{"txid":"{payer}","error":"package-not-validated"}},"replaced-transactions":[]}`},
		{`[["{parent hex}"]]`, `{"package_msg":"success","tx-results":{"{parent wtxid}":{"txid":"{parent}",
			"vsize":139,"vsize_adjusted":139,"vsize_bip141":139,"fees":{"base":0.00001000}}},"replaced-transactions":[]}`},
		{`[["{malleated hex}"]]`, `{"package_msg":"success","tx-results":{"{malleated wtxid}":{"txid":"{parent}",
			"other-wtxid":"{parent wtxid}"}},"replaced-transactions":[]}`},
		{`[["{better hex}"]]`, `{"package_msg":"success","tx-results":{"{better wtxid}":{"txid":"{better}",
			"vsize":96,"vsize_adjusted":96,"vsize_bip141":96,
			"fees":{"base":0.00100000,"effective-feerate":0.01041666,"effective-includes":["{better wtxid}"]}}},
			"replaced-transactions":["{child}","{parent}"]}`},
		{`{"package":["{burn hex}"],"maxburnamount":0.00001}`, `{"package_msg":"success","tx-results":{"{burn wtxid}":{"txid":"{burn}",
			"vsize":106,"vsize_adjusted":106,"vsize_bip141":106,
			"fees":{"base":0.00009000,"effective-feerate":0.00084905,"effective-includes":["{burn wtxid}"]}}},"replaced-transactions":[]}`},
	} {
		t.Run(test.params, func(t *testing.T) {
			s := newScenario(t)
			expand := func(text string) string { return s.expand(names.Replace(text)) }
			result, failure := callRaw(t, s.node, "submitpackage", expand(test.params))
			if failure != nil {
				t.Fatal(failure)
			}
			var got, want any
			if err := json.Unmarshal([]byte(expand(test.want)), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(result, &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("result:\n%s\nwant:\n%s", result, expand(test.want))
			}
		})
	}
}

// TestSeveralAreTested: each is judged as if those before it were in the mempool,
// which stays as it is.
func TestSeveralAreTested(t *testing.T) {
	outpoint := func(tx *wire.MsgTx, i uint32) wire.OutPoint { return wire.OutPoint{Hash: tx.TxHash(), Index: i} }
	first := spend(coin(2), coinValue-1000)
	second := spend(outpoint(first, 0), coinValue-2000)
	generous := spend(outpoint(first, 0), coinValue/2)
	free := spend(outpoint(first, 0), coinValue-1000)
	rival := spend(coin(2), coinValue-5000)
	names := []string{"{first}", first.TxID(), "{first wtxid}", first.WitnessHash().String(), "{first hex}", hexOf(first)}
	for name, tx := range map[string]*wire.MsgTx{"second": second, "generous": generous, "free": free, "rival": rival} {
		names = append(names, "{"+name+"}", `"txid":"`+tx.TxID()+`","wtxid":"`+tx.WitnessHash().String()+`"`, "{"+name+" hex}", hexOf(tx),
			"{"+name+" wtxid}", tx.WitnessHash().String())
	}
	const firstAllowed = `{"txid":"{first}","wtxid":"{first wtxid}","allowed":true,"vsize_adjusted":96,"vsize":96,"vsize_bip141":96,
		"fees":{"base":0.00001000,"effective-feerate":0.00010416,"effective-includes":["{first wtxid}"]}}`
	const firstUnjudged = `{"txid":"{first}","wtxid":"{first wtxid}"}`
	packageError := func(reason string) string {
		return `{"txid":"{first}","wtxid":"{first wtxid}","package-error":"` + reason + `"}`
	}
	for _, test := range []struct{ params, want string }{
		{`[["{first hex}","{second hex}"]]`, `[` + firstAllowed + `,{{second},"allowed":true,"vsize_adjusted":96,"vsize":96,"vsize_bip141":96,
			"fees":{"base":0.00001000,"effective-feerate":0.00010416,"effective-includes":["{second wtxid}"]}}]`},
		{`[["{first hex}","{generous hex}"]]`, `[` + firstAllowed + `,{{generous},"allowed":false,"reject-reason":"max-fee-exceeded"}]`},
		{`[["{first hex}","{second hex}"],0.00000001]`, `[{"txid":"{first}","wtxid":"{first wtxid}","allowed":false,"reject-reason":"max-fee-exceeded"},{{second}}]`},
		{`[["{first hex}","{free hex}"]]`, `[` + firstUnjudged + `,{{free},"allowed":false,"reject-reason":"min relay fee not met",
			"reject-details":"min relay fee not met, 0 < 10"}]`},
		{`[["{first hex}","{conflict hex}"]]`, `[` + firstUnjudged + `,{"txid":"{conflict}","wtxid":"{conflict wtxid}","allowed":false,
			"reject-reason":"bip125-replacement-disallowed","reject-details":"bip125-replacement-disallowed"}]`},
		{`[["{first hex}","{better hex}"]]`, `[` + firstUnjudged + `,{"txid":"{better}","wtxid":"{better wtxid}","allowed":false,
			"reject-reason":"bip125-replacement-disallowed","reject-details":"bip125-replacement-disallowed"}]`},
		{`[["{first hex}","{first hex}"]]`, `[` + packageError("package-contains-duplicates") + `,` + packageError("package-contains-duplicates") + `]`},
		{`[["{second hex}","{first hex}"]]`, `[{{second},"package-error":"package-not-sorted"},` + packageError("package-not-sorted") + `]`},
		{`[["{first hex}","{rival hex}"]]`, `[` + packageError("conflict-in-package") + `,{{rival},"package-error":"conflict-in-package"}]`},
	} {
		t.Run(test.params, func(t *testing.T) {
			s := newScenario(t)
			before := s.node.pool.Info()
			expand := func(text string) string { return s.expand(strings.NewReplacer(names...).Replace(text)) }
			result, failure := callRaw(t, s.node, "testmempoolaccept", expand(test.params))
			if failure != nil {
				t.Fatal(failure)
			}
			var got, want any
			if err := json.Unmarshal([]byte(expand(test.want)), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(result, &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("result:\n%s\nwant:\n%s", result, expand(test.want))
			}
			if after := s.node.pool.Info(); after != before {
				t.Errorf("the mempool is %+v, was %+v", after, before)
			}
		})
	}
}
