package main

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/txnode/txnode/node/rpc"
)

// TestZMQIsToldAndExplained: getzmqnotifications names what was bound, and an
// address that cannot be had is said with the flag it came by.
func TestZMQIsToldAndExplained(t *testing.T) {
	l := &loaded{config: defaultConfig(), origins: map[string]string{"zmqpubrawtx": "flag", "zmqpubsequence": "TXNODE_ZMQPUBSEQUENCE"}}
	log := slog.New(slog.DiscardHandler)
	if p, err := l.openPublisher(log); err != nil || zmqNotifications(p) != nil {
		t.Errorf("without being asked to, something is published: %v, %v", p, err)
	}
	l.ZMQ.RawTx = []string{"tcp://127.0.0.1:0"}
	l.ZMQ.Sequence = []string{"tcp://127.0.0.1:0", "tcp://[::1]:0"}
	p, err := l.openPublisher(log)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	told := zmqNotifications(p)
	if len(told) != 3 || told[0].Address != told[1].Address || !strings.HasPrefix(told[2].Address, "tcp://[::1]:") {
		t.Fatalf("told: %v", told)
	}
	want := []rpc.ZMQNotification{
		{Type: "pubrawtx", Address: told[0].Address, HWM: 1000},
		{Type: "pubsequence", Address: told[0].Address, HWM: 1000},
		{Type: "pubsequence", Address: told[2].Address, HWM: 1000},
	}
	if !slices.Equal(told, want) {
		t.Errorf("told: %v", told)
	}
	l.ZMQ.RawTx = []string{told[0].Address}
	if _, err := l.openPublisher(log); err == nil || !strings.Contains(err.Error(), "correct --zmqpubrawtx (flag) --zmqpubsequence (TXNODE_ZMQPUBSEQUENCE)") {
		t.Errorf("an address in use: %v", err)
	}
}
