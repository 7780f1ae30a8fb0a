package mempool

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// coreWords are the names that script_tests.json has for errors, with what Core says for them (script/script_error.cpp).
var coreWords = map[string]string{
	"EVAL_FALSE":                            "Script evaluated without error but finished with a false/empty top stack element",
	"VERIFY":                                "Script failed an OP_VERIFY operation",
	"EQUALVERIFY":                           "Script failed an OP_EQUALVERIFY operation",
	"NUMEQUALVERIFY":                        "Script failed an OP_NUMEQUALVERIFY operation",
	"CHECKSIGVERIFY":                        "Script failed an OP_CHECKSIGVERIFY operation",
	"CHECKMULTISIGVERIFY":                   "Script failed an OP_CHECKMULTISIGVERIFY operation",
	"SCRIPT_SIZE":                           "Script is too big",
	"PUSH_SIZE":                             "Push value size limit exceeded",
	"OP_COUNT":                              "Operation limit exceeded",
	"STACK_SIZE":                            "Stack size limit exceeded",
	"SIG_COUNT":                             "Signature count negative or greater than pubkey count",
	"PUBKEY_COUNT":                          "Pubkey count negative or limit exceeded",
	"BAD_OPCODE":                            "Opcode missing or not understood",
	"DISABLED_OPCODE":                       "Attempted to use a disabled opcode",
	"INVALID_STACK_OPERATION":               "Operation not valid with the current stack size",
	"INVALID_ALTSTACK_OPERATION":            "Operation not valid with the current altstack size",
	"OP_RETURN":                             "OP_RETURN was encountered",
	"UNBALANCED_CONDITIONAL":                "Invalid OP_IF construction",
	"NEGATIVE_LOCKTIME":                     "Negative locktime",
	"UNSATISFIED_LOCKTIME":                  "Locktime requirement not satisfied",
	"SIG_HASHTYPE":                          "Signature hash type missing or not understood",
	"SIG_DER":                               "Non-canonical DER signature",
	"MINIMALDATA":                           "Data push larger than necessary",
	"SIG_PUSHONLY":                          "Only push operators allowed in signatures",
	"SIG_HIGH_S":                            "Non-canonical signature: S value is unnecessarily high",
	"SIG_NULLDUMMY":                         "Dummy CHECKMULTISIG argument must be zero",
	"MINIMALIF":                             "OP_IF/NOTIF argument must be minimal",
	"NULLFAIL":                              "Signature must be zero for failed CHECK(MULTI)SIG operation",
	"DISCOURAGE_UPGRADABLE_NOPS":            "NOPx reserved for soft-fork upgrades",
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": "Witness version reserved for soft-fork upgrades",
	"PUBKEYTYPE":                            "Public key is neither compressed or uncompressed",
	"CLEANSTACK":                            "Stack size must be exactly one after execution",
	"WITNESS_PROGRAM_WRONG_LENGTH":          "Witness program has incorrect length",
	"WITNESS_PROGRAM_WITNESS_EMPTY":         "Witness program was passed an empty witness",
	"WITNESS_PROGRAM_MISMATCH":              "Witness program hash mismatch",
	"WITNESS_MALLEATED":                     "Witness requires empty scriptSig",
	"WITNESS_MALLEATED_P2SH":                "Witness requires only-redeemscript scriptSig",
	"WITNESS_UNEXPECTED":                    "Witness provided for non-witness script",
	"WITNESS_PUBKEYTYPE":                    "Using non-compressed keys in segwit",
	"TAPSCRIPT_EMPTY_PUBKEY":                "Empty public key in tapscript",
	"SCRIPTNUM":                             "Script number overflowed or is non-minimally encoded",
}

// A scriptVector is one row of script_tests.json.
type scriptVector struct {
	text            string
	witness         wire.TxWitness
	value           int64
	sigScript       []byte
	pkScript        []byte
	flags, expected string
}

func readScriptVectors(t *testing.T) (vectors []scriptVector) {
	t.Helper()
	var rows [][]json.RawMessage
	if err := json.Unmarshal(must(os.ReadFile("testdata/script_tests.json")), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if len(row) == 1 {
			continue // a comment
		}
		v := scriptVector{text: string(must(json.Marshal(row)))}
		output := ""
		if row[0][0] == '[' {
			output = v.readWitness(t, row[0])
			row = row[1:]
		}
		var words [4]string
		for i := range words {
			if err := json.Unmarshal(row[i], &words[i]); err != nil {
				t.Fatal(err)
			}
		}
		v.sigScript = assemble(words[0])
		v.pkScript = assemble(strings.Replace(words[1], "#TAPROOTOUTPUT#", output, 1))
		v.flags, v.expected = words[2], words[3]
		vectors = append(vectors, v)
	}
	return vectors
}

// readWitness reads a witness and the amount at its end. A taproot script may be given as text, with the rest of what
// spends it to be made up: a tree of that one leaf under the private key 1. It returns the output key then.
func (v *scriptVector) readWitness(t *testing.T, row json.RawMessage) (output string) {
	t.Helper()
	var items []any
	if err := json.Unmarshal(row, &items); err != nil {
		t.Fatal(err)
	}
	last := len(items) - 1
	v.value = int64(math.Round(items[last].(float64) * 1e8))
	for _, item := range items[:last] {
		text := item.(string)
		if script, ok := strings.CutPrefix(text, "#SCRIPT#"); ok {
			v.witness = append(v.witness, assemble(script))
		} else if text == "#CONTROLBLOCK#" {
			_, internal := btcec.PrivKeyFromBytes([]byte{1})
			tree := txscript.AssembleTaprootScriptTree(txscript.NewBaseTapLeaf(v.witness[len(v.witness)-1]))
			root := tree.RootNode.TapHash()
			control := tree.LeafMerkleProofs[0].ToControlBlock(internal)
			v.witness = append(v.witness, must(control.ToBytes()))
			key := schnorr.SerializePubKey(txscript.ComputeTaprootOutputKey(internal, root[:]))
			output = "0x" + hex.EncodeToString(key)
		} else {
			v.witness = append(v.witness, must(hex.DecodeString(text)))
		}
	}
	return output
}

