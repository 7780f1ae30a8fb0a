package relaymsg

import (
	"encoding/binary"
	"fmt"
)

// appendBody appends what follows the kind byte.
func appendBody(b []byte, m Message) []byte {
	switch m := m.(type) {
	case *Hello:
		b = binary.AppendUvarint(b, uint64(m.Version))
		b = appendBytes(b, []byte(m.Network))
		b = append(b, m.PrevOuts[:]...)
		b = append(b, m.Salt[:]...)
		b = binary.AppendUvarint(b, m.FeeFloor)
	case *Inv:
		b = appendIDs(b, m.IDs)
	case *Get:
		b = appendIDs(b, m.IDs)
	case *NotFound:
		b = appendIDs(b, m.IDs)
	case *Txs:
		b = appendBodies(b, m.Bodies)
	case *GetParents:
		b = appendIDs(b, []ShortID{m.Child})
	case *Parents:
		b = appendIDs(b, []ShortID{m.Child})
		b = appendBodies(b, m.Bodies)
	case *Push:
		b = append(b, m.Hop)
		b = append(b, m.Body...)
	case *FeeFilter:
		b = binary.AppendUvarint(b, m.FeeFloor)
	case *ReconRequest:
		b = binary.AppendUvarint(b, m.Round)
		b = append(b, m.Nonce[:]...)
		b = binary.AppendUvarint(b, m.Count)
		b = append(b, m.Digest[:]...)
		b = append(b, m.Sketch...)
	case *ReconEqual:
		b = binary.AppendUvarint(b, m.Round)
	case *ReconCells:
		b = binary.AppendUvarint(b, m.Round)
		b = append(b, m.Nonce[:]...)
		b = binary.AppendUvarint(b, m.Count)
		b = appendBool(b, m.Last)
		b = append(b, m.Cells...)
	case *ReconMore:
		b = binary.AppendUvarint(b, m.Round)
		b = binary.AppendUvarint(b, m.Cells)
	case *ReconList:
		b = binary.AppendUvarint(b, m.Round)
		b = append(b, m.Nonce[:]...)
		b = binary.AppendUvarint(b, m.Count)
		b = append(b, m.Chunk...)
	case *ReconDiff:
		b = binary.AppendUvarint(b, m.Round)
		b = appendBool(b, m.More)
		b = binary.AppendUvarint(b, m.Size)
		b = binary.AppendUvarint(b, uint64(len(m.Want)))
		b = appendReconIDs(b, m.Want)
		b = appendIDs(b, m.Have)
	case *ReconSteady:
		b = binary.AppendUvarint(b, m.Round)
		b = binary.AppendUvarint(b, m.Since)
		b = binary.AppendUvarint(b, m.Count)
		b = binary.LittleEndian.AppendUint32(b, m.Checksum)
	case *ReconSketch:
		b = binary.AppendUvarint(b, m.Round)
		b = appendBool(b, m.List)
		b = binary.AppendUvarint(b, m.Count)
		b = binary.LittleEndian.AppendUint32(b, m.Checksum)
		b = append(b, m.Data...)
	case *ReconResync:
		b = binary.AppendUvarint(b, m.Round)
	case *ReconOffer:
		b = binary.AppendUvarint(b, m.Round)
		b = appendIDs(b, m.Have)
	case *ReconBusy:
		b = binary.AppendUvarint(b, m.Round)
		b = binary.AppendUvarint(b, m.RetryMillis)
	default:
		panic(fmt.Sprintf("relaymsg: no encoding for %T", m))
	}
	return b
}

// Decode parses a frame read from the lane by [ReadFrame]. Its errors wrap
// [ErrFrame].
func Decode(lane Lane, frame []byte) (Message, error) {
	d := &decoder{b: frame}
	kind := Kind(d.byte())
	if d.err == nil && kind.Lane() != lane {
		d.fail("kind %#02x on the wrong lane", byte(kind))
	}
	m := d.message(kind)
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d trailing bytes", len(d.b))
	}
	if d.err != nil {
		return nil, d.err
	}
	return m, nil
}

