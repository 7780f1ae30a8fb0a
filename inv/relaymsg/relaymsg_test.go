package relaymsg

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/btcsuite/btcd/chainhash/v2"
)

func salted(b byte) (s [16]byte) {
	for i := range s {
		s[i] = b + byte(i)
	}
	return s
}

func digest(b byte) (d [32]byte) {
	for i := range d {
		d[i] = b
	}
	return d
}

// messages has every kind, with its frame. A change here is a change of the
// protocol and needs a new [Version].
var messages = []struct {
	m     Message
	frame string
}{
	{&Hello{Version: 1, Network: "regtest", PrevOuts: digest(0xab), Salt: salted(1), FeeFloor: 1000},
		"3c" + "01" + "01" + "07" + "72656774657374" + strings.Repeat("ab", 32) + "0102030405060708090a0b0c0d0e0f10" + "e807"},
	{&Inv{IDs: []ShortID{1, 0x0605_0403_0201}}, "0d" + "02" + "010000000000" + "010203040506"},
	{&Get{IDs: []ShortID{0xffff_ffff_ffff}}, "07" + "03" + "ffffffffffff"},
	{&Txs{Bodies: [][]byte{bytes.Repeat([]byte{7}, 60), bytes.Repeat([]byte{8}, 200)}},
		"8802" + "04" + "3c" + strings.Repeat("07", 60) + "c801" + strings.Repeat("08", 200)},
	{&NotFound{IDs: []ShortID{2}}, "07" + "05" + "020000000000"},
	{&Push{Hop: 1, Body: bytes.Repeat([]byte{9}, 60)}, "3e" + "06" + "01" + strings.Repeat("09", 60)},
	{&GetParents{Child: 5}, "07" + "08" + "050000000000"},
	{&Parents{Child: 5, Bodies: [][]byte{bytes.Repeat([]byte{7}, 60)}}, "44" + "09" + "050000000000" + "3c" + strings.Repeat("07", 60)},
	{&FeeFilter{FeeFloor: 1000}, "03" + "07" + "e807"},
	{&ReconRequest{Round: 300, Nonce: salted(0x20), Count: 5, Digest: digest(0xcd), Sketch: []byte{1, 2}},
		"36" + "41" + "ac02" + "202122232425262728292a2b2c2d2e2f" + "05" + strings.Repeat("cd", 32) + "0102"},
	{&ReconEqual{Round: 1}, "02" + "42" + "01"},
	{&ReconList{Round: 1, Nonce: salted(0x30), Count: 2, Chunk: []byte{3, 4}},
		"15" + "43" + "01" + "303132333435363738393a3b3c3d3e3f" + "02" + "0304"},
	{&ReconList{Round: 1, Nonce: salted(0x30)}, "13" + "43" + "01" + "303132333435363738393a3b3c3d3e3f" + "00"},
	{&ReconCells{Round: 1, Nonce: salted(0x30), Count: 300, Last: true, Cells: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		"1d" + "47" + "01" + "303132333435363738393a3b3c3d3e3f" + "ac02" + "01" + "0102030405060708"},
	{&ReconMore{Round: 1, Cells: 300}, "04" + "48" + "01" + "ac02"},
	{&ReconSteady{Round: 9, Since: 1, Count: 300, Checksum: 0x04030201}, "09" + "49" + "09" + "01" + "ac02" + "01020304"},
	{&ReconSketch{Round: 9, List: true, Count: 1, Checksum: 5, Data: []byte{1, 2, 3, 4}},
		"0c" + "4a" + "09" + "01" + "01" + "05000000" + "01020304"},
	{&ReconResync{Round: 9}, "02" + "4b" + "09"},
	{&ReconDiff{Round: 2, More: true, Size: 300, Want: []ReconID{5}, Have: []ShortID{6, 7}},
		"17" + "44" + "02" + "01" + "ac02" + "01" + "0500000000" + "060000000000" + "070000000000"},
	{&ReconDiff{Round: 2}, "05" + "44" + "02" + "00" + "00" + "00"},
	{&ReconOffer{Round: 2, Have: []ShortID{8}}, "08" + "45" + "02" + "080000000000"},
	{&ReconBusy{Round: 2, RetryMillis: 500}, "04" + "46" + "02" + "f403"},
}

func TestGoldenFrames(t *testing.T) {
	kinds := map[Kind]bool{}
	for _, c := range messages {
		kinds[c.m.Kind()] = true
		if got := hex.EncodeToString(AppendFrame(nil, c.m)); got != c.frame {
			t.Errorf("%T\n got %s\nwant %s", c.m, got, c.frame)
		}
		frame, _ := hex.DecodeString(c.frame)
		lane := c.m.Kind().Lane()
		body, err := ReadFrame(bufio.NewReader(bytes.NewReader(frame)), lane)
		if err != nil {
			t.Fatalf("%T: %v", c.m, err)
		}
		got, err := Decode(lane, body)
		if err != nil || !reflect.DeepEqual(got, c.m) {
			t.Errorf("%T: got %+v, %v", c.m, got, err)
		}
		if _, err := Decode(1-lane, body); !errors.Is(err, ErrFrame) {
			t.Errorf("%T on the wrong lane: %v", c.m, err)
		}
	}
	if len(kinds) != 20 {
		t.Errorf("%d kinds have a golden frame", len(kinds))
	}
}

// TestShortID pins the naming of transactions. Key 00..0f and message 00..1f
// are those of the 32-byte vector of the SipHash reference implementation,
// 7127512f72f27cce.
func TestShortID(t *testing.T) {
	var wtxid chainhash.Hash
	for i := range wtxid {
		wtxid[i] = byte(i)
	}
	if got := Salt(salted(0)).ShortID(wtxid); got.String() != "512f72f27cce" {
		t.Errorf("short id %v", got)
	}
	a, b := RoundSalt(Nonce{1}, Nonce{2}), RoundSalt(Nonce{2}, Nonce{1})
	if a == b || hex.EncodeToString(a[:]) != "7c8d54f28391565e027a343aa2ce173c" {
		t.Errorf("round salts %x, %x", a, b)
	}
}

func TestMalformed(t *testing.T) {
	id := "010000000000"
	for name, c := range map[string]struct {
		lane  Lane
		frame string // without length
	}{
		"empty":                {Relay, ""},
		"unknown kind":         {Relay, "3f"},
		"no ids":               {Relay, "02"},
		"part of an id":        {Relay, "02" + "0100"},
		"too many ids":         {Relay, "02" + strings.Repeat(id, MaxInvIDs+1)},
		"no bodies":            {Relay, "04"},
		"body too short":       {Relay, "04" + "3b" + strings.Repeat("00", 59)},
		"body cut off":         {Relay, "04" + "3d" + strings.Repeat("00", 60)},
		"body length huge":     {Relay, "04" + "ffffffff0f" + strings.Repeat("00", 60)},
		"too many bodies":      {Relay, "04" + strings.Repeat("3c"+strings.Repeat("00", 60), MaxTxs+1)},
		"push without hop":     {Relay, "06"},
		"push of hop zero":     {Relay, "06" + "00" + strings.Repeat("00", 60)},
		"push without body":    {Relay, "06" + "01"},
		"pushed body short":    {Relay, "06" + "01" + strings.Repeat("00", 59)},
		"child cut off":        {Relay, "08" + "0100"},
		"two children":         {Relay, "08" + id + id},
		"no parents":           {Relay, "09" + id},
		"too many parents":     {Relay, "09" + id + strings.Repeat("3c"+strings.Repeat("00", 60), MaxParents+1)},
		"floor over all money": {Relay, "07" + "ffffffffffffffff7f"},
		"non-minimal uvarint":  {Recon, "42" + "8000"},
		"uvarint overflow":     {Recon, "42" + "ffffffffffffffffffff01"},
		"uvarint over 63 bit":  {Recon, "42" + "80808080808080808001"},
		"trailing byte":        {Recon, "42" + "01" + "00"},
		"flag of two":          {Recon, "44" + "01" + "02" + "00" + "00"},
		"want cut off":         {Recon, "44" + "01" + "00" + "02" + "02" + id},
		"want over the limit":  {Recon, "44" + "01" + "00" + "02" + "914e"},
		"long sketch":          {Recon, "41" + "01" + strings.Repeat("00", 16) + "05" + strings.Repeat("cd", 32+MaxReconSketch+1)},
		"long chunk":           {Recon, "43" + "01" + strings.Repeat("00", 16) + "05" + strings.Repeat("cd", MaxReconBytes+1)},
		"long network":         {Relay, "01" + "01" + "21" + strings.Repeat("61", 33) + strings.Repeat("00", 49)},
		"hello cut off":        {Relay, "01" + "01" + "01" + "61" + strings.Repeat("00", 40)},
		"more than all money":  {Relay, "01" + "01" + "01" + "61" + strings.Repeat("00", 48) + "ffffffffffffffff7f"},
	} {
		frame, err := hex.DecodeString(c.frame)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m, err := Decode(c.lane, frame); !errors.Is(err, ErrFrame) || m != nil {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestReadFrame(t *testing.T) {
	for name, c := range map[string]struct {
		lane  Lane
		bytes string
		want  error
	}{
		"nothing":            {Relay, "", io.EOF},
		"length only":        {Relay, "05", io.ErrUnexpectedEOF},
		"length cut off":     {Relay, "80", io.ErrUnexpectedEOF},
		"body cut off":       {Relay, "050203", io.ErrUnexpectedEOF},
		"length zero":        {Relay, "00", ErrFrame},
		"length not minimal": {Relay, "8100", ErrFrame},
		"length too long":    {Relay, "ffffffffff01", ErrFrame},
		"over the limit":     {Recon, "81800400", ErrFrame},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		if frame, err := ReadFrame(bytes.NewReader(b), c.lane); !errors.Is(err, c.want) || frame != nil {
			t.Errorf("%s: %x, %v", name, frame, err)
		}
	}
}

// TestLargestFrames: limits of lanes and messages fit each other.
func TestLargestFrames(t *testing.T) {
	for _, m := range []Message{
		&Inv{IDs: make([]ShortID, MaxInvIDs)},
		&Txs{Bodies: [][]byte{make([]byte, 400_000)}},
		&Push{Hop: 255, Body: make([]byte, 400_000)},
		&ReconList{Round: maxUint, Count: maxUint, Chunk: make([]byte, MaxReconBytes)},
		&ReconCells{Round: maxUint, Count: maxUint, Cells: make([]byte, MaxReconBytes)},
		&ReconDiff{Round: maxUint, Want: make([]ReconID, MaxReconIDs/2), Have: make([]ShortID, MaxReconIDs/2)},
		&ReconOffer{Round: maxUint, Have: make([]ShortID, MaxReconIDs)},
	} {
		lane := m.Kind().Lane()
		frame, err := ReadFrame(bytes.NewReader(AppendFrame(nil, m)), lane)
		if err != nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		if got, err := Decode(lane, frame); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// TestReadFrameIsChunkingIndependent reads one byte at a time.
func TestReadFrameIsChunkingIndependent(t *testing.T) {
	var stream []byte
	for _, c := range messages {
		if c.m.Kind().Lane() == Relay {
			stream = AppendFrame(stream, c.m)
		}
	}
	r := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16)
	n := 0
	for {
		frame, err := ReadFrame(r, Relay)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(Relay, frame); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 9 {
		t.Errorf("%d frames", n)
	}
}

// TestClaimedLengthIsNotAllocated: a frame's claimed length costs no more than a
// few steps until its bytes arrive.
func TestClaimedLengthIsNotAllocated(t *testing.T) {
	claim := []byte{0x80, 0x80, 0x20, 0x02} // 512 KiB, of which one byte comes
	if got := allocated(func() { ReadFrame(bytes.NewReader(claim), Relay) }); got > 4*readStep {
		t.Errorf("%d bytes allocated for %d", got, len(claim))
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzDecode: never panics, accepts only what re-encodes to the same bytes, never
// aliases its input, and allocates in proportion to the frame.
func FuzzDecode(f *testing.F) {
	for _, c := range messages {
		frame, _ := hex.DecodeString(c.frame)
		body, _ := ReadFrame(bytes.NewReader(frame), c.m.Kind().Lane())
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		lane := Relay
		if len(frame) > 0 {
			lane = Kind(frame[0]).Lane()
		}
		if len(frame) > lane.MaxFrame() {
			return
		}
		var m Message
		var err error
		if got, limit := allocated(func() { m, err = Decode(lane, frame) }), uint64(8*len(frame)+16<<10); got > limit {
			t.Fatalf("%d bytes allocated for a frame of %d", got, len(frame))
		}
		if err != nil {
			if m != nil || !errors.Is(err, ErrFrame) {
				t.Fatalf("%+v, %v", m, err)
			}
			return
		}
		want := bytes.Clone(frame)
		clear(frame)
		encoded := AppendFrame(nil, m)
		got, err := ReadFrame(bytes.NewReader(encoded), lane)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%+v encodes to %x, came from %x (%v)", m, got, want, err)
		}
	})
}

// FuzzReadFrame: never panics, never returns more than was there, and reads the
// same however the bytes arrive.
func FuzzReadFrame(f *testing.F) {
	for _, c := range messages {
		frame, _ := hex.DecodeString(c.frame)
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, lane := range []Lane{Relay, Recon} {
			whole, err := ReadFrame(bytes.NewReader(stream), lane)
			slow, slowErr := ReadFrame(bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16), lane)
			if !bytes.Equal(whole, slow) || (err == nil) != (slowErr == nil) {
				t.Fatalf("%x, %v at once; %x, %v slowly", whole, err, slow, slowErr)
			}
			if len(whole) > len(stream) || len(whole) > lane.MaxFrame() {
				t.Fatalf("%d bytes from %d", len(whole), len(stream))
			}
		}
	})
}
