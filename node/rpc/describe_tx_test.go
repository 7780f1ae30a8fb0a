package rpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const generatorKey = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" // of secp256k1

// TestDescribeScript: type and address as Core's decodescript has them.
func TestDescribeScript(t *testing.T) {
	hash := strings.Repeat("11", 20)
	for _, test := range []struct{ script, network, class, address, asm string }{
		{"76a914" + hash + "88ac", "main", "pubkeyhash", "12ZEw5Hcv1hTb6YUQJ69y1V7uhcoDz92PH", "OP_DUP OP_HASH160 " + hash + " OP_EQUALVERIFY OP_CHECKSIG"},
		{"a914" + hash + "87", "main", "scripthash", "33FFrcn4Tv1qgGEuXPkkPdr44DuWp3RzPo", "OP_HASH160 " + hash + " OP_EQUAL"},
		{"0014751e76e8199196d454941c45d1b3a323f1433bd6", "main", "witness_v0_keyhash", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0 751e76e8199196d454941c45d1b3a323f1433bd6"},
		{"0014751e76e8199196d454941c45d1b3a323f1433bd6", "test", "witness_v0_keyhash", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "0 751e76e8199196d454941c45d1b3a323f1433bd6"},
		{"0014751e76e8199196d454941c45d1b3a323f1433bd6", "testnet4", "witness_v0_keyhash", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "0 751e76e8199196d454941c45d1b3a323f1433bd6"},
		{"0014751e76e8199196d454941c45d1b3a323f1433bd6", "signet", "witness_v0_keyhash", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "0 751e76e8199196d454941c45d1b3a323f1433bd6"},
		{"5120" + generatorKey[2:], "main", "witness_v1_taproot", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "1 " + generatorKey[2:]},
		{"21" + generatorKey + "ac", "main", "pubkey", "", generatorKey + " OP_CHECKSIG"},
		{"5121" + generatorKey + "51ae", "main", "multisig", "", "1 " + generatorKey + " 1 OP_CHECKMULTISIG"},
		{"6a0568656c6c6f", "main", "nulldata", "", "OP_RETURN 68656c6c6f"},
		{"51024e73", "main", "anchor", "bc1pfeessrawgf", "1 29518"},
		{"5102eeee", "regtest", "witness_unknown", "bcrt1pamhqk96edn", "1 -28398"},
		{"00020000", "main", "nonstandard", "", "0 0"},
		{"4c", "main", "nonstandard", "", "[error]"},
		{"", "main", "nonstandard", "", ""},
	} {
		script, err := hex.DecodeString(test.script)
		if err != nil {
			t.Fatal(err)
		}
		want := ScriptPubKey{Asm: test.asm, Hex: test.script, Address: test.address, Type: test.class}
		got := describeScript(script, paramsOf(test.network))
		if want.Desc = got.Desc; got != want { // see TestDescribeCoreScripts
			t.Errorf("%s:\n%+v\nwant\n%+v", test.network, got, want)
		}
	}
}

// TestDescribeInputs: a coinbase has no previous output, an output numbered 0
// is told.
func TestDescribeInputs(t *testing.T) {
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{1, 2}, nil))
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{1}}, []byte{txscript.OP_TRUE}, nil))
	got, err := json.Marshal(describeTx(tx, "regtest").Vin)
	want := `[{"coinbase":"0102","sequence":4294967295},{"txid":"` + chainhash.Hash{1}.String() + `","vout":0,"scriptSig":{"asm":"1","hex":"51"},"sequence":4294967295}]`
	if err != nil || string(got) != want {
		t.Errorf("%s %v\nwant %s", got, err, want)
	}
}

func TestBurns(t *testing.T) {
	push := func(n int) []byte {
		return append([]byte{txscript.OP_PUSHDATA2, byte(n), byte(n >> 8)}, make([]byte, n)...)
	}
	for _, test := range []struct {
		name   string
		script []byte
		want   bool
	}{
		{"empty", nil, false},
		{"P2WSH", anyoneScript, false},
		{"OP_RETURN", []byte{txscript.OP_RETURN}, true},
		{"truncated push", []byte{txscript.OP_DATA_2, 0}, true},
		{"largest push", push(520), false},
		{"push too large", push(521), true},
		{"OP_NOP10", []byte{txscript.OP_NOP10}, false},
		{"no opcode", []byte{0xba}, true},
		{"longest", bytes.Repeat([]byte{txscript.OP_NOP}, 10_000), false},
		{"too long", bytes.Repeat([]byte{txscript.OP_NOP}, 10_001), true},
	} {
		if got := burns(test.script); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestReplaceable: BIP 125 counts ancestors, too.
func TestReplaceable(t *testing.T) {
	n := newFakeNode()
	parent := spend(coin(0), coinValue-1000)
	parent.TxIn[0].Sequence = wire.MaxTxInSequenceNum - 2
	e := n.add(t, parent)
	child := n.add(t, spend(outputOf(e, 0), coinValue-2000))
	other := n.add(t, spend(coin(1), coinValue-1000))
	for entry, want := range map[string]bool{e.TxID.String(): true, child.TxID.String(): true, other.TxID.String(): false} {
		result, failure := callRaw(t, n, "getmempoolentry", `["`+entry+`"]`)
		var got MempoolEntry
		if err := json.Unmarshal(result, &got); failure != nil || err != nil || got.BIP125Replaceable != want {
			t.Errorf("%s: %s %v, want %v", entry, result, failure, want)
		}
	}
}

// Signatures in inputs as Bitcoin Core's rpc_decodescript.py has them.
func TestDisassembleSignatures(t *testing.T) {
	const signature = "304402207174775824bec6c2700023309a168231ec80b82c6069282f5133e6f11cbb04460220570edc55c7c5da2ca687ebd0372d3546ebc3f810516a002350cac72dfe192dfb"
	for script, want := range map[string]string{
		"47" + signature + "01": signature + "[ALL]",
		"47" + signature + "82": signature + "[NONE|ANYONECANPAY]",
		"47" + signature + "04": signature + "04",
		"46" + signature:        signature,
	} {
		raw, err := hex.DecodeString(script)
		if err != nil {
			t.Fatal(err)
		}
		if got := disassemble(raw, true); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := disassemble(raw, false); got != script[2:] {
			t.Errorf("%s as an output", got)
		}
	}
}
