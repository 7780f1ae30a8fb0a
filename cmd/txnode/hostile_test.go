package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/txnode/txnode/inv/relaymsg"
	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/p2p"
)

// A hostile is a peer without a mempool: it announces what the test wants and serves that.
type hostile struct {
	*p2p.Network
	t     *testing.T
	salt  atomic.Pointer[relaymsg.Salt] // of its victim; nil without a link
	link  atomic.Uint64
	downs atomic.Int32 // links lost

	mu    sync.Mutex
	serve map[relaymsg.ShortID]func() []byte
	asked int // bodies
}

// newHostile connects to the node.
func newHostile(t *testing.T, v *victim) *hostile {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var own relaymsg.Salt
	rand.Read(own[:])
	h := &hostile{t: t, serve: make(map[relaymsg.ShortID]func() []byte)}
	h.Network, err = p2p.New(p2p.Config{
		Identity: key, Network: "regtest", BeaconBudget: 2000, TargetOutbound: -1,
		Bootstrap: []string{p2pAddress(t, v.Client)},
		Beacon:    func() p2p.Beacon { return p2p.Beacon{Agent: "hostile"} },
		Hello: func() relaymsg.Hello {
			return relaymsg.Hello{Version: relaymsg.Version, Network: "regtest", PrevOuts: v.digest, Salt: own}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	running.Go(h.follow)
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	await(t, 10*time.Second, "a hostile peer is connected", func() bool { return h.salt.Load() != nil })
	return h
}

func (h *hostile) follow() {
	for e := range h.Events() {
		switch e := e.(type) {
		case p2p.PeerUp:
			h.link.Store(uint64(e.ID))
			h.salt.Store(&e.Hello.Salt)
		case p2p.PeerDown:
			h.downs.Add(1)
			h.salt.Store(nil)
		case p2p.Received:
			if get, ok := e.Msg.(*relaymsg.Get); ok {
				h.answer(e.ID, get.IDs)
			}
		}
	}
}

func (h *hostile) answer(to p2p.PeerID, ids []relaymsg.ShortID) {
	for _, id := range ids {
		h.mu.Lock()
		body := h.serve[id]
		delete(h.serve, id)
		h.asked++
		h.mu.Unlock()
		if body == nil {
			h.Send(to, &relaymsg.NotFound{IDs: []relaymsg.ShortID{id}})
		} else {
			h.Send(to, &relaymsg.Txs{Bodies: [][]byte{body()}})
		}
	}
}

// offer announces transactions, which are made again when they are asked for. It reports false without a link.
func (h *hostile) offer(bodies ...func() []byte) bool {
	salt := h.salt.Load()
	if salt == nil {
		return false
	}
	var ids []relaymsg.ShortID
	h.mu.Lock()
	for _, body := range bodies {
		id := salt.ShortID(chainhash.DoubleHashH(body()))
		h.serve[id] = body
		ids = append(ids, id)
	}
	h.mu.Unlock()
	h.Send(p2p.PeerID(h.link.Load()), &relaymsg.Inv{IDs: ids})
	return true
}

func serialize(tx *wire.MsgTx) []byte {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// given is a transaction that is kept.
func given(tx *wire.MsgTx) func() []byte {
	b := serialize(tx)
	return func() []byte { return b }
}

// A victim is a node that hostile peers connect to.
type victim struct {
	*process
	*rpc.Client
	digest [32]byte // of its previous outputs
}

func startVictim(t *testing.T, args ...string) *victim {
	t.Helper()
	path := writeAllocation(t, t.TempDir())
	allocation, err := utxo.Load(path, "regtest")
	if err != nil {
		t.Fatal(err)
	}
	p := startNode(t, t.TempDir(), append([]string{"--utxo", path}, args...)...)
	return &victim{p, p.await(t.Context()), allocation.Digest()}
}

// memory is what /proc tells of the process, in MiB: VmRSS now or VmHWM at its highest.
func (p *process) memory(what string) int {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		p.t.Skip("no /proc: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				p.t.Fatal(err)
			}
			return kib >> 10
		}
	}
	p.t.Skip("no " + what)
	return 0
}
