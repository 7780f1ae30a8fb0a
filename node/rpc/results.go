package rpc

// The results of methods, as the server writes them and the client reads them.
// Field names and order are Core's; what a field means is in the method's help.

// MempoolEntry is a transaction in the mempool: the result of getmempoolentry.
type MempoolEntry struct {
	VSize             int64       `json:"vsize"` // sigop-adjusted
	VSizeBIP141       int64       `json:"vsize_bip141"`
	VSizeAdjusted     int64       `json:"vsize_adjusted"`
	Weight            int64       `json:"weight"`
	Time              int64       `json:"time"` // Unix seconds
	Height            int32       `json:"height"`
	DescendantCount   int         `json:"descendantcount"` // itself included
	DescendantSize    int64       `json:"descendantsize"`
	AncestorCount     int         `json:"ancestorcount"` // itself included
	AncestorSize      int64       `json:"ancestorsize"`
	ChunkWeight       int64       `json:"chunkweight"` // sigop-adjusted
	WTxID             string      `json:"wtxid"`
	Fees              MempoolFees `json:"fees"`
	Depends           []string    `json:"depends"`
	SpentBy           []string    `json:"spentby"`
	BIP125Replaceable bool        `json:"bip125-replaceable"`
	Unbroadcast       bool        `json:"unbroadcast"`
}

// MempoolFees are the fees of a [MempoolEntry].
type MempoolFees struct {
	Base       Amount `json:"base"`
	Modified   Amount `json:"modified"`
	Ancestor   Amount `json:"ancestor"`
	Descendant Amount `json:"descendant"`
	Chunk      Amount `json:"chunk"`
}

// PrioritisedTx is an element of the result of getprioritisedtransactions.
type PrioritisedTx struct {
	FeeDelta    int64  `json:"fee_delta"` // satoshi, as ModifiedFee
	InMempool   bool   `json:"in_mempool"`
	ModifiedFee *int64 `json:"modified_fee,omitempty"` // of what is in the mempool
}

// RawMempoolSequence is the result of getrawmempool false true.
type RawMempoolSequence struct {
	TxIDs           []string `json:"txids"`
	MempoolSequence uint64   `json:"mempool_sequence"` // of the first change that TxIDs may lack
}

// MempoolInfo is the result of getmempoolinfo.
type MempoolInfo struct {
	Loaded              bool   `json:"loaded"`
	Size                int    `json:"size"`  // transactions
	Bytes               int64  `json:"bytes"` // sum of virtual sizes
	Usage               int64  `json:"usage"` // bytes that count against MaxMempool
	TotalFee            Amount `json:"total_fee"`
	MaxMempool          int64  `json:"maxmempool"`
	MempoolMinFee       Amount `json:"mempoolminfee"` // per kvB
	MinRelayTxFee       Amount `json:"minrelaytxfee"` // per kvB
	IncrementalRelayFee Amount `json:"incrementalrelayfee"`
	UnbroadcastCount    int    `json:"unbroadcastcount"`
	FullRBF             bool   `json:"fullrbf"` // true: signals of BIP 125 do not matter
	PermitBareMultisig  bool   `json:"permitbaremultisig"`
	MaxDataCarrierSize  int64  `json:"maxdatacarriersize"`
	LimitClusterCount   int    `json:"limitclustercount"`
	LimitClusterSize    int    `json:"limitclustersize"` // virtual bytes
	Optimal             bool   `json:"optimal"`          // false: clusters are ordered well, not proven to be ordered best
}

// MempoolDigest is the result of getmempooldigest.
type MempoolDigest struct {
	Digest  string  `json:"digest"` // hex; of equal mempools equal
	Count   int     `json:"count"`
	Bytes   int64   `json:"bytes"` // serialized, witnesses included
	Overlay Overlay `json:"overlay"`
}

// NetTotals is the result of getnettotals.
type NetTotals struct {
	TotalBytesRecv uint64       `json:"totalbytesrecv"`
	TotalBytesSent uint64       `json:"totalbytessent"`
	TimeMillis     int64        `json:"timemillis"`
	UploadTarget   UploadTarget `json:"uploadtarget"`
}

// UploadTarget is Core's limit of what is sent in a day, which nodes do not have.
type UploadTarget struct {
	TimeFrame             int64 `json:"timeframe"` // seconds
	Target                int64 `json:"target"`    // bytes; 0: none
	TargetReached         bool  `json:"target_reached"`
	ServeHistoricalBlocks bool  `json:"serve_historical_blocks"`
	BytesLeftInCycle      int64 `json:"bytes_left_in_cycle"`
	TimeLeftInCycle       int64 `json:"time_left_in_cycle"`
}

