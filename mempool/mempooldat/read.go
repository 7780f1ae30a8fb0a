package mempooldat

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxTxSize is that of a transaction without witnesses whose weight is standard; no
	// other is larger (Core's MAX_STANDARD_TX_WEIGHT, policy/policy.h).
	maxTxSize = 400_000
	// readAhead is what is held of the file: that much, and some more, so that the rest
	// is moved to the front only now and then.
	readAhead = maxTxSize * 3 / 2
	// maxCount bounds fee deltas and unbroadcast transactions: Core's MAX_SIZE, serialize.h.
	maxCount = 0x02000000
)

// ErrFormat is wrapped by errors of a [Reader] that are the file's and not those of
// the [io.Reader] it comes from.
var ErrFormat = errors.New("no valid mempool.dat")

var (
	errEnds    = errors.New("it ends")
	errKey     = errors.New("its key does not have 8 bytes")
	errVersion = errors.New("its version is neither 1 nor 2")
	errSize    = fmt.Errorf("a transaction has more than %d bytes", maxTxSize)
	errCount   = fmt.Errorf("there are more than %d", maxCount)
)

// Reader reads a file of either version. It holds less than a megabyte, whatever the
// file says. Its parts must be read in their order; after an error it returns
// nothing but that. It is not safe for concurrent use.
type Reader struct {
	source      source
	in          *bufio.Reader
	txs         section
	feeDeltas   section
	unbroadcast section
	err         error
}

// section is a part of the file that holds many of a kind.
type section struct {
	name  string
	begun bool
	count uint64 // once it has begun
	read  uint64
}

// source remembers an error that is not the end.
type source struct {
	io.Reader
	err error
}

// Read implements [io.Reader].
func (s *source) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.Reader.Read(b)
	if err != io.EOF {
		s.err = err
	}
	return n, err
}

// NewReader reads the head of a file: all before the first transaction.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{
		source:      source{Reader: from},
		txs:         section{name: "transactions"},
		feeDeltas:   section{name: "fee deltas"},
		unbroadcast: section{name: "unbroadcast transactions"},
	}
	if err := r.head(); err != nil {
		return nil, r.fail(&r.txs, err)
	}
	return r, nil
}

func (r *Reader) head() error {
	var head [8 + 1 + KeySize]byte
	if _, err := io.ReadFull(&r.source, head[:8]); err != nil {
		return err
	}
	var plain io.Reader = &r.source
	switch binary.LittleEndian.Uint64(head[:8]) {
	case versionPlain:
	case versionObfuscated:
		if _, err := io.ReadFull(&r.source, head[8:]); err != nil {
			return err
		}
		if head[8] != KeySize {
			return errKey
		}
		plain = &obfuscated{from: plain, key: [KeySize]byte(head[9:]), offset: len(head)}
	default:
		return errVersion
	}
	r.in = bufio.NewReaderSize(plain, readAhead)
	count, err := r.number()
	r.txs.begun, r.txs.count = err == nil, uint64(count)
	return err
}

// Count is how many transactions the file claims to have.
func (r *Reader) Count() uint64 { return r.txs.count }

// Next returns the next transaction, or [io.EOF] after the last.
func (r *Reader) Next() (tx Tx, err error) {
	err = r.item(&r.txs, func() error {
		if tx.Raw, err = r.tx(); err != nil {
			return err
		}
		if tx.Time, err = r.number(); err != nil {
			return err
		}
		tx.FeeDelta, err = r.number()
		return err
	})
	return tx, err
}

// NextFeeDelta returns the next fee delta of a transaction that is not in the file,
// or [io.EOF] after the last. It passes over transactions that are left.
func (r *Reader) NextFeeDelta() (txid chainhash.Hash, delta int64, err error) {
	for err == nil {
		_, err = r.Next()
	}
	if err != io.EOF {
		return txid, 0, err
	}
	err = r.item(&r.feeDeltas, func() error {
		if _, err := io.ReadFull(r.in, txid[:]); err != nil {
			return err
		}
		delta, err = r.number()
		return err
	})
	return txid, delta, err
}

// NextUnbroadcast returns the txid of the next transaction that may not have reached
// the network, or [io.EOF] after the last. It passes over transactions and fee
// deltas that are left.
func (r *Reader) NextUnbroadcast() (txid chainhash.Hash, err error) {
	for err == nil {
		_, _, err = r.NextFeeDelta()
	}
	if err != io.EOF {
		return txid, err
	}
	err = r.item(&r.unbroadcast, func() error {
		_, err := io.ReadFull(r.in, txid[:])
		return err
	})
	return txid, err
}

// item reads the next of a section, which begins with how many there are.
func (r *Reader) item(s *section, read func() error) error {
	if r.err != nil {
		return r.err
	}
	if !s.begun {
		count, err := wire.ReadVarInt(r.in, 0)
		if err == nil && count > maxCount {
			err = errCount
		}
		if err != nil {
			return r.fail(s, err)
		}
		s.begun, s.count = true, count
	}
	if s.read == s.count {
		return io.EOF
	}
	if err := read(); err != nil {
		return r.fail(s, err)
	}
	s.read++
	return nil
}

// tx reads as many bytes as a transaction begins to claim, once they are there.
func (r *Reader) tx() ([]byte, error) {
	ahead, err := r.in.Peek(maxTxSize)
	size, malformed := mempool.TxSize(ahead)
	switch {
	case malformed != nil:
		return nil, malformed
	case size == 0 && err != nil:
		return nil, err
	case size == 0:
		return nil, errSize
	}
	raw := bytes.Clone(ahead[:size])
	_, err = r.in.Discard(size)
	return raw, err
}

func (r *Reader) number() (int64, error) {
	var b [8]byte
	_, err := io.ReadFull(r.in, b[:])
	return int64(binary.LittleEndian.Uint64(b[:])), err
}

// fail says how far the file was read, and why no further.
func (r *Reader) fail(s *section, err error) error {
	kind := ErrFormat
	if r.source.err != nil {
		kind, err = errors.New("mempool.dat cannot be read"), r.source.err
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errEnds
	}
	if s.begun {
		r.err = fmt.Errorf("%w: after %d of %d %s: %w", kind, s.read, s.count, s.name, err)
	} else {
		r.err = fmt.Errorf("%w: before the number of %s: %w", kind, s.name, err)
	}
	return r.err
}
