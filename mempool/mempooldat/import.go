package mempooldat

// ImportOptions says what of a file is taken over besides its transactions, as the
// options of Core's importmempool do. The zero value is Core's default: nothing,
// for whoever made the file may have put anything in there.
type ImportOptions struct {
	// KeepTimes lets transactions have entered the mempool when the file says, so that
	// they expire as they would have; what is past that is not imported. A time ahead
	// of the clock counts as now. Otherwise all of them enter it now.
	KeepTimes bool
	// FeeDeltas adds the file's fee deltas to those that there are.
	FeeDeltas bool
	// Unbroadcast has what the file says may not have reached the network announced
	// until it has, like a transaction that was submitted here.
	Unbroadcast bool
}

// ImportReport is what became of the transactions of a file.
type ImportReport struct {
	Accepted     int            // into the mempool
	AlreadyThere int            // or another with that txid is
	Expired      int            // too old by the file's time
	Failed       int            // refused
	Reasons      map[string]int // how many of Failed for each reject string

	FeeDeltas        int // applied
	FeeDeltasRefused int // there are too many, or the transaction has dust outputs
	Unbroadcast      int // announced until they have arrived
}

// Tried is how many transactions of the file were looked at.
func (r *ImportReport) Tried() int { return r.Accepted + r.AlreadyThere + r.Expired + r.Failed }
