package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// loaded is a configuration and where each of its values comes from.
type loaded struct {
	*config
	table   []setting
	origins map[string]string // by flag name: default, file <path>, env <name> or flag --<name>
	file    string            // the configuration file read, or ""
	strays  []string          // TXNODE_* variables that are no setting
}

// originDefault is the origin of a value that nobody chose.
const originDefault = "default"

// loadConfig merges the layers for cmd: defaults, then the file, then the
// environment, then flags. Later layers win.
func loadConfig(cmd *cobra.Command) (*loaded, error) {
	l := newLoaded()
	env := environment(os.Environ())
	// The file is looked for in the data directory that flags or environment
	// name, so these layers are applied on both sides of it.
	if err := l.applyOverrides(cmd, env); err != nil {
		return nil, err
	}
	path, chosen := l.filePath(cmd, env)
	if info, err := os.Stat(l.DataDir); err == nil && !info.IsDir() {
		return nil, failf("the data directory %s is a file; name a directory with --datadir (%s)", l.DataDir, l.origins["datadir"])
	}
	l = newLoaded()
	if err := l.applyFile(path); err != nil {
		if chosen || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		path = ""
	}
	l.file = path
	if err := l.applyOverrides(cmd, env); err != nil {
		return nil, err
	}
	l.strays = l.strayVariables(env)
	if l.origins["rpcwhitelistdefault"] == originDefault {
		l.RPC.WhitelistDefault = len(l.RPC.Whitelist) > 0 // as in Core
	}
	if l.DataDir == "" && l.origins["datadir"] != originDefault {
		return nil, usagef("the data directory is empty; name one with --datadir (%s)", l.origins["datadir"])
	}
	if l.DataDir == "" || l.DataDir == "." && l.origins["datadir"] == originDefault {
		return nil, failf("there is no data directory, since this user has no home directory; name one with --datadir")
	}
	return l, nil
}

func newLoaded() *loaded {
	c := defaultConfig()
	l := &loaded{config: c, table: settings(c), origins: make(map[string]string)}
	for i := range l.table {
		l.origins[l.table[i].flag] = originDefault
	}
	return l
}

// environment is environ as a map, reduced to what concerns txnode.
func environment(environ []string) map[string]string {
	env := make(map[string]string)
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "TXNODE_") {
			env[name] = value
		}
	}
	return env
}

// filePath is the configuration file to read, and whether somebody chose it;
// else it may be missing.
func (l *loaded) filePath(cmd *cobra.Command, env map[string]string) (path string, chosen bool) {
	if f := cmd.Flag("config"); f != nil && f.Changed {
		return f.Value.String(), true
	}
	if path = env["TXNODE_CONFIG"]; path != "" {
		return path, true
	}
	return filepath.Join(l.DataDir, "txnode.toml"), false
}

// applyOverrides applies the environment, then the flags.
func (l *loaded) applyOverrides(cmd *cobra.Command, env map[string]string) error {
	for i := range l.table {
		s := &l.table[i]
		if text, ok := env[s.env()]; ok {
			if err := s.set(text); err != nil {
				return usagef("%s: %v", s.env(), err)
			}
			l.origins[s.flag] = "env " + s.env()
		}
		flag := cmd.Flag(s.flag)
		if flag == nil || !flag.Changed {
			continue
		}
		if err := s.set(flag.Value.(*settingFlag).text()); err != nil {
			return usagef("--%s: %v", s.flag, err)
		}
		l.origins[s.flag] = "flag --" + s.flag
	}
	return nil
}

// strayVariables are the TXNODE_* variables nothing reads, most likely typos.
func (l *loaded) strayVariables(env map[string]string) []string {
	var strays []string
	for name := range env {
		known := name == "TXNODE_CONFIG" || slices.ContainsFunc(l.table, func(s setting) bool { return s.env() == name })
		if !known {
			strays = append(strays, name)
		}
	}
	slices.Sort(strays)
	return strays
}
