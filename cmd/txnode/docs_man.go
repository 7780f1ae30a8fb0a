package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// roff makes text of a man page stand for itself.
var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'")

// manPage is the command's page in section 1, in roff.
func manPage(cmd *cobra.Command) []byte {
	var b strings.Builder
	name := pageName(cmd)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"txnode %s\" \"txnode manual\"\n", strings.ToUpper(roff.Replace(name)), readVersion().Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff.Replace(name), roff.Replace(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff.Replace(usageLine(cmd)))
	b.WriteString(".SH DESCRIPTION\n")
	for _, p := range paragraphs(cmd.Long) {
		fmt.Fprintf(&b, ".PP\n%s\n", strings.TrimPrefix(roff.Replace("\n"+p), "\n"))
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range documented(cmd)[1:] {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff.Replace(pageName(sub)), roff.Replace(sub.Short))
		}
	}
	b.WriteString(".SH OPTIONS\n")
	for _, f := range flagTexts(cmd) {
		flag, value, _ := strings.Cut(f.name, " ")
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s", roff.Replace(flag), roff.Replace(value), roff.Replace(f.help))
		if f.fallback != "" {
			fmt.Fprintf(&b, " (default %s)", roff.Replace(f.fallback))
		}
		b.WriteString("\n")
	}
	b.WriteString(".TP\n\\fB\\-\\-json\\fR\nprint JSON\n")
	fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", strings.TrimPrefix(roff.Replace("\n"+cmd.Example), "\n"))
	if cmd.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff.Replace(pageName(cmd.Parent())))
	}
	return []byte(b.String())
}
