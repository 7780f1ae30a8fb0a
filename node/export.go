package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
	"github.com/txnode/txnode/mempool/mempooldat"
)

// dumpName is Core's name for the file that savemempool writes.
const dumpName = "mempool.dat"

// ExportMempool writes the mempool, its fee deltas and what is unbroadcast as
// Bitcoin Core does, whose importmempool reads it, like [Node.ImportMempool]: see
// [mempooldat]. It is the mempool of one moment; the metadata may be a little newer.
func (n *Node) ExportMempool(w io.Writer) error {
	if err := n.loaded(); err != nil {
		return err
	}
	return export(w, n.dump())
}

func export(w io.Writer, d *mempooldat.Dump) error {
	var key [mempooldat.KeySize]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	return mempooldat.Write(w, key, d)
}

// SaveMempool has ExportMempool write mempool.dat in the data directory, and returns
// its path once it is on disk. Whoever reads that path finds a whole file, this one
// or the one before. A disk that it would fill too far for the database fails it
// with [storage.ErrDiskFull].
func (n *Node) SaveMempool() (path string, err error) {
	if err := n.loaded(); err != nil {
		return "", err
	}
	if n.cfg.DataDir == "" {
		return "", errors.New("node: there is no data directory to save the mempool in")
	}
	n.saving.Lock()
	defer n.saving.Unlock()
	d := n.dump()
	if err := n.db.HasRoom(d.Size()); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(filepath.Join(n.cfg.DataDir, dumpName)); err != nil {
		return "", err
	}
	if err := replaceFile(path, func(w io.Writer) error { return export(w, d) }); err != nil {
		return "", fmt.Errorf("node: saving the mempool: %w", err)
	}
	n.log.Info("mempool saved", "transactions", len(d.Txs), "bytes", d.Size(), "file", path)
	return path, nil
}

// replaceFile puts what write writes in the place of the file at once.
func replaceFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// dump is the mempool as the file has it.
func (n *Node) dump() *mempooldat.Dump {
	entries := parentsFirst(n.pool.Snapshot())
	d := &mempooldat.Dump{Txs: make([]mempooldat.Tx, len(entries)), FeeDeltas: n.pool.FeeDeltas()}
	for i, e := range entries {
		d.Txs[i] = mempooldat.Tx{Raw: e.Raw, Time: e.Time.Unix(), FeeDelta: d.FeeDeltas[e.TxID]}
		delete(d.FeeDeltas, e.TxID)
		if n.unbroadcast.has(e.WTxID) {
			d.Unbroadcast = append(d.Unbroadcast, e.TxID)
		}
	}
	return d
}

// parentsFirst moves entries behind those that they spend from, which a
// reorganization may have brought later.
func parentsFirst(entries []*mempool.Entry) []*mempool.Entry {
	left := make(map[chainhash.Hash]*mempool.Entry, len(entries)) // by txid
	for _, e := range entries {
		left[e.TxID] = e
	}
	sorted := make([]*mempool.Entry, 0, len(entries))
	var take func(e *mempool.Entry) // no deeper than a cluster
	take = func(e *mempool.Entry) {
		delete(left, e.TxID)
		for in := range e.Inputs() {
			if parent := left[in.PreviousOutPoint.Hash]; parent != nil {
				take(parent)
			}
		}
		sorted = append(sorted, e)
	}
	for _, e := range entries {
		if left[e.TxID] != nil {
			take(e)
		}
	}
	return sorted
}
