package utxo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/txnode/txnode/mempool/utxo"
)

var (
	txid  = strings.Repeat("ab", 32)
	entry = fmt.Sprintf(`{"txid":"%s","vout":0,"value":1,"scriptPubKey":"51"}`, txid)
)

func TestParseDefaults(t *testing.T) {
	s, err := utxo.Parse(strings.NewReader(`{"outputs":[`+entry+`],"network":"regtest"}`), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	height, medianTime := s.Tip()
	if height != 200 || !medianTime.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("tip %d, %v", height, medianTime)
	}
	s, err = utxo.Parse(strings.NewReader(`{"network":"regtest","tip":{"height":7},"outputs":[`+entry+`]}`), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	height, medianTime = s.Tip()
	if height != 7 || !medianTime.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("tip %d, %v", height, medianTime)
	}
}

func TestParseRefuses(t *testing.T) {
	doc := func(outputs string) string { return `{"network":"regtest","outputs":[` + outputs + `]}` }
	second := func(e string) string { return doc(entry + "," + e) }
	tests := []struct{ name, file, want string }{
		{"empty", ``, "ends too early, at byte 0"},
		{"cut off", `{"network":"regtest","outputs":[{"txid":"ab`, "outputs[0]: the JSON ends too early"},
		{"not JSON", `network=regtest`, "not valid at byte"},
		{"array", `[]`, "must be a JSON object"},
		{"more than one", doc(entry) + `{}`, "something follows"},
		{"unknown field", `{"chain":"regtest"}`, `unknown field "chain"`},
		{"field twice", `{"network":"a","network":"b"}`, `"network" is given twice`},
		{"no network", `{"outputs":[` + entry + `]}`, `"network" is missing`},
		{"network no string", `{"network":1}`, "network: cannot be number: a string is needed"},
		{"other network", strings.Replace(doc(entry), "regtest", "signet", 1), `made for network "signet", but this node runs on "regtest"`},
		{"no outputs field", `{"network":"regtest"}`, "no outputs"},
		{"no outputs", doc(""), "no outputs"},
		{"outputs no array", `{"network":"regtest","outputs":{}}`, "outputs must be a JSON array"},
		{"tip no object", `{"tip":3}`, "tip: cannot be number: an object is needed"},
		{"tip unknown field", `{"tip":{"hight":3}}`, `tip: not valid at byte`},
		{"tip out of range", `{"network":"regtest","tip":{"height":-5},"outputs":[` + entry + `]}`, "tip height -5 is negative"},
		{"entry no object", second(`7`), "outputs[1]: cannot be number: an object is needed"},
		{"entry unknown field", second(`{"amount":1}`), `outputs[1]: not valid at byte`},
		{"null entry", second(`null`), `outputs[1]: field "txid" is missing`},
		{"no vout", second(`{"txid":"` + txid + `"}`), `outputs[1]: field "vout" is missing`},
		{"no value", second(`{"txid":"` + txid + `","vout":1}`), `outputs[1]: field "value" is missing`},
		{"no script", second(`{"txid":"` + txid + `","vout":1,"value":1}`), `outputs[1]: field "scriptPubKey" is missing`},
		{"short txid", second(strings.Replace(entry, txid, "ab", 1)), `outputs[1]: txid "ab" has 2 characters: use 64`},
		{"txid not hex", second(strings.Replace(entry, txid, strings.Repeat("xy", 32), 1)), `outputs[1]: txid "xyxy`},
		{"script not hex", second(strings.Replace(entry, `"51"`, `"5g"`, 1)), `outputs[1]: scriptPubKey "5g" is not hexadecimal`},
		{"script odd", second(strings.Replace(entry, `"51"`, `"515"`, 1)), `outputs[1]: scriptPubKey "515" is not hexadecimal`},
		{"negative vout", second(strings.Replace(entry, `"vout":0`, `"vout":-1`, 1)), `outputs[1]: field "vout" cannot be number -1: a whole number that fits uint32`},
		{"fractional value", second(strings.Replace(entry, `"value":1`, `"value":0.5`, 1)), `outputs[1]: field "value" cannot be number 0.5: a whole number`},
		{"value as string", second(strings.Replace(entry, `"value":1`, `"value":"1"`, 1)), `outputs[1]: field "value" cannot be string`},
		{"negative value", second(strings.Replace(strings.Replace(entry, `"value":1`, `"value":-1`, 1), `"vout":0`, `"vout":1`, 1)), `outputs[1]: value -1`},
		{"overflowing value", second(strings.Replace(entry, `"value":1`, `"value":99999999999999999999`, 1)), `outputs[1]: field "value" cannot be number 99999999999999999999`},
		{"duplicate", second(entry), "outputs[1]: " + txid + ":0 is already outputs[0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := utxo.Parse(strings.NewReader(test.file), "regtest")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	head := `{"network":"regtest","outputs":[` + entry
	for _, test := range []struct{ name, file, want string }{
		{"outputs", head + strings.Repeat(","+entry, utxo.MaxOutputs) + `]}`, "more than 100000 outputs"},
		{"bytes", head + strings.Repeat(" ", utxo.MaxFileSize) + `]}`, "larger than 32 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := utxo.Parse(strings.NewReader(test.file), "regtest"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.json")
	_, err := utxo.Load(path, "regtest")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

// Whatever is accepted is written and read back as the same allocation.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"network":"regtest","tip":{"height":7,"mediantime":1},"outputs":[` + entry + `]}`))
	f.Add([]byte(`{"network":"regtest","outputs":[{"txid":"` + txid + `","vout":4294967295,"value":2100000000000000,"scriptPubKey":"","height":200,"coinbase":true}]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := utxo.Parse(bytes.NewReader(file), "regtest")
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := s.Write(&written); err != nil {
			t.Fatal(err)
		}
		again, err := utxo.Parse(&written, "regtest")
		if err != nil {
			t.Fatal(err)
		}
		if again.Digest() != s.Digest() {
			t.Error("another allocation was read back")
		}
	})
}
