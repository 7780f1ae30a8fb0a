package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newRPC() *cobra.Command {
	cmd := clientCommand(&cobra.Command{
		Use:   "rpc METHOD [ARGUMENT...]",
		Short: "Call any JSON-RPC method",
		Long: `Call a JSON-RPC method and print its result. An argument that is JSON is sent as
such, any other as a string. Flags go before the method.

The exit code is 0, or that of the RPC error, without its sign and modulo 256, as
bitcoin-cli has it. 'txnode rpc help' lists the methods.`,
		Example: `  txnode rpc help
  txnode rpc getrawmempool true
  txnode rpc --rpc http://127.0.0.1:18444 getpeerinfo
  txnode rpc stop`,
		Args: takes(1, -1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		params := make([]any, 0, len(args)-1)
		for _, arg := range args[1:] {
			if json.Valid([]byte(arg)) {
				params = append(params, json.RawMessage(arg))
			} else {
				params = append(params, arg)
			}
		}
		var result json.RawMessage
		if err := c.Call(cmd.Context(), &result, args[0], params...); err != nil {
			return bitcoinCLIError(err)
		}
		return printResult(cmd, result)
	})
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// printResult prints a string as it is, unless JSON is wanted, nothing for
// null, and anything else as JSON.
func printResult(cmd *cobra.Command, result json.RawMessage) error {
	var text *string
	if json.Unmarshal(result, &text) == nil && !wantsJSON(cmd) {
		if text != nil {
			fmt.Fprintln(cmd.OutOrStdout(), *text)
		}
		return nil
	}
	return printJSON(cmd.OutOrStdout(), result)
}

// bitcoinCLIError gives an RPC error the exit code that bitcoin-cli gives it.
func bitcoinCLIError(err error) error {
	var answer *rpc.Error
	if !errors.As(err, &answer) {
		return err
	}
	code := int(answer.Code)
	if code < 0 {
		code = -code
	}
	return &exitError{code & 0xff, answer.Error()}
}
