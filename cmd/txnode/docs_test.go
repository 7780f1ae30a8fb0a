package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
