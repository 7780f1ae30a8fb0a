package p2p

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

// frameTimeout is how long a frame may take from its first byte to its last.
// Between frames a peer may be silent for as long as it likes.
const frameTimeout = 30 * time.Second

// readLoop delivers what the peer sends on the lane, and returns why it ended.
func (n *Network) readLoop(l *link, which relaymsg.Lane) error {
	s, in := l.lanes[which].stream, l.lanes[which].in
	for {
		if _, err := in.Peek(1); err != nil {
			return readError(err)
		}
		_ = s.SetReadDeadline(time.Now().Add(frameTimeout))
		msg, size, err := readMessage(in, which)
		if err != nil {
			return err
		}
		switch m := msg.(type) {
		case *relaymsg.Hello:
			return fmt.Errorf("%w: second HELLO", errViolation)
		case *relaymsg.FeeFilter:
			l.feeFloor.Store(m.FeeFloor)
		}
		if in.Buffered() == 0 {
			_ = s.SetReadDeadline(time.Time{})
		}
		n.countReceived(l, frameOf(msg, size))
		select {
		case n.events <- Received{ID: l.id, Msg: msg}:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}

// readMessage reads one frame and returns its message and its bytes on the
// wire. Bytes that no honest peer sends are an errViolation.
func readMessage(in *bufio.Reader, which relaymsg.Lane) (relaymsg.Message, int, error) {
	frame, err := relaymsg.ReadFrame(in, which)
	if err == nil {
		var msg relaymsg.Message
		if msg, err = relaymsg.Decode(which, frame); err == nil {
			return msg, uvarintLen(len(frame)) + len(frame), nil
		}
	}
	if errors.Is(err, relaymsg.ErrFrame) {
		return nil, 0, fmt.Errorf("%w: %w", errViolation, err)
	}
	return nil, 0, readError(err)
}

func readError(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errGone
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	}
	return fmt.Errorf("read: %w", err)
}

func uvarintLen(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

func (n *Network) countReceived(l *link, f frame) {
	n.traffic.received.frame(f)
	l.countReceived(f, time.Now())
}
