package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// This file holds the rules of the house as data; source_test.go reads the
// source they are checked on. A failure says which rule a file breaks. Test
// files are free to import what they like.

// mayImport lists every package of the module and the packages of the module
// it may import. A new package needs a line here.
var mayImport = map[string][]string{
	"inv":                {"inv/recon", "inv/relaymsg", "inv/txrequest"},
	"inv/recon":          {"inv/relaymsg", "inv/sketch"},
	"inv/relaymsg":       {},
	"inv/sketch":         {},
	"inv/txrequest":      {"inv/relaymsg"},
	"mempool":            {"mempool/sigcheck"},
	"mempool/mempooldat": {"mempool"},
	"mempool/sigcheck":   {},
	"mempool/utxo":       {"mempool"},
	"storage":            {},
	"p2p":                {"inv/relaymsg"},
	"node":               {"inv", "inv/relaymsg", "mempool", "mempool/mempooldat", "p2p", "storage"},
	"node/metrics":       {"node", "p2p"},
	"node/rpc":           {"mempool", "mempool/mempooldat"},
	"node/rpc/backend":   {"inv/relaymsg", "mempool", "mempool/mempooldat", "node", "node/rpc", "p2p"},
	"node/zmq":           {"mempool", "node"},
	"testnet":            {"inv", "mempool", "mempool/utxo", "node", "node/rpc", "node/rpc/backend", "p2p", "testnet/txgen"},
	"testnet/sim":        {"inv", "inv/relaymsg"},
	"testnet/txgen":      {"mempool", "mempool/utxo"},
	"cmd/txnode":         {"inv", "mempool", "mempool/mempooldat", "mempool/utxo", "node", "node/metrics", "node/rpc", "node/rpc/backend", "node/zmq", "p2p", "testnet", "testnet/sim", "testnet/txgen"},
}

// testSupport are packages that only tests import; they may import anything.
var testSupport = []string{"mempool/utxo/utxotest"}

// longestChain is how many imports may lie between cmd and a package without
// own imports.
const longestChain = 6

// onlyIn says which packages may import a library.
var onlyIn = []struct {
	library  string // import path prefix
	packages []string
}{
	{"github.com/libp2p/", []string{"p2p", "node", "node/rpc/backend", "testnet", "cmd/txnode"}},
	{"github.com/multiformats/", []string{"p2p", "node", "node/rpc/backend", "testnet", "cmd/txnode"}},
	{"github.com/dgraph-io/badger", []string{"storage"}},
	{"github.com/ipfs/go-log", []string{"cmd/txnode"}},
	{"github.com/prometheus/", []string{"node/metrics", "cmd/txnode"}},
	{"github.com/spf13/", []string{"cmd/txnode"}},
	{"github.com/BurntSushi/toml", []string{"cmd/txnode"}},
	{"flag", []string{"cmd/txnode"}},
	{"os/signal", []string{"cmd/txnode"}},
	{"testing", testSupport},
}

// pure are the packages to which time, randomness and I/O are arguments.
var pure = []string{"inv", "inv/recon", "inv/relaymsg", "inv/sketch", "inv/txrequest", "mempool", "mempool/mempooldat", "mempool/sigcheck", "testnet/sim"}

// impure are the packages that pure ones must not import.
var impure = []string{
	"net", "os", "io/fs", "io/ioutil", "syscall", "path/filepath",
	"log", "github.com/ipfs/go-log", "go.uber.org/zap", "crypto/rand",
}

// A ban forbids functions of a package. A nil list forbids all but those in
// except.
type ban struct {
	path      string
	functions []string
	except    []string
}

// impureCalls are what pure packages must not call.
var impureCalls = []ban{
	{path: "time", functions: []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}},
	{path: "math/rand", except: []string{"New", "NewSource", "NewZipf", "Rand", "Source"}},
	{path: "math/rand/v2", except: []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8"}},
}

