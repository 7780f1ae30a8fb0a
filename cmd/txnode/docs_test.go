package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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

// TestReadmeCallsByRPC runs the commands of the README's section on JSON-RPC as
// they are written there.
func TestReadmeCallsByRPC(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "### Submit transactions with the tools you have\n")
	_, commands, marked := strings.Cut(section, "```sh\n")
	commands, _, closed := strings.Cut(commands, "```")
	if !found || !marked || !closed {
		t.Fatal("README.md has no commands for JSON-RPC")
	}
	program, err := exec.LookPath("txnode") // this test binary
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "txnode")); err != nil {
		t.Fatal(err)
	}
	bash := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	bash.Dir = dir
	bash.Env = append(os.Environ(), "TXNODE_LISTEN=/ip4/127.0.0.1/tcp/0")
	bash.WaitDelay = time.Second // where a command fails, the node stays and keeps the pipe open
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	defer func() { _ = syscall.Kill(-bash.Process.Pid, syscall.SIGTERM) }()
	var complaints strings.Builder
	bash.Stderr = &complaints
	out, err := bash.Output()
	if err != nil {
		t.Fatalf("%v:\n%s%s", err, out, complaints.String())
	}
	for _, want := range []string{`"allowed": true`, `"result":"`, `"loaded":true`, `["`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in what README.md's commands print:\n%s", want, out)
		}
	}
}