// run spends an output locked by the row's public key script, as the head of script_tests.json says.
func (v *scriptVector) run(flags txscript.ScriptFlags) error {
	credit := wire.NewMsgTx(1)
	credit.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: math.MaxUint32}, []byte{txscript.OP_0, txscript.OP_0}, nil))
	credit.AddTxOut(wire.NewTxOut(v.value, v.pkScript))
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: credit.TxHash()}, v.sigScript, v.witness))
	tx.AddTxOut(wire.NewTxOut(v.value, nil))
	return runScripts(tx, []PrevOut{{Value: v.value, PkScript: v.pkScript}}, flags)
}

func TestCoreScripts(t *testing.T) {
	vectors := readScriptVectors(t)
	if len(vectors) != 1233 {
		t.Errorf("%d rows", len(vectors))
	}
	// btcd has one code for both stacks, and looks at a signature's hash type before its encoding.
	imprecise := map[string]string{
		"INVALID_ALTSTACK_OPERATION": coreWords["INVALID_STACK_OPERATION"],
		"SIG_DER":                    coreWords["SIG_HASHTYPE"],
	}
	other := 0
	for _, v := range vectors {
		err := v.run(parseFlags(t, v.flags))
		if (v.expected == "OK") != (err == nil) {
			t.Errorf("%s\ngot %v", v.text, err)
			continue
		}
		if err == nil {
			continue
		}
		e := (*RuleError)(nil)
		if !errors.As(err, &e) {
			t.Errorf("%s\n%v is not a rejection", v.text, err)
			continue
		}
		switch word := strings.TrimSuffix(strings.TrimPrefix(e.Reason, "mempool-script-verify-flag-failed ("), ")"); word {
		case coreWords[v.expected]:
		case imprecise[v.expected]:
			other++
		default:
			t.Errorf("%s\ngot %s", v.text, word)
		}
	}
	if other != 3 {
		t.Errorf("%d rows have a word of their own", other)
	}
}

func TestCoreSigHashes(t *testing.T) {
	var rows [][]any
	if err := json.Unmarshal(must(os.ReadFile("testdata/sighash.json")), &rows); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, row := range rows {
		if len(row) == 1 {
			continue // a comment
		}
		ran++
		tx, err := DecodeTx(must(hex.DecodeString(row[0].(string))))
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		script := must(hex.DecodeString(row[1].(string)))
		hashType := txscript.SigHashType(int32(row[3].(float64)))
		got, err := txscript.CalcSignatureHash(script, hashType, tx, int(row[2].(float64)))
		if want := *must(chainhash.NewHashFromStr(row[4].(string))); err != nil || chainhash.Hash(got) != want {
			t.Errorf("%v: %x, %v", row, got, err)
		}
	}
	if ran != 500 {
		t.Errorf("%d rows ran", ran)
	}
}

// bip341 is the part of the wallet vectors that a node can judge: a transaction with seven key path inputs and two
// others, and the hash that each of the seven signs.
type bip341 struct {
	KeyPathSpending []struct {
		Given struct {
			UTXOsSpent []struct {
				ScriptPubKey string
				AmountSats   int64
			}
		}
		InputSpending []struct {
			Given struct {
				TxInIndex int
				HashType  uint32
			}
			Intermediary struct{ SigHash string }
		}
		Auxiliary struct{ FullySignedTx string }
	}
}

func TestCoreTaproot(t *testing.T) {
	var vectors bip341
	if err := json.Unmarshal(must(os.ReadFile("testdata/bip341_wallet_vectors.json")), &vectors); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, v := range vectors.KeyPathSpending {
		tx, err := DecodeTx(must(hex.DecodeString(v.Auxiliary.FullySignedTx)))
		if err != nil {
			t.Fatal(err)
		}
		fetcher := txscript.NewMultiPrevOutFetcher(nil)
		outputs := make([]PrevOut, len(tx.TxIn))
		for i, out := range v.Given.UTXOsSpent {
			outputs[i] = PrevOut{Value: out.AmountSats, PkScript: must(hex.DecodeString(out.ScriptPubKey))}
			fetcher.AddPrevOut(tx.TxIn[i].PreviousOutPoint, wire.NewTxOut(outputs[i].Value, outputs[i].PkScript))
		}
		hashes := txscript.NewTxSigHashes(tx, fetcher)
		for _, in := range v.InputSpending {
			ran++
			got, err := txscript.CalcTaprootSignatureHash(hashes, txscript.SigHashType(in.Given.HashType), tx, in.Given.TxInIndex, fetcher)
			if err != nil || hex.EncodeToString(got) != in.Intermediary.SigHash {
				t.Errorf("input %d: hash %x, %v", in.Given.TxInIndex, got, err)
			}
		}
		if err := runScripts(tx, outputs, txscript.StandardVerifyFlags); err != nil {
			t.Error(err)
		}
		tx.TxIn[0].Witness[0][0] ^= 1
		if runScripts(tx, outputs, txscript.StandardVerifyFlags) == nil {
			t.Error("a spoilt signature passes")
		}
	}
	if ran != 7 {
		t.Errorf("%d inputs ran", ran)
	}
}
