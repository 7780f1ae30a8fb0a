package storage

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

// killDirEnv makes the test binary the process to be killed, on this directory.
const killDirEnv = "TXNODE_STORAGE_KILL_DIR"

const killRecordSize = 3000

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDirEnv); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled stores records 0, 1, … and deletes every tenth again. It
// prints "+n" when record n is acknowledged and "-n" when its deletion is.
func writeUntilKilled(dir string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	o := testOptions
	o.FreeSpace = plenty
	db, err := Open(dir, o)
	if err != nil {
		fail(err)
	}
	const writers = 8
	var wg sync.WaitGroup
	for w := range uint64(writers) {
		wg.Go(func() {
			for n := w; ; n += writers {
				r := record(n, killRecordSize)
				if err := db.Put(context.Background(), r); err != nil {
					fail(err)
				}
				fmt.Printf("+%d\n", n)
				if n%10 == 0 {
					if err := db.Delete(context.Background(), r.WTxID); err != nil {
						fail(err)
					}
					fmt.Printf("-%d\n", n)
				}
			}
		})
	}
	wg.Wait()
}

// What was acknowledged before kill -9 is there after it.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	// The last round fills memtables, which are flushed meanwhile.
	for round, acks := range []int{1, 200, 4000} {
		stored, deleted := killAfter(t, dir, acks)
		db := openTest(t, dir)
		if db.Recovery() != nil {
			t.Fatalf("round %d: recovery %+v", round, db.Recovery())
		}
		records, damaged := load(t, db)
		if damaged != 0 {
			t.Errorf("round %d: %d records are damaged", round, damaged)
		}
		there := make(map[uint64]bool)
		for _, r := range records {
			there[r.Sequence] = true
			if !r.equal(record(r.Sequence, killRecordSize)) {
				t.Errorf("round %d: record %d is wrong", round, r.Sequence)
			}
		}
		for n := range stored {
			if n%10 != 0 && !there[n] {
				t.Errorf("round %d: record %d was acknowledged and is lost", round, n)
			}
		}
		for n := range deleted {
			if there[n] {
				t.Errorf("round %d: record %d is back after its deletion", round, n)
			}
		}
		closeTest(t, db)
	}
}

// killAfter kills a writing process when it has acknowledged so much, and
// returns all that it had acknowledged by then.
func killAfter(t *testing.T, dir string, acks int) (stored, deleted map[uint64]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killDirEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	stored, deleted = make(map[uint64]bool), make(map[uint64]bool)
	lines := bufio.NewScanner(out)
	for count := 1; lines.Scan(); count++ {
		n, err := strconv.ParseUint(lines.Text()[1:], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if lines.Text()[0] == '+' {
			stored[n] = true
		} else {
			deleted[n] = true
		}
		if count == acks {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = child.Wait() // reports the kill
	if len(stored)+len(deleted) < acks {
		t.Fatalf("%d of %d were acknowledged: %v", len(stored)+len(deleted), acks, err)
	}
	return stored, deleted
}
