package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/txnode/txnode/testnet/txgen"
)

const (
	// maxSubmitting is how many submissions are under way at once.
	maxSubmitting = 16
	// answerWait is how long a node may take to answer, and absence how long one
	// that did not is passed over while others are there.
	answerWait = 5 * time.Second
	absence    = 10 * time.Second
	// reportInterval is how often a long submission says how far it is.
	reportInterval = 2 * time.Second
)

// submission is the state of submitting many transactions to several nodes.
type submission struct {
	nodes []endpoint
	total int
	began time.Time
	warn  io.Writer

	mu       sync.Mutex
	accepted int
	refused  int
	failed   map[string]time.Time // when nodes last failed to answer
	told     time.Time            // when progress was last printed
}

// submitAll submits what source makes to the nodes of --submit in turn, at
// --rate. A chain goes to one node, in order; the sides of a conflict go to
// different ones.
func (l *loaded) submitAll(cmd *cobra.Command, o genOptions, source *txSource) error {
	nodes, err := l.endpoints(o.submit)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return l.noNodes(o.submit)
	}
	now := time.Now()
	s := &submission{
		nodes: nodes, total: o.count, began: now, warn: cmd.ErrOrStderr(),
		failed: make(map[string]time.Time), told: now,
	}
	if err := s.run(cmd.Context(), o, source); err != nil {
		return err
	}
	if err := s.print(cmd); err != nil {
		return err
	}
	if s.refused > 0 && !o.conflicts {
		return silent(exitFailure)
	}
	return nil
}

func (s *submission) run(ctx context.Context, o genOptions, source *txSource) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxSubmitting)
	turn, made := 0, 0
	for source.left > 0 {
		unit, err := source.next()
		if err != nil {
			return errorsOf(group, err)
		}
		if err := s.pace(ctx, o.rate, made); err != nil {
			return errorsOf(group, err)
		}
		made += len(unit)
		if o.conflicts {
			for _, tx := range unit {
				group.Go(s.unit(ctx, turn, tx))
				turn++
			}
		} else {
			group.Go(s.unit(ctx, turn, unit...))
			turn++
		}
	}
	return group.Wait()
}

// errorsOf waits for the group and prefers its error, which may be why there
// is err.
func errorsOf(group *errgroup.Group, err error) error {
	if first := group.Wait(); first != nil {
		return first
	}
	return err
}

// pace waits until it is time for the next transaction after made ones.
func (s *submission) pace(ctx context.Context, rate float64, made int) error {
	if rate <= 0 {
		return ctx.Err()
	}
	due := s.began.Add(time.Duration(float64(made) / rate * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unit submits transactions in order, to the node whose turn it is or, if that
// one does not answer, to another.
func (s *submission) unit(ctx context.Context, turn int, txs ...*txgen.Tx) func() error {
	return func() error {
		for _, tx := range txs {
			if err := s.submit(ctx, turn, tx); err != nil {
				return fmt.Errorf("none of %d nodes takes transactions: %w", len(s.nodes), err)
			}
		}
		return nil
	}
}

func (s *submission) submit(ctx context.Context, turn int, tx *txgen.Tx) (err error) {
	for _, node := range s.inTurn(turn) {
		asking, cancel := context.WithTimeout(ctx, answerWait)
		_, err = node.client.SendRawTransaction(asking, tx.Raw)
		cancel()
		if err == nil || isAnswer(err) {
			s.answered(node.name, tx, err)
			return nil
		}
		s.absent(node.name, err)
	}
	return err
}

// inTurn lists the nodes, the one whose turn it is first, and those that failed
// lately last.
func (s *submission) inTurn(turn int) []endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var present, away []endpoint
	for i := range s.nodes {
		node := s.nodes[(turn+i)%len(s.nodes)]
		if time.Since(s.failed[node.name]) < absence {
			away = append(away, node)
		} else {
			present = append(present, node)
		}
	}
	return append(present, away...)
}

// absent notes that a node did not answer.
func (s *submission) absent(node string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.failed[node]) >= absence {
		fmt.Fprintf(s.warn, "txnode: %s does not answer, others take its turn: %v\n", node, err)
	}
	s.failed[node] = time.Now()
}

// answered counts a node's answer and says now and then how far it is.
func (s *submission) answered(node string, tx *txgen.Tx, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.accepted++
	} else {
		s.refused++
		fmt.Fprintf(s.warn, "txnode: %s refuses %v: %v\n", node, tx.TxID, err)
	}
	if now := time.Now(); now.Sub(s.told) >= reportInterval {
		s.told = now
		fmt.Fprintf(s.warn, "%6.1fs  %d of %d submitted\n", now.Sub(s.began).Seconds(), s.accepted+s.refused, s.total)
	}
}

func (s *submission) print(cmd *cobra.Command) error {
	seconds := time.Since(s.began).Seconds()
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]any{
			"accepted": s.accepted, "refused": s.refused, "nodes": len(s.nodes), "seconds": seconds,
		})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "submitted %d transactions to %d nodes in %.1f s; %d accepted, %d refused\n",
		s.accepted+s.refused, len(s.nodes), seconds, s.accepted, s.refused)
	return err
}
