package node

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "github.com/txnode/txnode"

// goTool runs the go command in dir, with no module proxy but the given one.
func goTool(t *testing.T, dir, proxy string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOPROXY="+proxy, "GOFLAGS=-mod=mod -modcacherw", "GOWORK=off", "GONOSUMDB="+module)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What an embedder does not import is not compiled into the program.
func TestEmbeddersCompileOnlyWhatTheyUse(t *testing.T) {
	const own = module + "/"
	deps := strings.Fields(goTool(t, ".", "off", "list", "-deps", "."))
	for _, dep := range deps {
		for _, unwanted := range []string{
			own + "node/", own + "testnet", own + "cmd", own + "mempool/utxo", // RPC, metrics, dashboard, clusters, CLI
			"github.com/prometheus/client_golang/prometheus/promhttp",
			"github.com/spf13/", "github.com/BurntSushi/", "github.com/coder/websocket",
			"github.com/libp2p/go-libp2p-kad-dht", "github.com/ipfs/go-log/v2",
			"github.com/marcopolo/simnet", "github.com/stretchr/testify", "testing",
		} {
			if strings.HasPrefix(dep, unwanted) {
				t.Errorf("package node drags in %s", dep)
			}
		}
	}
	if len(deps) < 100 {
		t.Errorf("%d dependencies: is this the list?", len(deps))
	}
}

// The examples compile in a module of their own, against a version of this one from
// a module proxy, as an embedder's program does.
func TestExamplesCompileOutsideTheModule(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	examples := 0
	for _, pattern := range []string{"node/example_*test.go", "node/example_test.go", "node/*/example_test.go", "node/rpc/*/example_test.go", "testnet/example_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no example matches %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			examples += strings.Count(string(text), "// Output:")
			write(t, filepath.Join(dir, rel), text)
		}
	}
	if examples < 10 {
		t.Errorf("%d examples with output, want at least 10", examples)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	proxy, version := publish(t, root, mod)
	text := strings.Replace(string(mod), "module "+module, "module example.org/app", 1)
	text += "\nrequire " + module + " " + version + "\n"
	write(t, filepath.Join(dir, "go.mod"), []byte(text))
	write(t, filepath.Join(dir, "go.sum"), sum)
	goTool(t, dir, proxy, "list", "-test", "-export", "./...") // compiles, and links nothing
}

// publish makes a module proxy of files that has this module, with the files of the
// working tree, and returns its URL and the version.
// The version goes from the module cache with the test.
func publish(t *testing.T, root string, mod []byte) (proxy, version string) {
	t.Helper()
	var files []string
	var texts [][]byte
	content := sha256.New()
	err := fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file != "." && strings.HasPrefix(d.Name(), ".") && d.IsDir():
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		fmt.Fprintf(content, "%s %d\n%s", file, len(text), text)
		files, texts = append(files, file), append(texts, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	version = fmt.Sprintf("v0.0.1-test.%x", content.Sum(nil)[:6])
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for i, file := range files {
		w, err := z.Create(module + "@" + version + "/" + file)
		if err == nil {
			_, err = w.Write(texts[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at := filepath.Join(dir, module, "@v", version)
	write(t, at+".info", fmt.Appendf(nil, `{"Version":%q}`, version))
	write(t, at+".mod", mod)
	write(t, at+".zip", archive.Bytes())
	cache := strings.TrimSpace(goTool(t, root, "off", "env", "GOMODCACHE"))
	t.Cleanup(func() {
		os.RemoveAll(filepath.Join(cache, module+"@"+version))
		copies, _ := filepath.Glob(filepath.Join(cache, "cache", "download", module, "@v", version+".*"))
		for _, file := range copies {
			os.Remove(file)
		}
	})
	return "file://" + filepath.ToSlash(dir), version
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
