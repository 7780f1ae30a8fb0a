package rpc

import (
	"context"
	"errors"

	"github.com/txnode/txnode/mempool/mempooldat"
)

func dumpMethods() []*method {
	return []*method{{
		name: "savemempool", category: categoryBlockchain, call: saveMempool, early: true, unhurried: true,
		summary: "Writes the mempool to disk as Bitcoin Core's mempool.dat: the transactions, fee deltas, and which may not have reached the network. The node does not need it, for it stores each transaction as it comes. Fails until the stored mempool is loaded.",
		result:  "An object with filename, the file that holds the mempool now.",
	}, {
		name: "importmempool", category: categoryBlockchain, call: importMempool, unhurried: true,
		summary: "Adds the transactions of a mempool.dat, of Bitcoin Core or of savemempool, to the mempool, each validated as if it were submitted, and announces them. Answers when all are on disk, however long that takes; it goes on when the caller does not wait.",
		params: []param{
			{name: "filepath", typ: typeString, help: "The file, which the node reads; relative paths begin at its network's data directory"},
			{name: "options", typ: typeObject, optional: true,
				help: "use_current_time (default true; false keeps the file's times of entry, by which transactions expire), apply_fee_delta_priority (default false; true adds the file's fee deltas to those that there are), apply_unbroadcast_set (default false; true has what may not have reached the network announced until it has) and, not in Core, verbose (default false). Do not take over metadata of a file that you do not trust"},
		},
		result:  "{}; with verbose, an object with accepted, already_there, expired, failed, reject_reasons (how many of failed, by reason), fee_deltas, fee_deltas_refused and unbroadcast.",
		example: `"/path/to/mempool.dat" '{"use_current_time":false}'`,
	}}
}

// SaveMempool is the result of savemempool.
type SaveMempool struct {
	Filename string `json:"filename"`
}

// ImportMempool is the result of importmempool with verbose: what became of the
// transactions of the file. Core's is empty.
type ImportMempool struct {
	Accepted         int            `json:"accepted"`
	AlreadyThere     int            `json:"already_there"`
	Expired          int            `json:"expired"`
	Failed           int            `json:"failed"`
	RejectReasons    map[string]int `json:"reject_reasons"` // how many of Failed
	FeeDeltas        int            `json:"fee_deltas"`     // applied
	FeeDeltasRefused int            `json:"fee_deltas_refused"`
	Unbroadcast      int            `json:"unbroadcast"` // announced until they have arrived
}

func saveMempool(_ context.Context, s *service, _ args) (any, error) {
	if !s.backend.Loaded() {
		return nil, errorf(CodeMisc, "The mempool was not loaded yet")
	}
	path, err := s.backend.SaveMempool()
	if err != nil {
		return nil, errorf(CodeMisc, "Unable to dump mempool to disk: %s", err)
	}
	return SaveMempool{path}, nil
}

func importMempool(ctx context.Context, s *service, a args) (any, error) {
	var options mempooldat.ImportOptions
	verbose := false
	if a[1] != nil {
		given, err := fields(a[1], true, field{"use_current_time", kindBool}, field{"apply_fee_delta_priority", kindBool},
			field{"apply_unbroadcast_set", kindBool}, field{"verbose", kindBool})
		if err != nil {
			return nil, err
		}
		options.KeepTimes = string(given[0]) == "false"
		options.FeeDeltas, options.Unbroadcast = string(given[1]) == "true", string(given[2]) == "true"
		verbose = string(given[3]) == "true"
	}
	report, err := s.backend.ImportMempool(ctx, a.text(0), options)
	switch {
	case errors.Is(err, ErrNotSynced):
		return nil, errorf(CodeInitialDownload, "Can only import the mempool after the block download and sync is done. %s", err)
	case err != nil && report.Tried() > 0:
		return nil, errorf(CodeMisc, "Unable to import mempool file, see debug log for details. Of %d transactions %d were accepted, then: %s", report.Tried(), report.Accepted, err)
	case err != nil:
		return nil, errorf(CodeMisc, "Unable to import mempool file, see debug log for details. %s", err)
	case !verbose:
		return struct{}{}, nil
	}
	reasons := report.Reasons
	if reasons == nil {
		reasons = map[string]int{}
	}
	return ImportMempool{
		Accepted: report.Accepted, AlreadyThere: report.AlreadyThere, Expired: report.Expired, Failed: report.Failed, RejectReasons: reasons,
		FeeDeltas: report.FeeDeltas, FeeDeltasRefused: report.FeeDeltasRefused, Unbroadcast: report.Unbroadcast,
	}, nil
}
