package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/txnode/txnode/mempool"
)

const (
	// maxStreams is how many event streams there may be at once.
	maxStreams = 25
	// streamWrite is how long a client may take to read what was written to it.
	streamWrite = 10 * time.Second
	// heartbeatInterval is how often a stream says something at least.
	heartbeatInterval = 15 * time.Second
	// snapshotPart is how many transactions one event of a snapshot has.
	snapshotPart = 1000
)

// streamMethods tell what the stream does: who may not call them may not read it.
var streamMethods = []string{"getrawmempool", "getpeerinfo"}

// Event is one event of the stream at /events: what happened to the mempool, or
// around it. Sequence is set of changes of the mempool, "added" and "removed", and
// of "missed": then it is the last number that is missed.
type Event struct {
	Sequence   uint64  `json:"sequence,omitempty"`
	Time       float64 `json:"time"`  // seconds since 1970
	Kind       string  `json:"event"` // as in node.EventKind
	TxID       string  `json:"txid,omitempty"`
	WTxID      string  `json:"wtxid,omitempty"`
	VSize      int64   `json:"vsize,omitempty"` // of what is in the mempool still
	Fee        Amount  `json:"fee,omitempty"`
	Reason     string  `json:"reason,omitempty"`     // why it left or was refused
	ReplacedBy string  `json:"replacedby,omitempty"` // wtxid
	Local      bool    `json:"local,omitempty"`      // submitted here
	Peer       string  `json:"peer,omitempty"`
	Outcome    string  `json:"outcome,omitempty"` // of a round
	Difference int     `json:"difference,omitempty"`
	Missed     uint64  `json:"missed,omitempty"`
}

// SnapshotPart is one of the events "snapshot" with which a stream begins that
// resumes none: a part of the mempool as of the change with the number Sequence, or
// later.
type SnapshotPart struct {
	Kind     string       `json:"event"` // snapshot
	Sequence uint64       `json:"sequence"`
	Txs      []SnapshotTx `json:"txs"`
	Last     bool         `json:"last"` // changes follow
}

// SnapshotTx is a transaction in a [SnapshotPart].
type SnapshotTx struct {
	TxID  string `json:"txid"`
	WTxID string `json:"wtxid"`
}

// stream sends server-sent events: the mempool, unless the client resumes after a
// number, and then what happens.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "Events are only read", http.StatusMethodNotAllowed)
		return
	}
	user, ok := h.auth.admit(w, r)
	if !ok {
		return
	}
	if h.forbids(user, streamMethods...) != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	after, resumes, err := resumesAfter(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		http.Error(w, "Too many event streams", http.StatusServiceUnavailable)
		return
	}
	defer occupy(r.Context())()
	if !h.service.backend.Loaded() {
		http.Error(w, "Loading the mempool", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := &stream{w: w, control: http.NewResponseController(w)}
	if !resumes {
		after = h.service.backend.Sequence()
		s.snapshot(after, h.service.backend.Mempool().Snapshot())
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s.follow(ctx, h.service.backend.EventsSince(ctx, after))
}

// resumesAfter is the number of the last event that the client has.
func resumesAfter(r *http.Request) (after uint64, resumes bool, err error) {
	text := r.URL.Query().Get("since")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		text = id // a browser that connects again repeats the query
	}
	if text == "" {
		return 0, false, nil
	}
	if after, err = strconv.ParseUint(text, 10, 64); err != nil {
		return 0, false, fmt.Errorf("since and Last-Event-ID are the number of an event, not %.40q", text)
	}
	return after, true, nil
}

// stream is a client that is written to until it does not read.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *stream) write(text string) {
	if s.err != nil {
		return
	}
	s.control.SetWriteDeadline(time.Now().Add(streamWrite)) // who has none, as in tests, needs none
	if _, s.err = s.w.Write([]byte(text)); s.err == nil {
		s.err = s.control.Flush()
	}
}

// send writes an event. The number that a client resumes after is the id of the
// latest one that had one.
func (s *stream) send(id uint64, kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	head := ""
	if id > 0 {
		head = "id: " + strconv.FormatUint(id, 10) + "\n"
	}
	s.write(head + "event: " + kind + "\ndata: " + string(text) + "\n\n")
}

func (s *stream) snapshot(sequence uint64, entries []*mempool.Entry) {
	for last := false; !last && s.err == nil; {
		n := min(snapshotPart, len(entries))
		part := SnapshotPart{Kind: "snapshot", Sequence: sequence, Txs: make([]SnapshotTx, n), Last: n == len(entries)}
		for i, e := range entries[:n] {
			part.Txs[i] = SnapshotTx{e.TxID.String(), e.WTxID.String()}
		}
		entries, last = entries[n:], part.Last
		id := uint64(0)
		if last {
			id = sequence
		}
		s.send(id, part.Kind, part)
	}
}

// follow sends events, and that there are none, until ctx ends, they do, or the
// client does not read them.
func (s *stream) follow(ctx context.Context, events iter.Seq[Event]) {
	ctx, cancel := context.WithCancel(ctx)
	next := make(chan Event)
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	go func() {
		defer close(ended)
		defer close(next)
		for e := range events {
			select {
			case next <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	heartbeat := time.NewTicker(heartbeatInterval)
	defer heartbeat.Stop()
	for s.err == nil {
		select {
		case e, ok := <-next:
			if !ok {
				return
			}
			s.send(e.Sequence, e.Kind, e)
			heartbeat.Reset(heartbeatInterval)
		case <-heartbeat.C:
			s.write(": nothing new\n\n")
		case <-ctx.Done():
			return
		}
	}
}
