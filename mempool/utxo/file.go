package utxo

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

// MaxFileSize bounds an allocation file, in bytes.
const MaxFileSize = 32 << 20

// fileTip and fileOutput are the file's objects. A pointer tells a field that
// is missing from one that is zero.
type fileTip struct {
	Height     *int32 `json:"height"`
	MedianTime *int64 `json:"mediantime"`
}

type fileOutput struct {
	TxID         *string `json:"txid"`
	Vout         *uint32 `json:"vout"`
	Value        *int64  `json:"value"`
	ScriptPubKey *string `json:"scriptPubKey"`
	Height       int32   `json:"height"`
	Coinbase     bool    `json:"coinbase"`
}

// Load reads the allocation file at path, which must be for network. Errors
// name the file, the output's index, and what to change.
func Load(path, network string) (*Static, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open allocation file: %w", err)
	}
	defer f.Close()
	s, err := Parse(f, network)
	if err != nil {
		return nil, fmt.Errorf("allocation file %s: %w", path, err)
	}
	return s, nil
}

// Parse reads an allocation for network from r, at most [MaxFileSize] bytes
// and [MaxOutputs] outputs.
func Parse(r io.Reader, network string) (*Static, error) {
	// The decoder looks at white space again after each short read, in time
	// quadratic in the file, so it gets the file whole.
	file, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(file) > MaxFileSize {
		return nil, fmt.Errorf("larger than %d MiB: leave some outputs out", MaxFileSize>>20)
	}
	p := &parser{dec: json.NewDecoder(bytes.NewReader(file)), tip: DefaultTip()}
	p.dec.DisallowUnknownFields()
	if err := p.file(); err != nil {
		return nil, err
	}
	if p.network != network {
		return nil, fmt.Errorf("made for network %q, but this node runs on %q: use an allocation for %[2]q, or start the node on %[1]q",
			p.network, network)
	}
	return New(p.network, p.tip, p.outputs)
}

// parser takes the file one output at a time, so that the limit on outputs
// bites before they are allocated.
type parser struct {
	dec     *json.Decoder
	network string
	tip     Tip
	outputs []Output
}

func (p *parser) file() error {
	if err := p.delim('{', "the allocation must be a JSON object"); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return p.syntax(err)
		}
		field, _ := token.(string) // an object's keys are strings
		if seen[field] {
			return fmt.Errorf("field %q is given twice: remove one of them", field)
		}
		seen[field] = true
		if err := p.field(field); err != nil {
			return err
		}
	}
	if err := p.delim('}', "the allocation must end with }"); err != nil {
		return err
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return errors.New("something follows the allocation's closing }: remove it")
	}
	if !seen["network"] {
		return errors.New(`field "network" is missing: add it, for example "network":"regtest"`)
	}
	return nil
}

func (p *parser) field(name string) error {
	switch name {
	case "network":
		if err := p.dec.Decode(&p.network); err != nil {
			return fmt.Errorf("network: %w", p.syntax(err))
		}
	case "tip":
		var t fileTip
		if err := p.dec.Decode(&t); err != nil {
			return fmt.Errorf("tip: %w", p.syntax(err))
		}
		if t.Height != nil {
			p.tip.Height = *t.Height
		}
		if t.MedianTime != nil {
			p.tip.MedianTime = time.Unix(*t.MedianTime, 0)
		}
	case "outputs":
		return p.list()
	default:
		return fmt.Errorf("unknown field %.40q: the fields are network, tip and outputs", name)
	}
	return nil
}

func (p *parser) list() error {
	if err := p.delim('[', "outputs must be a JSON array"); err != nil {
		return err
	}
	for p.dec.More() {
		i := len(p.outputs)
		if i == MaxOutputs {
			return errTooManyOutputs
		}
		var f fileOutput
		if err := p.dec.Decode(&f); err != nil {
			return fmt.Errorf("outputs[%d]: %w", i, p.syntax(err))
		}
		o, err := f.output()
		if err != nil {
			return fmt.Errorf("outputs[%d]: %w", i, err)
		}
		p.outputs = append(p.outputs, o)
	}
	return p.delim(']', "outputs must end with ]")
}

func (p *parser) delim(want json.Delim, otherwise string) error {
	token, err := p.dec.Token()
	if err != nil {
		return p.syntax(err)
	}
	if token != want {
		return fmt.Errorf("%s, but at byte %d there is %v", otherwise, p.dec.InputOffset(), token)
	}
	return nil
}

// syntax says where malformed JSON is and what was expected there.
func (p *parser) syntax(err error) error {
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped) && mistyped.Field != "":
		return fmt.Errorf("field %q cannot be %s: %s is needed",
			mistyped.Field, mistyped.Value, jsonType(mistyped.Type.Kind()))
	case errors.As(err, &mistyped):
		return fmt.Errorf("cannot be %s: %s is needed", mistyped.Value, jsonType(mistyped.Type.Kind()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the JSON ends too early, at byte %d: the file is empty or cut off", p.dec.InputOffset())
	default:
		return fmt.Errorf("not valid at byte %d: %w", p.dec.InputOffset(), err)
	}
}

// jsonType is what a field of the given kind must be in the file.
func jsonType(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct:
		return "an object"
	default:
		return "a whole number that fits " + k.String() // amounts are in satoshi
	}
}

func (f *fileOutput) output() (Output, error) {
	missing := ""
	switch {
	case f.TxID == nil:
		missing = "txid"
	case f.Vout == nil:
		missing = "vout"
	case f.Value == nil:
		missing = "value"
	case f.ScriptPubKey == nil:
		missing = "scriptPubKey"
	}
	if missing != "" {
		return Output{}, fmt.Errorf("field %q is missing: add it", missing)
	}
	// NewHashFromStr would pad a shorter string.
	if len(*f.TxID) != chainhash.MaxHashStringSize {
		return Output{}, fmt.Errorf("txid %.80q has %d characters: use %d hexadecimal digits", *f.TxID, len(*f.TxID), chainhash.MaxHashStringSize)
	}
	txid, err := chainhash.NewHashFromStr(*f.TxID)
	if err != nil {
		return Output{}, fmt.Errorf("txid %q is not hexadecimal: %w", *f.TxID, err)
	}
	script, err := hex.DecodeString(*f.ScriptPubKey)
	if err != nil {
		return Output{}, fmt.Errorf("scriptPubKey %.80q is not hexadecimal: %w", *f.ScriptPubKey, err)
	}
	return Output{
		OutPoint: wire.OutPoint{Hash: *txid, Index: *f.Vout},
		PrevOut:  mempool.PrevOut{Value: *f.Value, PkScript: script, Height: f.Height, Coinbase: f.Coinbase},
	}, nil
}

// Write writes the allocation as [Parse] reads it, one output per line, in the
// order given to [New].
func (s *Static) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "{\"network\":%q,\"tip\":{\"height\":%d,\"mediantime\":%d},\"outputs\":[", s.network, s.tip.Height, s.tip.MedianTime.Unix())
	for i, o := range s.outputs {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "\n{\"txid\":\"%v\",\"vout\":%d,\"value\":%d,\"scriptPubKey\":\"%x\",\"height\":%d,\"coinbase\":%t}",
			o.OutPoint.Hash, o.OutPoint.Index, o.Value, o.PkScript, o.Height, o.Coinbase)
	}
	b.WriteString("\n]}\n")
	return b.Flush()
}
