package node

import (
	"context"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/inv"
)

// What is heard on a topic is answered once, and forgotten when nobody waits.
func TestHearsayIsAnsweredOnce(t *testing.T) {
	cfg := testConfig(t)
	cfg.PrevOuts = anyoneCanSpend{cfg.PrevOuts}
	good, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}}, 990_000)
	poor, _ := spendTrue(wire.OutPoint{Hash: chainhash.Hash{1}, Index: 1}, 1_000_000)
	cfg.Relay.Audience = inv.AudienceTopicBodies
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.peers[1] = "a peer"
	hear := func(ctx context.Context, data string) chan bool {
		verdict := make(chan bool, 1)
		n.hear(hearsay{ctx, n.peers[1], []byte(data), verdict})
		return verdict
	}
	for raw, want := range map[string]bool{string(good): true, string(poor): false, "no transaction": false} {
		verdict := hear(t.Context(), raw)
		c, _ := n.admission.pop()
		n.admission.charge(c, 0)
		n.settle(n.admit(t.Context(), c))
		if got := <-verdict; got != want || len(n.verdicts) != 0 {
			t.Errorf("%v, want %v; %d wait", got, want, len(n.verdicts))
		}
	}
	if <-hear(t.Context(), string(good)) {
		t.Error("what is here is passed on")
	}
	n.cfg.Relay.Audience = inv.AudienceTopicIDs
	if <-hear(t.Context(), "no id") {
		t.Error("what is no id is passed on")
	}
	gone, cancel := context.WithCancel(t.Context())
	hear(gone, string(make([]byte, chainhash.HashSize)))
	n.forgetHearsay()
	if cancel(); len(n.verdicts) != 1 {
		t.Error("an id that may still come is forgotten")
	}
	if n.forgetHearsay(); len(n.verdicts) != 0 {
		t.Errorf("%d wait for nothing", len(n.verdicts))
	}
	delete(n.peers, 1)
	if <-hear(t.Context(), string(make([]byte, chainhash.HashSize))) {
		t.Error("a stranger is heard")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
