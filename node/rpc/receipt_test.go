package rpc

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
)

func TestReceiptsSayHowFarATransactionIs(t *testing.T) {
	n := newFakeNode()
	id := strings.Repeat("ab", 32)
	n.receipt = Propagation{WTxID: id, Coverage: 0.5, Peers: []PropagationPeer{
		{ID: 1, PeerID: "A", Connected: true, Announced: 1, Requested: 2},
		{ID: 2, PeerID: "B", Connected: true, Announced: 1},
		{ID: 3, PeerID: "C", Connected: true, BelowFloor: true},
		{ID: 4, PeerID: "D", Announced: 1, AnnouncedBack: 2},
	}}
	var p Propagation
	for _, call := range [][2]string{
		{"gettxpropagation", `["` + id + `"]`},
		{"waittxpropagation", `["` + id + `", 0.5, 1]`},
		{"waittxpropagation", `["` + id + `", 1, 0]`}, // in vain
		{"waittxpropagation", `{"txid":"` + id + `","fraction":"0.5"}`},
	} {
		p = Propagation{}
		if err := n.ask(t, &p, call[0], call[1]); err != nil {
			t.Fatal(call, err)
		}
		want := "1 of 3 peers hold it or asked for it; peer C: its fee floor is above it; peer B: it has not shown that it holds it"
		if p.Verdict != want || p.Coverage != 0.5 || len(p.Peers) != 4 {
			t.Errorf("%v: %+v", call, p)
		}
	}
	n.receipt.Peers = nil
	for _, c := range []struct {
		removed float64
		want    string
	}{
		{0, "the node has no peers and announces it when it has"},
		{3, "the node has no peers; it is not in the mempool any more"},
	} {
		n.receipt.Removed = c.removed
		if err := n.ask(t, &p, "gettxpropagation", `["`+id+`"]`); err != nil || p.Verdict != c.want || p.Peers == nil {
			t.Errorf("without peers: %+v, %v, want %q", p, err, c.want)
		}
	}
}

func TestReceiptRefusals(t *testing.T) {
	n := newFakeNode()
	id := strings.Repeat("ab", 32)
	for _, c := range []struct {
		method, params string
		code           Code
	}{
		{"gettxpropagation", `["` + id + `"]`, CodeUnknownTx},
		{"gettxpropagation", `["ab"]`, CodeInvalidParameter},
		{"waittxpropagation", `["` + id + `", 0]`, CodeInvalidParameter},
		{"waittxpropagation", `["` + id + `", 1.1]`, CodeInvalidParameter},
		{"waittxpropagation", `["` + id + `", 1, 21]`, CodeInvalidParameter},
		{"waittxpropagation", `["` + id + `", 1, -1]`, CodeInvalidParameter},
		{"waittxpropagation", `["` + id + `"]`, CodeMisc},
	} {
		if err := n.ask(t, nil, c.method, c.params); err == nil || err.Code != c.code {
			t.Errorf("%s %s: %v, want code %d", c.method, c.params, err, c.code)
		}
	}
}

// Whoever waits for propagation leaves slots to others.
func TestWaitsForPropagationAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, id := newFakeNode(), strings.Repeat("ab", 32)
		n.receipt = Propagation{WTxID: id}
		s := newService(n, Options{})
		a := args{json.RawMessage(`"` + id + `"`), json.RawMessage("1"), nil}
		answers := make(chan error, maxPropagationWaits)
		for range maxPropagationWaits {
			go func() {
				_, err := waitTxPropagation(t.Context(), s, a)
				answers <- err
			}()
		}
		synctest.Wait()
		if _, err := waitTxPropagation(t.Context(), s, a); err == nil || !strings.Contains(err.Error(), "wait for propagation already") {
			t.Errorf("one too many: %v", err)
		}
		if _, err := getTxPropagation(t.Context(), s, a); err != nil {
			t.Errorf("without waiting: %v", err)
		}
		for range maxPropagationWaits {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if _, err := waitTxPropagation(t.Context(), s, a); err != nil {
			t.Errorf("once they have ended: %v", err)
		}
	})
}
