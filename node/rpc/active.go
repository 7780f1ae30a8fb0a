package rpc

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// active is the calls being worked on.
type active struct {
	mu    sync.Mutex
	calls map[*running]struct{}
}

type running struct {
	method  string
	started time.Time
}

// begin notes a call until the function that it returns is called.
func (a *active) begin(method string) (end func()) {
	r := &running{method, time.Now()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls == nil {
		a.calls = make(map[*running]struct{})
	}
	a.calls[r] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.calls, r)
	}
}

// RPCInfo is the result of getrpcinfo.
type RPCInfo struct {
	ActiveCommands []ActiveCommand `json:"active_commands"` // the longest first
	LogPath        string          `json:"logpath"`         // empty: logs go to stderr
}

// ActiveCommand is a call being worked on.
type ActiveCommand struct {
	Method   string `json:"method"`
	Duration int64  `json:"duration"` // microseconds
}

func getRPCInfo(_ context.Context, s *service, _ args) (any, error) {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	info := RPCInfo{ActiveCommands: []ActiveCommand{}}
	for r := range s.active.calls {
		info.ActiveCommands = append(info.ActiveCommands, ActiveCommand{r.method, time.Since(r.started).Microseconds()})
	}
	slices.SortFunc(info.ActiveCommands, func(a, b ActiveCommand) int { return cmp.Compare(b.Duration, a.Duration) })
	return info, nil
}
