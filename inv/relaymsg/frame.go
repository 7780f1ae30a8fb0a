package relaymsg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrFrame is wrapped by every error that a peer can cause with bad bytes. It
// is a protocol violation, unlike an I/O error of the stream.
var ErrFrame = errors.New("malformed frame")

// readStep bounds how much memory a claimed length obtains before its bytes
// arrive.
const readStep = 64 << 10

// Reader is what [ReadFrame] needs of a stream; *bufio.Reader is one.
type Reader interface {
	io.Reader
	io.ByteReader
}

// ReadFrame reads the next frame of the lane and returns its kind and body as
// one slice, freshly allocated in steps as the bytes arrive. It returns io.EOF
// only between frames.
func ReadFrame(r Reader, lane Lane) ([]byte, error) {
	n, err := readUvarint(r)
	if err != nil {
		return nil, err
	}
	if n == 0 || n > uint64(lane.MaxFrame()) {
		return nil, fmt.Errorf("%w: length %d, limit %d", ErrFrame, n, lane.MaxFrame())
	}
	frame := make([]byte, 0, min(int(n), readStep))
	for len(frame) < int(n) {
		step := min(int(n)-len(frame), readStep)
		start := len(frame)
		frame = append(frame, make([]byte, step)...)
		if _, err := io.ReadFull(r, frame[start:]); err != nil {
			return nil, unexpected(err)
		}
	}
	return frame, nil
}

// readUvarint reads a minimal uvarint of at most 5 bytes, more than any lane's
// frame length needs.
func readUvarint(r io.ByteReader) (uint64, error) {
	var n uint64
	for i := range 5 {
		b, err := r.ReadByte()
		if err != nil {
			if i > 0 {
				err = unexpected(err)
			}
			return 0, err
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				return 0, fmt.Errorf("%w: length is not minimal", ErrFrame)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: length is too long", ErrFrame)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendFrame appends the message as a whole frame, length included. It
// allocates nothing if dst has room.
func AppendFrame(dst []byte, m Message) []byte {
	start := len(dst)
	dst = appendBody(append(dst, byte(m.Kind())), m)
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-start))
	return slices.Insert(dst, start, length[:n]...)
}
