package rpc

import (
	"encoding/json"
	"strings"
	"testing"
)

// ask calls a method of the fake node's server and decodes the result.
func (n *fakeNode) ask(t *testing.T, result any, method, params string) *Error {
	t.Helper()
	w := serve(n.server(), newRequest("/", `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`))
	var reply struct {
		Result json.RawMessage
		Error  *Error
	}
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%s: %v in %s", method, err, w.Body)
	}
	if reply.Error == nil {
		if err := json.Unmarshal(reply.Result, result); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	}
	return reply.Error
}

func TestReconInfoSumsUpEachPeer(t *testing.T) {
	n := newFakeNode()
	n.rounds = []Round{
		{ID: 1, Link: 1, Kind: KindSync, Outcome: "reconciled", BytesSent: 100, BytesReceived: 50, Lacked: 7, Withheld: 3, Started: 10},
		{ID: 2, Link: 1, Kind: KindSteady, Outcome: "equal"},
		{ID: 9, Link: 77, Outcome: "equal", BytesSent: 9, Started: 11}, // of a link that is gone
		{ID: 3, Link: 1, Kind: KindSync, Outcome: "timeout", Reason: "no answer", BytesSent: 20, Started: 12},
	}
	var info ReconInfo
	if err := n.ask(t, &info, "getreconinfo", `[2]`); err != nil {
		t.Fatal(err)
	}
	want := ReconPeer{
		ID: 1, PeerID: "12D3KooWPeerOne", Rounds: 3, Failed: 1, BytesSent: 120, BytesReceived: 50,
		LastRound: 12, LastOutcome: "timeout", LastReason: "no answer", Lacks: 7, Withholds: 3,
	}
	if len(info.Peers) != 2 || info.Peers[0] != want {
		t.Errorf("peers %+v, want first %+v", info.Peers, want)
	}
	if len(info.Rounds) != 2 || info.Rounds[0].ID != 9 {
		t.Errorf("rounds %+v", info.Rounds)
	}
	for params, shown := range map[string]int{`[]`: 4, `[0]`: 0, `[1000]`: 4} {
		if err := n.ask(t, &info, "getreconinfo", params); err != nil || len(info.Rounds) != shown {
			t.Errorf("%s: %v, %d rounds", params, err, len(info.Rounds))
		}
	}
	if err := n.ask(t, &info, "getreconinfo", `[-1]`); err == nil || err.Code != CodeInvalidParameter {
		t.Errorf("negative count: %v", err)
	}
}

func TestMempoolDiffNamesWhatDiffers(t *testing.T) {
	n := newFakeNode()
	n.rounds = []Round{{ID: 1, Link: 1, PeerID: "12D3KooWPeerOne", Outcome: "reconciled", Difference: 2}}
	n.differs = Difference{Ours: []string{"aa"}, Refused: []Refused{{"bb", "txn-mempool-conflict"}}}
	for _, name := range []string{`"12D3KooWPeerOne"`, `"/ip4/127.0.0.1/tcp/18555"`, `"1"`} {
		var d MempoolDiff
		if err := n.ask(t, &d, "getmempooldiff", `[`+name+`]`); err != nil {
			t.Fatal(name, err)
		}
		if d.Equal || len(d.Ours) != 1 || d.Theirs == nil || d.Refused[0].Reason != "txn-mempool-conflict" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	var r Round
	if err := n.ask(t, &r, "reconcile", `["1"]`); err != nil || r.ID != 1 {
		t.Errorf("round %+v, %v", r, err)
	}
	for _, method := range []string{"reconcile", "getmempooldiff"} {
		for _, name := range []string{`"nobody"`, `"2"`, `""`} { // 2 is connected, but has no round
			if err := n.ask(t, &r, method, `[`+name+`]`); err == nil || err.Code != CodeNotConnected {
				t.Errorf("%s %s: %v", method, name, err)
			}
		}
	}
	n.rounds[0].Outcome, n.rounds[0].Reason = "busy", "the peer is busy"
	if err := n.ask(t, &r, "getmempooldiff", `["1"]`); err == nil || !strings.Contains(err.Message, "busy") {
		t.Errorf("failed round: %v", err)
	}
	if err := n.ask(t, &r, "reconcile", `["1"]`); err != nil || r.Reason == "" {
		t.Errorf("failed round: %+v, %v", r, err)
	}
}
