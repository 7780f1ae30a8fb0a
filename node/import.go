package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
)

// Bounds on what of an import is in work at once. So many transactions share
// commits, and no peer's share of the backlog suffers from so many bytes.
const (
	importWave  = 512
	importBytes = 1 << 20
)

// ImportMempool adds the transactions of a mempool.dat of Bitcoin Core or of
// [Node.ExportMempool] to the mempool. Each is validated, committed and announced
// like one of a peer, and not announced again until it has arrived, unless that is
// asked for. What is refused is no error but counted, and no event.
//
// It returns when all is committed. It blocks for as long as validation takes, some
// thousand transactions a second, peers' coming in between, and logs its progress.
// When ctx or Run ends before, or the file turns out to be damaged, the error says
// so, and what was accepted until then stays. So it does with [ErrNotDurable], which
// says that not all of it could be committed. To import again does no harm but for
// fee deltas, which are added again.
func (n *Node) ImportMempool(ctx context.Context, r io.Reader, o mempooldat.ImportOptions) (mempooldat.ImportReport, error) {
	if err := n.loaded(); err != nil {
		return mempooldat.ImportReport{}, err
	}
	file, err := mempooldat.NewReader(r)
	if err != nil {
		return mempooldat.ImportReport{}, err
	}
	n.log.Info("importing into the mempool", "transactions", file.Count())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-n.ended:
			cancel(ErrNotRunning)
		case <-ctx.Done():
		}
	}()
	i := &importing{Node: n, file: file, options: o}
	if err = i.run(ctx); errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		n.log.Warn("import into the mempool ended early", "reason", err)
	}
	n.log.Info("imported into the mempool", "accepted", i.report.Accepted, "already there", i.report.AlreadyThere,
		"failed", i.report.Failed, "expired", i.report.Expired, "fee deltas", i.report.FeeDeltas, "unbroadcast", i.report.Unbroadcast)
	return i.report, err
}

// importing is an import under way.
type importing struct {
	*Node
	file    *mempooldat.Reader
	options mempooldat.ImportOptions
	report  mempooldat.ImportReport
	next    mempooldat.Tx // read already, if it has Raw
	stored  error         // why storage does not have all that was accepted
	logged  uint64
}

// run takes the file's parts in their order: a transaction's fee delta counts when
// it is judged, and only what is in the mempool can be unbroadcast.
func (i *importing) run(ctx context.Context) error {
	var end error
	for end == nil {
		var wave []mempooldat.Tx
		wave, end = i.nextWave()
		if err := i.take(ctx, wave); err != nil {
			return err
		}
		if end == nil {
			i.progress()
		}
	}
	if end != io.EOF {
		return end
	}
	if err := i.takeFeeDeltas(ctx); err != nil {
		return err
	}
	if err := i.takeUnbroadcast(ctx); err != nil {
		return err
	}
	if i.stored != nil {
		return fmt.Errorf("%w: %w", ErrNotDurable, i.stored)
	}
	return nil
}

// nextWave reads ahead. What it read before an error is good. As of two that spend
// the same output the first has to be judged first, the second begins another wave.
func (i *importing) nextWave() (wave []mempooldat.Tx, err error) {
	spent := make(map[wire.OutPoint]struct{})
	for size := 0; len(wave) < importWave && size < importBytes; {
		tx := i.next
		if i.next.Raw = nil; tx.Raw == nil {
			if tx, err = i.file.Next(); err != nil {
				return wave, err
			}
		}
		for in := range (&mempool.Entry{Raw: tx.Raw}).Inputs() {
			if _, twice := spent[in.PreviousOutPoint]; twice && len(wave) > 0 {
				i.next = tx
				return wave, nil
			}
			spent[in.PreviousOutPoint] = struct{}{}
		}
		wave = append(wave, tx)
		size += len(tx.Raw)
	}
	return wave, nil
}

// progress logs each tenth of a long import.
func (i *importing) progress() {
	tried := uint64(i.report.Tried())
	if tenth := tried * 10 / max(i.file.Count(), 1); tenth > i.logged {
		i.logged = tenth
		i.log.Info("importing into the mempool", "tried", tried, "remaining", i.file.Count()-tried)
	}
}

// take judges a wave all at once. What was judged before its parent was in the
// mempool is judged again, as long as that helps.
func (i *importing) take(ctx context.Context, wave []mempooldat.Tx) error {
	if err := i.prioritise(ctx, wave); err != nil {
		return err
	}
	waiting := i.candidates(wave, time.Now())
	for len(waiting) > 0 {
		results, err := i.submitAll(ctx, waiting)
		if err != nil {
			return err
		}
		var orphans []candidate
		var refusals []result
		for _, r := range results {
			if errors.Is(r.err, mempool.ErrMissingInputs) {
				orphans = append(orphans, r.candidate)
				refusals = append(refusals, r)
			} else if err := i.count(r); err != nil {
				return err
			}
		}
		if len(orphans) < len(waiting) {
			waiting = orphans
			continue
		}
		for _, r := range refusals {
			if err := i.count(r); err != nil {
				return err
			}
		}
		break
	}
	return nil
}

