package rpc

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzSplit compares the parts of arrays, objects and strings with those that encoding/json finds.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{
		`[]`, `{}`, ` [ ] `, ` { } `, `[1]`, `[1,"a",null , true,[2,[3]],{"a":[4]}]`, "[\n1\t,\r2 ]", `[-1.5e+7,"]",{"}":"{"}]`,
		`{"a":1,"b":"\\"," c " : [1, 2] ,"\u0064":{}, "a":2}`, `{"jsonrpc":"1.0","id":7,"method":"uptime","params":[]}`,
		`"text"`, `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, "\"\xff\"", `"é"`, `["\\"]`, `["\\\"",","]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body := bytes.TrimSpace([]byte(text))
		if !wellFormed(body) {
			return
		}
		switch kindOf(body) {
		case kindArray:
			var want []json.RawMessage
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
			got, err := elements(body, len(want))
			if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("elements of %q: %q, %v; want %q", body, got, err, want)
			}
			if got, err := elements(body, len(want)-1); len(want) > 0 && err != errTooMany {
				t.Errorf("elements of %q, one fewer: %q, %v", body, got, err)
			}
		case kindObject:
			want := make(map[string]json.RawMessage)
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
			got := make(map[string]json.RawMessage)
			eachMember(body, func(name string, value json.RawMessage) error {
				got[name] = value
				return nil
			})
			if !reflect.DeepEqual(got, want) {
				t.Errorf("members of %q: %q; want %q", body, got, want)
			}
		case kindString:
			var want string
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
			if got := stringOf(body); got != want {
				t.Errorf("text of %q: %q; want %q", body, got, want)
			}
		}
	})
}
