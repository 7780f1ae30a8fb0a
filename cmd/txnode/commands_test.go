package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestEveryCommandHelps: each command has a short and a long text and an example
// that is no mistake.
func TestEveryCommandHelps(t *testing.T) {
	for _, cmd := range documented(newRoot()) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("'%s' lacks a short text, a long text or an example", cmd.CommandPath())
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("no example of '%s' has that command:\n%s", cmd.CommandPath(), cmd.Example)
		}
		for line := range strings.Lines(cmd.Example) {
			for _, words := range commandsIn(line) {
				if err := parse(words); err != nil {
					t.Errorf("'%s' has the example %s: %v", cmd.CommandPath(), strings.TrimSpace(line), err)
				}
			}
		}
	}
}

// commandsIn are the commands of txnode in a line of shell, without the first word.
func commandsIn(line string) (cmds [][]string) {
	line, _, _ = strings.Cut(line, " #")
	for part := range strings.SplitSeq(strings.NewReplacer("&&", "|", "<(", "|", ")", "").Replace(line), "|") {
		part, _, _ = strings.Cut(part, ">")
		words := strings.Fields(part)
		for len(words) > 0 && strings.HasPrefix(words[0], "TXNODE_") {
			words = words[1:]
		}
		if len(words) > 0 && words[0] == "txnode" {
			cmds = append(cmds, words[1:])
		}
	}
	return cmds
}

// parse does what running the command would do before it does anything.
func parse(words []string) error {
	cmd, rest, err := newRoot().Find(words)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd.HasSubCommands() && cmd.HasParent() {
		return errors.New("it needs a command more")
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// TestCompletion: the script for each shell comes out and asks txnode, which knows
// every command; bash takes its script.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := output(t, "completion", shell)
		if !strings.Contains(script, "__complete") || !strings.Contains(script, "txnode") {
			t.Errorf("the script for %s asks nothing of txnode:\n%s", shell, script)
		}
		if path, err := exec.LookPath(shell); err == nil && shell == "bash" {
			bash := exec.Command(path, "-n")
			bash.Stdin = strings.NewReader(script)
			if text, err := bash.CombinedOutput(); err != nil {
				t.Errorf("bash: %v: %s", err, text)
			}
		}
	}
	for _, cmd := range documented(newRoot()) {
		if !cmd.HasParent() {
			continue
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		above, name := path[:len(path)-1], path[len(path)-1]
		offered := output(t, slices.Concat([]string{"__complete"}, above, []string{""})...)
		if !strings.Contains("\n"+offered, "\n"+name+"\t"+cmd.Short) {
			t.Errorf("'%s' is not offered:\n%s", cmd.CommandPath(), offered)
		}
	}
}

// output is what the program prints for args.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

// printers is the key of the commands that a script has seen printing JSON.
type printers struct{}

func printsJSON(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "-stdout" {
		args = args[1:]
	} else if err := ts.Exec("txnode", append([]string{"--json"}, args...)...); (err != nil) != neg {
		ts.Fatalf("txnode --json %v: %v", args, err)
	}
	values := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	for n := 0; ; n++ {
		var value json.RawMessage
		if err := values.Decode(&value); errors.Is(err, io.EOF) && n > 0 {
			break
		} else if err != nil {
			ts.Fatalf("txnode --json %v does not print JSON: %v", args, err)
		}
	}
	cmd, _, err := newRoot().Find(args)
	ts.Check(err)
	ts.Value(printers{}).(map[string]bool)[cmd.CommandPath()] = true
}

func allPrintJSON(ts *testscript.TestScript, _ bool, exempt []string) {
	for _, cmd := range documented(newRoot()) {
		path := cmd.CommandPath()
		if !cmd.HasSubCommands() && !slices.Contains(exempt, path) && !ts.Value(printers{}).(map[string]bool)[path] {
			ts.Fatalf("'%s' has not been seen to print JSON", path)
		}
	}
}