// prioritise applies fee deltas, of what will be refused, too.
func (i *importing) prioritise(ctx context.Context, wave []mempooldat.Tx) error {
	deltas := make(map[chainhash.Hash]int64)
	for _, tx := range wave {
		if tx.FeeDelta == 0 || !i.options.FeeDeltas {
			continue
		}
		if decoded, err := mempool.DecodeTx(tx.Raw); err == nil {
			deltas[decoded.TxHash()] = tx.FeeDelta
		}
	}
	return i.applyDeltas(ctx, deltas)
}

func (i *importing) applyDeltas(ctx context.Context, deltas map[chainhash.Hash]int64) error {
	if len(deltas) == 0 {
		return nil
	}
	refused, err := i.addDeltas(ctx, deltas)
	if err != nil {
		return err
	}
	i.report.FeeDeltas += len(deltas) - len(refused)
	i.report.FeeDeltasRefused += len(refused)
	for txid, why := range refused {
		i.log.Debug("imported fee delta is not applied", "txid", txid, "reason", why)
	}
	return nil
}

// candidates are those transactions that have not expired.
func (i *importing) candidates(wave []mempooldat.Tx, now time.Time) (waiting []candidate) {
	oldest := now.Add(-cmp.Or(i.cfg.Mempool.Expiry, mempool.DefaultExpiry)).Unix()
	for _, tx := range wave {
		entered := now
		if i.options.KeepTimes && tx.Time < now.Unix() {
			entered = time.Unix(tx.Time, 0)
		}
		if i.options.KeepTimes && tx.Time <= oldest {
			i.report.Expired++
			continue
		}
		waiting = append(waiting, candidate{wtxid: chainhash.DoubleHashH(tx.Raw), raw: tx.Raw, entered: entered})
	}
	return waiting
}

// count takes in what became of a transaction. An error means that there is no
// telling.
func (i *importing) count(r result) error {
	var rule *mempool.RuleError
	switch {
	case r.err == nil:
		i.report.Accepted++
		i.stored = cmp.Or(i.stored, r.stored)
	case !errors.As(r.err, &rule):
		return r.err
	case r.entry != nil && i.pool.GetByTxID(r.entry.TxID) != nil:
		i.report.AlreadyThere++
	default:
		i.report.Failed++
		if i.report.Reasons == nil {
			i.report.Reasons = make(map[string]int)
		}
		i.report.Reasons[rule.Reason]++
		i.log.Debug("imported transaction is refused", "wtxid", r.wtxid, "reason", rule)
	}
	return nil
}

// takeFeeDeltas takes those of transactions that are not in the file.
func (i *importing) takeFeeDeltas(ctx context.Context) error {
	var end error
	for end == nil && ctx.Err() == nil {
		deltas := make(map[chainhash.Hash]int64)
		for read := 0; end == nil && read < importWave; read++ {
			var txid chainhash.Hash
			var delta int64
			if txid, delta, end = i.file.NextFeeDelta(); end == nil && delta != 0 && i.options.FeeDeltas {
				deltas[txid] = delta
			}
		}
		if err := i.applyDeltas(ctx, deltas); err != nil {
			return err
		}
	}
	return unread(ctx, end)
}

// takeUnbroadcast submits again what is unbroadcast and in the mempool.
func (i *importing) takeUnbroadcast(ctx context.Context) error {
	var end error
	for end == nil && ctx.Err() == nil {
		var waiting []candidate
		for read, size := 0, 0; end == nil && read < importWave && size < importBytes; read++ {
			var txid chainhash.Hash
			if txid, end = i.file.NextUnbroadcast(); end != nil || !i.options.Unbroadcast {
				continue
			}
			if e := i.pool.GetByTxID(txid); e != nil {
				waiting = append(waiting, candidate{wtxid: e.WTxID, raw: e.Raw})
				size += len(e.Raw)
			}
		}
		results, err := i.submitAll(ctx, waiting)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.err == nil {
				i.report.Unbroadcast++
				i.stored = cmp.Or(i.stored, r.stored)
			}
		}
	}
	return unread(ctx, end)
}

// unread is why a part of the file was not read to its end.
func unread(ctx context.Context, end error) error {
	switch end {
	case nil:
		return ctx.Err()
	case io.EOF:
		return nil
	}
	return end
}
