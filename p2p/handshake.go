package p2p

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// helloTimeout is how long a peer may take for its HELLO.
	helloTimeout = 10 * time.Second
	// partingTimeout is how long a refused peer gets to read our HELLO, from
	// which it sees why.
	partingTimeout = 2 * time.Second
)

// ErrIncompatible is wrapped by the errors of peers that speak another protocol
// version, are on another network, or judge transactions by other previous
// outputs.
var ErrIncompatible = errors.New("incompatible peer")

// handshake exchanges HELLOs on the relay stream. Both sides write first, so
// both learn of a mismatch.
func (n *Network) handshake(l *link) error {
	relay := &l.lanes[relaymsg.Relay]
	_ = relay.stream.SetDeadline(time.Now().Add(helloTimeout))
	ours := n.cfg.Hello()
	out := relaymsg.AppendFrame(nil, &ours)
	if _, err := relay.stream.Write(out); err != nil {
		return fmt.Errorf("write HELLO: %w", err)
	}
	sent := frameOf(&ours, len(out))
	n.traffic.sent.frame(sent)
	l.countSent([]frame{sent}, time.Now())

	msg, size, err := readMessage(relay.in, relaymsg.Relay)
	if err != nil {
		return fmt.Errorf("read HELLO: %w", err)
	}
	hello, ok := msg.(*relaymsg.Hello)
	if !ok {
		return fmt.Errorf("%w: first message is %T, must be HELLO", errViolation, msg)
	}
	n.countReceived(l, frameOf(hello, size))
	l.hello = *hello
	l.feeFloor.Store(hello.FeeFloor)
	if err := compare(ours, *hello); err != nil {
		_ = relay.stream.CloseWrite()
		_ = relay.stream.SetReadDeadline(time.Now().Add(partingTimeout))
		_, _ = io.CopyN(io.Discard, relay.in, int64(relaymsg.Relay.MaxFrame()))
		return err
	}
	return relay.stream.SetDeadline(time.Time{})
}

// compare says why two nodes cannot work together.
func compare(ours, theirs relaymsg.Hello) error {
	switch {
	case ours.Version != theirs.Version:
		return fmt.Errorf("%w: it speaks relay protocol version %d, we speak %d: update the older node",
			ErrIncompatible, theirs.Version, ours.Version)
	case ours.Network != theirs.Network:
		return fmt.Errorf("%w: it is on network %q, we are on %q", ErrIncompatible, theirs.Network, ours.Network)
	case ours.PrevOuts != theirs.PrevOuts:
		return fmt.Errorf("%w: its previous outputs are %x…, ours are %x…: start both nodes with the same allocation",
			ErrIncompatible, theirs.PrevOuts[:4], ours.PrevOuts[:4])
	}
	return nil
}
