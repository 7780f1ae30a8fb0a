package p2p

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/multiformats/go-multiaddr"
)

const (
	// MaxAgent bounds Beacon.Agent, in bytes.
	MaxAgent = 32

	maxBeacon     = 256 // encoded
	maxAddrs      = 2
	maxAddrLen    = 40
	beaconVersion = 1

	// minInterval is the shortest an author may leave between two beacons.
	minInterval = 5 * time.Second
	// maxInterval is the longest that is believed.
	maxInterval = 24 * time.Hour
)

// Beacon is what a node tells the whole network about itself.
type Beacon struct {
	Digest   [32]byte // of its mempool
	Count    uint64   // transactions in it
	Bytes    uint64   // their serialized size
	FeeFloor uint64   // satoshi per 1000 virtual bytes
	Sequence uint64   // of its last mempool event
	Agent    string   // name and version, at most MaxAgent bytes of printable ASCII
}

// beaconMessage is a beacon as it travels: with what the overlay itself needs.
// Author and sequence number are those of the signed pubsub message.
//
//	version u8 | interval uvarint seconds | digest [32] | count, bytes,
//	fee floor, sequence uvarint | agent: length u8, bytes |
//	addresses: count u8, each length u8, multiaddr
type beaconMessage struct {
	Beacon
	interval time.Duration // until the author's next one
	addrs    []multiaddr.Multiaddr
}

var (
	errBeacon        = errors.New("malformed beacon")
	errBeaconVersion = errors.New("beacon of another version")
)

// encode drops what does not fit: an agent's tail, further addresses.
func (m beaconMessage) encode() []byte {
	b := make([]byte, 0, maxBeacon)
	b = append(b, beaconVersion)
	b = binary.AppendUvarint(b, uint64((m.interval+time.Second-1)/time.Second))
	b = append(b, m.Digest[:]...)
	for _, v := range []uint64{m.Count, m.Bytes, m.FeeFloor, m.Sequence} {
		b = binary.AppendUvarint(b, v)
	}
	agent := printable(m.Agent, MaxAgent)
	b = append(b, byte(len(agent)))
	b = append(b, agent...)
	count := len(b)
	b = append(b, 0)
	for _, addr := range m.addrs {
		raw := addr.Bytes()
		if b[count] == maxAddrs || len(raw) > maxAddrLen {
			continue
		}
		b[count]++
		b = append(b, byte(len(raw)))
		b = append(b, raw...)
	}
	return b
}

// decodeBeacon accepts only what encode makes of the result again. Its errors
// wrap errBeacon, or errBeaconVersion for what a newer node may have sent.
func decodeBeacon(b []byte) (m beaconMessage, err error) {
	switch {
	case len(b) > maxBeacon:
		return m, fmt.Errorf("%w: %d bytes, limit %d", errBeacon, len(b), maxBeacon)
	case len(b) == 0:
		return m, fmt.Errorf("%w: empty", errBeacon)
	case b[0] != beaconVersion:
		return m, fmt.Errorf("%w: %d", errBeaconVersion, b[0])
	}
	d := beaconDecoder{b: b[1:]}
	seconds := d.uvarint()
	if d.err == nil && (seconds == 0 || seconds > uint64(maxInterval/time.Second)) {
		d.fail("interval of %d s", seconds)
	}
	m.interval = time.Duration(seconds) * time.Second
	copy(m.Digest[:], d.take(len(m.Digest)))
	for _, v := range []*uint64{&m.Count, &m.Bytes, &m.FeeFloor, &m.Sequence} {
		*v = d.uvarint()
	}
	m.Agent = string(d.block(MaxAgent))
	if m.Agent != printable(m.Agent, MaxAgent) {
		d.fail("agent is not printable")
	}
	addrs := d.take(1)
	if d.err == nil && addrs[0] > maxAddrs {
		d.fail("%d addresses, limit %d", addrs[0], maxAddrs)
	}
	for i := 0; d.err == nil && i < int(addrs[0]); i++ {
		addr, err := multiaddr.NewMultiaddrBytes(d.block(maxAddrLen))
		if d.err == nil && err != nil {
			d.fail("address: %v", err)
		}
		m.addrs = append(m.addrs, addr)
	}
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d trailing bytes", len(d.b))
	}
	if d.err != nil {
		return beaconMessage{}, d.err
	}
	return m, nil
}

// beaconDecoder consumes b from the front; its first failure sticks.
type beaconDecoder struct {
	b   []byte
	err error
}

func (d *beaconDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errBeacon, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *beaconDecoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail("%d bytes missing", n-len(d.b))
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

// block reads one byte of length, at most limit, and as many bytes.
func (d *beaconDecoder) block(limit int) []byte {
	n := d.take(1)
	if d.err == nil && int(n[0]) > limit {
		d.fail("%d bytes, limit %d", n[0], limit)
	}
	if d.err != nil {
		return nil
	}
	return d.take(int(n[0]))
}

func (d *beaconDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || (n > 1 && d.b[n-1] == 0) {
		d.fail("bad uvarint")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// printable is the start of s, at most limit bytes, that is safe to show.
func printable(s string, limit int) string {
	s = s[:min(len(s), limit)]
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return s[:i]
		}
	}
	return s
}
