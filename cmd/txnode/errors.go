package main

import (
	"errors"
	"fmt"
	"strings"
)

// Exit codes. 'txnode rpc' exits with the RPC error code instead, as
// bitcoin-cli does.
const (
	exitFailure = 1 // it was tried and failed, or the answer is no
	exitUsage   = 2 // the command line, environment or file is wrong
)

// exitError ends the program with a code of its own. An empty text prints
// nothing: the command has said what is wrong.
type exitError struct {
	code int
	text string
}

// Error implements error.
func (e *exitError) Error() string { return e.text }

// failf is a failure in words for people: what happened; what to do next.
func failf(format string, args ...any) error {
	return &exitError{exitFailure, fmt.Sprintf(format, args...)}
}

// usagef is a mistake in what the user wrote.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// silent ends the program with a code and no further word.
func silent(code int) error { return &exitError{code: code} }

// exitCode is the process's exit code for a command's error.
func exitCode(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	default:
		return exitFailure
	}
}

// errorLine is err as the one line a person reads, or "" for nothing.
func errorLine(err error) string {
	var exit *exitError
	if err == nil || errors.As(err, &exit) && exit.text == "" {
		return ""
	}
	return "txnode: " + strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}