func (d *decoder) message(kind Kind) Message {
	switch kind {
	case KindHello:
		m := &Hello{Version: uint32(d.uvarint(1<<32 - 1)), Network: string(d.bytes(MaxNetworkName))}
		d.array(m.PrevOuts[:])
		d.array(m.Salt[:])
		m.FeeFloor = d.uvarint(maxMoney)
		return m
	case KindInv:
		return &Inv{IDs: d.someIDs(MaxInvIDs)}
	case KindGet:
		return &Get{IDs: d.someIDs(MaxInvIDs)}
	case KindNotFound:
		return &NotFound{IDs: d.someIDs(MaxInvIDs)}
	case KindTxs:
		return &Txs{Bodies: d.bodies(MaxTxs)}
	case KindGetParents:
		return &GetParents{Child: d.id()}
	case KindParents:
		return &Parents{Child: d.id(), Bodies: d.bodies(MaxParents)}
	case KindPush:
		m := &Push{Hop: d.hop()}
		m.Body = d.body(len(d.b))
		return m
	case KindFeeFilter:
		return &FeeFilter{FeeFloor: d.uvarint(maxMoney)}
	case KindReconRequest:
		m := &ReconRequest{Round: d.uvarint(maxUint)}
		d.array(m.Nonce[:])
		m.Count = d.uvarint(maxUint)
		d.array(m.Digest[:])
		m.Sketch = d.rest(MaxReconSketch)
		return m
	case KindReconEqual:
		return &ReconEqual{Round: d.uvarint(maxUint)}
	case KindReconCells:
		m := &ReconCells{Round: d.uvarint(maxUint)}
		d.array(m.Nonce[:])
		m.Count = d.uvarint(maxUint)
		m.Last = d.bool()
		m.Cells = d.rest(MaxReconBytes)
		return m
	case KindReconMore:
		return &ReconMore{Round: d.uvarint(maxUint), Cells: d.uvarint(maxUint)}
	case KindReconList:
		m := &ReconList{Round: d.uvarint(maxUint)}
		d.array(m.Nonce[:])
		m.Count = d.uvarint(maxUint)
		m.Chunk = d.rest(MaxReconBytes)
		return m
	case KindReconDiff:
		m := &ReconDiff{Round: d.uvarint(maxUint), More: d.bool(), Size: d.uvarint(maxUint)}
		want := d.uvarint(MaxReconIDs)
		m.Want = d.reconIDs(int(want))
		m.Have = d.ids(MaxReconIDs - int(want))
		return m
	case KindReconSteady:
		m := &ReconSteady{Round: d.uvarint(maxUint), Since: d.uvarint(maxUint), Count: d.uvarint(maxUint)}
		m.Checksum = d.uint32()
		return m
	case KindReconSketch:
		m := &ReconSketch{Round: d.uvarint(maxUint), List: d.bool(), Count: d.uvarint(maxUint)}
		m.Checksum = d.uint32()
		m.Data = d.rest(MaxReconBytes)
		return m
	case KindReconResync:
		return &ReconResync{Round: d.uvarint(maxUint)}
	case KindReconOffer:
		return &ReconOffer{Round: d.uvarint(maxUint), Have: d.ids(MaxReconIDs)}
	case KindReconBusy:
		return &ReconBusy{Round: d.uvarint(maxUint), RetryMillis: d.uvarint(maxUint)}
	}
	d.fail("unknown kind %#02x", byte(kind))
	return nil
}

const (
	maxUint = 1<<63 - 1
	// maxMoney is 21 million coins in satoshi: no fee rate is above it.
	maxMoney = 21e6 * 1e8
)

func appendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendBodies(b []byte, bodies [][]byte) []byte {
	for _, body := range bodies {
		b = appendBytes(b, body)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendIDs(b []byte, ids []ShortID) []byte {
	for _, id := range ids {
		b = append(b, byte(id), byte(id>>8), byte(id>>16), byte(id>>24), byte(id>>32), byte(id>>40))
	}
	return b
}

func appendReconIDs(b []byte, ids []ReconID) []byte {
	for _, id := range ids {
		b = append(b, byte(id), byte(id>>8), byte(id>>16), byte(id>>24), byte(id>>32))
	}
	return b
}
