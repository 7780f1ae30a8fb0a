package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/txnode/txnode/node/rpc"
)

func TestMain(m *testing.M) {
	testscript.Main(leakTest{m}, map[string]func(){"txnode": main})
}

// leakTest also fails when goroutines outlive the tests.
type leakTest struct{ m *testing.M }

func (l leakTest) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScript runs the scripts in testdata/script against the real program.
// Besides the usual commands they have:
//
//	terminate      sends SIGTERM to all background processes
//	stopwatch      begins to measure time
//	[!] took 5s    checks that less (or not less) than that has passed since
//	addr VAR DIR   sets VAR to a multiaddr of the node whose data directory is DIR,
//	               and VAR_BARE to the same without the peer id
//	rpcaddr VAR D  sets VAR to the host:port of the RPC server of that node
//	[!] json ARG…  runs 'txnode --json ARG…', which must print JSON and exit with 0
//	               (or not); with -stdout, what the last command printed is looked at
//	alljson CMD…   checks that json has seen every command but these
//
// UPDATE_SCRIPTS=1 in the environment makes cmp write what it gets into the
// script.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Deadline:            time.Now().Add(scriptDeadline),
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			// No script may touch the user's own node, nor a port in use.
			env.Setenv("TXNODE_DATADIR", filepath.Join(env.WorkDir, "data"))
			env.Setenv("TXNODE_LISTEN", "/ip4/127.0.0.1/tcp/0")
			env.Setenv("TXNODE_RPC_LISTEN", "127.0.0.1:0")
			env.Values[stopwatch{}] = new(time.Time)
			env.Values[printers{}] = make(map[string]bool)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"terminate": terminate, "stopwatch": startStopwatch, "took": took, "addr": addr, "rpcaddr": rpcaddr,
			"line": line, "json": printsJSON, "alljson": allPrintJSON,
		},
	})
}

// scriptDeadline is far beyond what all scripts take together, so that one that
// hangs shows where.
const scriptDeadline = 2 * time.Minute

// stopwatch is the key of a script's *time.Time.
type stopwatch struct{}

func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

func startStopwatch(ts *testscript.TestScript, _ bool, _ []string) {
	*ts.Value(stopwatch{}).(*time.Time) = time.Now()
}

func took(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	if took := time.Since(*ts.Value(stopwatch{}).(*time.Time)); took < limit == neg {
		ts.Fatalf("took %v", took)
	}
}

func addr(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("txnode", "rpc", "--datadir", args[1], "getnetworkinfo"))
	var info rpc.NetworkInfo
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &info))
	full := info.TxNode.Listen[0]
	ts.Setenv(args[0], full)
	ts.Setenv(args[0]+"_BARE", strings.TrimSuffix(full, "/p2p/"+info.TxNode.PeerID))
}

// line sets a variable to what a file holds.
func line(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func rpcaddr(ts *testscript.TestScript, _ bool, args []string) {
	url := ts.ReadFile(filepath.Join(args[1], "regtest", "rpc.addr"))
	ts.Setenv(args[0], strings.TrimPrefix(strings.TrimSpace(url), "http://"))
}

// TestUsageErrors: a mistake on the command line exits with 2, says what is
// wrong, and names the command that tells more.
func TestUsageErrors(t *testing.T) {
	t.Setenv("TXNODE_DATADIR", t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, "there is no command 'txnode nonsense'; see 'txnode --help'"},
		{[]string{"mempol"}, "did you mean 'txnode mempool'?"},
		{[]string{"run", "--nonsense"}, "unknown flag: --nonsense; see 'txnode run --help'"},
		{[]string{"run", "argument"}, "'txnode run' does not take 1 arguments; usage: txnode run [flags]"},
		{[]string{"tx"}, "'txnode tx' needs one of its commands; see 'txnode tx --help'"},
		{[]string{"tx", "nonsense"}, "there is no command 'txnode tx nonsense'; see 'txnode tx --help'"},
		{[]string{"tx", "send"}, "'txnode tx send' does not take 0 arguments"},
		{[]string{"tx", "send", "nonsense"}, `"nonsense" is neither hex nor a file`},
		{[]string{"tx", "gen", "--count", "0"}, "--count 0: make at least 1"},
		{[]string{"tx", "gen", "--type", "p2sh"}, `--type "p2sh" is none of p2wpkh, p2tr and mixed`},
		{[]string{"tx", "gen", "--from", "-1"}, "see 'txnode tx gen --help'"},
		{[]string{"testnet", "--nodes", "1"}, "1 nodes"},
		{[]string{"testnet", "--recon", "maybe"}, `--recon "maybe" is neither on nor off`},
		{[]string{"run", "--listen", "nonsense"}, `"nonsense" is not a multiaddr`},
		{[]string{"run", "--relay", "all"}, `relay "all" is none of mesh, flood and none`},
		{[]string{"run", "--log-level", "loud"}, `log level "loud"`},
		{[]string{"run", "--utxo", "a.json", "--chain-rpc", "http://127.0.0.1"}, "from a Bitcoin node or from an allocation, not from both"},
	} {
		root := newRoot()
		root.SetArgs(c.args)
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		err := root.ExecuteContext(t.Context())
		if err == nil || !strings.Contains(errorLine(err), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
		if code := exitCode(err); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", c.args, code, exitUsage)
		}
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("TXNODE_DATADIR"), "regtest")); err == nil {
		t.Error("a wrong command line made a data directory")
	}
}
