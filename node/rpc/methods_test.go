package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// callRaw calls a method over HTTP as JSON-RPC 2.0; params is JSON.
func callRaw(t testing.TB, n *fakeNode, method, params string) (json.RawMessage, *Error) {
	t.Helper()
	w := serve(n.server(), newRequest("/", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)))
	var reply struct {
		Result json.RawMessage
		Error  *Error
	}
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%s %s: HTTP %d %q: %v", method, params, w.Code, w.Body, err)
	}
	return reply.Result, reply.Error
}

// scenario is a node whose mempool holds a parent and its child.
type scenario struct {
	node          *fakeNode
	parent, child *wire.MsgTx // in the mempool
	standing      *wire.MsgTx // whose input does not exist
}

func newScenario(t testing.TB) scenario {
	s := scenario{node: newFakeNode(), parent: spend(coin(0), coinValue-2000, 1000)}
	e := s.node.add(t, s.parent)
	s.child = spend(outputOf(e, 0), coinValue-5000)
	s.node.add(t, s.child)
	s.standing = spend(coin(98), 1000)
	if err := s.node.Prioritise(t.Context(), s.standing.TxHash(), -7); err != nil {
		t.Fatal(err)
	}
	if _, err := s.node.Stand(t.Context(), rawOf(s.standing), satoshiPerBTC/10); err != nil {
		t.Fatal(err)
	}
	return s
}

// expand replaces names in braces by what the scenario knows.
func (s scenario) expand(text string) string {
	other := spend(coin(0), coinValue-3000) // conflicts with parent
	better := spend(coin(0), coinValue-100_000)
	burn := spend(coin(1), coinValue-10_000)
	burn.AddTxOut(wire.NewTxOut(1000, []byte{txscript.OP_RETURN}))
	malleated := s.parent.Copy()
	malleated.TxIn[0].Witness = wire.TxWitness{{1}, anyoneWitness}
	wrong := spend(coin(1), coinValue-1000)
	wrong.TxIn[0].Witness = wire.TxWitness{{txscript.OP_FALSE}}
	return strings.NewReplacer(
		"{parent}", s.parent.TxID(), "{child}", s.child.TxID(), "{parent wtxid}", s.parent.WitnessHash().String(),
		"{parent hex}", hexOf(s.parent), "{child hex}", hexOf(s.child),
		"{new hex}", hexOf(spend(coin(1), coinValue-1000)), "{new}", spend(coin(1), coinValue-1000).TxID(),
		"{new wtxid}", spend(coin(1), coinValue-1000).WitnessHash().String(),
		"{generous hex}", hexOf(spend(coin(1), coinValue/2)), "{generous}", spend(coin(1), coinValue/2).TxID(),
		"{generous wtxid}", spend(coin(1), coinValue/2).WitnessHash().String(),
		"{free hex}", hexOf(spend(coin(1), coinValue)),
		"{conflict hex}", hexOf(other), "{conflict}", other.TxID(), "{conflict wtxid}", other.WitnessHash().String(),
		"{unknown hex}", hexOf(spend(coin(99), 1000)), "{unknown}", spend(coin(99), 1000).TxID(), "{unknown wtxid}", spend(coin(99), 1000).WitnessHash().String(),
		"{burn hex}", hexOf(burn), "{burn}", burn.TxID(), "{burn wtxid}", burn.WitnessHash().String(),
		"{malleated hex}", hexOf(malleated), "{malleated wtxid}", malleated.WitnessHash().String(),
		"{better hex}", hexOf(better), "{better}", better.TxID(), "{better wtxid}", better.WitnessHash().String(),
		"{wrong hex}", hexOf(wrong),
		"{standing hex}", hexOf(s.standing), "{standing}", s.standing.TxID(), "{standing wtxid}", s.standing.WitnessHash().String(),
		"{64 zeros}", zeroHash, "{coins}", coin(0).Hash.String(),
	).Replace(text)
}

