package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/node/rpc"
)

var long = flag.Bool("long", false, "damage every file in every way, in TestDamagedDataDirectory")

// await polls until done, which may fail the test itself.
func await(t *testing.T, patience time.Duration, what string, done func() bool) {
	t.Helper()
	late := time.After(patience)
	for !done() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-late:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func submit(t *testing.T, c *rpc.Client, tx *wire.MsgTx) error {
	t.Helper()
	var buf bytes.Buffer
	if err := tx.Serialize(&buf); err != nil {
		t.Fatal(err)
	}
	_, err := c.SendRawTransaction(t.Context(), buf.Bytes())
	return err
}

func count(t *testing.T, c *rpc.Client) int {
	t.Helper()
	info, err := c.GetMempoolInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size
}

// stop ends the process as an operator does.
func (p *process) stop(ctx context.Context, c *rpc.Client) {
	p.t.Helper()
	if err := c.Stop(ctx); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.t.Fatal("txnode run does not end")
	}
	if strings.Contains(p.output.String(), "goroutine ") {
		p.t.Errorf("%v\n%s", p.cmd.ProcessState, p.output)
	}
}

// p2pAddress is where others reach the node.
func p2pAddress(t *testing.T, c *rpc.Client) string {
	t.Helper()
	info, err := c.GetNetworkInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.TxNode.Listen[0]
}

// A damage changes a file; used is the number of its bytes before trailing zeros.
type damage struct {
	name  string
	apply func(path string, used int64) error
}

var damages = []damage{
	{"flipped byte", func(path string, used int64) error { return patch(path, used/2, func(b []byte) { b[0] ^= 0x10 }, 1) }},
	{"cut in half", func(path string, used int64) error { return os.Truncate(path, used/2) }},
	{"empty", func(path string, _ int64) error { return os.Truncate(path, 0) }},
	{"zeros", func(path string, used int64) error { return patch(path, used/2, func(b []byte) { clear(b) }, used/4) }},
	{"deleted", func(path string, _ int64) error { return os.Remove(path) }},
}

func patch(path string, at int64, change func([]byte), n int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, n)
	_, err = f.ReadAt(b, at)
	if err == nil {
		change(b)
		_, err = f.WriteAt(b, at)
	}
	return errors.Join(err, f.Close())
}

