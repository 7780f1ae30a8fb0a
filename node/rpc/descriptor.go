package rpc

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
)

// descriptorOf is the output descriptor (BIP380 and the following) that Core
// infers for a script of which it knows nothing more: InferDescriptor in
// script/descriptor.cpp. The address is empty if it has none.
func descriptorOf(script []byte, class txscript.ScriptClass, address string) string {
	return withChecksum(inferDescriptor(script, class, address))
}

func inferDescriptor(script []byte, class txscript.ScriptClass, address string) string {
	pushes, _ := txscript.PushedData(script)
	switch class {
	case txscript.PubKeyTy:
		if validKeys(pushes) {
			return fmt.Sprintf("pk(%x)", pushes[0])
		}
	case txscript.MultiSigTy:
		if validKeys(pushes) {
			keys := make([]string, len(pushes))
			for i, key := range pushes {
				keys[i] = hex.EncodeToString(key)
			}
			return fmt.Sprintf("multi(%d,%s)", script[0]-txscript.OP_1+1, strings.Join(keys, ","))
		}
	case txscript.WitnessV1TaprootTy:
		if _, err := schnorr.ParsePubKey(pushes[0]); err == nil {
			return fmt.Sprintf("rawtr(%x)", pushes[0])
		}
	}
	if address != "" {
		return fmt.Sprintf("addr(%s)", address)
	}
	return fmt.Sprintf("raw(%x)", script)
}

// validKeys reports whether there are keys and all are public keys, of which a
// descriptor cannot have the hybrid form.
func validKeys(keys [][]byte) bool {
	for _, key := range keys {
		hybrid := len(key) > 0 && (key[0] == 6 || key[0] == 7)
		if _, err := btcec.ParsePubKey(key); err != nil || hybrid {
			return false
		}
	}
	return len(keys) > 0
}

// The characters of descriptors, in the order of their values, and those of
// checksums: BIP380.
const (
	descriptorCharset = "0123456789()[],'/*abcdefgh@:$%{}" + "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" + "ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumCharset   = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// withChecksum appends BIP380's checksum to a descriptor of its characters.
func withChecksum(descriptor string) string {
	c, class, classes := uint64(1), uint64(0), 0
	for _, r := range descriptor {
		value := uint64(strings.IndexRune(descriptorCharset, r))
		c = descriptorPolymod(c, value&31)
		class = class*3 + value>>5
		if classes++; classes == 3 {
			c = descriptorPolymod(c, class)
			class, classes = 0, 0
		}
	}
	if classes > 0 {
		c = descriptorPolymod(c, class)
	}
	for range 8 {
		c = descriptorPolymod(c, 0)
	}
	c ^= 1
	sum := make([]byte, 8)
	for i := range sum {
		sum[i] = checksumCharset[c>>(5*(7-i))&31]
	}
	return descriptor + "#" + string(sum)
}

func descriptorPolymod(c, value uint64) uint64 {
	top := c >> 35
	c = c&0x7ffffffff<<5 ^ value
	for i, generator := range []uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd} {
		if top>>i&1 == 1 {
			c ^= generator
		}
	}
	return c
}
