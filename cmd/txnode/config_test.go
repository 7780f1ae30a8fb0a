package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// load runs loadConfig for a command with all flags, given args.
func load(t *testing.T, args ...string) (*loaded, error) {
	t.Helper()
	var l *loaded
	cmd := &cobra.Command{
		Use:           "txnode",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			l, err = loadConfig(cmd)
			return err
		},
	}
	addSettingFlags(cmd, bothScopes)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return l, err
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "txnode.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLaterLayersWin(t *testing.T) {
	path := writeConfig(t, `
network = "file"
utxo = "file.json"
[rpc]
listen = "127.0.0.1:1"
[p2p]
bootstrap = ["/a", "/b"]
mdns = true
target_outbound = 3
[relay]
inv_interval = "50ms"
`)
	t.Setenv("TXNODE_CONFIG", path)
	t.Setenv("TXNODE_UTXO", "env.json")
	t.Setenv("TXNODE_RPC_LISTEN", "127.0.0.1:2")
	l, err := load(t, "--rpc-listen", "127.0.0.1:3", "--listen", "/x", "--listen", "/y", "--datadir", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ flag, text, origin string }{
		{"network", "file", "file " + path},
		{"utxo", "env.json", "env TXNODE_UTXO"},
		{"rpc-listen", "127.0.0.1:3", "flag --rpc-listen"},
		{"bootstrap", "/a,/b", "file " + path},
		{"listen", "/x,/y", "flag --listen"},
		{"mdns", "true", "file " + path},
		{"target-outbound", "3", "file " + path},
		{"inv-interval", "50ms", "file " + path},
		{"recon-interval", "5s", originDefault},
	} {
		i := slices.IndexFunc(l.table, func(s setting) bool { return s.flag == c.flag })
		if got := l.table[i].text(); got != c.text || l.origins[c.flag] != c.origin {
			t.Errorf("%s is %q from %q, want %q from %q", c.flag, got, l.origins[c.flag], c.text, c.origin)
		}
	}
}

func TestFileInDataDirIsReadIfThere(t *testing.T) {
	path := writeConfig(t, `network = "there"`)
	l, err := load(t, "--datadir", filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if l.Network != "there" || l.file != path {
		t.Errorf("network %q of %q, want the one of %s", l.Network, l.file, path)
	}
	if l, err = load(t, "--datadir", t.TempDir()); err != nil || l.file != "" {
		t.Errorf("without a file: %q, %v", l.file, err)
	}
}

func TestBadConfiguration(t *testing.T) {
	for _, c := range []struct{ name, file, env, flag, want string }{
		{name: "unknown key", file: "\n[relay]\ninv_intervall = \"1s\"\n", want: `:3: there is no setting "relay.inv_intervall"`},
		{name: "unknown key at the top", file: "netwrok = \"x\"\n", want: `:1: there is no setting "netwrok"`},
		{name: "unknown table", file: "network = \"x\"\n[realy]\ninv_interval = \"1s\"\n", want: `:2: there is no setting "realy"`},
		{name: "string for a list", file: "[p2p]\nlisten = \"/ip4\"\n", want: ":2: p2p.listen = /ip4 is not a list of strings"},
		{name: "list of numbers", file: "[p2p]\nlisten = [1]\n", want: ":2: p2p.listen = [1] is not a list of strings"},
		{name: "number for a string", file: "network = 7\n", want: ":1: network = 7 is not a string"},
		{name: "string for a boolean", file: "[p2p]\nmdns = \"yes\"\n", want: ":2: p2p.mdns = yes is not a boolean"},
		{name: "number for a duration", file: "[relay]\ninv_interval = 300\n", want: ":2: relay.inv_interval = 300 is not a duration"},
		{name: "value for a table", file: "p2p = 1\n", want: `:1: p2p = 1 is not a table`},
		{name: "no TOML", file: "network = \n", want: ":1:"},
		{name: "twice", file: "network = \"a\"\nnetwork = \"b\"\n", want: ":2:"},
		{name: "too large", file: strings.Repeat("#", maxConfigFile+1), want: "has more than 1048576 bytes"},
		{name: "environment", env: "many", want: `TXNODE_TARGET_OUTBOUND: "many" is not a whole number`},
		{name: "flag", flag: "--inv-interval=5", want: `--inv-interval: "5" is not a duration`},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"--datadir", t.TempDir()}
			if c.file != "" {
				args = append(args, "--config", writeConfig(t, c.file))
			}
			if c.env != "" {
				t.Setenv("TXNODE_TARGET_OUTBOUND", c.env)
			}
			if c.flag != "" {
				args = append(args, c.flag)
			}
			_, err := load(t, args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if strings.Contains(errorLine(err), "\n") {
				t.Errorf("the error has several lines: %q", errorLine(err))
			}
		})
	}
}

func TestMissingChosenFileIsAnError(t *testing.T) {
	if _, err := load(t, "--config", filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("no error")
	}
}

func TestStrayVariablesAreNamed(t *testing.T) {
	t.Setenv("TXNODE_NETWROK", "x")
	t.Setenv("TXNODE_NETWORK", "x")
	l, err := load(t, "--datadir", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.strays, []string{"TXNODE_NETWROK"}) {
		t.Errorf("strays %v", l.strays)
	}
}

// TestTable: each setting is named once, and its text form is parsed back to
// the same value.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range settings(defaultConfig()) {
		for _, name := range []string{"flag " + s.flag, "key " + s.key} {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		before := s.text()
		if err := s.set(before); err != nil || s.text() != before {
			t.Errorf("%s: %q becomes %q, %v", s.flag, before, s.text(), err)
		}
		if s.help == "" || s.scope == 0 {
			t.Errorf("%s has no help or no scope", s.flag)
		}
	}
}

// TestWhitelist: it is one value per user in every layer, and closes the rest
// unless that is chosen otherwise.
func TestWhitelist(t *testing.T) {
	want := []string{"alice:uptime,help", "bob:stop"}
	path := writeConfig(t, "[rpc]\nwhitelist = [\"alice:uptime,help\", \"bob:stop\"]\n")
	for name, args := range map[string][]string{
		"file": {"--config", path}, "flags": {"--rpcwhitelist", want[0], "--rpcwhitelist", want[1]}, "environment": nil,
	} {
		if args == nil {
			t.Setenv("TXNODE_RPCWHITELIST", strings.Join(want, ";"))
		}
		l, err := load(t, append(args, "--datadir", t.TempDir())...)
		if err != nil || !slices.Equal(l.RPC.Whitelist, want) || !l.RPC.WhitelistDefault {
			t.Errorf("%s: %q, default %v, %v", name, l.RPC.Whitelist, l.RPC.WhitelistDefault, err)
		}
	}
	if l, err := load(t, "--config", path, "--rpcwhitelistdefault=0", "--datadir", t.TempDir()); err != nil || l.RPC.WhitelistDefault {
		t.Errorf("default %v, %v", l.RPC.WhitelistDefault, err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	l, err := load(t, "--rpc-password", "hunter2", "--datadir", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.rows() {
		if strings.Contains(r.text, "hunter2") || r.Value == "hunter2" {
			t.Errorf("%s shows the secret", r.Flag)
		}
	}
	if l.RPC.Password != "hunter2" {
		t.Errorf("password %q", l.RPC.Password)
	}
}
