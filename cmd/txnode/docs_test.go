package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestManualListsEverySetting: the table in docs/operations.md is the one that
// the table in settings.go makes. The failure prints it, to be pasted.
func TestManualListsEverySetting(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	if table := settingsTable(); !strings.Contains(string(manual), table) {
		t.Errorf("docs/operations.md does not have this table:\n%s", table)
	}
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| flag | environment | key in the file | default | |\n|---|---|---|---|---|\n")
	for _, s := range settings(defaultConfig()) {
		fallback := s.text()
		switch {
		case s.flag == "datadir":
			fallback = "`~/.txnode`"
		case fallback != "":
			fallback = "`" + strings.ReplaceAll(fallback, ",", "` `") + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s | %s |\n", s.flag, s.env(), s.key, fallback, strings.ReplaceAll(s.help, "`", ""))
	}
	return b.String()
}

// TestReadmeShowsTheExample: the README's Go code is taken from the example
// that the tests of package node run.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join("..", "..", "node", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(readme), "```go\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("README.md has no Go code")
	}
	for line := range strings.Lines(code) {
		line, _, _ = strings.Cut(line, " // ")
		if line = strings.TrimSpace(line); !strings.Contains(string(example), line) {
			t.Errorf("README.md has %q, which is not in node/example_test.go", line)
		}
	}
}

// TestDocsAreCurrent: docs/commands.md is what the commands say of themselves.
func TestDocsAreCurrent(t *testing.T) {
	kept, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != markdown(newRoot()) {
		t.Error("docs/commands.md is not what the commands say; run 'go run ./cmd/txnode docs markdown > docs/commands.md'")
	}
}

// TestManPages: each command has one, with its flags and examples, and no line of
// text is taken for a request.
func TestManPages(t *testing.T) {
	requests := []string{".TH ", ".SH ", ".PP", ".TP", ".B ", ".BR ", ".nf", ".fi"}
	for _, cmd := range documented(newRoot()) {
		page := string(manPage(cmd))
		for _, f := range flagTexts(cmd) {
			if name, _, _ := strings.Cut(f.name, " "); !strings.Contains(page, `\fB`+roff.Replace(name)+`\fR`) {
				t.Errorf("%s.1 lacks %s", pageName(cmd), name)
			}
		}
		for line := range strings.Lines(page) {
			isRequest := func(request string) bool { return strings.HasPrefix(line, request) }
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.ContainsFunc(requests, isRequest) {
				t.Errorf("%s.1: %q is taken for a request", pageName(cmd), line)
			}
		}
		if !strings.Contains(page, ".SH EXAMPLES") {
			t.Errorf("%s.1 has no examples", pageName(cmd))
		}
	}
}

// TestRoffIsEscaped: what begins a request or an escape in roff stands for itself.
func TestRoffIsEscaped(t *testing.T) {
	cmd := &cobra.Command{Use: "x", Short: "s", Long: ".a\n'b\n\n'c d-e \\f", Example: ".g"}
	for _, want := range []string{".PP\n\\&.a\n\\&'b\n", ".PP\n\\&'c d\\-e \\ef\n", ".nf\n\\&.g\n"} {
		if page := string(manPage(cmd)); !strings.Contains(page, want) {
			t.Errorf("%q is not in:\n%s", want, page)
		}
	}
}
