package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/txnode/txnode/node/rpc"
)

// TestWatchWaitsForANodeThatWentAway: one that answered once is looked at again,
// one that never did is an error.
func TestWatchWaitsForANodeThatWentAway(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1, 3, 7, 9: // getmempooldigest, getreconinfo
			fmt.Fprint(w, `{"result": {"digest": "00"}}`)
		case 2, 8: // getpeerinfo
			fmt.Fprint(w, `{"result": []}`)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	c, err := rpc.NewClient(rpc.ClientConfig{URL: server.URL, User: "a", Password: "b"})
	if err != nil {
		t.Fatal(err)
	}
	nodes := []endpoint{{"node", c}}
	var out strings.Builder
	if err := watchNodes(t.Context(), &out, nodes, time.Millisecond, 5); err != nil {
		t.Fatal(err)
	}
	if looks := strings.Split(strings.TrimSpace(out.String()), "\n"); len(looks) != 5 ||
		!strings.Contains(looks[0], "0 transactions") || !strings.Contains(looks[2], "no answer: ") || !strings.Contains(looks[4], "0 transactions") {
		t.Errorf("%d looks:\n%s", len(looks), out.String())
	}
	out.Reset()
	if err := watchNodes(t.Context(), &out, nodes, time.Millisecond, 1); err == nil || out.Len() > 0 {
		t.Errorf("without a node: %v, %q", err, out.String())
	}
}
