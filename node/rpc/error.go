package rpc

import "fmt"

// Code is a JSON-RPC error code as Bitcoin Core assigns them (rpc/protocol.h).
type Code int

// Codes the server answers with.
const (
	CodeInvalidRequest   Code = -32600 // not a JSON-RPC request
	CodeMethodNotFound   Code = -32601
	CodeInvalidParams    Code = -32602
	CodeInternal         Code = -32603
	CodeParse            Code = -32700 // not JSON
	CodeMisc             Code = -1     // wrong number of arguments, mostly
	CodeType             Code = -3     // argument of the wrong JSON type
	CodeUnknownTx        Code = -5     // RPC_INVALID_ADDRESS_OR_KEY
	CodeInvalidParameter Code = -8
	CodeInitialDownload  Code = -10 // RPC_CLIENT_IN_INITIAL_DOWNLOAD: what exists cannot be told
	CodeDeserialization  Code = -22 // bytes are no transaction
	CodeNodeAdded        Code = -23
	CodeNodeNotAdded     Code = -24
	CodeTransaction      Code = -25 // RPC_VERIFY_ERROR: missing inputs, fee above the caller's limit
	CodeRejected         Code = -26 // RPC_VERIFY_REJECTED: policy or consensus
	CodeAlreadyInUTXOSet Code = -27
	CodeWarmup           Code = -28
	CodeNotConnected     Code = -29
	CodeLimitExceeded    Code = -37 // RPC_LIMIT_EXCEEDED: no room for more
)

// Error is an error answer of a JSON-RPC server.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Error returns the message and the code.
func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, int(e.Code)) }

func errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
