package utxo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// MaxOutputs bounds the outputs of an allocation. As many as this fit into
	// a file of [MaxFileSize].
	MaxOutputs = 100_000

	// maxNetworkName bounds the network's name, in bytes, as the relay
	// protocol's HELLO does.
	maxNetworkName = 32
)

// Output is one unspent output of an allocation.
type Output struct {
	OutPoint wire.OutPoint
	mempool.PrevOut
}

// Tip is the block on which an allocation stands.
type Tip struct {
	Height     int32
	MedianTime time.Time // BIP 113 median time past, in whole seconds
}

// DefaultTip is the tip of an allocation that names none.
func DefaultTip() Tip { return Tip{Height: 200, MedianTime: time.Unix(1_700_000_000, 0)} }

// Static is an allocation: outputs that never change, whatever spends them in
// the mempool. It implements mempool.PrevOuts and is safe for concurrent use.
type Static struct {
	network string
	tip     Tip
	outputs []Output // in the order given
	index   map[wire.OutPoint]int32
	digest  [sha256.Size]byte
}

var _ mempool.PrevOuts = (*Static)(nil)

// New makes an allocation of outputs, which it keeps: the caller must not
// change them or their scripts afterwards. It fails when an output is listed
// twice, is worth more than there can be, stands above the tip, or carries a
// script longer than a script may be, and when there are no outputs or more
// than [MaxOutputs].
func New(network string, tip Tip, outputs []Output) (*Static, error) {
	if err := checkNetwork(network); err != nil {
		return nil, err
	}
	if err := checkTip(tip); err != nil {
		return nil, err
	}
	switch {
	case len(outputs) == 0:
		return nil, errors.New(`the allocation has no outputs, so nothing could ever be spent: list at least one under "outputs"`)
	case len(outputs) > MaxOutputs:
		return nil, errTooManyOutputs
	}
	s := &Static{
		network: network,
		tip:     tip,
		outputs: outputs,
		index:   make(map[wire.OutPoint]int32, len(outputs)),
	}
	var total int64
	for i, o := range outputs {
		if err := checkOutput(o, tip); err != nil {
			return nil, fmt.Errorf("outputs[%d]: %w", i, err)
		}
		if first, dup := s.index[o.OutPoint]; dup {
			return nil, fmt.Errorf("outputs[%d]: %v is already outputs[%d]: remove one of them", i, o.OutPoint, first)
		}
		s.index[o.OutPoint] = int32(i)
		if total += o.Value; total > btcutil.MaxSatoshi {
			return nil, fmt.Errorf("outputs[%d]: the outputs up to here are worth %d satoshi, more than the %d there can be: lower the values",
				i, total, int64(btcutil.MaxSatoshi))
		}
	}
	s.digest = s.computeDigest()
	return s, nil
}

var errTooManyOutputs = fmt.Errorf("the allocation has more than %d outputs: leave some out", MaxOutputs)

func checkNetwork(name string) error {
	valid := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	if name == "" || len(name) > maxNetworkName {
		return fmt.Errorf("network name %.40q has %d bytes: use 1 to %d, for example \"regtest\"", name, len(name), maxNetworkName)
	}
	for _, r := range name {
		if !valid(r) {
			return fmt.Errorf("network name %q contains %q: use lower-case letters, digits and hyphens, for example \"regtest\"", name, r)
		}
	}
	return nil
}

func checkTip(tip Tip) error {
	if tip.Height < 0 {
		return fmt.Errorf("tip height %d is negative: use 0 or more", tip.Height)
	}
	// Block times and time-based lock times are 32-bit.
	if t := tip.MedianTime.Unix(); t < 0 || t > math.MaxUint32 {
		return fmt.Errorf("tip mediantime %d is no block time: use seconds since 1970, at most %d", t, uint32(math.MaxUint32))
	}
	return nil
}

func checkOutput(o Output, tip Tip) error {
	switch {
	case o.Value < 0 || o.Value > btcutil.MaxSatoshi:
		return fmt.Errorf("value %d: use satoshi, from 0 to %d", o.Value, int64(btcutil.MaxSatoshi))
	case len(o.PkScript) > txscript.MaxScriptSize:
		return fmt.Errorf("scriptPubKey of %d bytes could never be spent: use at most %d", len(o.PkScript), txscript.MaxScriptSize)
	case o.Height < 0 || o.Height > tip.Height:
		return fmt.Errorf("height %d: use 0 up to the tip's height, %d", o.Height, tip.Height)
	}
	return nil
}

// Network is the name of the network that the allocation is for.
func (s *Static) Network() string { return s.network }

// Len is the number of outputs.
func (s *Static) Len() int { return len(s.outputs) }

// Lookup implements mempool.PrevOuts. It never fails. The script must not be
// changed.
func (s *Static) Lookup(op wire.OutPoint) (mempool.PrevOut, bool, error) {
	i, ok := s.index[op]
	if !ok {
		return mempool.PrevOut{}, false, nil
	}
	return s.outputs[i].PrevOut, true, nil
}

// Tip implements mempool.PrevOuts.
func (s *Static) Tip() (height int32, medianTime time.Time) {
	return s.tip.Height, s.tip.MedianTime
}

// Digest implements mempool.PrevOuts: SHA-256 over network, tip and the
// outputs in the order of their outpoints, each field of fixed size or
// preceded by its length.
func (s *Static) Digest() [sha256.Size]byte { return s.digest }

func (s *Static) computeDigest() [sha256.Size]byte {
	h := sha256.New()
	le := binary.LittleEndian
	head := []byte("txnode/static-allocation/1")
	head = append(head, byte(len(s.network)))
	head = append(head, s.network...)
	head = le.AppendUint32(head, uint32(s.tip.Height))
	head = le.AppendUint64(head, uint64(s.tip.MedianTime.Unix()))
	head = le.AppendUint32(head, uint32(len(s.outputs)))
	h.Write(head)

	order := make([]int, len(s.outputs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return compareOutPoints(s.outputs[a].OutPoint, s.outputs[b].OutPoint)
	})
	var buf []byte
	for _, i := range order {
		o := &s.outputs[i]
		buf = append(buf[:0], o.OutPoint.Hash[:]...)
		buf = le.AppendUint32(buf, o.OutPoint.Index)
		buf = le.AppendUint64(buf, uint64(o.Value))
		buf = le.AppendUint32(buf, uint32(o.Height))
		if o.Coinbase {
			buf = append(buf, 1)
		} else {
			buf = append(buf, 0)
		}
		buf = le.AppendUint32(buf, uint32(len(o.PkScript)))
		buf = append(buf, o.PkScript...)
		h.Write(buf)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func compareOutPoints(a, b wire.OutPoint) int {
	if c := bytes.Compare(a.Hash[:], b.Hash[:]); c != 0 {
		return c
	}
	return int(int64(a.Index) - int64(b.Index))
}
