package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newTxSend() *cobra.Command {
	var wanted share
	timeout := 30 * time.Second
	stand := false
	cmd := clientCommand(&cobra.Command{
		Use:   "send HEX|FILE|-...",
		Short: "Submit transactions",
		Long: `Submit serialized transactions to a node and print the txid of each that it takes;
it has then stored them durably. Arguments are hex, files of hex lines, or - for
lines on stdin. A refused transaction does not keep the rest from being submitted,
but makes the exit code 1.

With --stand, what the node does not take now but may take later (it pays too
little, lacks a parent, conflicts with what is there) is left standing: the node
keeps it, tries it again when what it waits for may have changed, and gives up after
two weeks. See 'tx standing'.

With --wait each that is taken is waited for until that share of the peers holds it, and its
receipt printed on stderr, as by 'tx wait'. With --json txids, refusals and receipts
are one object, printed in the end.`,
		Example: `  txnode tx gen --count 100 | txnode tx send -
  txnode tx send 0200000000010158... --wait 95%
  txnode tx send child.hex --stand
  txnode tx send tx.hex --wait 95% --json | jq -r '.receipts[].verdict'`,
		Args: takes(1, -1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		s := sending{cmd: cmd, client: c, stand: stand, TxIDs: []string{}, Refused: []refusal{}}
		err := s.submit(args)
		if err == nil {
			err = s.await(wanted, timeout)
		}
		if wantsJSON(cmd) && (err == nil || len(s.TxIDs)+len(s.Refused) > 0) { // what was sent before an error is told
			err = errors.Join(err, printJSON(cmd.OutOrStdout(), s))
		}
		if err == nil && len(s.Refused)+s.late > 0 {
			return silent(exitFailure)
		}
		return err
	})
	cmd.Flags().BoolVar(&stand, "stand", false, "leave standing what the node may take later")
	cmd.Flags().Var(&wanted, "wait", "wait until this share of the peers holds each transaction, such as 95%")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for one transaction")
	return cmd
}

// sending is what became of the transactions of one 'tx send'.
type sending struct {
	TxIDs    []string               `json:"txids"`
	Refused  []refusal              `json:"refused"`
	Standing []rpc.StandTransaction `json:"standing,omitempty"`
	Receipts []rpc.Propagation      `json:"receipts,omitempty"`

	cmd    *cobra.Command
	client *rpc.Client
	stand  bool
	late   int // of the receipts: after the timeout
}

// refusal is a transaction that the node did not take.
type refusal struct {
	From    string   `json:"from"` // where it was found: argument 1, stdin line 2, …
	Code    rpc.Code `json:"code"`
	Message string   `json:"message"`
}

// submit sends every transaction that args name.
func (s *sending) submit(args []string) error {
	return eachTx(s.cmd, args, func(from, hex string) error {
		txid, err := s.send(from, hex)
		var answer *rpc.Error
		if errors.As(err, &answer) {
			s.Refused = append(s.Refused, refusal{from, answer.Code, answer.Message})
			fmt.Fprintf(s.cmd.ErrOrStderr(), "txnode: %s: %v\n", from, err)
			return nil
		}
		if err != nil {
			return err
		}
		if txid == "" {
			return nil
		}
		s.TxIDs = append(s.TxIDs, txid)
		if !wantsJSON(s.cmd) {
			fmt.Fprintln(s.cmd.OutOrStdout(), txid)
		}
		return nil
	})
}

// send submits one. The txid is empty if it is left standing.
func (s *sending) send(from, hex string) (txid string, err error) {
	if !s.stand {
		err = s.client.Call(s.cmd.Context(), &txid, "sendrawtransaction", hex)
		return txid, err
	}
	var t rpc.StandTransaction
	if err := s.client.Call(s.cmd.Context(), &t, "standtransaction", hex); err != nil || !t.Standing {
		return t.TxID, err
	}
	s.Standing = append(s.Standing, t)
	fmt.Fprintf(s.cmd.ErrOrStderr(), "txnode: %s: %s stands (%s); it waits for %s\n", from, t.TxID, t.Reason, t.WaitsFor)
	return "", nil
}

// await gets a receipt for each transaction that was sent, if that is wanted.
func (s *sending) await(wanted share, timeout time.Duration) error {
	ctx := s.cmd.Context()
	if len(s.TxIDs) > 0 && s.alone(ctx) {
		fmt.Fprintln(s.cmd.ErrOrStderr(), "txnode: warning: the node has no peers; it will announce the transactions when it has ('txnode peers add')")
		timeout = 0
	}
	if wanted == 0 {
		return nil
	}
	for _, txid := range s.TxIDs {
		p, err := waitPropagated(ctx, s.client, txid, wanted, timeout)
		if err != nil {
			return err
		}
		if s.Receipts = append(s.Receipts, p); p.Coverage < float64(wanted) {
			s.late++
		}
		if wantsJSON(s.cmd) {
			continue
		}
		if err := printReceipt(s.cmd.ErrOrStderr(), p); err != nil {
			return err
		}
	}
	return nil
}

// alone tells whether the node has no peers, as far as it says.
func (s *sending) alone(ctx context.Context) bool {
	peers, err := s.client.GetConnectionCount(ctx)
	return err == nil && peers == 0
}