// MempoolCluster is the result of getmempoolcluster.
type MempoolCluster struct {
	ClusterWeight int64          `json:"clusterweight"`
	TxCount       int            `json:"txcount"`
	Chunks        []MempoolChunk `json:"chunks"` // those that pay the most first
}

// MempoolChunk is what is mined and evicted together of a [MempoolCluster].
type MempoolChunk struct {
	ChunkFee    Amount   `json:"chunkfee"`
	ChunkWeight int64    `json:"chunkweight"` // sigop-adjusted
	Txs         []string `json:"txs"`         // txids, parents first
}

// OverlayInfo is the result of getoverlayinfo.
type OverlayInfo struct {
	Overlay
	Interval float64       `json:"interval"` // seconds between this node's beacons; 0: it sent none yet
	Lagging  int           `json:"lagging"`
	Others   []OverlayNode `json:"others"`
}

// TxSpendingPrevout is one output of gettxspendingprevout.
type TxSpendingPrevout struct {
	TxID         string `json:"txid"`
	Vout         uint32 `json:"vout"`
	SpendingTxID string `json:"spendingtxid,omitempty"`
	SpendingTx   string `json:"spendingtx,omitempty"` // hex
}

// SubmitPackage is the result of submitpackage.
type SubmitPackage struct {
	PackageMsg           string               `json:"package_msg"` // success, or why not all of it is in the mempool
	TxResults            map[string]PackageTx `json:"tx-results"`  // by wtxid
	ReplacedTransactions []string             `json:"replaced-transactions"`
}

// PackageTx is one transaction of a [SubmitPackage].
type PackageTx struct {
	TxID          string       `json:"txid"`
	OtherWTxID    string       `json:"other-wtxid,omitempty"` // of the one with the same txid that is in the mempool
	VSize         int64        `json:"vsize,omitempty"`
	VSizeAdjusted int64        `json:"vsize_adjusted,omitempty"`
	VSizeBIP141   int64        `json:"vsize_bip141,omitempty"`
	Fees          *PackageFees `json:"fees,omitempty"`
	Error         string       `json:"error,omitempty"`
}

// PackageFees are the fees of a [PackageTx] that is in the mempool. What was
// there before has only Base.
type PackageFees struct {
	Base              Amount   `json:"base"`
	EffectiveFeeRate  *Amount  `json:"effective-feerate,omitempty"`  // BTC/kvB, of those it was judged together with
	EffectiveIncludes []string `json:"effective-includes,omitempty"` // their wtxids
}

// TxOut is the result of gettxout.
type TxOut struct {
	BestBlock     string       `json:"bestblock"` // zero: there are no blocks
	Confirmations int32        `json:"confirmations"`
	Value         Amount       `json:"value"`
	ScriptPubKey  ScriptPubKey `json:"scriptPubKey"`
	Coinbase      bool         `json:"coinbase"`
}

// TestMempoolAccept is one transaction's verdict from testmempoolaccept.
type TestMempoolAccept struct {
	TxID          string      `json:"txid"`
	WTxID         string      `json:"wtxid"`
	PackageError  string      `json:"package-error,omitempty"` // why nothing of a package was judged
	Allowed       *bool       `json:"allowed,omitempty"`       // nil: not judged, as another one of a package failed
	VSizeAdjusted int64       `json:"vsize_adjusted,omitempty"`
	VSize         int64       `json:"vsize,omitempty"`
	VSizeBIP141   int64       `json:"vsize_bip141,omitempty"`
	Fees          *AcceptFees `json:"fees,omitempty"`
	RejectReason  string      `json:"reject-reason,omitempty"`
	RejectDetails string      `json:"reject-details,omitempty"`
}

// Accepted reports whether the transaction was judged and would be accepted.
func (t *TestMempoolAccept) Accepted() bool { return t.Allowed != nil && *t.Allowed }

// AcceptFees are the fees of an allowed [TestMempoolAccept].
type AcceptFees struct {
	Base              Amount   `json:"base"`
	EffectiveFeeRate  Amount   `json:"effective-feerate"` // per kvB
	EffectiveIncludes []string `json:"effective-includes"`
}

