package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// modulePath is the import path of the repository's root.
const modulePath = "github.com/txnode/txnode"

// sourcePackage is a directory of the module with Go files.
type sourcePackage struct {
	dir   string // relative to the module's root, with slashes
	files []*sourceFile
	tests []*sourceFile
}

// sourceFile is one parsed file; name is relative to the module's root.
type sourceFile struct {
	name string
	fset *token.FileSet
	ast  *ast.File
}

// readModule parses all Go files of the module, once per test run.
func readModule(t *testing.T) []*sourcePackage {
	t.Helper()
	packages, err := parseModule()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

var parseModule = sync.OnceValues(func() ([]*sourcePackage, error) {
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	byDir := make(map[string]*sourcePackage)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); file != root && (name == "testdata" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f := &sourceFile{name: filepath.ToSlash(rel), fset: fset, ast: tree}
		dir := path.Dir(f.name)
		p := byDir[dir]
		if p == nil {
			p = &sourcePackage{dir: dir}
			byDir[dir] = p
		}
		if strings.HasSuffix(f.name, "_test.go") {
			p.tests = append(p.tests, f)
		} else {
			p.files = append(p.files, f)
		}
		return nil
	})
	var packages []*sourcePackage
	for _, p := range byDir {
		if len(p.files) > 0 {
			packages = append(packages, p)
		}
	}
	slices.SortFunc(packages, func(a, b *sourcePackage) int { return strings.Compare(a.dir, b.dir) })
	return packages, err
})

// imports are the import paths of f.
func (f *sourceFile) imports() []string {
	paths := make([]string, len(f.ast.Imports))
	for i, spec := range f.ast.Imports {
		paths[i], _ = strconv.Unquote(spec.Path.Value)
	}
	return paths
}

// importNames maps the names that f's imports have in f to their paths.
func (f *sourceFile) importNames() map[string]string {
	names := make(map[string]string)
	for i, importPath := range f.imports() {
		name := path.Base(importPath)
		if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(importPath))
		}
		if alias := f.ast.Imports[i].Name; alias != nil {
			name = alias.Name
		}
		names[name] = importPath
	}
	return names
}

// at is file:line of a node.
func (f *sourceFile) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

// lines is the length of the file.
func (f *sourceFile) lines() int { return f.fset.File(f.ast.Pos()).LineCount() }

// span is how many lines a node covers.
func (f *sourceFile) span(n ast.Node) int {
	return f.fset.Position(n.End()).Line - f.fset.Position(n.Pos()).Line + 1
}

// TestBansBite: what the rules forbid is found under any name, and what they
// allow is not.
func TestBansBite(t *testing.T) {
	for _, c := range []struct {
		source string
		bans   []ban
		found  int
	}{
		{`import "time"; var _ = time.Now()`, impureCalls, 1},
		{`import clock "time"; var now = clock.Now`, impureCalls, 1},
		{`import "time"; var _ = time.Second; var _ time.Time`, impureCalls, 0},
		{`import "math/rand/v2"; var _ = rand.IntN(6)`, impureCalls, 1},
		{`import "math/rand/v2"; var _ = rand.New(rand.NewPCG(1, 2))`, impureCalls, 0},
		{`import "os"; func f() { os.Exit(1) }; var _ = os.Getenv("HOME")`, edgeCalls, 2},
		{`import "os"; var _, _ = os.Open("x")`, edgeCalls, 0},
		{`import "log/slog"; func f() { slog.Info("x") }`, edgeCalls, 1},
	} {
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, "x.go", "package x; "+c.source, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := &sourceFile{name: "x.go", fset: fset, ast: tree}
		if found := f.uses(c.bans); len(found) != c.found {
			t.Errorf("%s: found %v, want %d", c.source, found, c.found)
		}
	}
	for _, c := range []struct {
		path, prefix string
		want         bool
	}{
		{"net", "net", true}, {"net/http", "net", true}, {"netip", "net", false},
		{"github.com/libp2p/go-libp2p/core", "github.com/libp2p/", true},
		{"github.com/dgraph-io/badger/v4", "github.com/dgraph-io/badger", true},
	} {
		if within(c.path, c.prefix) != c.want {
			t.Errorf("within(%q, %q) is %v", c.path, c.prefix, !c.want)
		}
	}
}
