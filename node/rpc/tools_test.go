package rpc

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTools runs the real command line clients where they are installed.
func TestTools(t *testing.T) {
	s := newScenario(t)
	address, cookieFile := startServer(t, s.node)
	datadir := filepath.Dir(cookieFile)
	if err := WriteBitcoinConf(datadir, "regtest", netip.MustParseAddrPort(address), cookieFile); err != nil {
		t.Fatal(err)
	}
	secret, err := readCookie(cookieFile)
	if err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(secret, ":")
	tx := spend(coin(1), coinValue-1000)
	for _, tool := range [][]string{
		{"bitcoin-cli", "-datadir=" + datadir},
		{"btcctl", "--notls", "--rpcserver=" + address, "--rpcuser=" + user, "--rpcpass=" + password},
	} {
		t.Run(tool[0], func(t *testing.T) {
			if _, err := exec.LookPath(tool[0]); err != nil {
				t.Skipf("%s is not installed; TestRecorded replays what it sends", tool[0])
			}
			run := func(args ...string) string {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), tool[0], append(tool[1:], args...)...)
				var stderr strings.Builder
				cmd.Env, cmd.Stderr = append(os.Environ(), "HOME="+datadir), &stderr // btcctl writes to its home
				out, err := cmd.Output()
				if err != nil {
					t.Errorf("%s: %v\n%s%s", args, err, out, &stderr)
				}
				return strings.TrimSpace(string(out))
			}
			if got := run("sendrawtransaction", hexOf(tx)); got != tx.TxID() {
				t.Errorf("sendrawtransaction: %s", got)
			}
			var ids []string
			if err := json.Unmarshal([]byte(run("getrawmempool")), &ids); err != nil || len(ids) != 3 {
				t.Errorf("getrawmempool: %v %v", ids, err)
			}
			var entries map[string]MempoolEntry
			if err := json.Unmarshal([]byte(run("getrawmempool", "true")), &entries); err != nil || entries[tx.TxID()].Fees.Base != 1000 {
				t.Errorf("getrawmempool true: %v %v", entries, err)
			}
			var peers []PeerInfo
			if err := json.Unmarshal([]byte(run("getpeerinfo")), &peers); err != nil || len(peers) != 2 {
				t.Errorf("getpeerinfo: %v %v", peers, err)
			}
			if tool[0] == "bitcoin-cli" {
				run("-getinfo")
				run("-netinfo", "4")
				run("-named", "getrawmempool", "verbose=true")
				run("getmempooldigest")
			}
		})
	}
}
