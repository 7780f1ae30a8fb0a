package p2p

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// writeTimeout is how long a peer may take for one chunk.
	writeTimeout = 10 * time.Second
	// writeChunk is written at a time, so that a slow but live link has
	// 6.5 kB/s to show, whatever waits.
	writeChunk = 64 << 10
)

// writeLoop writes what is queued for the lane, and returns why it ended. All
// that waits goes out together: packets, not ids, are the cost.
func (n *Network) writeLoop(l *link, which relaymsg.Lane) error {
	q := l.lanes[which].queue
	var batch []byte
	var frames []frame
	for {
		select {
		case <-q.wake:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
		batch, frames = q.take(batch, frames)
		if err := n.write(l, which, batch); err != nil {
			return err
		}
		for _, f := range frames {
			n.traffic.sent.frame(f)
		}
		l.countSent(frames, time.Now())
	}
}

// write sends the batch. A queue that has drained is told to the owner.
func (n *Network) write(l *link, which relaymsg.Lane, batch []byte) error {
	s, q := l.lanes[which].stream, l.lanes[which].queue
	for len(batch) > 0 {
		chunk := batch[:min(len(batch), writeChunk)]
		batch = batch[len(chunk):]
		_ = s.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := s.Write(chunk); errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w: %d bytes took longer than %v", errSlow, len(chunk), writeTimeout)
		} else if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if q.written(len(chunk)) && which == relaymsg.Relay {
			select {
			case n.events <- Drained{ID: l.id}:
			case <-l.ctx.Done():
				return l.ctx.Err()
			}
		}
	}
	return nil
}
