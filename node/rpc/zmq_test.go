package rpc

import "testing"

// TestGetZMQNotifications: the result is Core's, an empty array without any.
func TestGetZMQNotifications(t *testing.T) {
	published := []ZMQNotification{{Type: "pubrawtx", Address: "tcp://127.0.0.1:28332", HWM: 1000}}
	for want, list := range map[string][]ZMQNotification{
		`{"result":[],"error":null,"id":1}` + "\n": nil,
		`{"result":[{"type":"pubrawtx","address":"tcp://127.0.0.1:28332","hwm":1000}],"error":null,"id":1}` + "\n": published,
	} {
		h := NewHandler(newFakeNode(), Options{Cookie: testCookie, ZMQ: list})
		if w := serve(h, newRequest("/", `{"method":"getzmqnotifications","id":1}`)); w.Body.String() != want {
			t.Errorf("%s\nwant %s", w.Body, want)
		}
	}
}
