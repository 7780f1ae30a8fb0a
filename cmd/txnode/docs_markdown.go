package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// referenceIntro begins the command reference.
const referenceIntro = "# Commands\n\n" +
	"Written by `txnode docs markdown`; `txnode docs man DIRECTORY` writes the same as man pages, and `txnode completion` makes\n" +
	"a shell complete it. Every command has `--help`, with what is here, and `--json`. See also the\n" +
	"[exit codes](operations.md#exit-codes).\n"

// nodeFlagsIntro begins the flags that most commands share.
const nodeFlagsIntro = "\n## Flags that find a node\n\n" +
	"Commands that talk to a node have these flags, and the [other ways to set them](operations.md#settings).\n"

// markdown is the command reference.
func markdown(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(referenceIntro)
	cmds := documented(root)
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", strings.TrimSuffix(group.Title, ":"))
		for _, cmd := range cmds {
			if groupOf(cmd) == group.ID && !cmd.HasAvailableSubCommands() {
				fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", cmd.CommandPath(), pageName(cmd), prose(cmd.Short))
			}
		}
	}
	client := &cobra.Command{}
	addSettingFlags(client, clientScope)
	b.WriteString(nodeFlagsIntro + flagTable(flagTexts(client)))
	for _, cmd := range cmds {
		if !cmd.HasAvailableSubCommands() {
			b.WriteString(commandSection(cmd))
		}
	}
	return b.String()
}

// groupOf is the id of the group in which the root's help lists the command, or
// the one it is below.
func groupOf(cmd *cobra.Command) string {
	for cmd.HasParent() && cmd.GroupID == "" {
		cmd = cmd.Parent()
	}
	return cmd.GroupID
}

func commandSection(cmd *cobra.Command) string {
	text := fmt.Sprintf("\n## %s\n\n```\n%s\n```\n\n%s\n\n```sh\n%s\n```\n", cmd.CommandPath(), usageLine(cmd),
		prose(strings.TrimSpace(cmd.Long)), strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	var own []flagText
	finds, runs := false, false
	for _, f := range flagTexts(cmd) {
		finds = finds || f.setting && strings.HasPrefix(f.name, "--rpc ")
		runs = runs || f.setting && strings.HasPrefix(f.name, "--listen ")
		if !f.setting {
			own = append(own, f)
		}
	}
	text += flagTable(own)
	switch {
	case runs:
		text += "\nIt has a flag for each [setting](operations.md#settings).\n"
	case finds:
		text += "\nIt has the [flags that find a node](#flags-that-find-a-node).\n"
	}
	return text
}

func flagTable(flags []flagText) string {
	if len(flags) == 0 {
		return ""
	}
	text := "\n| flag | default | |\n|---|---|---|\n"
	for _, f := range flags {
		fallback := f.fallback
		if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		text += fmt.Sprintf("| `%s` | %s | %s |\n", strings.ReplaceAll(f.name, "|", `\|`), fallback, prose(f.help))
	}
	return text
}

// special is what prose must set off: a command in quotes, as help texts have
// it, or a character that Markdown would take for its own.
var special = regexp.MustCompile(`'txnode[^']*'` + "|[\\\\*<\\[|`]")

// prose is a help text as Markdown.
func prose(text string) string {
	return special.ReplaceAllStringFunc(text, func(s string) string {
		if command, ok := strings.CutPrefix(s, "'"); ok {
			return "`" + strings.TrimSuffix(command, "'") + "`"
		}
		return `\` + s
	})
}
