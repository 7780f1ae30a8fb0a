package rpc

import (
	"context"
	"encoding/hex"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool"
)

const (
	// incrementalRelayFee is Core's DEFAULT_INCREMENTAL_RELAY_FEE
	// (policy/policy.h) in satoshi per kvB.
	incrementalRelayFee Amount = 100
	// maxDataCarrierSize is Core's MAX_OP_RETURN_RELAY (policy/policy.h): in
	// effect the standard transaction weight is the limit.
	maxDataCarrierSize = 100_000
)

func getRawMempool(ctx context.Context, s *service, a args) (any, error) {
	verbose, withSequence := a.boolean(0), a.boolean(1)
	if verbose && withSequence {
		return nil, errorf(CodeInvalidParameter, "Verbose results cannot contain mempool sequence values.")
	}
	pool := s.backend.Mempool()
	if err := listing(ctx, pool); err != nil {
		return nil, err
	}
	if !withSequence {
		return listEntries(s, pool.Snapshot(), verbose), nil
	}
	// The next change's number, read first: replaying changes from it on then
	// misses none.
	sequence := pool.Info().Sequence + 1
	return RawMempoolSequence{TxIDs: txids(pool.Snapshot()), MempoolSequence: sequence}, nil
}

func getMempoolEntry(_ context.Context, s *service, a args) (any, error) {
	_, e, err := findEntry(s, a)
	if err != nil {
		return nil, err
	}
	return describeEntry(s, e), nil
}

func getMempoolAncestors(_ context.Context, s *service, a args) (any, error) {
	pool, e, err := findEntry(s, a)
	if err != nil {
		return nil, err
	}
	return listEntries(s, pool.Ancestors(e), a.boolean(1)), nil
}

func getMempoolDescendants(_ context.Context, s *service, a args) (any, error) {
	pool, e, err := findEntry(s, a)
	if err != nil {
		return nil, err
	}
	return listEntries(s, pool.Descendants(e), a.boolean(1)), nil
}

func getMempoolCluster(_ context.Context, s *service, a args) (any, error) {
	pool, e, err := findEntry(s, a)
	if err != nil {
		return nil, err
	}
	cluster := MempoolCluster{Chunks: []MempoolChunk{}}
	for _, c := range pool.Cluster(e) {
		cluster.ClusterWeight += c.Weight
		cluster.TxCount += len(c.Entries)
		cluster.Chunks = append(cluster.Chunks, MempoolChunk{Amount(c.Fee), c.Weight, txids(c.Entries)})
	}
	return cluster, nil
}

func getMempoolInfo(_ context.Context, s *service, _ args) (any, error) {
	info := s.backend.Mempool().Info()
	return MempoolInfo{
		Loaded:              s.backend.Loaded(),
		Size:                info.Count,
		Bytes:               info.VBytes,
		Usage:               info.Usage,
		TotalFee:            Amount(info.TotalFee),
		MaxMempool:          info.MaxBytes,
		MempoolMinFee:       Amount(info.MinFeeRate),
		MinRelayTxFee:       Amount(info.MinRelayFeeRate),
		IncrementalRelayFee: incrementalRelayFee,
		UnbroadcastCount:    s.backend.UnbroadcastCount(),
		FullRBF:             true,
		PermitBareMultisig:  true,
		MaxDataCarrierSize:  maxDataCarrierSize,
		LimitClusterCount:   mempool.MaxClusterCount,
		LimitClusterSize:    mempool.MaxClusterVSize,
	}, nil
}

func getMempoolDigest(_ context.Context, s *service, _ args) (any, error) {
	digest, count := s.backend.Digest()
	return MempoolDigest{
		Digest:  hex.EncodeToString(digest[:]),
		Count:   count,
		Bytes:   s.backend.Mempool().Info().Bytes,
		Overlay: s.backend.Overlay(),
	}, nil
}

func getOverlayInfo(_ context.Context, s *service, _ args) (any, error) {
	authors, interval := s.backend.Authors()
	info := OverlayInfo{Overlay: s.backend.Overlay(), Interval: interval.Seconds(), Others: authors}
	for _, a := range authors {
		if a.Lags {
			info.Lagging++
		}
	}
	if authors == nil {
		info.Others = []OverlayNode{}
	}
	return info, nil
}

// findEntry looks the transaction of argument 0 up.
func findEntry(s *service, a args) (*mempool.Pool, *mempool.Entry, error) {
	txid, err := a.hash(0, "txid")
	if err != nil {
		return nil, nil, err
	}
	pool := s.backend.Mempool()
	e := pool.GetByTxID(txid)
	if e == nil {
		return nil, nil, errorf(CodeUnknownTx, "Transaction not in mempool")
	}
	return pool, e, nil
}

// listEntries is an array of txids or an object of described entries.
func listEntries(s *service, entries []*mempool.Entry, verbose bool) any {
	if !verbose {
		return txids(entries)
	}
	described := make(map[string]MempoolEntry, len(entries))
	for _, e := range entries {
		described[e.TxID.String()] = describeEntry(s, e)
	}
	return described
}

func txids(entries []*mempool.Entry) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.TxID.String()
	}
	return ids
}

func describeEntry(s *service, e *mempool.Entry) MempoolEntry {
	pool := s.backend.Mempool()
	ancestors, descendants, chunk := pool.Ancestors(e), pool.Descendants(e), pool.ChunkOf(e)
	modified := modifiedFee(pool, e)
	m := MempoolEntry{
		VSize:           e.VSize,
		VSizeBIP141:     bip141VSize(e.Weight),
		VSizeAdjusted:   e.VSize,
		Weight:          e.Weight,
		Time:            e.Time.Unix(),
		Height:          e.Height,
		DescendantCount: 1 + len(descendants),
		DescendantSize:  e.VSize,
		AncestorCount:   1 + len(ancestors),
		AncestorSize:    e.VSize,
		ChunkWeight:     chunk.Weight,
		WTxID:           e.WTxID.String(),
		Fees: MempoolFees{
			Base:       Amount(e.Fee),
			Modified:   modified,
			Ancestor:   modified,
			Descendant: modified,
			Chunk:      Amount(chunk.Fee),
		},
		Depends:           txids(pool.Parents(e)),
		SpentBy:           txids(pool.Children(e)),
		Unbroadcast:       s.backend.Unbroadcast(e.WTxID),
		BIP125Replaceable: signalsReplacement(e),
	}
	for _, d := range descendants {
		m.DescendantSize += d.VSize
		m.Fees.Descendant += modifiedFee(pool, d)
	}
	for _, x := range ancestors {
		m.AncestorSize += x.VSize
		m.Fees.Ancestor += modifiedFee(pool, x)
		m.BIP125Replaceable = m.BIP125Replaceable || signalsReplacement(x)
	}
	return m
}

func modifiedFee(pool *mempool.Pool, e *mempool.Entry) Amount {
	return Amount(e.Fee + pool.FeeDelta(e.TxID))
}

// bip141VSize is the virtual size of BIP 141, without regard to sigops.
func bip141VSize(weight int64) int64 { return (weight + 3) / 4 }

// signalsReplacement is the opt-in rule of BIP 125.
func signalsReplacement(e *mempool.Entry) bool {
	for in := range e.Inputs() {
		if in.Sequence < wire.MaxTxInSequenceNum-1 {
			return true
		}
	}
	return false
}
