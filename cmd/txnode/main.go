// Command txnode spreads Bitcoin transactions over libp2p. 'txnode run' is one
// node, 'txnode testnet' a whole network in one process; the other commands talk
// to running nodes by JSON-RPC. 'txnode help' lists them.
//
// This package is the edge of the program: the only one that reads flags,
// environment and configuration files, handles signals, sets up logging, or
// exits the process.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default action is back: a second one kills.
	context.AfterFunc(ctx, stop)

	err := newRoot().ExecuteContext(ctx)
	if line := errorLine(err); line != "" {
		fmt.Fprintln(os.Stderr, line)
	}
	os.Exit(exitCode(err))
}