// PeerInfo is one peer of getpeerinfo.
type PeerInfo struct {
	ID                    uint64            `json:"id"`
	Addr                  string            `json:"addr"` // multiaddr
	AddrBind              string            `json:"addrbind,omitempty"`
	Network               string            `json:"network"` // ipv4, ipv6, onion, not_publicly_routable
	Services              string            `json:"services"`
	ServicesNames         []string          `json:"servicesnames"`
	RelayTxes             bool              `json:"relaytxes"`
	LastInvSequence       uint64            `json:"last_inv_sequence"`
	InvToSend             int               `json:"inv_to_send"`
	LastSend              int64             `json:"lastsend"` // Unix seconds; 0: never
	LastRecv              int64             `json:"lastrecv"`
	LastTransaction       int64             `json:"last_transaction"`
	LastBlock             int64             `json:"last_block"`
	BytesSent             uint64            `json:"bytessent"`
	BytesRecv             uint64            `json:"bytesrecv"`
	ConnTime              int64             `json:"conntime"`
	TimeOffset            int64             `json:"timeoffset"`
	PingTime              float64           `json:"pingtime,omitempty"` // seconds
	MinPing               float64           `json:"minping,omitempty"`
	Version               int               `json:"version"`
	SubVer                string            `json:"subver"`
	Inbound               bool              `json:"inbound"`
	BIP152HBTo            bool              `json:"bip152_hb_to"`
	BIP152HBFrom          bool              `json:"bip152_hb_from"`
	StartingHeight        int32             `json:"startingheight"`
	PresyncedHeaders      int32             `json:"presynced_headers"`
	SyncedHeaders         int32             `json:"synced_headers"`
	SyncedBlocks          int32             `json:"synced_blocks"`
	Inflight              []int32           `json:"inflight"`
	AddrRelayEnabled      bool              `json:"addr_relay_enabled"`
	AddrProcessed         uint64            `json:"addr_processed"`
	AddrRateLimited       uint64            `json:"addr_rate_limited"`
	Permissions           []string          `json:"permissions"`
	MinFeeFilter          Amount            `json:"minfeefilter"` // per kvB
	BytesSentPerMsg       map[string]uint64 `json:"bytessent_per_msg"`
	BytesRecvPerMsg       map[string]uint64 `json:"bytesrecv_per_msg"`
	ConnectionType        string            `json:"connection_type"` // inbound, outbound-full-relay, manual
	TransportProtocolType string            `json:"transport_protocol_type"`
	SessionID             string            `json:"session_id"`
	TxNode                PeerExtra         `json:"txnode"`
}

// PeerExtra is what a [PeerInfo] has beyond Core's fields.
type PeerExtra struct {
	PeerID    string `json:"peer_id"`
	Transport string `json:"transport"` // tcp, quic-v1, webtransport, …
	Mesh      bool   `json:"mesh"`      // transactions are pushed on this link
}

// NetworkInfo is the result of getnetworkinfo.
type NetworkInfo struct {
	Version            int            `json:"version"`
	SubVersion         string         `json:"subversion"`
	ProtocolVersion    int            `json:"protocolversion"`
	LocalServices      string         `json:"localservices"`
	LocalServicesNames []string       `json:"localservicesnames"`
	LocalRelay         bool           `json:"localrelay"`
	TimeOffset         int64          `json:"timeoffset"`
	NetworkActive      bool           `json:"networkactive"`
	Connections        int            `json:"connections"`
	ConnectionsIn      int            `json:"connections_in"`
	ConnectionsOut     int            `json:"connections_out"`
	Networks           []NetworkClass `json:"networks"`
	RelayFee           Amount         `json:"relayfee"` // per kvB
	IncrementalFee     Amount         `json:"incrementalfee"`
	LocalAddresses     []LocalAddress `json:"localaddresses"`
	Warnings           []string       `json:"warnings"`
	TxNode             NetworkExtra   `json:"txnode"`
}

// NetworkClass is one kind of address in a [NetworkInfo].
type NetworkClass struct {
	Name                      string `json:"name"`
	Limited                   bool   `json:"limited"`
	Reachable                 bool   `json:"reachable"`
	Proxy                     string `json:"proxy"`
	ProxyRandomizeCredentials bool   `json:"proxy_randomize_credentials"`
}

// LocalAddress is an IP address the node listens on.
type LocalAddress struct {
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	Score   int    `json:"score"`
}

// NetworkExtra is what a [NetworkInfo] has beyond Core's fields.
type NetworkExtra struct {
	Version string   `json:"version"`
	PeerID  string   `json:"peer_id"`
	Listen  []string `json:"listen"` // multiaddrs with /p2p, to be given to addnode
	Nodes   int      `json:"nodes"`  // nodes heard on the overlay

	Failures []PeerFailure `json:"failures,omitempty"` // peers there is no link to although there should be, and why
}