// TestResults compares whole results.
func TestResults(t *testing.T) {
	for _, test := range []struct{ method, params, want string }{
		{"getrawmempool", `[]`, `["{parent}","{child}"]`},
		{"getrawmempool", `[false]`, `["{parent}","{child}"]`},
		{"getrawmempool", `{"mempool_sequence":true}`, `{"txids":["{parent}","{child}"],"mempool_sequence":3}`},
		{"getmempoolancestors", `["{child}"]`, `["{parent}"]`},
		{"getmempoolancestors", `["{parent}"]`, `[]`},
		{"getmempooldescendants", `["{parent}"]`, `["{child}"]`},
		{"getmempoolentry", `["{parent}"]`, `{"vsize":139,"vsize_bip141":139,"vsize_adjusted":139,"weight":553,"time":1800000100,"height":200,
			"descendantcount":2,"descendantsize":235,"ancestorcount":1,"ancestorsize":139,"chunkweight":934,"wtxid":"{parent wtxid}",
			"fees":{"base":0.00001000,"modified":0.00001000,"ancestor":0.00001000,"descendant":0.00004000,"chunk":0.00004000},
			"depends":[],"spentby":["{child}"],"bip125-replaceable":false,"unbroadcast":false}`},
		{"getmempoolcluster", `["{child}"]`, `{"clusterweight":934,"txcount":2,"chunks":[{"chunkfee":0.00004000,"chunkweight":934,"txs":["{parent}","{child}"]}]}`},
		{"getmempoolinfo", `[]`, `{"loaded":true,"size":2,"bytes":235,"usage":1096,"total_fee":0.00004000,"maxmempool":300000000,
			"mempoolminfee":0.00000100,"minrelaytxfee":0.00000100,"incrementalrelayfee":0.00000100,"unbroadcastcount":0,
			"fullrbf":true,"permitbaremultisig":true,"maxdatacarriersize":100000,
			"limitclustercount":64,"limitclustersize":101000,"optimal":false}`},
		{"getmempooldigest", `[]`, `{"digest":"ab00000000000000000000000000000000000000000000000000000000000000","count":2,"bytes":241,"overlay":{"nodes":5,"digests":2}}`},
		{"getoverlayinfo", `[]`, `{"nodes":5,"digests":2,"interval":29,"lagging":1,"others":[{"peerid":"12D3KooWPeerTwo","agent":"txnode/0.1.0","digest":"cd",
			"count":1,"bytes":120,"feefloor":0.00000100,"sequence":7,"heard":1.5,"lags":true,"lacks":0,"differs":false,"ahead":0}]}`},

		{"sendrawtransaction", `["{new hex}"]`, `"{new}"`},
		{"sendrawtransaction", `["{new hex}",0.1]`, `"{new}"`},
		{"sendrawtransaction", `["{new hex}","0.1"]`, `"{new}"`},
		{"sendrawtransaction", `["{new hex}",false]`, `"{new}"`},
		{"sendrawtransaction", `["{new hex}",null,0]`, `"{new}"`},
		{"sendrawtransaction", `["{new hex}",1e-3]`, `"{new}"`},
		{"sendrawtransaction", `["{generous hex}",0]`, `"{generous}"`},
		{"sendrawtransaction", `["{generous hex}",true]`, `"{generous}"`},
		{"sendrawtransaction", `{"hexstring":"{new hex}"}`, `"{new}"`},
		{"sendrawtransaction", `{"args":["{generous hex}"],"maxfeerate":0}`, `"{generous}"`},
		{"sendrawtransaction", `["{burn hex}",0.1,0.00001]`, `"{burn}"`},
		{"sendrawtransaction", `["{parent hex}"]`, `"{parent}"`},
		{"sendrawtransaction", `["{parent hex}",0.00000001]`, `"{parent}"`},
		{"sendrawtransaction", `["{malleated hex}"]`, `"{parent}"`},

		{"testmempoolaccept", `[["{new hex}"]]`, `[{"txid":"{new}","wtxid":"{new wtxid}","allowed":true,"vsize_adjusted":96,"vsize":96,"vsize_bip141":96,
			"fees":{"base":0.00001000,"effective-feerate":0.00010416,"effective-includes":["{new wtxid}"]}}]`},
		{"testmempoolaccept", `[["{generous hex}"]]`, `[{"txid":"{generous}","wtxid":"{generous wtxid}","allowed":false,"reject-reason":"max-fee-exceeded"}]`},
		{"testmempoolaccept", `[["{unknown hex}","{parent hex}"],0]`, `[
			{"txid":"{unknown}","wtxid":"{unknown wtxid}","allowed":false,"reject-reason":"missing-inputs"},
			{"txid":"{parent}","wtxid":"{parent wtxid}"}]`},
		{"testmempoolaccept", `[["{parent hex}"],0]`, `[
			{"txid":"{parent}","wtxid":"{parent wtxid}","allowed":false,"reject-reason":"txn-already-in-mempool","reject-details":"txn-already-in-mempool"}]`},

		{"getrawtransaction", `["{parent}"]`, `"{parent hex}"`},
		{"getrawtransaction", `["{parent}",0]`, `"{parent hex}"`},
		{"getrawtransaction", `["{parent}",false]`, `"{parent hex}"`},
		{"getrawtransaction", `{"txid":"{parent}","verbosity":0}`, `"{parent hex}"`},

		{"getblockcount", `[]`, `200`},
		{"getbestblockhash", `[]`, `"{64 zeros}"`},
		{"gettxout", `["{coins}",1]`, `{"bestblock":"{64 zeros}","confirmations":201,"value":1.00000000,
			"scriptPubKey":{"asm":"0 4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
				"desc":"addr(bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85)#vch92e55",
				"hex":"00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
				"address":"bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85","type":"witness_v0_scripthash"},"coinbase":false}`},
		{"gettxout", `["{coins}",0]`, `null`},
		{"gettxout", `["{coins}",99]`, `null`},
		{"gettxout", `["{coins}",-1]`, `null`},
		{"gettxout", `["{parent}",0]`, `null`},
		{"gettxout", `["{parent}",1,false]`, `null`},
		{"gettxout", `["{parent}",2]`, `null`},
		{"gettxout", `["{parent}",1]`, `{"bestblock":"{64 zeros}","confirmations":0,"value":0.00001000,
			"scriptPubKey":{"asm":"0 4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
				"desc":"addr(bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85)#vch92e55",
				"hex":"00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
				"address":"bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85","type":"witness_v0_scripthash"},"coinbase":false}`},
		{"getconnectioncount", `[]`, `2`},
		{"addnode", `["/ip4/192.0.2.1/tcp/1/p2p/x","add"]`, `null`},
		{"addnode", `["/ip4/192.0.2.1/tcp/1/p2p/x","onetry"]`, `null`},
		{"disconnectnode", `["",2]`, `null`},
		{"disconnectnode", `["/ip4/127.0.0.1/tcp/18555"]`, `null`},
		{"disconnectnode", `{"nodeid":1}`, `null`},
		{"standtransaction", `["{new hex}"]`, `{"txid":"{new}","wtxid":"{new wtxid}","standing":false}`},
		{"standtransaction", `["{unknown hex}"]`, `{"txid":"{unknown}","wtxid":"{unknown wtxid}","standing":true,
			"reason":"bad-txns-inputs-missingorspent","waits_for":"the transactions whose outputs it spends"}`},
		{"liststanding", `[]`, `[{"txid":"{standing}","wtxid":"{standing wtxid}","size":99,"reason":"bad-txns-inputs-missingorspent",
			"waits_for":"the transactions whose outputs it spends","maxfeerate":0.10000000,"since":1800000100,"expires":1801209700,"tried":1800000100,"tries":1}]`},
		{"abortstanding", `["{standing}"]`, `{"removed_transactions":[{"txid":"{standing}","wtxid":"{standing wtxid}","hex":"{standing hex}"}]}`},
		{"prioritisetransaction", `["{child}",0.0,250]`, `true`},
		{"prioritisetransaction", `["{64 zeros}",null,-7]`, `true`},
		{"getprioritisedtransactions", `[]`, `{"{standing}":{"fee_delta":-7,"in_mempool":false}}`},
		{"savemempool", `[]`, `{"filename":"/data/regtest/mempool.dat"}`},
		{"importmempool", `["mempool.dat"]`, `{}`},
		{"importmempool", `["mempool.dat",{}]`, `{}`},
		{"importmempool", `{"filepath":"none","options":{"verbose":true}}`, `{"accepted":1,"already_there":0,"expired":0,"failed":0,
			"reject_reasons":{},"fee_deltas":0,"fee_deltas_refused":0,"unbroadcast":0}`},
		{"importmempool", `["mempool.dat",{"verbose":true,"use_current_time":true,"apply_fee_delta_priority":false,"apply_unbroadcast_set":null}]`,
			`{"accepted":5,"already_there":1,"expired":2,"failed":3,"reject_reasons":{"dust":2,"tx-size":1},"fee_deltas":0,"fee_deltas_refused":4,"unbroadcast":0}`},
		{"importmempool", `["mempool.dat",{"verbose":true,"use_current_time":false,"apply_fee_delta_priority":true,"apply_unbroadcast_set":true}]`,
			`{"accepted":5,"already_there":1,"expired":7,"failed":3,"reject_reasons":{"dust":2,"tx-size":1},"fee_deltas":8,"fee_deltas_refused":4,"unbroadcast":9}`},
		{"setnetworkactive", `[false]`, `false`},
		{"setnetworkactive", `{"state":true}`, `true`},
		{"ping", `[]`, `null`},
		{"logging", `[]`, `{"txnode":false}`},
		{"logging", `[["txnode"]]`, `{"txnode":true}`},
		{"logging", `{"exclude":["txnode"]}`, `{"txnode":false}`},
		{"uptime", `[]`, `100`},
		{"stop", `[]`, `"txnode stopping"`},
		{"help", `["nonsense"]`, `"help: unknown command: nonsense"`},
	} {
		t.Run(test.method+test.params, func(t *testing.T) {
			s := newScenario(t)
			result, failure := callRaw(t, s.node, test.method, s.expand(test.params))
			if failure != nil {
				t.Fatal(failure)
			}
			var got, want any
			if err := errors.Join(json.Unmarshal(result, &got), json.Unmarshal([]byte(s.expand(test.want)), &want)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("result:\n%s\nwant:\n%s", result, s.expand(test.want))
			}
		})
	}
}

