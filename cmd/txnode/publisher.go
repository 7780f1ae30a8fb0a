package main

import (
	"fmt"
	"log/slog"

	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/node/zmq"
)

// openPublisher binds what --zmqpub… names.
func (l *loaded) openPublisher(log *slog.Logger) (*zmq.Publisher, error) {
	var publications []zmq.Publication
	var flags string
	for _, p := range []struct {
		topic     string
		addresses []string
	}{{zmq.TopicRawTx, l.ZMQ.RawTx}, {zmq.TopicHashTx, l.ZMQ.HashTx}, {zmq.TopicSequence, l.ZMQ.Sequence}} {
		for _, address := range p.addresses {
			publications = append(publications, zmq.Publication{Topic: p.topic, Address: address})
		}
		if len(p.addresses) > 0 {
			flags += fmt.Sprintf(" --zmqpub%s (%s)", p.topic, l.origins["zmqpub"+p.topic])
		}
	}
	publisher, err := zmq.Listen(publications, log)
	if err != nil {
		return nil, fmt.Errorf("%w; correct%s", err, flags)
	}
	for _, p := range publisher.Publications() {
		log.Info("publishing by ZMQ", "topic", p.Topic, "address", p.Address)
	}
	return publisher, nil
}

// zmqNotifications are what getzmqnotifications tells.
func zmqNotifications(p *zmq.Publisher) (list []rpc.ZMQNotification) {
	for _, b := range p.Publications() {
		list = append(list, rpc.ZMQNotification{Type: "pub" + b.Topic, Address: b.Address, HWM: zmq.HighWaterMark})
	}
	return list
}
