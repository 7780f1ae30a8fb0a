package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newRoot is the whole command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "txnode",
		Short: "Spread Bitcoin transactions over libp2p",
		Long: `txnode spreads Bitcoin transactions over libp2p: it announces transactions,
fetches those it lacks, keeps a valid mempool, and reconciles it with its peers
until all nodes hold the same.

Settings come from flags, TXNODE_* environment variables, a TOML file and
defaults, in this order; 'txnode config show' tells where each came from.`,
		Example: `  txnode testnet                 # twenty nodes, load, a partition, a verdict
  txnode run                     # one node, with RPC on 127.0.0.1:18443
  txnode tx gen | txnode tx send -   # sign a transaction and submit it`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().Bool("json", false, "print JSON")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; see '%s --help'", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: "network", Title: "Run nodes:"},
		&cobra.Group{ID: "client", Title: "Talk to a node:"},
		&cobra.Group{ID: "self", Title: "About txnode itself:"},
	)
	addGroup(root, "network", newRun(), newTestnet(), newSim())
	addGroup(root, "client", newTx(), newMempool(), newPeers(), newRecon(), newConverge(), newWatch(), newHealth(), newDoctor(), newRPC())
	addGroup(root, "self", newConfig(), newVersion(), newCompletion(), newDocs())
	root.SetHelpCommandGroupID("self")
	return root
}

func addGroup(root *cobra.Command, id string, cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// newNoun is a command that only groups others. Without one of them, or with
// an unknown one, it says which there are.
func newNoun(use, short, long string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    long,
		Example: verbs[0].Example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return usagef("'%s' needs one of its commands; see '%s --help'", cmd.CommandPath(), cmd.CommandPath())
		},
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// unknownCommand says what the user may have meant.
func unknownCommand(cmd *cobra.Command, name string) error {
	meant := ""
	cmd.SuggestionsMinimumDistance = 2
	if similar := cmd.SuggestionsFor(name); len(similar) > 0 {
		meant = fmt.Sprintf("; did you mean '%s %s'?", cmd.CommandPath(), similar[0])
	}
	return usagef("there is no command '%s %s'%s; see '%s --help'", cmd.CommandPath(), name, meant, cmd.CommandPath())
}

// takes wants between least and most arguments, named as in the Use line; a
// negative most is any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("'%s' does not take %d arguments; usage: %s", cmd.CommandPath(), len(args), cmd.UseLine())
		}
		return nil
	}
}

// wantsJSON tells whether --json was given.
func wantsJSON(cmd *cobra.Command) bool {
	on, _ := cmd.Flags().GetBool("json")
	return on
}
