package rpc

import "testing"

// TestOrigins is the matrix of what a browser could be made to send.
func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		host, origin, site string
		status             int
	}{
		{"127.0.0.1", "", "", 200},
		{"127.0.0.1:18443", "", "", 200},
		{"[::1]:18443", "", "", 200},
		{"[::1]", "", "", 200},
		{"192.168.1.7:18443", "", "", 200},
		{"localhost:18443", "", "", 200},
		{"LocalHost", "", "", 200},
		{"node0:18443", "", "", 200},
		{"evil.example:18443", "", "", 403},
		{"localhost.evil.example", "", "", 403},
		{"127.0.0.1.evil.example", "", "", 403},
		{"2130706433", "", "", 403},
		{"", "", "", 403},
		{"evil.example", "http://evil.example", "same-origin", 403}, // rebound name
		{"127.0.0.1:18443", "http://127.0.0.1:18443", "", 200},
		{"127.0.0.1:18443", "http://127.0.0.1:18443", "same-origin", 200},
		{"127.0.0.1:18443", "http://127.0.0.1:3000", "", 403},
		{"127.0.0.1:18443", "http://127.0.0.1:3000", "same-site", 403},
		{"127.0.0.1:18443", "http://evil.example", "", 403},
		{"127.0.0.1:18443", "http://evil.example", "cross-site", 403},
		{"127.0.0.1:18443", "", "cross-site", 403},
		{"127.0.0.1:18443", "null", "", 403},
		{"127.0.0.1:18443", "not a URL", "", 403},
	} {
		t.Run(test.host+" "+test.origin+" "+test.site, func(t *testing.T) {
			n := newFakeNode()
			r := newRequest("/", `{"method":"stop","id":1}`)
			r.Host = test.host
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			if test.site != "" {
				r.Header.Set("Sec-Fetch-Site", test.site)
			}
			w := serve(n.server(), r)
			if w.Code != test.status {
				t.Errorf("HTTP %d %s, want %d", w.Code, w.Body, test.status)
			}
			if n.stopped != (test.status == 200) {
				t.Errorf("stopped: %v", n.stopped)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("CORS was granted")
			}
		})
	}
}
