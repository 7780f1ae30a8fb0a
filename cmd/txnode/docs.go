package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newDocs() *cobra.Command {
	return newNoun("docs", "Write the manual",
		"Write what the commands say of themselves as man pages or as Markdown.",
		newDocsMan(), newDocsMarkdown())
}

func newDocsMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write man pages",
		Long: `Write a man page for each command into a directory, which is made if it is missing:
txnode.1, txnode-run.1 and so on. They belong into man1 of a directory in MANPATH.`,
		Example: `  txnode docs man ~/.local/share/man/man1 && man txnode-run
  txnode docs man ./man1`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pages := documented(cmd.Root())
			err := os.MkdirAll(args[0], 0o755)
			for i := 0; i < len(pages) && err == nil; i++ {
				err = os.WriteFile(filepath.Join(args[0], pageName(pages[i])+".1"), manPage(pages[i]), 0o644)
			}
			return done(cmd, err, "wrote %d man pages to %s", len(pages), args[0])
		},
	}
}

func newDocsMarkdown() *cobra.Command {
	return &cobra.Command{
		Use:   "markdown",
		Short: "Print the command reference",
		Long: `Print all commands with their flags and examples as one document in Markdown, as in
docs/commands.md of the source.`,
		Example: "  txnode docs markdown > docs/commands.md",
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text := markdown(cmd.Root())
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), map[string]string{"markdown": text})
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}

// documented lists cmd and the commands below it that help shows, but for help
// itself, each before those below it.
func documented(cmd *cobra.Command) []*cobra.Command {
	cmds := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			cmds = append(cmds, documented(sub)...)
		}
	}
	return cmds
}

// pageName is the command's name as one word: txnode-tx-send.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// usageLine is how the command is written, without the flags.
func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	return strings.TrimSuffix(cmd.UseLine(), " [flags]")
}

// A flagText is a flag as the manual has it.
type flagText struct {
	name     string // with the kind of value: --count int
	fallback string // "": none worth a word
	help     string
	setting  bool // it is one of those in settings.go
}

// flagTexts are the command's own flags in the order of their names.
func flagTexts(cmd *cobra.Command) (texts []flagText) {
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, help := pflag.UnquoteUsage(f)
		text := flagText{name: strings.TrimSpace("--" + f.Name + " " + value), fallback: f.DefValue, help: help}
		_, text.setting = f.Value.(*settingFlag)
		switch {
		case f.Name == "datadir" && text.setting:
			text.fallback = "~/.txnode" // whoever's home it is
		case f.DefValue == "false" || f.DefValue == "0" || f.DefValue == "0s" || f.DefValue == "[]":
			text.fallback = ""
		}
		text.setting = text.setting || f.Name == "config"
		texts = append(texts, text)
	})
	return texts
}

// paragraphs are the parts of a text between blank lines.
func paragraphs(text string) []string { return strings.Split(strings.TrimSpace(text), "\n\n") }
