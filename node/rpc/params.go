package rpc

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// paramType is what a parameter takes.
type paramType int

const (
	typeString paramType = iota
	typeHex              // a string of hex digits; checked by the method
	typeNumber
	typeBool
	typeArray
	typeObject
	typeAmount // a number or string of BTC
	typeAny    // checked by the method
)

// kind is the JSON type to insist on, or kindNull for none.
func (t paramType) kind() kind {
	switch t {
	case typeString, typeHex:
		return kindString
	case typeNumber:
		return kindNumber
	case typeBool:
		return kindBool
	case typeArray:
		return kindArray
	case typeObject:
		return kindObject
	}
	return kindNull
}

// String names the type in help texts.
func (t paramType) String() string {
	return [...]string{"string", "string", "numeric", "boolean", "json array", "json object", "numeric or string", "boolean or numeric"}[t]
}

// param is a parameter of a method.
type param struct {
	name     string
	typ      paramType
	optional bool
	help     string
}

// args are the arguments of a call, one for each of the method's parameters.
// Nil: absent or null.
type args []json.RawMessage

// bind matches given params, an array or object or nothing, to the parameters of
// m by position or by name and checks their types, with Core's errors.
func (m *method) bind(given json.RawMessage) (args, *Error) {
	a := make(args, len(m.params))
	var err error
	switch kindOf(given) {
	case kindArray:
		err = m.bindPositions(a, given)
	case kindObject:
		err = m.bindNames(a, given)
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return nil, e
	case err != nil:
		return nil, errorf(CodeMisc, "%s", m.usage())
	}
	last := -1 // last argument given
	for i, value := range a {
		if kindOf(value) == kindNull {
			a[i] = nil
			continue
		}
		last = i
		if m.own {
			a[i] = unquote(value, m.params[i].typ)
		}
	}
	for i := last + 1; i < len(m.params); i++ {
		if !m.params[i].optional {
			return nil, errorf(CodeMisc, "%s", m.usage())
		}
	}
	return a, m.checkTypes(a)
}

func (m *method) bindPositions(a args, given json.RawMessage) error {
	list, err := elements(given, len(a))
	copy(a, list)
	return err
}

// bindNames binds an object of arguments. Its member "args", if any, holds the
// first arguments by position, as bitcoin-cli -named sends them.
func (m *method) bindNames(a args, given json.RawMessage) error {
	seen := make(map[string]bool)
	positional := 0
	err := eachMember(given, func(name string, value json.RawMessage) error {
		if seen[name] {
			return errorf(CodeInvalidParameter, "Parameter %s specified multiple times", name)
		}
		seen[name] = true
		if name == "args" && kindOf(value) == kindArray {
			list, err := elements(value, len(a))
			positional = len(list)
			copy(a, list)
			return err
		}
		if m.index(name) < 0 {
			return errorf(CodeInvalidParameter, "Unknown named parameter %.100s", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachMember(given, func(name string, value json.RawMessage) error {
		i := m.index(name)
		if i < 0 {
			return nil // args
		}
		if i < positional {
			return errorf(CodeInvalidParameter, "Parameter %s specified twice both as positional and named argument", name)
		}
		a[i] = value
		return nil
	})
}

// index is the position of the named parameter, or −1.
func (m *method) index(name string) int {
	for i, p := range m.params {
		if p.name == name {
			return i
		}
	}
	return -1
}

// checkTypes reports all arguments of the wrong JSON type at once.
func (m *method) checkTypes(a args) *Error {
	var wrong []string
	for i, p := range m.params {
		want, got := p.typ.kind(), kindOf(a[i])
		if want == kindNull || got == want || got == kindNull && p.optional {
			continue
		}
		wrong = append(wrong, fmt.Sprintf(`    "Position %d (%s)": "JSON value of type %s is not of expected type %s"`, i+1, p.name, got, want))
	}
	if wrong == nil {
		return nil
	}
	return errorf(CodeType, "Wrong type passed:\n{\n%s\n}", strings.Join(wrong, ",\n"))
}

// unquote takes a number, boolean or array out of a string: bitcoin-cli quotes
// every argument of a method it does not know.
func unquote(value json.RawMessage, t paramType) json.RawMessage {
	if kindOf(value) != kindString || t.kind() == kindString {
		return value
	}
	inner := json.RawMessage(strings.TrimSpace(stringOf(value)))
	if !json.Valid(inner) || deeperThan(maxDepth, inner) {
		return value
	}
	return inner
}

func (a args) text(i int) string {
	if a[i] == nil {
		return ""
	}
	return stringOf(a[i])
}

func (a args) boolean(i int) bool { return string(a[i]) == "true" }

// integer is argument i, or otherwise when it is absent.
func (a args) integer(i int, otherwise int64) (int64, error) {
	if a[i] == nil {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(string(a[i]), 10, 64)
	if err != nil {
		return 0, errorf(CodeMisc, "JSON integer out of range")
	}
	return n, nil
}

// amount is argument i, or otherwise when it is absent. The errors are those of
// Core's AmountFromValue.
func (a args) amount(i int, otherwise Amount) (Amount, error) {
	if a[i] == nil {
		return otherwise, nil
	}
	text := string(a[i])
	switch kindOf(a[i]) {
	case kindNumber:
	case kindString:
		text = stringOf(a[i])
	default:
		return 0, errorf(CodeType, "Amount is not a number or string")
	}
	v, ok := parseAmount(text)
	if !ok {
		return 0, errorf(CodeType, "Invalid amount")
	}
	if v < 0 || v > maxMoney {
		return 0, errorf(CodeType, "Amount out of range")
	}
	return v, nil
}

// hash is argument i as a transaction id; name is what Core calls it in errors.
func (a args) hash(i int, name string) (chainhash.Hash, error) {
	s := a.text(i)
	if len(s) != 2*chainhash.HashSize {
		return chainhash.Hash{}, errorf(CodeInvalidParameter, "%s must be of length 64 (not %d, for '%.200s')", name, len(s), s)
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return chainhash.Hash{}, errorf(CodeInvalidParameter, "%s must be hexadecimal string (not '%s')", name, s)
	}
	var h chainhash.Hash
	for i := range h {
		h[i] = b[len(b)-1-i]
	}
	return h, nil
}
