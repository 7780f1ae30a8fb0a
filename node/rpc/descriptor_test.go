package rpc

import (
	"encoding/hex"
	"testing"
)

// The test vector of BIP380, and a descriptor of Bitcoin Core's rpc_deriveaddresses.py.
func TestDescriptorChecksum(t *testing.T) {
	for _, want := range []string{
		"raw(deadbeef)#89f8spxm",
		"wpkh(tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B/1/1/0)#s9ga3alw",
	} {
		if got := withChecksum(want[:len(want)-9]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestDescribeCoreScripts has the scripts of Bitcoin Core's test/functional/data/rpc_decodescript.json,
// and what Core makes of them.
func TestDescribeCoreScripts(t *testing.T) {
	for _, want := range []ScriptPubKey{
		{Asm: "1 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Desc: "rawtr(eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee)#jk7c6kys", Hex: "5120eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Address: "bcrt1pamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqz6nvlh", Type: "witness_v1_taproot"},
		{Asm: "1 -28398", Desc: "addr(bcrt1pamhqk96edn)#vkh8uj5a", Hex: "5102eeee", Address: "bcrt1pamhqk96edn", Type: "witness_unknown"},
		{Asm: "0 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Desc: "addr(bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t)#afaecevx", Hex: "0020eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Address: "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t", Type: "witness_v0_scripthash"},
		{Asm: "OP_HASH160 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee OP_EQUAL", Desc: "addr(2NF2b3KS8xXb9XHvbRMXdZh8s5g92rUZHtp)#ywfcpmh9", Hex: "a914eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee87", Address: "2NF2b3KS8xXb9XHvbRMXdZh8s5g92rUZHtp", Type: "scripthash"},
		{Asm: "OP_RETURN 0", Desc: "raw(6a00)#ncfmkl43", Hex: "6a00", Address: "", Type: "nulldata"},
		{Asm: "OP_RETURN OP_UNKNOWN", Desc: "raw(6aee)#vsyzgqdt", Hex: "6aee", Address: "", Type: "nonstandard"},
		{Asm: "OP_RETURN [error]", Desc: "raw(6a02ee)#gvdwnlzl", Hex: "6a02ee", Address: "", Type: "nonstandard"},
		{Asm: "-28398", Desc: "raw(02eeee)#5xzck7pr", Hex: "02eeee", Address: "", Type: "nonstandard"},
		{Asm: "OP_CHECKSIGADD", Desc: "raw(ba)#yy0eg44l", Hex: "ba", Address: "", Type: "nonstandard"},
		{Asm: "OP_RESERVED", Desc: "raw(50)#a7tu03xf", Hex: "50", Address: "", Type: "nonstandard"},
	} {
		script, err := hex.DecodeString(want.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if got := describeScript(script, paramsOf("regtest")); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
