package utxo

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// TestSeed is what the test allocation is derived from. It is published, so
	// every key and output of the test allocation is public.
	TestSeed = "txnode public test allocation 1"

	// TestKeys is the number of different keys. An even number, so that a key
	// serves one kind of script only; small, so that the allocation is made in
	// milliseconds.
	TestKeys = 64

	// TestValue is the value of each output, in satoshi.
	TestValue = btcutil.SatoshiPerBitcoin

	// DefaultTestOutputs is the number of outputs that a testnet starts with
	// unless told otherwise.
	DefaultTestOutputs = 10_000
)

// TestAllocation makes the published test allocation for network with outputs
// 0 to n-1. Its private keys are PUBLIC; see the package documentation.
func TestAllocation(network string, n int) (*Static, error) {
	if n < 1 || n > MaxOutputs {
		return nil, fmt.Errorf("a test allocation of %d outputs: use 1 to %d", n, MaxOutputs)
	}
	var scripts [TestKeys][]byte
	for i := range min(n, TestKeys) {
		scripts[i] = TestScript(i)
	}
	outputs := make([]Output, n)
	for i := range outputs {
		outputs[i] = Output{
			OutPoint: TestOutPoint(network, i),
			PrevOut:  mempool.PrevOut{Value: TestValue, PkScript: scripts[i%TestKeys]},
		}
	}
	return New(network, DefaultTip(), outputs)
}

// TestOutPoint names output i, counted from 0, of the test allocation for
// network.
func TestOutPoint(network string, i int) wire.OutPoint {
	return wire.OutPoint{Hash: sha256.Sum256(fmt.Appendf(nil, "%s/%s/txid/%d", TestSeed, network, i))}
}

// TestKey is the private key that output i of the test allocation belongs to:
// for P2TR the internal key, before its BIP 341 tweak. The key is PUBLIC.
func TestKey(i int) *btcec.PrivateKey {
	secret := sha256.Sum256(fmt.Appendf(nil, "%s/key/%d", TestSeed, i%TestKeys))
	key, _ := btcec.PrivKeyFromBytes(secret[:])
	return key
}

// TestScript is the scriptPubKey of output i of the test allocation: P2WPKH
// for even i, P2TR for odd i. Anyone can spend what is sent to it.
func TestScript(i int) []byte {
	pub := TestKey(i).PubKey()
	if i%2 == 0 {
		return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(pub.SerializeCompressed())...)
	}
	output := txscript.ComputeTaprootKeyNoScript(pub)
	return append([]byte{txscript.OP_1, txscript.OP_DATA_32}, output.SerializeCompressed()[1:]...)
}