// BlockchainInfo is the result of getblockchaininfo. A txnode has no blocks;
// chain, blocks, headers and mediantime tell what transactions are judged at.
type BlockchainInfo struct {
	Chain                string   `json:"chain"`
	Blocks               int32    `json:"blocks"`
	Headers              int32    `json:"headers"`
	BestBlockHash        string   `json:"bestblockhash"` // zero: there is none
	Bits                 string   `json:"bits"`
	Target               string   `json:"target"`
	Difficulty           float64  `json:"difficulty"`
	Time                 int64    `json:"time"`
	MedianTime           int64    `json:"mediantime"`
	VerificationProgress float64  `json:"verificationprogress"`
	InitialBlockDownload bool     `json:"initialblockdownload"`
	ChainWork            string   `json:"chainwork"`
	SizeOnDisk           int64    `json:"size_on_disk"`
	Pruned               bool     `json:"pruned"`
	Warnings             []string `json:"warnings"`
}

// RawTransaction is a transaction taken apart: the result of
// decoderawtransaction, and of getrawtransaction with its last field.
type RawTransaction struct {
	TxID     string     `json:"txid"`
	Hash     string     `json:"hash"` // wtxid
	Version  uint32     `json:"version"`
	Size     int64      `json:"size"` // serialized
	VSize    int64      `json:"vsize"`
	Weight   int64      `json:"weight"`
	LockTime uint32     `json:"locktime"`
	Vin      []TxInput  `json:"vin"`
	Vout     []TxOutput `json:"vout"`
	Hex      string     `json:"hex,omitempty"`
}

// TxInput is an input of a [RawTransaction].
type TxInput struct {
	Coinbase    string     `json:"coinbase,omitempty"`
	TxID        string     `json:"txid,omitempty"`
	Vout        *uint32    `json:"vout,omitempty"`
	ScriptSig   *ScriptSig `json:"scriptSig,omitempty"`
	TxInWitness []string   `json:"txinwitness,omitempty"`
	Sequence    uint32     `json:"sequence"`
}

// ScriptSig is the signature script of a [TxInput].
type ScriptSig struct {
	Asm string `json:"asm"`
	Hex string `json:"hex"`
}

// TxOutput is an output of a [RawTransaction].
type TxOutput struct {
	Value        Amount       `json:"value"`
	N            uint32       `json:"n"`
	ScriptPubKey ScriptPubKey `json:"scriptPubKey"`
}

// ScriptPubKey is the locking script of a [TxOutput].
type ScriptPubKey struct {
	Asm     string `json:"asm"`
	Desc    string `json:"desc"` // output descriptor, BIP380
	Hex     string `json:"hex"`
	Address string `json:"address,omitempty"`
	Type    string `json:"type"` // pubkeyhash, witness_v0_keyhash, witness_v1_taproot, nonstandard, …
}

// StandTransaction is the result of standtransaction.
type StandTransaction struct {
	TxID     string `json:"txid"`
	WTxID    string `json:"wtxid"`
	Standing bool   `json:"standing"`            // false: the mempool has it
	Reason   string `json:"reason,omitempty"`    // why the mempool does not take it now, as of sendrawtransaction
	WaitsFor string `json:"waits_for,omitempty"` // what has to change
}

// StandingTx is a transaction of liststanding.
type StandingTx struct {
	TxID       string `json:"txid"`
	WTxID      string `json:"wtxid"`
	Size       int    `json:"size"`             // bytes
	Reason     string `json:"reason,omitempty"` // of the latest try
	WaitsFor   string `json:"waits_for"`
	Rival      string `json:"rival,omitempty"` // txid of a confirmed transaction that spends the same
	MaxFeeRate Amount `json:"maxfeerate"`      // 0: any
	Since      int64  `json:"since"`           // Unix time
	Expires    int64  `json:"expires"`
	Tried      int64  `json:"tried,omitempty"` // latest
	Tries      int    `json:"tries"`           // since the node started
}

// AbortStanding is the result of abortstanding.
type AbortStanding struct {
	RemovedTransactions []RemovedTx `json:"removed_transactions"`
}

// RemovedTx is a transaction of an [AbortStanding].
type RemovedTx struct {
	TxID  string `json:"txid"`
	WTxID string `json:"wtxid"`
	Hex   string `json:"hex"`
}
