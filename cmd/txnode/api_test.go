package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// apiFile has the exported surface of every public package.
var apiFile = filepath.Join("testdata", "api.txt")

// TestAPI makes each change of what the packages export visible in review.
func TestAPI(t *testing.T) {
	var b strings.Builder
	for _, p := range readModule(t) {
		if p.dir == "cmd/txnode" || slices.Contains(testSupport, p.dir) {
			continue
		}
		fmt.Fprintf(&b, "# %s\n", p.dir)
		for _, line := range exported(p) {
			fmt.Fprintln(&b, line)
		}
		b.WriteByte('\n')
	}
	got := b.String()
	if os.Getenv("UPDATE_API") != "" {
		if err := os.WriteFile(apiFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	if got == want {
		return
	}
	known := strings.Split(want, "\n")
	for line := range strings.SplitSeq(got, "\n") {
		if i := slices.Index(known, line); i >= 0 {
			known[i] = ""
		} else {
			t.Logf("new: %s", line)
		}
	}
	for _, line := range known {
		if line != "" {
			t.Logf("gone: %s", line)
		}
	}
	t.Error("what the packages export has changed. If that is meant, write the golden file anew:\n" +
		"UPDATE_API=1 go test ./cmd/txnode -run '^TestAPI$'\n" +
		"and say in CHANGELOG.md what an embedder has to change.")
}

// TestNodeStaysSmall: who embeds a node has this much to learn.
func TestNodeStaysSmall(t *testing.T) {
	const most = 25
	for _, p := range readModule(t) {
		if p.dir != "node" {
			continue
		}
		var names []string
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				names = append(names, namesOf(d)...)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !token.IsExported(name) })
		if len(names) > most {
			t.Errorf("package node exports %d names, more than %d: %s", len(names), most, strings.Join(names, " "))
		}
	}
}

// namesOf are the names that d declares in its package; a method is none.
func namesOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// exported are the declarations that p exports, a line each, without comments
// and bodies. The fields of a struct and the methods of an interface are lines
// of their own.
func exported(p *sourcePackage) (lines []string) {
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) {
					lines = append(lines, oneLine(f, &ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}))
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					lines = append(lines, exportedSpec(f, d.Tok, spec)...)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func exportedSpec(f *sourceFile, tok token.Token, spec ast.Spec) (lines []string) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() {
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", tok, n.Name, typeText(f, s.Type))))
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		var members *ast.FieldList
		kind := ""
		switch t := s.Type.(type) {
		case *ast.StructType:
			members, kind = t.Fields, "struct"
		case *ast.InterfaceType:
			members, kind = t.Methods, "interface"
		default:
			assign := ""
			if s.Assign.IsValid() {
				assign = "= "
			}
			return []string{fmt.Sprintf("type %s %s%s", s.Name, assign, typeText(f, t))}
		}
		lines = append(lines, fmt.Sprintf("type %s %s", s.Name, kind))
		for _, m := range members.List {
			text := typeText(f, m.Type)
			if len(m.Names) == 0 {
				lines = append(lines, fmt.Sprintf("type %s %s, %s", s.Name, kind, text))
			}
			for _, n := range m.Names {
				if n.IsExported() || kind == "interface" {
					lines = append(lines, fmt.Sprintf("type %s %s, %s %s", s.Name, kind, n, text))
				}
			}
		}
	}
	return lines
}

func typeText(f *sourceFile, e ast.Expr) string {
	if e == nil {
		return ""
	}
	return oneLine(f, e)
}

func oneLine(f *sourceFile, n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, f.fset, n); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
