package zmq

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bits of a frame's first byte.
const (
	flagMore    = 1 << iota // another frame of the same message follows
	flagLong                // the length has eight bytes
	flagCommand             // not a message
)

// maxFrame bounds what is read of a subscriber: its READY with any properties it
// likes, and its subscriptions.
const maxFrame = 4 << 10

const (
	greetingSize = 64
	versionAt    = 10 // major, minor
	mechanismAt  = 12 // 20 bytes
	mechanism    = "NULL"
)

// greeting opens a connection of either side: signature, version 3.0, mechanism,
// and zeros.
func greeting() []byte {
	g := make([]byte, greetingSize)
	g[0], g[9] = 0xff, 0x7f
	g[versionAt] = 3
	copy(g[mechanismAt:], mechanism)
	return g
}

// readGreeting checks what the other side opens with. A later minor version
// speaks 3.0 to those who do.
func readGreeting(r io.Reader) error {
	var g [greetingSize]byte
	if _, err := io.ReadFull(r, g[:versionAt+1]); err != nil {
		return err
	}
	if g[0] != 0xff || g[9]&1 != 1 {
		return errors.New("no ZeroMQ signature")
	}
	if g[versionAt] < 3 {
		return fmt.Errorf("ZMTP version %d; 3 is needed", g[versionAt])
	}
	if _, err := io.ReadFull(r, g[versionAt+1:]); err != nil {
		return err
	}
	if m := string(bytes.TrimRight(g[mechanismAt:mechanismAt+20], "\x00")); m != mechanism {
		return fmt.Errorf("security mechanism %.20q; only %s is offered", m, mechanism)
	}
	return nil
}

// appendFrame appends a frame of the body, in as few bytes as it takes.
func appendFrame(b []byte, flags byte, body []byte) []byte {
	if len(body) > 255 {
		b = binary.BigEndian.AppendUint64(append(b, flags|flagLong), uint64(len(body)))
	} else {
		b = append(b, flags, byte(len(body)))
	}
	return append(b, body...)
}

// readFrame reads a frame of at most maxFrame bytes.
func readFrame(r io.Reader) (flags byte, body []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	flags = head[0]
	size := uint64(head[1])
	if flags&flagLong != 0 {
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	if size > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes, more than %d", size, maxFrame)
	}
	body = make([]byte, size)
	_, err = io.ReadFull(r, body)
	return flags, body, err
}

// appendCommand appends a command with its name.
func appendCommand(b []byte, name string, data []byte) []byte {
	return appendFrame(b, flagCommand, append(append([]byte{byte(len(name))}, name...), data...))
}

// splitCommand takes the name off a command.
func splitCommand(body []byte) (name string, data []byte, err error) {
	if len(body) == 0 || len(body) <= int(body[0]) {
		return "", nil, errors.New("malformed command")
	}
	n := 1 + int(body[0])
	return string(body[1:n]), body[n:], nil
}

// appendProperty appends a property as READY has them.
func appendProperty(b []byte, name, value string) []byte {
	b = append(append(b, byte(len(name))), name...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
}

// property finds a property by its name, in which case does not matter.
func property(data []byte, name string) (string, error) {
	for len(data) > 0 {
		n := 1 + int(data[0])
		if len(data) < n+4 {
			return "", errors.New("malformed properties")
		}
		size := uint64(binary.BigEndian.Uint32(data[n:]))
		key, rest := data[1:n], data[n+4:]
		if uint64(len(rest)) < size {
			return "", errors.New("malformed properties")
		}
		if bytes.EqualFold(key, []byte(name)) {
			return string(rest[:size]), nil
		}
		data = rest[size:]
	}
	return "", fmt.Errorf("no property %s", name)
}
