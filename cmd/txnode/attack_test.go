package main

import (
	"bytes"
	"encoding/binary"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// orphanTemplate is a transaction with this witness; its first input's previous txid begins at byte 7.
func orphanTemplate(witness wire.TxWitness) []byte {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, witness))
	tx.AddTxOut(wire.NewTxOut(1000, anyoneScript))
	return serialize(tx)
}

// orphan makes transaction n of a peer from the template: it spends what nobody knows.
func orphan(template []byte, peer, n int) func() []byte {
	return func() []byte {
		b := bytes.Clone(template)
		binary.LittleEndian.PutUint64(b[7:], uint64(peer))
		binary.LittleEndian.PutUint64(b[15:], uint64(n))
		b[38] = 0xee
		return b
	}
}

// floodMemory is what a flood by twenty peers may add to a node's memory, in MiB. The largest part is what the garbage
// collector has not collected yet: it lets the heap grow to twice what is in use.
const floodMemory = 192

// Twenty peers offer orphans of the largest size as fast as they are asked for. What each of them can make the node keep
// is one such orphan; the rest is under way, or is decoded, which takes 25 times the memory for empty witness items.
func TestOrphanFlood(t *testing.T) {
	const peers, size = 20, 390_000
	for name, witness := range map[string]wire.TxWitness{"large": {make([]byte, size)}, "in pieces": make(wire.TxWitness, size)} {
		t.Run(name, func(t *testing.T) {
			template := orphanTemplate(witness)
			v := startVictim(t)
			var attackers []*hostile
			for range peers {
				attackers = append(attackers, newHostile(t, v))
			}
			honest := newHostile(t, v)
			parent := spendAnyone(anyoneCoins-1, 0, 2)
			child := wire.NewMsgTx(2)
			child.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: parent.TxHash()}, nil, wire.TxWitness{{txscript.OP_TRUE}}))
			child.AddTxOut(wire.NewTxOut(parent.TxOut[0].Value-1000, anyoneScript))
			honest.offer(given(child))
			idle := v.memory("VmRSS")
			worst := time.Duration(0)
			for n, end := 0, time.Now().Add(3*time.Second); time.Now().Before(end); n++ {
				for i, a := range attackers {
					a.offer(orphan(template, i, n))
				}
				before := time.Now()
				if err := submit(t, v.Client, spendAnyone(n, 0, 2)); err != nil {
					t.Fatal(err)
				}
				worst = max(worst, time.Since(before))
				<-time.After(30 * time.Millisecond)
			}
			taken, cut := 0, int32(0)
			for _, a := range attackers {
				a.mu.Lock()
				taken += a.asked
				a.mu.Unlock()
				cut += a.downs.Load()
			}
			peak := v.memory("VmHWM")
			t.Logf("%d MiB idle, %d at its highest; %d orphans of %d bytes taken; %d links cut; slowest RPC %v", idle, peak, taken, size, cut, worst)
			if taken < 2*peers {
				t.Errorf("only %d orphans were asked for", taken)
			}
			if peak-idle > floodMemory && !raceBuild() {
				t.Errorf("%d MiB more than idle", peak-idle)
			}
			// An honest peer's orphan was not pushed out.
			honest.offer(given(parent))
			await(t, 20*time.Second, "an honest peer's orphan is accepted with its parent", func() bool {
				_, err := v.GetMempoolEntry(t.Context(), child.TxHash().String())
				return err == nil
			})
		})
	}
}

// raceBuild reports whether the program was built with the race detector, which takes several times the memory.
func raceBuild() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
