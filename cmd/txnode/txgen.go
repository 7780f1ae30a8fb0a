package main

import (
	"encoding/hex"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/mempool/utxo"
	"github.com/txnode/txnode/testnet/txgen"
)

// genOptions are the flags of 'tx gen'.
type genOptions struct {
	count     int
	from      int
	kind      string
	chain     int
	conflicts bool
	feeRate   int64
	writeUTXO string
	submit    []string
	rate      float64
}

// Values of --type.
const (
	kindMixed  = "mixed"
	kindP2WPKH = "p2wpkh"
	kindP2TR   = "p2tr"
)

func newTxGen() *cobra.Command {
	var o genOptions
	cmd := &cobra.Command{
		Use:   "gen",
		Short: "Sign transactions that spend the test allocation",
		Long: `Sign transactions that spend the built-in test allocation, and print them in hex,
one per line; or submit them to nodes in turn. The same flags make the same
transactions: --from goes on where an earlier run ended.

` + endpointsHelp,
		Example: `  txnode tx gen --count 100 | txnode tx send -
  txnode tx gen --count 25 --chain 25 --from 500 --type p2tr
  txnode tx gen --count 200 --rate 20 --submit http://127.0.0.1:18443,http://127.0.0.1:18444
  txnode tx gen --write-utxo allocation.json   # for 'txnode run --utxo'`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if o.writeUTXO != "" {
				return l.writeAllocation(cmd, o.writeUTXO)
			}
			source, err := newTxSource(l.Network, o)
			if err != nil {
				return err
			}
			if len(o.submit) > 0 {
				return l.submitAll(cmd, o, source)
			}
			return printTxs(cmd, source)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.count, "count", 1, "how many transactions")
	f.IntVar(&o.from, "from", 0, "`number` of the first output of the allocation to spend")
	f.StringVar(&o.kind, "type", kindMixed, "`kind` of output to spend: p2wpkh, p2tr or mixed; chains go on with both")
	f.IntVar(&o.chain, "chain", 1, "`length` of the chains to make, each transaction spending the one before")
	f.BoolVar(&o.conflicts, "conflicts", false, "make pairs that spend the same output")
	f.Int64Var(&o.feeRate, "fee-rate", txgen.DefaultFeeRate, "fee in `satoshi` per vbyte")
	f.StringVar(&o.writeUTXO, "write-utxo", "", "write the allocation to this `file`, and make no transaction")
	f.StringSliceVar(&o.submit, "submit", nil, "submit to these `NODEs` in turn, instead of printing")
	f.Float64Var(&o.rate, "rate", 0, "transactions to submit per `second`; 0: as fast as the nodes take them")
	addSettingFlags(cmd, clientScope)
	cmd.MarkFlagsMutuallyExclusive("chain", "conflicts")
	return cmd
}

// writeAllocation writes the built-in allocation as a file for --utxo.
func (l *loaded) writeAllocation(cmd *cobra.Command, path string) error {
	allocation, err := utxo.TestAllocation(l.Network, utxo.DefaultTestOutputs)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := allocation.Write(f); err != nil {
		f.Close()
		return err
	}
	return done(cmd, f.Close(), "wrote %d outputs of network %s to %s; their keys are public", allocation.Len(), l.Network, path)
}

// printTxs prints all transactions of source in hex.
func printTxs(cmd *cobra.Command, source *txSource) error {
	type txJSON struct {
		TxID  string `json:"txid"`
		WTxID string `json:"wtxid"`
		Fee   int64  `json:"fee"`
		Hex   string `json:"hex"`
	}
	all := []txJSON{}
	for source.left > 0 {
		unit, err := source.next()
		if err != nil {
			return err
		}
		for _, tx := range unit {
			if wantsJSON(cmd) {
				all = append(all, txJSON{tx.TxID.String(), tx.WTxID.String(), tx.Fee, hex.EncodeToString(tx.Raw)})
			} else {
				fmt.Fprintln(cmd.OutOrStdout(), hex.EncodeToString(tx.Raw))
			}
		}
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), all)
	}
	return nil
}

// txSource makes the transactions that the options ask for.
type txSource struct {
	options   genOptions
	generator *txgen.Generator
	output    int // of the allocation, that the generator spends next
	left      int // transactions still to make
}

func newTxSource(network string, o genOptions) (*txSource, error) {
	switch {
	case o.count < 1:
		return nil, usagef("--count %d: make at least 1", o.count)
	case o.chain < 1:
		return nil, usagef("--chain %d: a chain has at least 1 transaction", o.chain)
	case o.feeRate < 1:
		return nil, usagef("--fee-rate %d: pay at least 1 satoshi per vbyte", o.feeRate)
	case o.rate < 0:
		return nil, usagef("--rate %v: give a number of transactions per second", o.rate)
	case o.kind != kindMixed && o.kind != kindP2WPKH && o.kind != kindP2TR:
		return nil, usagef("--type %q is none of %s, %s and %s", o.kind, kindP2WPKH, kindP2TR, kindMixed)
	}
	g, err := txgen.New(txgen.Config{Network: network, From: o.from, To: utxo.DefaultTestOutputs, FeeRate: o.feeRate})
	if err != nil {
		return nil, usagef("%v; see 'txnode tx gen --help'", err)
	}
	return &txSource{options: o, generator: g, output: o.from, left: o.count}, nil
}

// next makes a unit of transactions that spend one output of the allocation: a
// chain, a conflicting pair, or a single one.
func (s *txSource) next() (unit []*txgen.Tx, err error) {
	for !s.wanted() {
		if _, err := s.generator.Next(); err != nil {
			return nil, err
		}
		s.output++
	}
	if s.options.conflicts {
		var pair [2]*txgen.Tx
		pair, err = s.generator.Conflict()
		unit = pair[:]
	} else {
		unit, err = s.generator.Chain(s.options.chain)
	}
	if err != nil {
		return nil, err
	}
	s.output++
	unit = unit[:min(len(unit), s.left)]
	s.left -= len(unit)
	return unit, nil
}

// wanted tells whether the next output is of the kind asked for: the
// allocation's even ones are P2WPKH, the others P2TR.
func (s *txSource) wanted() bool {
	return s.options.kind == kindMixed || (s.options.kind == kindP2TR) == (s.output%2 == 1)
}