// Whatever is damaged in the data directory, the node comes up, says so, fetches from a peer what it lost, and comes up
// without complaint the next time.
func TestDamagedDataDirectory(t *testing.T) {
	const n = 60
	allocation := writeAllocation(t, t.TempDir())
	helper := startNode(t, t.TempDir(), "--utxo", allocation)
	peer := helper.await(t.Context())
	killed, stopped := t.TempDir(), t.TempDir()
	for _, dir := range []string{killed, stopped} {
		p := startNode(t, dir, "--utxo", allocation)
		c := p.await(t.Context())
		for i := range n {
			for _, c := range []*rpc.Client{c, peer} {
				if err := submit(t, c, spendAnyone(i, 2000, 2)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if dir == killed {
			p.kill()
		} else {
			p.stop(t.Context(), c)
		}
	}
	bootstrap := p2pAddress(t, peer)
	for _, c := range []struct{ state, dir, pattern string }{
		{"killed", killed, "*.mem"}, {"stopped", stopped, "*.sst"}, {"stopped", stopped, "MANIFEST"},
		{"killed", killed, "*.vlog"}, {"stopped", stopped, "KEYREGISTRY"}, {"killed", killed, "DISCARD"},
	} {
		for i, d := range damages {
			idle := c.pattern == "*.vlog" || c.pattern == "KEYREGISTRY" || c.pattern == "DISCARD" // holds nothing of ours
			if !*long && (i > 0 || idle) {
				continue
			}
			t.Run(c.state+"/"+c.pattern+"/"+d.name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "data")
				if err := exec.Command("cp", "-a", "--sparse=always", c.dir, dir).Run(); err != nil {
					t.Skip("no cp with sparse files: ", err)
				}
				paths, err := filepath.Glob(filepath.Join(dir, "regtest", "mempool", c.pattern))
				if err != nil || len(paths) == 0 {
					t.Fatalf("no file %s: %v", c.pattern, err)
				}
				content, err := os.ReadFile(paths[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := d.apply(paths[0], int64(len(bytes.TrimRight(content, "\x00")))); err != nil {
					t.Fatal(err)
				}
				started := time.Now()
				p := startNode(t, dir, "--utxo", allocation, "--bootstrap", bootstrap)
				client := p.await(t.Context())
				if took := time.Since(started); took > 10*time.Second {
					t.Errorf("up after %v", took)
				}
				await(t, 30*time.Second, "the mempool is whole again", func() bool { return count(t, client) == n })
				p.stop(t.Context(), client)
				alarm := strings.Contains(p.output.String(), "ERROR") && strings.Contains(p.output.String(), "damaged")
				if i < 2 && !idle && !alarm {
					t.Errorf("nothing is said:\n%s", p.output)
				}
				p = startNode(t, dir, "--utxo", allocation)
				if got := count(t, p.await(t.Context())); got != n {
					t.Errorf("%d transactions after another start\n%s", got, p.output)
				}
				p.kill()
				if strings.Contains(p.output.String(), "was damaged") {
					t.Errorf("damaged again:\n%s", p.output)
				}
			})
		}
	}
}

// smallDisk mounts a file system of so many MiB. It takes root and loop devices.
func smallDisk(t *testing.T, mebibytes int) (dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting takes root")
	}
	image := filepath.Join(t.TempDir(), "disk.img")
	dir = filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"truncate", "-s", fmt.Sprintf("%dM", mebibytes), image}, {"mkfs.ext4", "-q", "-m", "0", image}, {"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v %s", command, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// fill takes all the space there is, but for so many MiB.
func fill(t *testing.T, disk string, leave int) {
	t.Helper()
	f, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(max(info.Size()-int64(leave)<<20, 0)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// On a full disk a node goes on in memory and says so, also when it is started there; when there is space again it
// writes again, and what it had acknowledged before is still there.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 256)
	allocation := writeAllocation(t, t.TempDir())
	dir := filepath.Join(disk, "data")
	helper := startNode(t, t.TempDir(), "--utxo", allocation)
	peer := helper.await(t.Context())
	args := []string{"--utxo", allocation, "--bootstrap", p2pAddress(t, peer)}
	p := startNode(t, dir, args...)
	c := p.await(t.Context())
	for i := range 20 {
		if err := submit(t, c, spendAnyone(i, 100, 2)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 10*time.Second, "the peer has all", func() bool { return count(t, peer) == 20 })

	fill(t, disk, 0)
	if err := submit(t, c, spendAnyone(20, 100, 2)); err == nil || !strings.Contains(err.Error(), "transaction is in memory only") {
		t.Errorf("on a full disk: %v", err)
	}
	await(t, 10*time.Second, "it is relayed nevertheless", func() bool { return count(t, peer) == 21 })
	l := newLoaded()
	l.DataDir = dir
	if d := l.examine(t.Context(), c); len(d.Findings) == 0 || !strings.HasPrefix(d.Findings[0].Found, "what comes is kept in memory only: too little free disk space") {
		t.Errorf("the doctor says %+v", d.Findings)
	}
	p.stop(t.Context(), c)

	for _, leave := range []int{0, 60} { // nothing at all, and too little
		fill(t, disk, leave)
		p = startNode(t, dir, args...)
		c = p.await(t.Context())
		await(t, 30*time.Second, "a peer fills the mempool", func() bool { return count(t, c) == 21 })
		p.kill()
		if !strings.Contains(p.output.String(), "kept in memory only") || !strings.Contains(p.output.String(), "too little free disk space") {
			t.Errorf("nothing is said:\n%s", p.output)
		}
	}

	p = startNode(t, dir, args...)
	c = p.await(t.Context())
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := submit(t, c, spendAnyone(21, 100, 2)); err != nil {
		t.Errorf("there is space again: %v", err)
	}
	helper.kill()
	p.kill()
	p = startNode(t, dir, "--utxo", allocation)
	// All that was acknowledged as stored: the first 20 and the last.
	if got := count(t, p.await(t.Context())); got < 21 {
		t.Errorf("%d transactions", got)
	}
	p.kill()
}
