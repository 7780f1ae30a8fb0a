package rpc

import (
	"encoding/json"
	"fmt"
)

// Arguments turns the words of a command line into the arguments of a call, as
// bitcoin-cli does: what the method wants as a number, boolean or array must be
// JSON, everything else stays a string. A method that is not in the table gets
// strings only.
func Arguments(methodName string, words []string) ([]any, error) {
	var params []param
	for _, m := range table() {
		if m.name == methodName {
			params = m.params
		}
	}
	arguments := make([]any, len(words))
	for i, word := range words {
		if i >= len(params) || params[i].typ.kind() == kindString {
			arguments[i] = word
			continue
		}
		if !json.Valid([]byte(word)) {
			return nil, fmt.Errorf("argument %d of %s, %s, must be JSON (%s), not %.100q", i+1, methodName, params[i].name, params[i].typ, word)
		}
		arguments[i] = json.RawMessage(word)
	}
	return arguments, nil
}
