package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// A body is validated once, as a whole. What follows takes it apart without
// validating or copying again: half the time of a small request went into that.
// All of it is for JSON that is valid, and what it returns are parts of that.

var errTooMany = errors.New("too many elements")

// elements splits an array, unless it has more than limit elements: then it
// returns errTooMany without having looked at the rest.
func elements(array json.RawMessage, limit int) ([]json.RawMessage, error) {
	list := []json.RawMessage{}
	for rest := inside(array); len(rest) > 0; rest = next(rest) {
		if len(list) == limit {
			return nil, errTooMany
		}
		n := valueLength(rest)
		list = append(list, rest[:n:n])
		rest = rest[n:]
	}
	return list, nil
}

// eachMember calls visit for the members of an object in their order until it
// returns an error, and returns that.
func eachMember(object json.RawMessage, visit func(name string, value json.RawMessage) error) error {
	for rest := inside(object); len(rest) > 0; rest = next(rest) {
		n := valueLength(rest)
		name := stringOf(rest[:n])
		rest = next(rest[n:]) // past the colon
		n = valueLength(rest)
		if err := visit(name, rest[:n:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// inside is what is between the brackets of an array or object.
func inside(value json.RawMessage) json.RawMessage {
	value = bytes.TrimSpace(value)
	return bytes.TrimSpace(value[1 : len(value)-1])
}

// next is what follows a comma or colon.
func next(rest json.RawMessage) json.RawMessage {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if len(rest) == 0 {
		return nil
	}
	return bytes.TrimLeft(rest[1:], " \t\r\n")
}

// valueLength is how long the first value of text is.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringLength(text[i:]) - 1
		case '[', '{':
			depth++
			continue
		case ']', '}':
			depth--
		default:
			if depth > 0 {
				continue
			}
			if end := bytes.IndexAny(text[i:], ",:]} \t\r\n"); end >= 0 {
				return i + end
			}
			return len(text)
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// stringLength is how long the string is that text begins with, with its quotes.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// stringOf is the text of a string.
func stringOf(value json.RawMessage) (s string) {
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	if err := json.Unmarshal(value, &s); err != nil { // the whole body was validated
		panic(err)
	}
	return s
}
