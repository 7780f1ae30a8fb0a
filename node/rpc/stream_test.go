package rpc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listen has the server stream for that long and returns what it sent.
func listen(t *testing.T, h http.Handler, d time.Duration, path, last string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r := newRequest(path, "").WithContext(ctx)
	r.Method = http.MethodGet
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	w := serve(h, r)
	return w.Code, w.Body.String()
}

func TestStream(t *testing.T) {
	s := newScenario(t)
	h := s.node.server()
	entries := s.node.pool.Snapshot()
	snapshot := `id: 2` + "\n" + `event: snapshot` + "\n" + `data: {"event":"snapshot","sequence":2,"txs":[{"txid":"` + entries[0].TxID.String() + `","wtxid":"` +
		entries[0].WTxID.String() + `"},{"txid":"` + entries[1].TxID.String() + `","wtxid":"` + entries[1].WTxID.String() + `"}],"last":true}` + "\n\n"
	added := func(n string) string {
		return "id: " + n + "\nevent: added\ndata: {\"sequence\":" + n + `,"time":1.5,"event":"added","txid":"aa","wtxid":"bb","vsize":141,"fee":0.00001000}` + "\n\n"
	}
	const nothing = ": nothing new\n\n"
	for _, test := range []struct{ name, path, last, want string }{
		{"snapshot, then changes", "/events", "", snapshot + nothing},
		{"since", "/events?since=1", "", added("2") + nothing},
		{"all", "/events?since=0", "", added("1") + added("2") + nothing},
		{"a browser that comes back", "/events?since=0", "1", added("2") + nothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status, text := listen(t, h, heartbeatInterval+time.Second, test.path, test.last)
				if status != http.StatusOK || text != test.want {
					t.Errorf("%d\n%s\nwant\n%s", status, text, test.want)
				}
			})
		})
	}
	s.node.gone = true
	synctest.Test(t, func(t *testing.T) {
		if _, text := listen(t, h, time.Second, "/events?since=2", ""); text != "id: 2\nevent: missed\ndata: {\"sequence\":2,\"time\":0,\"event\":\"missed\",\"missed\":3}\n\n" {
			t.Errorf("missed:\n%s", text)
		}
	})
}

func TestStreamRefuses(t *testing.T) {
	n := newScenario(t).node
	h := n.server()
	for _, since := range []string{"-1", "x", "18446744073709551616"} {
		if status, text := listen(t, h, time.Minute, "/events?since="+since, ""); status != http.StatusBadRequest || !strings.Contains(text, "number of an event") {
			t.Errorf("since %s: %d %s", since, status, text)
		}
	}
	if w := get(h, "/events"); w.Code != http.StatusUnauthorized {
		t.Errorf("without credentials: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/events", nil)
	if w := serve(h, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	n.loading = true
	if status, _ := listen(t, h, time.Minute, "/events", ""); status != http.StatusServiceUnavailable {
		t.Errorf("while loading: %d", status)
	}
}

// Streams are bounded, and one that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	h := newScenario(t).node.server()
	synctest.Test(t, func(t *testing.T) {
		for range maxStreams {
			go listen(t, h, time.Minute, "/events", "")
		}
		synctest.Wait()
		if status, _ := listen(t, h, time.Minute, "/events", ""); status != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", status)
		}
		time.Sleep(2 * time.Minute)
		if status, _ := listen(t, h, time.Minute, "/events", ""); status != http.StatusOK {
			t.Errorf("once the others have ended: %d", status)
		}
	})
}

// deaf is a client that does not read.
type deaf struct{ *httptest.ResponseRecorder }

var errDeaf = errors.New("the write timed out")

func (deaf) Write([]byte) (int, error) { return 0, errDeaf }

func TestDeafStreamEnds(t *testing.T) {
	h := newScenario(t).node.server()
	synctest.Test(t, func(t *testing.T) {
		r := newRequest("/events?since=0", "").WithContext(t.Context())
		r.Method = http.MethodGet
		h.ServeHTTP(deaf{httptest.NewRecorder()}, r)
	})
}
