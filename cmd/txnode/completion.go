package main

import (
	"io"

	"github.com/spf13/cobra"
)

// newCompletion takes the place of cobra's own command, whose help has no
// examples.
func newCompletion() *cobra.Command {
	return newNoun("completion", "Make a shell complete commands and flags",
		"Print a script that makes a shell complete the commands and flags of txnode.",
		newShell("bash", `It needs the package bash-completion.`,
			`  source <(txnode completion bash)   # in ~/.bashrc, or once
  txnode completion bash > /etc/bash_completion.d/txnode`,
			func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }),
		newShell("zsh", `Completion itself is switched on by 'autoload -U compinit; compinit' in ~/.zshrc.`,
			`  source <(txnode completion zsh)   # in ~/.zshrc, or once
  txnode completion zsh > "${fpath[1]}/_txnode"`,
			func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) }),
		newShell("fish", `A file in ~/.config/fish/completions is read by each new shell.`,
			`  txnode completion fish | source
  txnode completion fish > ~/.config/fish/completions/txnode.fish`,
			func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }),
		newShell("powershell", `The profile, $PROFILE, is read by each new shell.`,
			`  txnode completion powershell | Out-String | Invoke-Expression
  txnode completion powershell >> $PROFILE`,
			func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) }))
}

func newShell(shell, hint, example string, write func(root *cobra.Command, w io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:     shell,
		Short:   "Print the script for " + shell,
		Long:    "Print the script that makes " + shell + " complete the commands and flags of txnode.\n" + hint,
		Example: example,
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return write(cmd.Root(), cmd.OutOrStdout())
		},
	}
}