// edgeCalls are what only cmd may call.
var edgeCalls = []ban{
	{path: "os", functions: []string{"Exit", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Args"}},
	{path: "log", functions: []string{"Fatal", "Fatalf", "Fatalln"}},
	{path: "log/slog", functions: []string{"Default", "SetDefault", "Info", "Warn", "Error", "Debug"}},
}

func (b ban) forbids(name string) bool {
	if b.functions != nil {
		return slices.Contains(b.functions, name)
	}
	return !slices.Contains(b.except, name)
}

func TestImports(t *testing.T) {
	for _, p := range readModule(t) {
		allowed, known := mayImport[p.dir]
		if slices.Contains(testSupport, p.dir) {
			continue
		}
		if !known {
			t.Errorf("package %s is not in mayImport: say there what it may import", p.dir)
			continue
		}
		for _, f := range p.files {
			for _, path := range f.imports() {
				if own, ok := strings.CutPrefix(path, modulePath+"/"); ok && !slices.Contains(allowed, own) {
					t.Errorf("%s imports %s, which mayImport does not allow package %s", f.name, own, p.dir)
				}
			}
		}
	}
}

func TestImportChain(t *testing.T) {
	var longest func(p string) []string
	longest = func(p string) (chain []string) {
		for _, next := range mayImport[p] {
			if c := longest(next); len(c) > len(chain) {
				chain = c
			}
		}
		return append([]string{p}, chain...)
	}
	for p := range mayImport {
		if chain := longest(p); len(chain)-1 > longestChain {
			t.Errorf("%d imports in a chain, more than %d: %s", len(chain)-1, longestChain, strings.Join(chain, " → "))
		}
	}
}

func TestLibrariesStayInTheirPackages(t *testing.T) {
	for _, p := range readModule(t) {
		for _, f := range p.files {
			for _, path := range f.imports() {
				for _, rule := range onlyIn {
					if within(path, rule.library) && !slices.Contains(rule.packages, p.dir) {
						t.Errorf("%s imports %s, which only %v may", f.name, path, rule.packages)
					}
				}
			}
		}
	}
}

func TestCoreIsPure(t *testing.T) {
	for _, p := range readModule(t) {
		if !slices.Contains(pure, p.dir) {
			continue
		}
		for _, f := range p.files {
			for _, path := range f.imports() {
				if slices.ContainsFunc(impure, func(lib string) bool { return within(path, lib) }) {
					t.Errorf("%s imports %s; package %s is pure: make it an argument", f.name, path, p.dir)
				}
			}
			for _, use := range f.uses(impureCalls) {
				t.Errorf("%s; package %s is pure: make it an argument", use, p.dir)
			}
		}
	}
}

func TestOnlyTheCommandTouchesTheProcess(t *testing.T) {
	for _, p := range readModule(t) {
		if p.dir == "cmd/txnode" {
			continue
		}
		for _, f := range p.files {
			for _, use := range f.uses(edgeCalls) {
				t.Errorf("%s; only cmd/txnode may", use)
			}
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, p := range readModule(t) {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function; do the work where it is asked for", f.at(fn))
				}
			}
		}
	}
}

// TestTestsDoNotSleep allows time.Sleep only in the tests of packages that
// simulate the clock.
func TestTestsDoNotSleep(t *testing.T) {
	sleep := []ban{{path: "time", functions: []string{"Sleep"}}}
	for _, p := range readModule(t) {
		tests := p.tests
		if slices.Contains(testSupport, p.dir) {
			tests = p.files
		}
		if slices.ContainsFunc(tests, func(f *sourceFile) bool { return slices.Contains(f.imports(), "testing/synctest") }) {
			continue
		}
		for _, f := range tests {
			for _, use := range f.uses(sleep) {
				t.Errorf("%s on the wall clock; wait for the condition, or use testing/synctest", use)
			}
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range readModule(t) {
		var docs []string
		for _, f := range p.files {
			if f.ast.Doc != nil {
				docs = append(docs, f.name)
			}
		}
		switch {
		case len(docs) == 0:
			t.Errorf("package %s has no package comment; write one that can be read alone", p.dir)
		case len(docs) > 1:
			t.Errorf("package %s has several package comments: %v", p.dir, docs)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, p := range readModule(t) {
		explained := interfaceMethods(p)
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				for _, name := range undocumented(d, explained) {
					t.Errorf("%s: exported %s has no comment", f.at(d), name)
				}
			}
		}
	}
}

// undocumented are the exported names of d without a comment. In a group, the
// comment of the group, of the line above or of the line itself counts, and so
// does that of a neighbour which mentions the name. Methods that an interface
// explains need none.
func undocumented(d ast.Decl, explained map[string]bool) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && (d.Recv == nil || !explained[d.Name.Name]) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || d.Doc != nil {
			return nil
		}
		var comments strings.Builder
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				comments.WriteString(s.Doc.Text())
				for _, n := range s.Names {
					if s.Doc == nil && s.Comment == nil && n.IsExported() {
						names = append(names, n.Name)
					}
				}
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(comments.String(), name) })
	}
	return names
}

// interfaceMethods are the methods whose meaning the standard library defines,
// and those of the interfaces of p.
func interfaceMethods(p *sourcePackage) map[string]bool {
	explained := map[string]bool{
		"Error": true, "String": true, "Unwrap": true, "Is": true,
		"Len": true, "Less": true, "Swap": true, "Push": true, "Pop": true,
	}
	for _, f := range p.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						explained[name.Name] = true
					}
				}
			}
			return true
		})
	}
	return explained
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

func TestFilesAreOneIdea(t *testing.T) {
	const maxLines, maxFunction = 400, 80
	for _, p := range readModule(t) {
		for _, f := range p.files {
			if f.lines() > maxLines {
				t.Errorf("%s has %d lines, more than %d: it is perhaps two ideas", f.name, f.lines(), maxLines)
			}
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && f.span(fn) > maxFunction {
					t.Errorf("%s: %s has %d lines, more than %d", f.at(fn), fn.Name.Name, f.span(fn), maxFunction)
				}
			}
		}
	}
}

// within reports whether an import path is prefix or lies under it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

// uses lists where f refers to a banned function.
func (f *sourceFile) uses(bans []ban) (found []string) {
	names := f.importNames()
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, b := range bans {
			if names[pkg.Name] == b.path && b.forbids(sel.Sel.Name) {
				found = append(found, fmt.Sprintf("%s uses %s.%s", f.at(sel), b.path, sel.Sel.Name))
			}
		}
		return true
	})
	return found
}
