package rpc

import (
	"bytes"
	"encoding/json"
)

const (
	// maxDepth is how deep JSON may nest.
	maxDepth = 32
	// maxBatch is how many requests a batch may hold.
	maxBatch = 100
	// maxBatchAnswer is how many bytes of answers to one batch are made; the
	// requests after that are answered with an error each.
	maxBatchAnswer = 16 << 20
)

// request is one JSON-RPC request, validated.
type request struct {
	v2     bool
	id     json.RawMessage // as received; nil: there is none
	method string
	params json.RawMessage // an array or object; nil: none were given
}

// notification reports whether the caller wants no answer. JSON-RPC 1.x as Core
// speaks it has no notifications.
func (r request) notification() bool { return r.v2 && r.id == nil }

// parseRequest reads one request. What is known of it is returned with an error
// too, since the answer needs its version and id. The rules and texts are those
// of Core's JSONRPCRequest::parse.
func parseRequest(raw json.RawMessage) (request, *Error) {
	r := request{id: json.RawMessage("null")}
	if kindOf(raw) != kindObject {
		return r, errorf(CodeInvalidRequest, "Invalid Request object")
	}
	r.id = nil
	var version, method json.RawMessage
	eachMember(raw, func(name string, value json.RawMessage) error {
		switch name {
		case "jsonrpc":
			version = value
		case "id":
			r.id = value
		case "method":
			method = value
		case "params":
			r.params = value
		}
		return nil
	})
	if kindOf(version) != kindNull {
		if kindOf(version) != kindString {
			return r, errorf(CodeInvalidRequest, "jsonrpc field must be a string")
		}
		switch stringOf(version) {
		case "1.0":
		case "2.0":
			r.v2 = true
		default:
			return r, errorf(CodeInvalidRequest, "JSON-RPC version not supported")
		}
	}
	switch kindOf(method) {
	case kindString:
		r.method = stringOf(method)
	case kindNull:
		return r, errorf(CodeInvalidRequest, "Missing method")
	default:
		return r, errorf(CodeInvalidRequest, "Method must be a string")
	}
	switch kindOf(r.params) {
	case kindArray, kindObject:
	case kindNull:
		r.params = nil
	default:
		return r, errorf(CodeInvalidRequest, "Params must be an array or object")
	}
	return r, nil
}

// answer writes the answer to r: the encoded result, or failure. 1.x has both
// fields and 2.0 the one that applies. The id is repeated byte for byte.
func (r request) answer(result []byte, failure *Error) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	if r.v2 {
		b.WriteString(`"jsonrpc":"2.0",`)
	}
	switch {
	case failure == nil && r.v2:
		b.WriteString(`"result":`)
		b.Write(result)
	case failure == nil:
		b.WriteString(`"result":`)
		b.Write(result)
		b.WriteString(`,"error":null`)
	case r.v2:
		b.WriteString(`"error":`)
		b.Write(failure.encode())
	default:
		b.WriteString(`"result":null,"error":`)
		b.Write(failure.encode())
	}
	if r.id != nil {
		b.WriteString(`,"id":`)
		b.Write(r.id)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func (e *Error) encode() []byte {
	b, err := encode(e)
	if err != nil { // an int and a string always encode
		panic(err)
	}
	return b
}

// encode is json.Marshal without the escapes for HTML, which Core does not make.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// wellFormed reports whether body is JSON that may be taken apart.
func wellFormed(body []byte) bool { return json.Valid(body) && !deeperThan(maxDepth, body) }

// parseMessage reads a message that must be a single request.
func parseMessage(message []byte) (request, *Error) {
	message = bytes.TrimSpace(message)
	if !wellFormed(message) {
		return request{}, errorf(CodeParse, "Parse error")
	}
	return parseRequest(message)
}

// deeperThan reports whether JSON text nests arrays and objects deeper than
// limit.
func deeperThan(limit int, text []byte) bool {
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > limit {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// kind is a JSON type, named as Core names it in its errors.
type kind string

const (
	kindNull   kind = "null"
	kindBool   kind = "bool"
	kindNumber kind = "number"
	kindString kind = "string"
	kindArray  kind = "array"
	kindObject kind = "object"
)

// kindOf is the type of a valid JSON value without surrounding space. Nothing
// at all counts as null.
func kindOf(value json.RawMessage) kind {
	if len(value) == 0 {
		return kindNull
	}
	switch value[0] {
	case 'n':
		return kindNull
	case 't', 'f':
		return kindBool
	case '"':
		return kindString
	case '[':
		return kindArray
	case '{':
		return kindObject
	}
	return kindNumber
}
