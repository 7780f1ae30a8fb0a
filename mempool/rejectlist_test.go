package mempool

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// coreRejects are the reject strings of Core's MemPoolAccept and of what it calls, for a transaction that comes alone
// (validation.cpp, consensus/tx_check.cpp, consensus/tx_verify.cpp, policy/*.cpp). Where a string has no row in a table,
// the value says why none can have it, or which other test has it.
var coreRejects = map[string]string{
	"bad-cb-length":                        "",
	"bad-txns-fee-outofrange":              "amounts within range cannot differ by more",
	"bad-txns-in-belowout":                 "",
	"bad-txns-inputs-duplicate":            "",
	"bad-txns-inputs-missingorspent":       "",
	"bad-txns-inputvalues-outofrange":      "",
	"bad-txns-nonstandard-inputs":          "",
	"bad-txns-oversize":                    "",
	"bad-txns-premature-spend-of-coinbase": "",
	"bad-txns-prevout-null":                "",
	"bad-txns-spends-conflicting-tx":       "",
	"bad-txns-too-many-sigops":             "",
	"bad-txns-txouttotal-toolarge":         "",
	"bad-txns-vin-empty":                   "cannot be serialized: TestNoInputs",
	"bad-txns-vout-empty":                  "",
	"bad-txns-vout-negative":               "",
	"bad-txns-vout-toolarge":               "",
	"bad-witness-nonstandard":              "",
	"bare-multisig":                        "permitted, as by Core's default",
	"bip125-replacement-disallowed":        "of a package: TestCheckPackageFails",
	"coinbase":                             "",
	"datacarrier":                          "the weight limit comes before Core's default",
	"dust":                                 "",
	"insufficient fee":                     "",
	"max-fee-exceeded":                     "of an RPC caller: package rpc",
	"mempool full":                         "depends on size: TestEvictsTheWorstChunk",
	"mempool min fee not met":              "depends on size: TestEvictsTheWorstChunk",
	"mempool-script-verify-flag-failed":    "",
	"min relay fee not met":                "",
	"missing-ephemeral-spends":             "",
	"non-BIP68-final":                      "",
	"non-final":                            "",
	"replacement-failed":                   "",
	"scriptpubkey":                         "",
	"scriptsig-not-pushonly":               "",
	"scriptsig-size":                       "",
	"too many potential replacements":      "",
	"too-large-cluster":                    "",
	"TRUC-violation":                       "",
	"tx-size":                              "",
	"tx-size-small":                        "",
	"txn-already-in-mempool":               "",
	"txn-already-known":                    "",
	"txn-same-nonwitness-data-in-mempool":  "",
	"version":                              "",
}

// A recorded rejection is one as data, for tests of other packages.
type recordedRejection struct {
	Name   string         `json:"name"`
	Reason string         `json:"reason"`
	Text   string         `json:"text"` // reason and details
	Tx     string         `json:"tx"`
	Held   []string       `json:"held,omitempty"` // what is in the mempool before
	Coins  []recordedCoin `json:"coins"`
}

type recordedCoin struct {
	TxID         string `json:"txid"`
	Vout         uint32 `json:"vout"`
	Value        int64  `json:"value"`
	ScriptPubKey string `json:"scriptPubKey"`
	Height       int32  `json:"height,omitempty"`
	Coinbase     bool   `json:"coinbase,omitempty"`
}

type recordedRejections struct {
	Height     int32               `json:"height"`
	MedianTime int64               `json:"mediantime"`
	Now        int64               `json:"now"`
	Rejections []recordedRejection `json:"rejections"`
}

// maxRecorded keeps what is refused for its size alone out of the record.
const maxRecorded = 10_000

// TestRejectionList asserts that the tables have every string, and that testdata/rejections.json is what they make.
func TestRejectionList(t *testing.T) {
	missing := make(map[string]bool)
	for reason, why := range coreRejects {
		missing[reason] = why == ""
	}
	record := recordedRejections{Height: tipHeight, MedianTime: tipTime.Unix(), Now: now.Unix()}
	for _, r := range rejections() {
		b := newBench(t)
		tx := r.make(b)
		rule := (*RuleError)(nil)
		if _, err := b.pool.Check(raw(tx), now); !errors.As(err, &rule) {
			t.Fatalf("%s: %v", r.name, err)
		}
		word, _, _ := strings.Cut(rule.Reason, " (") // the script error, or a sibling
		if _, known := coreRejects[word]; !known {
			t.Errorf("%s: %q is not in the list", r.name, rule.Reason)
		}
		missing[word] = false
		if size := tx.SerializeSize(); size <= maxRecorded && b.pool.Info().Bytes <= maxRecorded {
			record.Rejections = append(record.Rejections, b.record(r.name, rule, raw(tx)))
		}
	}
	for reason, is := range missing {
		if is {
			t.Errorf("no transaction is refused as %q", reason)
		}
	}
	checkRecord(t, record)
}

func (b *bench) record(name string, rule *RuleError, tx []byte) recordedRejection {
	r := recordedRejection{Name: name, Reason: rule.Reason, Text: rule.Error(), Tx: hex.EncodeToString(tx)}
	for _, e := range b.pool.Snapshot() {
		r.Held = append(r.Held, hex.EncodeToString(raw(e.Tx())))
	}
	for _, op := range b.made {
		if out, ok := b.chain.coins[op]; ok {
			r.Coins = append(r.Coins, recordedCoin{op.Hash.String(), op.Index, out.Value, hex.EncodeToString(out.PkScript), out.Height, out.Coinbase})
		}
	}
	return r
}

func checkRecord(t *testing.T, record recordedRejections) {
	t.Helper()
	const path = "testdata/rejections.json"
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(record); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_REJECTIONS") != "" {
		if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(must(os.ReadFile(path)), buf.Bytes()) {
		t.Errorf("%s is not what the tables make: UPDATE_REJECTIONS=1 go test ./mempool -run TestRejectionList", path)
	}
}
