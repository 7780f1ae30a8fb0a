package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/txnode/txnode/mempool/mempooldat"
	"github.com/txnode/txnode/node/rpc"
)

func (b *backend) SaveMempool() (path string, err error) { return b.node.SaveMempool() }

// ImportMempool asks the source of previous outputs for one that does not exist
// first: one that cannot tell would have every transaction fail.
func (b *backend) ImportMempool(ctx context.Context, path string, o mempooldat.ImportOptions) (mempooldat.ImportReport, error) {
	if _, _, err := b.options.Tip.Lookup(wire.OutPoint{}); err != nil {
		return mempooldat.ImportReport{}, fmt.Errorf("%w: %w", rpc.ErrNotSynced, err)
	}
	if !filepath.IsAbs(path) {
		if path == "" || b.options.DataDir == "" {
			return mempooldat.ImportReport{}, fmt.Errorf("%q is not the absolute path of a file", path)
		}
		path = filepath.Join(b.options.DataDir, path)
	}
	f, size, err := openRegular(path)
	if err != nil {
		return mempooldat.ImportReport{}, err
	}
	defer f.Close()
	return b.node.ImportMempool(ctx, io.LimitReader(f, size), o)
}

// openRegular opens a file that has an end. To open another may block, or do
// something.
func openRegular(path string) (f *os.File, size int64, err error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, 0, err
	}
	if f != nil {
		info, err = f.Stat()
	}
	if err == nil && info.Mode().IsRegular() {
		return f, info.Size(), nil
	}
	if f != nil {
		f.Close()
	}
	return nil, 0, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
}
