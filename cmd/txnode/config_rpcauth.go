package main

import (
	"bufio"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

// maxPassword bounds a password, in bytes: what fits into the header that
// carries it.
const maxPassword = 4 << 10

// newCredentials is what 'txnode config rpcauth' prints, with the names that
// Core's rpcauth.py gives it.
type newCredentials struct {
	Username string `json:"username"`
	Password string `json:"password,omitempty"` // empty: the user chose it
	RPCAuth  string `json:"rpcauth"`
}

func newConfigRPCAuth() *cobra.Command {
	return &cobra.Command{
		Use:   "rpcauth USER [PASSWORD | -]",
		Short: "Make credentials for a user of the RPC server",
		Long: `Make a value of --rpcauth, by which the RPC server recognizes a user's password
without knowing it, as Bitcoin Core's rpcauth.py does. A server of either kind
takes it. Without a PASSWORD, a random one is made and printed; - reads one line
from standard input, where other users of this machine do not see it.`,
		Example: `  txnode config rpcauth alice
  head -1 password.txt | txnode config rpcauth alice -
  txnode config rpcauth alice --json`,
		Args: takes(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			made := newCredentials{Username: args[0]}
			password, err := passwordOf(cmd, args[1:])
			if err != nil {
				return err
			}
			if password == "" {
				password = rpc.NewPassword()
				made.Password = password
			}
			auth, err := rpc.NewAuth(made.Username, password)
			if err != nil {
				return err
			}
			made.RPCAuth = auth.String()
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), made)
			}
			rows := [][]string{{"rpcauth", made.RPCAuth}}
			if made.Password != "" {
				rows = append(rows, []string{"password", made.Password})
			}
			return printTable(cmd.OutOrStdout(), nil, rows)
		},
	}
}

// passwordOf is the password that args name; empty: none.
func passwordOf(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	password := args[0]
	if password == "-" {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), maxPassword+1)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", err
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if password == "" || len(password) > maxPassword {
		return "", usagef("a password has 1 to %d bytes; without one, '%s' makes one", maxPassword, cmd.CommandPath())
	}
	return password, nil
}
