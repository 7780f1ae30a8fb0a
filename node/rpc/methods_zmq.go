package rpc

import "context"

// ZMQNotification is a topic that the node publishes by ZMQ: one element of the
// result of getzmqnotifications.
type ZMQNotification struct {
	Type    string `json:"type"`    // pub and the topic, e.g. pubrawtx
	Address string `json:"address"` // tcp://127.0.0.1:28332
	HWM     int    `json:"hwm"`     // how many messages may wait for a subscriber
}

func zmqMethods() []*method {
	return []*method{{
		name: "getzmqnotifications", category: categoryZMQ, call: getZMQNotifications, early: true,
		summary: "Returns what is published by ZMQ.",
		result:  "An array of objects with type, address and hwm, the number of messages that may wait for a subscriber.",
	}}
}

func getZMQNotifications(_ context.Context, s *service, _ args) (any, error) {
	return notNull(s.zmq), nil
}
