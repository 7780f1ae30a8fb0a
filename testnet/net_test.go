package testnet

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/testnet/txgen"
)

// coins are the first outputs of the test allocation.
func coins(t *testing.T) func() []byte {
	gen, err := txgen.New(txgen.Config{Network: Network, From: 0, To: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return func() []byte {
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		return tx.Raw
	}
}

func TestNetConvergesAfterEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := coins(t)
		n := New(t, 12)
		for i := range n.Len() {
			n.Submit(i, next())
		}
		n.WaitConverged()

		n.Partition([]int{0, 1, 2, 3, 4, 5})
		n.Submit(0, next())
		n.Submit(11, next())
		n.Kill(7)
		n.Submit(10, next())
		n.Heal()
		n.WaitConverged()
		n.Restart(7)
		if _, count := n.Node(7).Digest(); count != 0 {
			t.Errorf("a node in memory has kept %d transactions", count)
		}
		n.WaitConverged()
		if _, count := n.Node(7).Digest(); count != 12+3 {
			t.Errorf("%d transactions", count)
		}
	})
}

func TestNetRestartsFromItsDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next, dir := coins(t), t.TempDir()
		n := New(t, 2, func(i int, cfg *node.Config) { cfg.DataDir = filepath.Join(dir, fmt.Sprint(i)) })
		n.Partition([]int{0})
		n.Submit(0, next())
		id := n.Node(0).ID()
		n.Kill(0)
		n.Restart(0)
		if _, count := n.Node(0).Digest(); count != 1 || n.Node(0).ID() != id {
			t.Errorf("after the restart node 0 is %v and holds %d transactions", n.Node(0).ID(), count)
		}
	})
}

// failures is a TB that keeps what a Net says of failures.
type failures struct {
	*testing.T
	said string
}

func (f *failures) Fatalf(format string, args ...any) {
	f.said += fmt.Sprintf(format, args...)
	panic(f)
}

// fails is what f says before it ends the test.
func (f *failures) fails(do func()) (said string) {
	defer func() {
		if recover() != nil {
			said = f.said
		}
	}()
	do()
	return "nothing"
}

func TestNetSaysWhyItFails(t *testing.T) {
	f := &failures{T: t}
	if said := f.fails(func() { New(f, 2) }); !strings.Contains(said, "synctest.Test") {
		t.Errorf("outside of a bubble: %s", said)
	}
	synctest.Test(t, func(t *testing.T) {
		f := &failures{T: t}
		next := coins(t)
		n := New(f, 3)
		if said := f.fails(func() { n.Submit(0, []byte{1}) }); !strings.Contains(said, "node 0 does not take") {
			t.Errorf("nonsense: %s", said)
		}
		n.Partition([]int{2})
		n.Submit(0, next())
		f.said = ""
		if said := f.fails(n.WaitConverged); !strings.Contains(said, "holds 1 transactions, node 2 holds 0") {
			t.Errorf("a partition: %s", said)
		}
	})
}

var _ TB = (*testing.T)(nil)
