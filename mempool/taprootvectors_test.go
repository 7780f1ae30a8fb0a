//go:build !race

// One goroutine and a minute under the race detector.

package mempool

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// A taprootVector is one of those that Core's feature_taproot.py makes (script_assets_test.json): an input, and ways to
// unlock it, good and bad.
type taprootVector struct {
	Tx               string
	Prevouts         []string
	Index            int
	Flags            string
	Comment          string
	Success, Failure *struct {
		ScriptSig string
		Witness   []string
	}
}

// The vectors are 15 MB, which btcd's module has with it.
func TestCoreTaprootScripts(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/txscript/v2").Output()
	if err != nil {
		t.Skip("there is no Go toolchain to find btcd's module with: ", err)
	}
	paths := must(filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "data", "taproot-ref", "*")))
	if len(paths) != 2760 {
		t.Errorf("%d vectors", len(paths))
	}
	for _, path := range paths {
		var v taprootVector
		if err := json.Unmarshal(bytes.TrimSuffix(bytes.TrimSpace(must(os.ReadFile(path))), []byte(",")), &v); err != nil {
			t.Fatal(path, err)
		}
		if v.Success != nil {
			if err := v.run(t, v.Success.ScriptSig, v.Success.Witness); err != nil {
				t.Errorf("%s, %s: %v", filepath.Base(path), v.Comment, err)
			}
		}
		if v.Failure != nil && v.run(t, v.Failure.ScriptSig, v.Failure.Witness) == nil {
			t.Errorf("%s, %s: passes", filepath.Base(path), v.Comment)
		}
	}
}

// run judges the vector's input alone: the others are not signed.
func (v *taprootVector) run(t *testing.T, scriptSig string, witness []string) error {
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(must(hex.DecodeString(v.Tx)))); err != nil {
		t.Fatal(v.Comment, err)
	}
	spent := make([]spentOutput, len(v.Prevouts))
	for i, text := range v.Prevouts {
		c := cursor{rest: must(hex.DecodeString(text))}
		out, err := c.output()
		if err != nil {
			t.Fatal(v.Comment, err)
		}
		spent[i].PrevOut = PrevOut{Value: out.Value, PkScript: out.PkScript}
	}
	in := tx.TxIn[v.Index]
	in.SignatureScript, in.Witness = must(hex.DecodeString(scriptSig)), nil
	for _, item := range witness {
		in.Witness = append(in.Witness, must(hex.DecodeString(item)))
	}
	c := &candidate{entry: new(Entry), tx: tx, spent: spent}
	previous := c.previous()
	return checkScript(c, v.Index, previous, txscript.NewTxSigHashes(tx, previous), parseFlags(t, v.Flags), txscript.NewSigCache(10))
}
