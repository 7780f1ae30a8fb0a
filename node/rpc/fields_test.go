package rpc

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// dynamic are the objects whose member names are data, by path.
var dynamic = []string{"tx-results", "reject_reasons", "[].bytessent_per_msg", "[].bytesrecv_per_msg"}

// TestFields compares which fields results have with what Bitcoin Core's have:
// testdata/fields.txt.
func TestFields(t *testing.T) {
	text, err := os.ReadFile("testdata/fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	var call string
	listed := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		switch fields := strings.Fields(line); {
		case len(fields) == 0 || fields[0][0] == '#':
		case line[0] != '\t':
			call = strings.TrimSpace(line)
			calls++
		default:
			listed[call] = append(listed[call], fields...)
		}
	}
	if len(listed) != calls || calls < 15 {
		t.Fatalf("%d methods with fields of %d", len(listed), calls)
	}
	for call, names := range listed {
		method, params, _ := strings.Cut(call, " ")
		t.Run(method, func(t *testing.T) {
			s := newScenario(t)
			result, failure := callRaw(t, s.node, method, s.expand("["+params+"]"))
			if failure != nil {
				t.Fatal(failure)
			}
			var value any
			if err := json.Unmarshal(result, &value); err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			top := ""
			if method == "getrawmempool" && params == "true" || method == "getprioritisedtransactions" {
				top = "by txid"
			}
			walk(value, "", top, found)
			for _, name := range names {
				bare := strings.Trim(name, "+-?")
				switch there := found[bare]; {
				case name[0] == '-' && there:
					t.Errorf("%s is listed as not here", bare)
				case name[0] != '-' && !strings.HasSuffix(name, "?") && !there:
					t.Errorf("%s is not here", bare)
				}
				delete(found, bare)
			}
			if len(found) > 0 {
				t.Errorf("not listed: %v", slices.Sorted(maps.Keys(found)))
			}
		})
	}
}

// walk collects the paths of all fields below value, which is at path.
func walk(value any, path, top string, found map[string]bool) {
	below := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			found[below("[]")] = true
			walk(element, below("[]"), "", found)
		}
	case map[string]any:
		for name, member := range v {
			if top != "" || slices.Contains(dynamic, path) {
				name = "{}"
			}
			found[below(name)] = true
			walk(member, below(name), "", found)
		}
	}
}