// TestErrors compares code and text.
func TestErrors(t *testing.T) {
	const (
		decode    = "TX decode failed. Make sure the tx has at least one input."
		wrongType = "Wrong type passed:\n{\n    \"Position %d (%s)\": \"JSON value of type %s is not of expected type %s\"\n}"
		maxFee    = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
	)
	for _, test := range []struct {
		method, params string
		code           Code
		message        string
	}{
		{"getinfo", `[]`, -32601, "Method not found"},
		{"", `[]`, -32601, "Method not found"},

		{"getrawmempool", `[true,true]`, -8, "Verbose results cannot contain mempool sequence values."},
		{"getrawmempool", `["true"]`, -3, fmt.Sprintf(wrongType, 1, "verbose", "string", "bool")},
		{"getrawmempool", `[true,false,1]`, -1, "getrawmempool ( verbose mempool_sequence )\n\n…"},
		{"getrawmempool", `{"verbos":true}`, -8, "Unknown named parameter verbos"},
		{"getrawmempool", `{"verbose":true,"verbose":true}`, -8, "Parameter verbose specified multiple times"},
		{"getrawmempool", `{"args":[true],"verbose":true}`, -8, "Parameter verbose specified twice both as positional and named argument"},
		{"getmempoolentry", `["{64 zeros}"]`, -5, "Transaction not in mempool"},
		{"getmempoolentry", `[]`, -1, "getmempoolentry \"txid\"\n\n…"},
		{"getmempoolentry", `[null]`, -1, "getmempoolentry \"txid\"\n\n…"},
		{"getmempoolentry", `["00"]`, -8, "txid must be of length 64 (not 2, for '00')"},
		{"getmempoolentry", `["x` + zeroHash[1:] + `"]`, -8, "txid must be hexadecimal string (not 'x" + zeroHash[1:] + "')"},
		{"getmempoolentry", `[1]`, -3, fmt.Sprintf(wrongType, 1, "txid", "number", "string")},
		{"getmempoolancestors", `["{64 zeros}"]`, -5, "Transaction not in mempool"},
		{"getmempooldescendants", `["{64 zeros}"]`, -5, "Transaction not in mempool"},

		{"sendrawtransaction", `["zz"]`, -22, decode},
		{"sendrawtransaction", `[""]`, -22, decode},
		{"sendrawtransaction", `["{new hex}00"]`, -22, decode},
		{"sendrawtransaction", `["{new hex}0"]`, -22, decode},
		{"sendrawtransaction", `["01000000fdffff"]`, -22, decode},
		{"sendrawtransaction", `[1]`, -3, fmt.Sprintf(wrongType, 1, "hexstring", "number", "string")},
		{"sendrawtransaction", `["{new hex}","x"]`, -3, "Invalid amount"},
		{"sendrawtransaction", `["{new hex}",0.000000001]`, -3, "Invalid amount"},
		{"sendrawtransaction", `["{new hex}",-1]`, -3, "Amount out of range"},
		{"sendrawtransaction", `["{new hex}",[]]`, -3, "Amount is not a number or string"},
		{"sendrawtransaction", `["{new hex}",1]`, -8, "Fee rates larger than or equal to 1BTC/kvB are not accepted"},
		{"sendrawtransaction", `["{new hex}",0.1,{}]`, -3, "Amount is not a number or string"},
		{"sendrawtransaction", `["{generous hex}"]`, -25, maxFee},
		{"sendrawtransaction", `["{generous hex}",false]`, -25, maxFee},
		{"sendrawtransaction", `["{new hex}",0.00000001]`, -25, maxFee},
		{"sendrawtransaction", `["{burn hex}"]`, -25, "Unspendable output exceeds maximum configured by user (maxburnamount)"},
		{"sendrawtransaction", `["{unknown hex}"]`, -25, "bad-txns-inputs-missingorspent"},
		{"sendrawtransaction", `["{unknown hex}",0]`, -25, "bad-txns-inputs-missingorspent"},
		{"sendrawtransaction", `["{conflict hex}"]`, -26, "insufficient fee, rejecting replacement {conflict}, less fees than conflicting txs; 0.00003 < 0.00004"},
		{"sendrawtransaction", `["{free hex}"]`, -26, "min relay fee not met, 0 < 10"},
		{"sendrawtransaction", `["{wrong hex}"]`, -26, "mempool-script-verify-flag-failed (…"},

		{"testmempoolaccept", `[]`, -1, "testmempoolaccept [\"rawtx\",...] ( maxfeerate )\n\n…"},
		{"testmempoolaccept", `[[]]`, -8, "Array must contain between 1 and 25 transactions."},
		{"testmempoolaccept", `[[` + strings.Repeat(`"",`, 25) + `""]]`, -8, "Array must contain between 1 and 25 transactions."},
		{"testmempoolaccept", `["00"]`, -3, fmt.Sprintf(wrongType, 1, "rawtxs", "string", "array")},
		{"testmempoolaccept", `[[1]]`, -3, "JSON value of type number is not of expected type string"},
		{"testmempoolaccept", `[["{new hex}","00aa"]]`, -22, "TX decode failed: 00aa Make sure the tx has at least one input."},
		{"testmempoolaccept", `[["0z"]]`, -22, "TX decode failed: 0z Make sure the tx has at least one input."},
		{"testmempoolaccept", `[["{new hex}"],2]`, -8, "Fee rates larger than or equal to 1BTC/kvB are not accepted"},

		{"submitpackage", `[]`, -1, "submitpackage [\"package\",...] ( maxfeerate maxburnamount )\n\n…"},
		{"submitpackage", `[[]]`, -8, "Array must contain between 1 and 25 transactions."},
		{"submitpackage", `[[` + strings.Repeat(`"",`, 25) + `""]]`, -8, "Array must contain between 1 and 25 transactions."},
		{"submitpackage", `[[1]]`, -3, "JSON value of type number is not of expected type string"},
		{"submitpackage", `[["{new hex}","00aa"]]`, -22, "TX decode failed: 00aa Make sure the tx has at least one input."},
		{"submitpackage", `[["{new hex}"],1]`, -8, "Fee rates larger than or equal to 1BTC/kvB are not accepted"},
		{"submitpackage", `[["{burn hex}"]]`, -25, "Unspendable output exceeds maximum configured by user (maxburnamount)"},
		{"submitpackage", `[["{child hex}","{parent hex}"]]`, -25, "package topology disallowed. not child-with-parents or parents depend on each other."},
		{"submitpackage", `[["{new hex}","{parent hex}"]]`, -25, "package topology disallowed. not child-with-parents or parents depend on each other."},
		{"standtransaction", `["zz"]`, -22, decode},
		{"standtransaction", `["{new hex}00"]`, -22, decode},
		{"standtransaction", `["{burn hex}"]`, -25, "Unspendable output exceeds maximum configured by user (maxburnamount)"},
		{"standtransaction", `["{generous hex}"]`, -25, maxFee},
		{"standtransaction", `["{wrong hex}"]`, -26, "mempool-script-verify-flag-failed (…"},
		{"abortstanding", `["{64 zeros}"]`, -5, "Transaction is not left standing. Try liststanding."},
		{"prioritisetransaction", `["{child}",1,5]`, -8, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0."},
		{"prioritisetransaction", `["{child}",0]`, -1, "prioritisetransaction \"txid\" ( dummy ) fee_delta\n\n…"},
		{"prioritisetransaction", `["{child}",0,1.5]`, -1, "JSON integer out of range"},
		{"prioritisetransaction", `["00",0,1]`, -8, "txid must be of length 64 (not 2, for '00')"},
		{"savemempool", `[1]`, -1, "savemempool\n\n…"},
		{"importmempool", `[]`, -1, "importmempool \"filepath\" ( options )\n\n…"},
		{"importmempool", `[1]`, -3, fmt.Sprintf(wrongType, 1, "filepath", "number", "string")},
		{"importmempool", `["f",true]`, -3, fmt.Sprintf(wrongType, 2, "options", "bool", "object")},
		{"importmempool", `["f",{"use_current_time":1}]`, -3, "JSON value of type number for field use_current_time is not of expected type bool"},
		{"importmempool", `["f",{"nonsense":true}]`, -3, "Unexpected key nonsense"},
		{"importmempool", `["asleep"]`, -10, "Can only import the mempool after the block download and sync is done. the source of previous outputs does not answer: refused"},
		{"importmempool", `["missing"]`, -1, "Unable to import mempool file, see debug log for details. open missing: no such file or directory"},
		{"importmempool", `["damaged"]`, -1, "Unable to import mempool file, see debug log for details. Of 11 transactions 5 were accepted, then: no valid mempool.dat: after 11 of 12 transactions: it ends"},
		{"setnetworkactive", `[1]`, -3, fmt.Sprintf(wrongType, 1, "state", "number", "bool")},
		{"logging", `[["nonsense"]]`, -8, "unknown logging category nonsense"},
		{"logging", `[[1]]`, -3, "JSON value of type number is not of expected type string"},
		{"logging", `[[` + strings.Repeat(`"",`, 1000) + `""]]`, -8, "more than 1000 logging categories"},
		{"gettxout", `["00",0]`, -8, "txid must be of length 64 (not 2, for '00')"},

		{"getrawtransaction", `["{64 zeros}"]`, -5, "No such mempool transaction. A txnode keeps no blocks: …"},
		{"getrawtransaction", `["00"]`, -8, "parameter 1 must be of length 64 (not 2, for '00')"},
		{"getrawtransaction", `["{parent}","1"]`, -3, "JSON value of type string is not of expected type number"},
		{"getrawtransaction", `["{parent}",1.5]`, -1, "JSON integer out of range"},
		{"getrawtransaction", `["{parent}",1,"{64 zeros}"]`, -5, "Block hash not found"},
		{"getrawtransaction", `["{parent}",1,"00"]`, -8, "parameter 3 must be of length 64 (not 2, for '00')"},
		{"decoderawtransaction", `["00aa"]`, -22, "TX decode failed"},

		{"addnode", `["/ip4/192.0.2.1/tcp/1","frob"]`, -1, "addnode \"node\" \"command\"\n\n…"},
		{"addnode", `["/ip4/192.0.2.1/tcp/1"]`, -1, "addnode \"node\" \"command\"\n\n…"},
		{"addnode", `["/ip4/192.0.2.1/tcp/1","remove"]`, -24, "Error: Node could not be removed. It has not been added previously."},
		{"addnode", `["127.0.0.1:8333","add"]`, -8, "Error: invalid node address; want a multiaddr such as …"},
		{"addnode", `["127.0.0.1:8333","onetry"]`, -8, "Error: invalid node address; want a multiaddr such as …"},
		{"disconnectnode", `[]`, -32602, "Only one of address and nodeid should be provided."},
		{"disconnectnode", `["/ip4/1.2.3.4/tcp/1",1]`, -32602, "Only one of address and nodeid should be provided."},
		{"disconnectnode", `["/ip4/1.2.3.4/tcp/1"]`, -29, "Node not found in connected nodes"},
		{"disconnectnode", `["",99]`, -29, "Node not found in connected nodes"},
		{"disconnectnode", `["",-1]`, -29, "Node not found in connected nodes"},
		{"disconnectnode", `["",1e3]`, -1, "JSON integer out of range"},
	} {
		t.Run(test.method+test.params, func(t *testing.T) {
			s := newScenario(t)
			before := s.node.pool.Info().Sequence
			result, failure := callRaw(t, s.node, test.method, s.expand(test.params))
			if failure == nil {
				t.Fatalf("no error but %s", result)
			}
			want, isPrefix := strings.CutSuffix(s.expand(test.message), "…")
			if failure.Code != test.code || failure.Message != want && !(isPrefix && strings.HasPrefix(failure.Message, want)) {
				t.Errorf("error %d %q, want %d %q", failure.Code, failure.Message, test.code, test.message)
			}
			if s.node.pool.Info().Sequence != before {
				t.Error("the mempool changed")
			}
		})
	}
}

func TestAddNodeTwice(t *testing.T) {
	n := newFakeNode()
	const params = `["/ip4/192.0.2.1/tcp/1","add"]`
	if _, failure := callRaw(t, n, "addnode", params); failure != nil {
		t.Fatal(failure)
	}
	if _, failure := callRaw(t, n, "addnode", params); failure == nil || *failure != (Error{-23, "Error: Node already added"}) {
		t.Errorf("second add: %v", failure)
	}
	if _, failure := callRaw(t, n, "addnode", strings.Replace(params, "add", "remove", 1)); failure != nil {
		t.Error(failure)
	}
}

// TestConfirmed: the outputs are among the previous outputs already, the input
// is not.
func TestConfirmed(t *testing.T) {
	n := newFakeNode()
	tx := spend(coin(99), 1000)
	n.chain.confirmed = tx.TxHash()
	_, failure := callRaw(t, n, "sendrawtransaction", `["`+hexOf(tx)+`"]`)
	if failure == nil || *failure != (Error{-27, "Transaction outputs already in utxo set"}) {
		t.Errorf("sendrawtransaction: %v", failure)
	}
	result, failure := callRaw(t, n, "testmempoolaccept", `[["`+hexOf(tx)+`"]]`)
	if failure != nil || !strings.Contains(string(result), `"reject-reason":"txn-already-known"`) {
		t.Errorf("testmempoolaccept: %s %v", result, failure)
	}
}

// TestPrevOutsFail: no verdict is not a refusal.
func TestPrevOutsFail(t *testing.T) {
	n := newFakeNode()
	n.chain.err = errors.New("connection to the chain lost")
	tx := hexOf(spend(coin(1), 1000))
	for method, params := range map[string]string{"sendrawtransaction": `["` + tx + `"]`, "testmempoolaccept": `[["` + tx + `"]]`} {
		_, failure := callRaw(t, n, method, params)
		if failure == nil || failure.Code != -1 || !strings.Contains(failure.Message, n.chain.err.Error()) {
			t.Errorf("%s: %v", method, failure)
		}
	}
}

// TestLoading: until the mempool is read, only what does not need it is answered.
func TestLoading(t *testing.T) {
	n := newFakeNode()
	n.loading = true
	for method, params := range map[string]string{"getrawmempool": `[]`, "sendrawtransaction": `["00"]`, "getpeerinfo": `[]`, "getmempooldigest": `[]`} {
		if _, failure := callRaw(t, n, method, params); failure == nil || *failure != (Error{-28, "Loading mempool…"}) {
			t.Errorf("%s: %v", method, failure)
		}
	}
	for _, method := range []string{"help", "uptime", "stop"} {
		if _, failure := callRaw(t, n, method, `[]`); failure != nil {
			t.Errorf("%s: %v", method, failure)
		}
	}
	result, failure := callRaw(t, n, "getmempoolinfo", `[]`)
	if failure != nil || !strings.Contains(string(result), `"loaded":false`) {
		t.Errorf("getmempoolinfo: %s %v", result, failure)
	}
	if _, failure := callRaw(t, n, "getinfo", `[]`); failure == nil || failure.Code != -32601 {
		t.Errorf("getinfo: %v", failure) // rpcclient gives up on any other code
	}
}

func TestVerboseTransaction(t *testing.T) {
	s := newScenario(t)
	for _, params := range []string{`["{child}",1]`, `["{child}",2]`, `["{child}",true]`} {
		result, failure := callRaw(t, s.node, "getrawtransaction", s.expand(params))
		if failure != nil {
			t.Fatal(failure)
		}
		var got RawTransaction
		if err := json.Unmarshal(result, &got); err != nil {
			t.Fatal(err)
		}
		zero := uint32(0)
		want := RawTransaction{
			TxID: s.child.TxID(), Hash: s.child.WitnessHash().String(), Version: 2, Size: 99, VSize: 96, Weight: 381,
			Vin: []TxInput{{TxID: s.parent.TxID(), Vout: &zero, ScriptSig: &ScriptSig{}, TxInWitness: []string{"51"}, Sequence: 0xffffffff}},
			Vout: []TxOutput{{Value: coinValue - 5000, ScriptPubKey: ScriptPubKey{
				Desc: "addr(bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85)#vch92e55",
				Asm:  "0 4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260", Hex: "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
				Address: "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85", Type: "witness_v0_scripthash"}}},
			Hex: hexOf(s.child),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", params, got, want)
		}
	}
	result, failure := callRaw(t, s.node, "decoderawtransaction", s.expand(`["{child hex}"]`))
	if failure != nil || strings.Contains(string(result), `"hex":"`+hexOf(s.child)) {
		t.Errorf("decoderawtransaction: %s %v", result, failure)
	}
}

// TestHelp: every method of the table is listed and explains itself.
func TestHelp(t *testing.T) {
	n := newFakeNode()
	list, failure := callRaw(t, n, "help", `[]`)
	if failure != nil {
		t.Fatal(failure)
	}
	for _, m := range table() {
		if !strings.Contains(string(list), m.name) {
			t.Errorf("%s is not listed", m.name)
		}
		text, failure := callRaw(t, n, "help", `["`+m.name+`"]`)
		if failure != nil || !strings.Contains(string(text), "Result:") {
			t.Errorf("help %s: %s %v", m.name, text, failure)
		}
		for _, p := range m.params {
			if !strings.Contains(string(text), p.name) || p.help == "" {
				t.Errorf("help %s does not explain %s", m.name, p.name)
			}
		}
	}
}

// TestOwnMethodTakesStrings: bitcoin-cli quotes the arguments of methods it does
// not know.
func TestOwnMethodTakesStrings(t *testing.T) {
	m := &method{own: true, params: []param{{name: "n", typ: typeNumber}, {name: "b", typ: typeBool}, {name: "l", typ: typeArray}, {name: "s", typ: typeString}}}
	a, failure := m.bind(json.RawMessage(`["3","true","[1,2]","4"]`))
	if failure != nil {
		t.Fatal(failure)
	}
	if n, err := a.integer(0, 0); n != 3 || err != nil || !a.boolean(1) || string(a[2]) != "[1,2]" || a.text(3) != "4" {
		t.Errorf("bound %q", a)
	}
	for _, bad := range []string{`["x","true","[]",""]`, `["3","true","[",""]`, `["3","true","` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `",""]`} {
		if _, failure := m.bind(json.RawMessage(bad)); failure == nil || failure.Code != CodeType {
			t.Errorf("bind %s: %v", bad, failure)
		}
	}
	m.own = false
	if _, failure := m.bind(json.RawMessage(`["3","true","[1,2]","4"]`)); failure == nil || failure.Code != CodeType {
		t.Errorf("a method of Core's took strings: %v", failure)
	}
}

func TestNetworkClass(t *testing.T) {
	for _, test := range []struct{ addr, class, transport string }{
		{"/ip4/8.8.8.8/tcp/18555", "ipv4", "tcp"},
		{"/ip4/8.8.8.8/udp/18555/quic-v1", "ipv4", "quic-v1"},
		{"/ip6/2606:4700::1111/tcp/1", "ipv6", "tcp"},
		{"/ip6/::ffff:8.8.8.8/tcp/1", "ipv4", "tcp"},
		{"/ip4/10.0.0.1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip4/127.0.0.1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip4/100.64.0.1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip4/192.0.2.1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip6/::1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip6/fe80::1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip6/fd00::1/tcp/1", "not_publicly_routable", "tcp"},
		{"/ip6/2001:db8::1/tcp/1", "not_publicly_routable", "tcp"},
		{"/dns4/node0/tcp/18555", "not_publicly_routable", "tcp"},
		{"/ip4/8.8.8.8/tcp/99999", "not_publicly_routable", "tcp"},
		{"/ip4/1", "not_publicly_routable", ""},
		{"", "not_publicly_routable", ""},
	} {
		if got := networkClass(test.addr); got != test.class {
			t.Errorf("networkClass(%s) = %s, want %s", test.addr, got, test.class)
		}
		if got := transport(test.addr); got != test.transport {
			t.Errorf("transport(%s) = %q, want %q", test.addr, got, test.transport)
		}
	}
}

// What was submitted here and has not arrived anywhere is told as such.
func TestUnbroadcastIsTold(t *testing.T) {
	s := newScenario(t)
	s.node.unbroadcast = map[chainhash.Hash]bool{s.parent.WitnessHash(): true}
	for method, want := range map[string]string{
		`"getmempoolinfo","params":[]`:                           `"unbroadcastcount":1`,
		`"getmempoolentry","params":["` + s.parent.TxID() + `"]`: `"unbroadcast":true`,
		`"getmempoolentry","params":["` + s.child.TxID() + `"]`:  `"unbroadcast":false`,
	} {
		if w := serve(s.node.server(), newRequest("/", `{"method":`+method+`,"id":1}`)); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", method, w.Body, want)
		}
	}
}

// TestTroubleIsTold: warnings are where Core's tools look for them.
func TestTroubleIsTold(t *testing.T) {
	n := newFakeNode()
	n.warnings = []string{"disk"}
	n.failures = []PeerFailure{{PeerID: "P", Addr: "/ip4/1.2.3.4/tcp/1", Time: 1.5, Reason: "away"}}
	var network NetworkInfo
	if err := n.ask(t, &network, "getnetworkinfo", `[]`); err != nil || !slices.Equal(network.Warnings, n.warnings) || !slices.Equal(network.TxNode.Failures, n.failures) {
		t.Errorf("getnetworkinfo: %+v %v", network, err)
	}
	var chain BlockchainInfo
	if err := n.ask(t, &chain, "getblockchaininfo", `[]`); err != nil || !slices.Equal(chain.Warnings, n.warnings) {
		t.Errorf("getblockchaininfo: %+v %v", chain, err)
	}
}
